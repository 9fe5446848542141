#!/bin/bash
# Asks about nothing, about a port where nobody listens, about services that are
# well, ill and silent, and runs as nobody.
set -eu

image=${1:?usage: test.sh IMAGE}

# Three services on the loopback of one container. Port 8080 says what the path
# asks for, 8081 takes connections and says nothing, 8082 is closed.
services='
    $SIG{PIPE} = "IGNORE";
    for ([my $well, 8080], [my $silent, 8081]) {
        socket $_->[0], 2, 1, 0 or die "socket: $!";
        bind $_->[0], pack "S n C4 x8", 2, $_->[1], 127, 0, 0, 1 or die "bind: $!";
        listen $_->[0], 5 or die "listen: $!";
        push @open, $_->[0];
    }
    while (accept my $peer, $open[0]) {
        my $status = <$peer> =~ m{^GET /well } ? "200 OK" : "503 Service Unavailable";
        while (<$peer>) { last if /^\r?$/ }
        print $peer "HTTP/1.0 $status\r\n\r\n";
        close $peer;
    }
'
container=$(docker create --network none --cap-drop ALL --entrypoint /usr/bin/perl "$image" -e "$services")
trap 'docker rm --force --volumes "$container" >/dev/null' EXIT

fail() {
    docker logs --tail 20 "$container" >&2
    echo "$image: $*" >&2
    exit 1
}

# Puts a program of this machine into the container, with its libraries: the image
# has nothing that could listen.
lend() {
    local libraries
    mapfile -t libraries < <(ldd "$1" | grep -o '/[^ ]*')
    tar --create --dereference --absolute-names --transform 's|^/||' "$1" "${libraries[@]}" \
        | docker cp - "$container:/" >/dev/null 2>&1
}

status() {
    docker exec "$container" /healthcheck "$@" >/dev/null 2>&1 && echo 0 || echo $?
}

lend /usr/bin/perl
docker start "$container" >/dev/null
for _ in $(seq 50); do
    [ "$(status tcp://127.0.0.1:8081)" = 0 ] && break
    sleep 0.1
done

[ "$(status http://127.0.0.1:8080/well)" = 0 ] || fail "takes a healthy service for an ill one"
[ "$(status http://127.0.0.1:8080/ill)" = 1 ] || fail "takes an ill service for a healthy one"
[ "$(status tcp://127.0.0.1:8080)" = 0 ] || fail "takes an open port for an ill service"
[ "$(status tcp://127.0.0.1:8082)" = 1 ] || fail "takes a closed port for a healthy service"
[ "$(status tcp://127.0.0.1:8081)" = 0 ] || fail "wants more of a port than that it is open"

# The time that the engine itself takes is far below the three seconds of the default.
before=$(date +%s%N)
[ "$(status -timeout 300ms http://127.0.0.1:8081/)" = 1 ] || fail "takes silence for a healthy service"
[ $((($(date +%s%N) - before) / 1000000)) -lt 2500 ] || fail "waits for longer than it was told"

[ "$(status)" = 2 ] || fail "takes no question for one"
[ "$(docker run --rm --network none "$image" >/dev/null 2>&1; echo $?)" = 2 ] || fail "is not what the image starts"
[ "$(docker inspect --format '{{.Config.User}}' "$image")" = 65534 ] || fail "does not run as nobody"
