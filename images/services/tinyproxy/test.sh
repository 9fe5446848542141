#!/bin/bash
# Starts the proxy with the filter that it has, which must keep the container's own
# services from its peers, and then with another, which lets a page through.
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

# A server that only those inside of the container should reach.
serve() {
    docker exec --detach "$container" perl -MIO::Socket::INET -e '
        my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 8080, Listen => 5) or die;
        while (my $peer = $server->accept) {
            while (<$peer>) { last if /^\r?$/ }
            print $peer "HTTP/1.0 200 OK\r\n\r\nfrom behind the proxy\n";
        }
    '
    for _ in $(seq 50); do
        get 8080 / | grep -qx 'from behind the proxy' && return
        sleep 0.1
    done
    fail "the test has no server"
}

# Asks until the proxy answers at all.
ask() {
    for _ in $(seq 50); do
        get 8888 "$1" | grep '^HTTP/1' && return
        sleep 0.1
    done
    fail "does not answer"
}

docker start "$container" >/dev/null
serve
answer=$(ask http://127.0.0.1:8080/)
grep -q '^HTTP/1.[01] 403 ' <<<"$answer" || fail "reaches the container itself: $answer"
docker stop -t 5 "$container" >/dev/null

# A filter of a deployment, as it would be mounted.
tar --create --mode=644 --owner=0 --group=0 --directory "$(dirname "$0")" --transform 's/^test\.//' test.filter \
    | docker cp - "$container:/etc/tinyproxy/" >/dev/null 2>&1

docker start "$container" >/dev/null
serve
answer=$(ask http://127.0.0.1:8080/)
grep -q '^HTTP/1.[01] 200 ' <<<"$answer" || fail "does not let the page through: $answer"
answer=$(get 8888 http://127.0.0.1:8080/)
grep -qx 'from behind the proxy' <<<"$answer" || fail "does not fetch the page: $answer"

answer=$(get 8888 http://elsewhere.example.com/)
grep -q '^HTTP/1.[01] 403 ' <<<"$answer" || fail "lets everything through: $answer"
logged 'elsewhere.example.com' || fail "does not log what it refused"
[ "$(docker exec "$container" stat --format %u /proc/1)" = 905 ] || fail "does not run as tinyproxy"
