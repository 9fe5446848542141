#!/bin/bash
# Starts the server, asks it through the probe that the image has, and stops it.
set -eu

image=${1:?usage: test.sh IMAGE}

container=$(docker create --network none --cap-drop ALL --read-only "$image")
trap 'docker rm --force --volumes "$container" >/dev/null' EXIT

fail() {
    docker logs --tail 20 "$container" >&2
    echo "$image: $*" >&2
    exit 1
}

probe() {
    docker exec "$container" /usr/bin/healthcheck "http://127.0.0.1:8080$1"
}

docker start "$container" >/dev/null
for _ in $(seq 50); do
    probe /healthz 2>/dev/null && break
    sleep 0.1
done
probe /healthz || fail "is not healthy"
probe /some/page || fail "does not answer"
docker logs "$container" 2>&1 | grep -q ' GET /some/page$' || fail "does not log the request"

user=$(docker top "$container" -eo uid,pid | awk 'NR == 2 { print $1 }')
[ "$user" = 65532 ] || fail "does not run as nonroot but as $user"

docker stop -t 5 "$container" >/dev/null
[ "$(docker inspect --format '{{.State.ExitCode}}' "$container")" = 0 ] || fail "does not stop on SIGTERM"
