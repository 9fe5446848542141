#!/bin/bash
# Starts the server, asks it through the probe that the image has, and compares what
# it says of a request with the request.
set -eu

image=${1:?usage: test.sh IMAGE}

container=$(docker create --network none --cap-drop ALL "$image")
trap 'docker rm --force --volumes "$container" >/dev/null' EXIT

fail() {
    docker logs --tail 20 "$container" >&2
    echo "$image: $*" >&2
    exit 1
}

probe() {
    docker exec "$container" /healthcheck "$@"
}

# Puts a program of this machine into the container, with its libraries: the image
# has nothing that shows an answer.
lend() {
    local libraries
    mapfile -t libraries < <(ldd "$1" | grep -o '/[^ ]*')
    tar --create --dereference --absolute-names --transform 's|^/||' "$1" "${libraries[@]}" \
        | docker cp - "$container:/" >/dev/null 2>&1
}

# bash opens TCP connections itself.
post() {
    docker exec "$container" /usr/bin/bash -c '
        exec 3<>/dev/tcp/127.0.0.1/8080
        printf "POST %s HTTP/1.0\r\nHost: %s\r\nX-Colour: green\r\nContent-Length: %d\r\n\r\n%s" "$1" "$2" "${#3}" "$3" >&3
        while IFS= read -r line <&3; do echo "$line"; done
    ' post "$@"
}

logged() {
    for _ in $(seq 20); do
        docker logs "$container" 2>&1 | grep -q "$1" && return
        sleep 0.1
    done
    return 1
}

lend /usr/bin/bash
docker start "$container" >/dev/null
for _ in $(seq 50); do
    probe http://127.0.0.1:8080/healthz 2>/dev/null && break
    sleep 0.1
done
probe http://127.0.0.1:8080/healthz || fail "is not healthy"

answer=$(post '/some/page?with=query' shop.example.org 'a "body"') || fail "does not answer"
for line in '"method": "POST"' '"host": "shop.example.org"' '"url": "/some/page?with=query"' '"body": "a \"body\""'; do
    grep -qF -- "$line" <<<"$answer" || fail "does not say $line: $answer"
done
[ "$(grep -A 1 '"X-Colour": \[' <<<"$answer" | tail -n 1 | tr -d ' ')" = '"green"' ] || fail "loses a header: $answer"
logged ' POST /some/page?with=query$' || fail "does not log the request"

user=$(docker top "$container" -eo uid,pid | awk 'NR == 2 { print $1 }')
[ "$user" = 65534 ] || fail "does not run as nobody but as $user"

docker stop -t 5 "$container" >/dev/null
[ "$(docker inspect --format '{{.State.ExitCode}}' "$container")" = 0 ] || fail "does not stop on SIGTERM"
