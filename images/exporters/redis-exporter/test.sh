#!/bin/bash
# Starts the exporter, and scrapes it without and with a stand-in for Redis.
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
    answer=$(get 9121 /metrics) && break
    sleep 0.1
done
grep -qx 'redis_up 0' <<<"${answer:-}" || fail "does not tell that Redis is gone"
grep -qx 'redis_exporter_last_scrape_error{err=.*} 1' <<<"$answer" || fail "does not tell why"

# It knows INFO, which has all that is asked of it here, and no other command.
docker exec --detach "$container" perl -MIO::Socket::INET -e '
    my $info = join "", map { "$_\r\n" } "# Server", "redis_version:8.0.2", "# Clients", "connected_clients:3",
        "# Stats", "total_commands_processed:1234", "# Keyspace", "db0:keys=5,expires=2,avg_ttl=0";
    my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 6379, Listen => 5) or die;
    while (my $peer = $server->accept) {
        # A command is "*COUNT", and each of its words "$LENGTH" and the word.
        while (my $count = <$peer>) {
            my @words = map { <$peer>; my $word = <$peer>; $word =~ s/\r\n//r } 1 .. substr $count, 1;
            print $peer lc $words[0] eq "info" ? "\$" . length($info) . "\r\n$info\r\n" : "-ERR unknown command\r\n";
            $peer->flush;
        }
    }
'
for _ in $(seq 50); do
    answer=$(get 9121 /metrics)
    grep -qx 'redis_up 1' <<<"$answer" && break
    sleep 0.1
done
grep -qx 'redis_up 1' <<<"$answer" || fail "does not tell that Redis is there: $answer"
grep -qx 'redis_connected_clients 3' <<<"$answer" || fail "does not tell the clients"
grep -qx 'redis_commands_processed_total 1234' <<<"$answer" || fail "does not tell what Redis counted"
grep -qx 'redis_db_keys{db="db0"} 5' <<<"$answer" || fail "does not tell the keys"
[ "$(docker exec "$container" stat --format %u /proc/1)" = 906 ] || fail "does not run as prometheus"
