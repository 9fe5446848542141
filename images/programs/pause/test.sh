#!/bin/bash
# Starts the process, sees that it stays, and stops it.
set -eu

image=${1:?usage: test.sh IMAGE}

container=$(docker create --network none --cap-drop ALL "$image")
trap 'docker rm --force --volumes "$container" >/dev/null' EXIT

fail() {
    docker logs --tail 20 "$container" >&2
    echo "$image: $*" >&2
    exit 1
}

docker start "$container" >/dev/null
sleep 0.5
[ "$(docker inspect --format '{{.State.Running}}' "$container")" = true ] || fail "does not keep running"
user=$(docker top "$container" -eo uid,pid | awk 'NR == 2 { print $1 }')
[ "$user" = 65534 ] || fail "does not run as nobody but as $user"

before=$(date +%s)
docker stop -t 10 "$container" >/dev/null
[ $(($(date +%s) - before)) -lt 9 ] || fail "does not stop on SIGTERM"
[ "$(docker inspect --format '{{.State.ExitCode}}' "$container")" = 0 ] || fail "does not end well"
