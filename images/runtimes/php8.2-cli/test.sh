#!/bin/bash
# Runs the default command with a program.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

said=$(docker run --rm --interactive --network none "$image" <<'EOF'
<?php
if (posix_getuid() === 0) { exit(1); }
echo json_encode(['major' => PHP_MAJOR_VERSION, 'minor' => PHP_MINOR_VERSION, 'sum' => array_sum([40, 2])]);
EOF
) || fail "the program failed"
[ "$said" = '{"major":8,"minor":2,"sum":42}' ] || fail "the program said: $said"
