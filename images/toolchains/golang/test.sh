#!/bin/bash
# Compiles and runs a program, and looks for the C compiler that cgo needs.
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
[ "$(inside go env GOTOOLCHAIN)" = local ] || fail "would fetch another Go"

said=$(inside sh -euc 'cat > hello.go && go run hello.go' <<'EOF'
package main

import "fmt"

func main() { fmt.Println("hello from Go") }
EOF
) || fail "does not compile Go"
[ "$said" = "hello from Go" ] || fail "the program said: $said"

inside sh -euc 'cc --version >/dev/null && CGO_ENABLED=1 go env CC' >/dev/null || fail "has no C compiler for cgo"
