#!/bin/bash
# Starts the server and asks it through the probe that the image has.
set -eu

image=${1:?usage: test.sh IMAGE}

container=$(docker create --network none --cap-drop ALL "$image")
trap 'docker rm --force --volumes "$container" >/dev/null' EXIT

fail() {
    docker logs --tail 20 "$container" >&2
    echo "$image: $*" >&2
    exit 1
}

probe() {
    docker exec "$container" /healthcheck "$@"
}

logged() {
    for _ in $(seq 20); do
        docker logs "$container" 2>&1 | grep -q "$1" && return
        sleep 0.1
    done
    return 1
}

docker start "$container" >/dev/null
for _ in $(seq 50); do
    probe http://127.0.0.1:8080/healthz 2>/dev/null && break
    sleep 0.1
done
probe http://127.0.0.1:8080/healthz || fail "is not healthy"
probe 'http://127.0.0.1:8080/some/page?with=query' || fail "does not echo"
logged ' GET /some/page?with=query$' || fail "does not log the request"

user=$(docker top "$container" -eo uid,pid | awk 'NR == 2 { print $1 }')
[ "$user" = 65534 ] || fail "does not run as nobody but as $user"

docker stop -t 5 "$container" >/dev/null
[ "$(docker inspect --format '{{.State.ExitCode}}' "$container")" = 0 ] || fail "does not stop on SIGTERM"
