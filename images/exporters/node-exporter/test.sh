#!/bin/bash
# Starts the exporter as one that measures a machine, and scrapes it.
set -eu

image=${1:?usage: test.sh IMAGE}

# The arguments that the Dockerfile recommends; here, the machine is the container.
container=$(docker create --network none --cap-drop ALL "$image" \
    --path.rootfs=/host --path.procfs=/proc --path.sysfs=/sys)
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
    answer=$(get 9100 /metrics) && break
    sleep 0.1
done
for metric in node_load1 node_memory_MemTotal_bytes node_filesystem_size_bytes node_cpu_seconds_total; do
    grep -q "^${metric}[ {]" <<<"${answer:-}" || fail "does not measure $metric"
done
for collector in systemd arp; do
    ! grep -q "^node_scrape_collector_success{collector=\"$collector\"}" <<<"$answer" || fail "collects $collector"
done
[ "$(docker exec "$container" stat --format %u /proc/1)" = 906 ] || fail "does not run as prometheus"
