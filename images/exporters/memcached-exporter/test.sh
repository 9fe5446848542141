#!/bin/bash
# Starts the exporter, and scrapes it without and with a stand-in for memcached;
# then once more, listening on the addresses of IPv6 and IPv4.
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

docker start "$container" >/dev/null
for _ in $(seq 50); do
    answer=$(get 9150 /metrics) && break
    sleep 0.1
done
grep -qx 'memcached_up 0' <<<"${answer:-}" || fail "does not tell that memcached is gone: ${answer:-no answer}"
logged '127.0.0.1:11211: .*refused' || fail "does not log why"

docker exec --detach "$container" python3 -c '
import socket

server = socket.create_server(("127.0.0.1", 11211))
while True:
    peer, _ = server.accept()
    with peer:
        if peer.recv(100) == b"stats\r\n":
            peer.sendall(b"STAT version 1.6.38\r\nSTAT get_hits 1234\r\nSTAT curr_items 5\r\nEND\r\n")
'
for _ in $(seq 50); do
    answer=$(get 9150 /metrics)
    grep -qx 'memcached_up 1' <<<"$answer" && break
    sleep 0.1
done
grep -qx 'memcached_get_hits_total 1234' <<<"$answer" || fail "does not tell what memcached counted: $answer"
[ "$(docker exec "$container" stat --format %u /proc/1)" = 65534 ] || fail "does not run as nobody"

docker stop -t 5 "$container" >/dev/null
[ "$(docker inspect --format '{{.State.ExitCode}}' "$container")" = 0 ] || fail "does not stop on SIGTERM"

docker rm "$container" >/dev/null
container=$(docker create --network none --cap-drop ALL "$image" --listen '[::]:9150')
docker start "$container" >/dev/null
for _ in $(seq 50); do
    answer=$(get 9150 /healthz) && break
    answer=
    sleep 0.1
done
grep -qx ok <<<"${answer:-}" || fail "does not listen on [::]: ${answer:-no answer}"
# Port 9150 is 23BE.
docker exec "$container" grep -q ': 0*:23BE ' /proc/1/net/tcp6 || fail "does not listen on IPv6"
