#!/bin/bash
# Compiles a program, packs it into a jar and runs that.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

said=$(docker run --rm --interactive --network none "$image" bash -eu <<'EOF'
[ "$(id -u)" != 0 ]
cat > Hello.java <<'END'
record Hello(String from) {
    public static void main(String[] args) {
        System.out.println("hello from " + new Hello("Java").from());
    }
}
END
javac Hello.java
jar --create --file hello.jar --main-class Hello Hello.class
java -jar hello.jar
EOF
) || fail "does not build the program"
[ "$said" = "hello from Java" ] || fail "the program said: $said"
