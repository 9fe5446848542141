#!/bin/bash
# Looks for the account and the tools.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

inside() {
    docker run --rm --network none "$image" "$@"
}

[ "$(inside id --user --name)" = istio-proxy ] || fail "does not run as istio-proxy"
for tool in conntrack ip iptables ip6tables nft; do
    inside sh -c "PATH=/usr/sbin:/sbin:\$PATH command -v $tool" >/dev/null || fail "has no $tool"
done
