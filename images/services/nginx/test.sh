#!/bin/bash
# Starts the server, with an argument of a deployment, and asks it for a page, its
# health and its counters.
set -eu

image=${1:?usage: test.sh IMAGE}

container=$(docker create --network none --cap-drop ALL "$image" -g 'worker_rlimit_nofile 1024;')
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

logged() {
    for _ in $(seq 20); do
        docker logs "$container" 2>/dev/null | grep -q "$1" && return
        sleep 0.1
    done
    return 1
}

docker start "$container" >/dev/null
for _ in $(seq 50); do
    answer=$(get 8080 /healthz) && break
    sleep 0.1
done
grep -qx ok <<<"${answer:-}" || fail "is not healthy: ${answer:-no answer}"

answer=$(get 8080 /index.html)
grep -q '^HTTP/1.1 200 ' <<<"$answer" || fail "the page is: $answer"
grep -q '^Content-Type: text/html' <<<"$answer" || fail "does not tell that the page is HTML: $answer"
get 8081 /stub_status | grep -q '^Active connections: 1' || fail "does not count connections"
logged '"GET /index.html HTTP/1.0" 200' || fail "does not log the request to stdout"
[ "$(docker exec "$container" stat --format %u /proc/1)" = 33 ] || fail "does not run as www-data"
