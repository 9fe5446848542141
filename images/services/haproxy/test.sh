#!/bin/bash
# Starts the balancer in front of its own metrics page, and asks through it.
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

logged() {
    for _ in $(seq 20); do
        docker logs "$container" 2>&1 | grep -q "$1" && return
        sleep 0.1
    done
    return 1
}

# A configuration of a deployment, as it would be mounted.
tar --create --mode=644 --owner=0 --group=0 --directory "$(dirname "$0")" test.cfg | docker cp - "$container:/etc/haproxy/conf.d/" >/dev/null 2>&1

docker start "$container" >/dev/null
for _ in $(seq 50); do
    answer=$(get 8404 /healthz) && break
    sleep 0.1
done
grep -q '^HTTP/1.1 200 ' <<<"${answer:-}" || fail "is not healthy: ${answer:-no answer}"

get 8404 /metrics | grep -q '^haproxy_process_uptime_seconds ' || fail "has no metrics"
get 8080 /metrics | grep -q '^haproxy_backend_http_requests_total{proxy="test"' || fail "does not balance"
logged 'test test/itself .*"GET /metrics HTTP/1.0"' || fail "does not log the request"
[ "$(docker exec "$container" stat --format %u /proc/1)" = 903 ] || fail "does not run as haproxy"
