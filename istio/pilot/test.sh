#!/bin/bash
# Asks the program for its version, which the tag of the image tells too.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

inside() {
    docker run --rm --network none --cap-drop ALL "$image" "$@"
}

version=${image##*:}
version=${version%%-*}
said=$(inside version --short) || fail "does not start"
[ "$said" = "$version" ] || fail "is version $said, not $version"
[ "$(docker inspect --format "{{.Config.User}}" "$image")" = 1337 ] || fail "does not run as istio-proxy"
