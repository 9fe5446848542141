#!/bin/bash
# Starts the server with a small FastCGI application behind it.
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
    answer=$(get 8080 /healthz) && break
    sleep 0.1
done
grep -q '^HTTP/1.1 204 ' <<<"${answer:-}" || fail "is not healthy: ${answer:-no answer}"

answer=$(get 8080 /page.php)
grep -q '^HTTP/1.1 503 ' <<<"$answer" || fail "without an application, it answers: $answer"

# The perl of the image runs the application, beside the server.
docker exec --interactive "$container" sh -c 'cat > /tmp/responder.pl' <"$(dirname "$0")/responder.pl"
docker exec --detach "$container" perl /tmp/responder.pl
for _ in $(seq 50); do
    answer=$(get 8080 '/page.php?key=value')
    grep -q '^HTTP/1.1 200 ' <<<"$answer" && break
    sleep 0.1
done
grep -q '^script=.*/srv/www/page.php query=key=value' <<<"$answer" || fail "the application said: $answer"

get 8080 / | grep -q '^HTTP/1.1 200 ' || fail "does not serve other files itself"
[ "$(docker exec "$container" stat --format %u /proc/1)" = 33 ] || fail "does not run as www-data"
