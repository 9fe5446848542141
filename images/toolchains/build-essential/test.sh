#!/bin/bash
# Compiles and runs a program in C and one in C++, with make.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

inside() {
    docker run --rm --interactive --network none "$image" "$@"
}

[ "$(inside id -u)" != 0 ] || fail "runs as root"

said=$(inside sh -euc 'cat > hello.c && make --silent LDFLAGS=-static hello && ./hello' <<'EOF'
#include <stdio.h>
int main(void) { return puts("hello from C") < 0; }
EOF
) || fail "does not compile C"
[ "$said" = "hello from C" ] || fail "the C program said: $said"

said=$(inside sh -euc 'cat > hello.cc && make --silent hello && ./hello' <<'EOF'
#include <iostream>
int main() { std::cout << "hello from C++\n"; }
EOF
) || fail "does not compile C++"
[ "$said" = "hello from C++" ] || fail "the C++ program said: $said"
