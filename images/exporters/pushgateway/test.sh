#!/bin/bash
# Starts the gateway, pushes a metric and scrapes it.
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
ask() {
    docker exec "$container" bash -c '
        exec 3<>/dev/tcp/127.0.0.1/9091 &&
            printf "%s %s HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" "$1" "$2" "${#3}" "$3" >&3 && cat <&3
    ' ask "$1" "$2" "${3:-}" 2>/dev/null
}

docker start "$container" >/dev/null
for _ in $(seq 50); do
    answer=$(ask GET /-/ready) && break
    sleep 0.1
done
grep -q ' 200 OK' <<<"${answer:-}" || fail "is not ready: ${answer:-no answer}"

answer=$(ask PUT /metrics/job/backup $'backup_bytes 42\n')
grep -q ' 200 OK' <<<"$answer" || fail "does not take a metric: $answer"
ask GET /metrics | grep -qx 'backup_bytes{instance="",job="backup"} 42' || fail "does not show the metric"
[ "$(docker exec "$container" stat --format %u /proc/1)" = 906 ] || fail "does not run as prometheus"
