#!/bin/bash
# Runs the default command with a program that serves a page and fetches it.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

said=$(docker run --rm --interactive --network none "$image" <<'EOF'
const server = require('http').createServer((request, response) => response.end(`you asked for ${request.url}`));

server.listen(0, '127.0.0.1', async () => {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/page`);
  console.log(`${await answer.text()} as ${process.getuid()}`);
  server.closeAllConnections();
  server.close();
});
EOF
) || fail "the program failed"
[ "$said" = "you asked for /page as 65534" ] || fail "the program said: $said"
