#!/bin/bash
# Installs a package into another one with npm, offline, and runs its script.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

said=$(docker run --rm --interactive --network none "$image" bash -eu <<'EOF'
[ "$(id -u)" != 0 ]
mkdir greeting app
echo '{"name": "greeting", "version": "1.0.0", "main": "index.js"}' > greeting/package.json
echo 'module.exports = "hello from a package"' > greeting/index.js
cd app
echo '{"name": "app", "version": "1.0.0", "scripts": {"start": "node -p \"require(\u0027greeting\u0027)\""}}' > package.json
npm install --silent --offline ../greeting
npm run --silent start
EOF
) || fail "npm failed"
[ "$said" = "hello from a package" ] || fail "the script said: $said"
