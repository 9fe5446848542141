#!/bin/bash
# Asks the program for its usage: more would need a Kubernetes API server.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

said=$(docker run --rm --network none --cap-drop ALL "$image" --help 2>&1) || fail "does not start: $said"
grep -q '^Usage:' <<<"$said" || fail "is another program: $said"
[ "$(docker inspect --format '{{.Config.User}}' "$image")" = 65534 ] || fail "does not run as nobody"
