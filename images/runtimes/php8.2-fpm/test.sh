#!/bin/bash
# Starts the server, asks for its ping page and for a script over FastCGI.
set -eu

image=${1:?usage: test.sh IMAGE}

container=$(docker create --network none --cap-drop ALL "$image")
trap 'docker rm --force --volumes "$container" >/dev/null' EXIT

fail() {
    docker logs --tail 20 "$container" >&2
    echo "$image: $*" >&2
    exit 1
}

ask() {
    docker exec --env REQUEST_METHOD=GET --env SCRIPT_NAME="$1" --env SCRIPT_FILENAME="$2" "$container" \
        cgi-fcgi -bind -connect 127.0.0.1:9000 2>/dev/null
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
    answer=$(ask /ping /ping) && break
    sleep 0.1
done
grep -q pong <<<"${answer:-}" || fail "does not answer the ping"

docker exec --interactive "$container" sh -c 'cat > /tmp/page.php' <<'EOF'
<?php
error_log('a line for the log');
echo 'uid=' . posix_getuid() . ' script=' . $_SERVER['SCRIPT_NAME'];
EOF
answer=$(ask /page.php /tmp/page.php)
grep -q 'uid=33 script=/page.php' <<<"$answer" || fail "the script said: $answer"
logged 'a line for the log' || fail "keeps the log of scripts to itself"
[ "$(docker exec "$container" stat --format %u /proc/1)" = 33 ] || fail "does not run as www-data"
