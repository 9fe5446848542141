#!/bin/bash
# Starts the exporter and lets it probe itself, and a port where nobody listens.
set -eu

image=${1:?usage: test.sh IMAGE}

container=$(docker create --network none --cap-drop ALL "$image")
trap 'docker rm --force --volumes "$container" >/dev/null' EXIT

fail() {
    docker logs --tail 20 "$container" >&2
    echo "$image: $*" >&2
    exit 1
}

# bash opens TCP connections itself: the image needs no HTTP client.
get() {
    docker exec "$container" bash -c '
        exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n" "$2" >&3 && cat <&3
    ' get "$1" "$2" 2>/dev/null
}

docker start "$container" >/dev/null
for _ in $(seq 50); do
    answer=$(get 9115 '/probe?module=http_2xx&target=http://127.0.0.1:9115/-/healthy') && break
    sleep 0.1
done
grep -qx 'probe_success 1' <<<"${answer:-}" || fail "does not reach itself: ${answer:-no answer}"
grep -qx 'probe_http_status_code 200' <<<"$answer" || fail "does not tell the status"

answer=$(get 9115 '/probe?module=tcp_connect&target=127.0.0.1:9')
grep -qx 'probe_success 0' <<<"$answer" || fail "reaches a closed port: $answer"
[ "$(docker exec "$container" stat --format %u /proc/1)" = 906 ] || fail "does not run as prometheus"
