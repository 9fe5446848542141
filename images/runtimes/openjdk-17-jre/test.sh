#!/bin/bash
# Starts the virtual machine, and checks what a service needs beside it.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

inside() {
    docker run --rm --network none "$image" "$@"
}

[ "$(inside id -u)" != 0 ] || fail "runs as root"
said=$(inside 2>&1) || fail "the default command failed: $said"
grep -q 'version "17\.' <<<"$said" || fail "is not Java 17: $said"

settings=$(inside sh -c '"$JAVA_HOME/bin/java" -XshowSettings:all -version' 2>&1) || fail "JAVA_HOME is wrong"
grep -q 'java.specification.version = 17' <<<"$settings" || fail "has other settings: $settings"
grep -q 'sun.jnu.encoding = UTF-8' <<<"$settings" || fail "does not speak UTF-8"
inside keytool -list -cacerts -storepass changeit 2>/dev/null | grep -q trustedCertEntry || fail "trusts no authority"
