#!/bin/bash
# Checks what every image above this one takes for granted.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

inside() {
    docker run --rm --network none "$image" "$@"
}

inside grep -qx 'VERSION_CODENAME=trixie' /etc/os-release || fail "is not trixie"
[ -z "$(inside dpkg --audit)" ] || fail "has packages that are not set up"
inside test -s /etc/ssl/certs/ca-certificates.crt || fail "has no certificates"
[ "$(inside locale charmap)" = UTF-8 ] || fail "does not speak UTF-8"
inside apt-get --quiet=2 check || fail "has packages without what they need"
