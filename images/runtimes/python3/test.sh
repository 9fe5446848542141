#!/bin/bash
# Runs the default command with a program that uses TLS, SQLite and UTF-8.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

said=$(docker run --rm --interactive --network none "$image" <<'EOF'
import os, sqlite3, ssl, sys

assert os.getuid() != 0, "runs as root"
assert sys.version_info[:2] == (3, 13), sys.version
assert sys.stdout.encoding == "utf-8", sys.stdout.encoding
assert ssl.create_default_context().get_ca_certs(), "trusts no authority"
print(sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()[0], "✓")
EOF
) || fail "the program failed"
[ "$said" = "42 ✓" ] || fail "the program said: $said"
