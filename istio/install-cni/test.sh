#!/bin/bash
# Asks the installer for its version and looks for the plugin.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

version=${image##*:}
version=${version%%-*}
said=$(docker run --rm --network none "$image" version --short) || fail "does not start"
[ "$said" = "$version" ] || fail "is version $said, not $version"
docker run --rm --network none --entrypoint test "$image" -x /opt/cni/bin/istio-cni || fail "has no plugin"
