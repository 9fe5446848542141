#!/bin/bash
# Asks about nothing, about a port where nobody listens, and runs as nobody.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

status() {
    docker run --rm --network none --cap-drop ALL "$image" "$@" >/dev/null 2>&1 && echo 0 || echo $?
}

[ "$(status)" = 2 ] || fail "takes no question for one"
[ "$(status tcp://127.0.0.1:80)" = 1 ] || fail "takes a closed port for a healthy service"
[ "$(status -timeout 500ms http://127.0.0.1/)" = 1 ] || fail "takes silence for a healthy service"
[ "$(docker inspect --format '{{.Config.User}}' "$image")" = 65534 ] || fail "does not run as nobody"
