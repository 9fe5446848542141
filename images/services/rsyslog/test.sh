#!/bin/bash
# Starts the daemon, sends it a message over TCP and one over UDP.
set -eu

image=${1:?usage: test.sh IMAGE}

container=$(docker create --network none --cap-drop ALL "$image")
trap 'docker rm --force --volumes "$container" >/dev/null' EXIT

fail() {
    docker logs --tail 20 "$container" >&2
    echo "$image: $*" >&2
    exit 1
}

send() {
    docker exec "$container" bash -c 'printf "%s\n" "$2" >"/dev/$1/127.0.0.1/10514"' send "$1" "$2" 2>/dev/null
}

wait_for() {
    for _ in $(seq 50); do
        docker logs "$container" 2>/dev/null | grep -qF "$1" && return
        sleep 0.1
    done
    fail "did not write: $1"
}

docker start "$container" >/dev/null
for _ in $(seq 50); do
    send tcp '<13>1 2026-01-02T03:04:05Z shop till 7 - - one apple' && break
    sleep 0.1
done
wait_for '"program":"till", "severity":"notice", "facility":"user", "message":"one apple"'

send udp '<11>Jan  2 03:04:06 shop till[7]: no "pears" left' || fail "does not listen for UDP"
wait_for '"program":"till", "severity":"err", "facility":"user", "message":" no \"pears\" left"'

[ "$(docker exec "$container" stat --format %u /proc/1)" = 904 ] || fail "does not run as rsyslog"
