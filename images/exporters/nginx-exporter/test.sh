#!/bin/bash
# Starts the exporter with a stand-in for a web server, and scrapes it.
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

# A server that answers every request with the text from stdin.
serve() {
    docker exec --interactive "$container" sh -c "cat > /tmp/page"
    docker exec --detach "$container" perl -MIO::Socket::INET -e '
        my $server = IO::Socket::INET->new(LocalPort => shift, Listen => 5, ReuseAddr => 1) or die;
        open my $page, "<", "/tmp/page" or die;
        my $text = join "", <$page>;
        while (my $peer = $server->accept) {
            while (<$peer>) { last if /^\r?$/ }
            print $peer "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n$text";
        }
    ' "$1"
}

docker start "$container" >/dev/null
serve 8081 <<'EOF'
Active connections: 5
server accepts handled requests
 100 100 1234
Reading: 0 Writing: 2 Waiting: 3
EOF
for _ in $(seq 50); do
    answer=$(get 9113 /metrics) && grep -qx 'nginx_up 1' <<<"$answer" && break
    sleep 0.1
done
grep -qx 'nginx_http_requests_total 1234' <<<"${answer:-}" || fail "does not tell what the web server counted"
[ "$(docker exec "$container" stat --format %u /proc/1)" = 906 ] || fail "does not run as prometheus"
