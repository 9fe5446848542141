#!/bin/bash
# Compiles and runs a program in Go, and one that calls C.
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

said=$(inside sh -euc 'cat > hello.go && CGO_ENABLED=1 go run hello.go' <<'EOF'
package main

// static int doubled(int number) { return 2 * number; }
import "C"

import "fmt"

func main() { fmt.Println("C says", C.doubled(21)) }
EOF
) || fail "does not compile Go with C in it"
[ "$said" = "C says 42" ] || fail "the program with C in it said: $said"
