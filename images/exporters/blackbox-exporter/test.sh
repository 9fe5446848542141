#!/bin/bash
# Starts the exporter and lets it probe itself, a port where nobody listens, and a
# stand-in for a name server.
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
    answer=$(get 9115 '/probe?module=http_2xx&target=http://127.0.0.1:9115/-/healthy') && break
    sleep 0.1
done
grep -qx 'probe_success 1' <<<"${answer:-}" || fail "does not reach itself: ${answer:-no answer}"
grep -qx 'probe_http_status_code 200' <<<"$answer" || fail "does not tell the status"

answer=$(get 9115 '/probe?module=tcp_connect&target=127.0.0.1:9')
grep -qx 'probe_success 0' <<<"$answer" || fail "reaches a closed port: $answer"

answer=$(get 9115 '/probe?module=dns&target=127.0.0.1:5353')
grep -qx 'probe_success 0' <<<"$answer" || fail "asks a name server that is not there: $answer"
# It answers each question with the question and one address, but refuses names
# outside of example.org.
docker exec --detach "$container" perl -MIO::Socket::INET -e '
    my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 5353, Proto => "udp") or die;
    while ($server->recv(my $asked, 512)) {
        my ($id, $question) = unpack "a2 x10 a*", $asked;
        my $is_ours = $question =~ /^\x07example\x03org\0\0\x01\0\x01/;
        my $address = pack "n n n N n C4", 0xc00c, 1, 1, 60, 4, 192, 0, 2, 1;
        $server->send(pack "a2 n n n n n a* a*", $id, $is_ours ? 0x8180 : 0x8185, 1, $is_ours, 0, 0,
            $question, $is_ours ? $address : "");
    }
'
for _ in $(seq 50); do
    answer=$(get 9115 '/probe?module=dns&target=127.0.0.1:5353')
    grep -qx 'probe_success 1' <<<"$answer" && break
    sleep 0.1
done
grep -qx 'probe_success 1' <<<"$answer" || fail "does not ask the name server: $answer"
grep -qx 'probe_dns_answer_rrs 1' <<<"$answer" || fail "does not see the answer: $answer"
[ "$(docker exec "$container" stat --format %u /proc/1)" = 906 ] || fail "does not run as prometheus"
