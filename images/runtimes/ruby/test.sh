#!/bin/bash
# Runs the default command with a program.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

said=$(docker run --rm --interactive --network none "$image" <<'EOF'
require 'json'
require 'openssl'

abort 'runs as root' if Process.uid.zero?
abort 'trusts no authority' unless File.size?(OpenSSL::X509::DEFAULT_CERT_FILE) || Dir.exist?(OpenSSL::X509::DEFAULT_CERT_DIR)
puts JSON.generate(ruby: RUBY_VERSION[/\d+\.\d+/], squares: (1..3).map { |n| n * n })
EOF
) || fail "the program failed"
[ "$said" = '{"ruby":"3.3","squares":[1,4,9]}' ] || fail "the program said: $said"
