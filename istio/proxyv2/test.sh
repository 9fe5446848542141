#!/bin/bash
# Asks the agent and Envoy for their versions.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

inside() {
    docker run --rm --network none --cap-drop ALL --entrypoint "$1" "$image" "${@:2}"
}

version=${image##*:}
version=${version%%-*}
said=$(inside pilot-agent version --short) || fail "the agent does not start"
[ "$said" = "$version" ] || fail "the agent is version $said, not $version"
inside envoy --version | grep -q "^envoy *version: " || fail "Envoy does not start"
inside test -s /var/lib/istio/envoy/envoy_bootstrap_tmpl.json || fail "the agent has no template for Envoy"
[ "$(inside id -u)" = 1337 ] || fail "does not run as istio-proxy"
