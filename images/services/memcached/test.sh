#!/bin/bash
# Starts the cache, keeps a value in it and reads it back.
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
    docker exec "$container" bash -c '
        exec 3<>/dev/tcp/127.0.0.1/11211 && printf "$1quit\r\n" >&3 && cat <&3
    ' say "$1" 2>/dev/null | tr -d '\r'
}

docker start "$container" >/dev/null
for _ in $(seq 50); do
    answer=$(say 'version\r\n') && [ -n "$answer" ] && break
    sleep 0.1
done
[ -n "${answer:-}" ] || fail "does not answer"

answer=$(say 'set key 0 0 5\r\nvalue\r\nget key\r\n')
[ "$answer" = "$(printf 'STORED\nVALUE key 0 5\nvalue\nEND')" ] || fail "it said: $answer"
say 'stats settings\r\n' | grep -qx 'STAT maxbytes 67108864' || fail "does not take the default arguments"
[ "$(docker exec "$container" stat --format %u /proc/1)" = 901 ] || fail "does not run as memcached"
