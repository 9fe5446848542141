#!/bin/bash
# Starts the server, and checks that a value outlives a restart and a full memory.
set -eu

image=${1:?usage: test.sh IMAGE}

container=$(docker create --network none --cap-drop ALL "$image")
trap 'docker rm --force --volumes "$container" >/dev/null' EXIT

fail() {
    docker logs --tail 20 "$container" >&2
    echo "$image: $*" >&2
    exit 1
}

say() {
    docker exec "$container" redis-cli "$@" 2>/dev/null
}

wait_for() {
    for _ in $(seq 50); do
        [ "$(say PING)" = PONG ] && return
        sleep 0.1
    done
    fail "does not answer"
}

logged() {
    for _ in $(seq 20); do
        docker logs "$container" 2>/dev/null | grep -q "$1" && return
        sleep 0.1
    done
    return 1
}

docker start "$container" >/dev/null
wait_for
[ "$(say SET key value)" = OK ] || fail "does not keep a value"
[ "$(docker exec "$container" stat --format %u /proc/1)" = 902 ] || fail "does not run as redis"

docker restart -t 5 "$container" >/dev/null
wait_for
[ "$(say GET key)" = value ] || fail "lost a value at a restart"
logged 'Ready to accept connections' || fail "does not log to stdout"

[ "$(say CONFIG SET maxmemory 1)" = OK ] || fail "does not take a limit"
say SET other value | grep -q '^OOM ' || fail "takes a value that it has no room for"
[ "$(say GET key)" = value ] || fail "dropped a value to make room"
