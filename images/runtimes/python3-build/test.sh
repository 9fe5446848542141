#!/bin/bash
# Builds a project into a virtual environment, offline, and runs it from there.
set -eu

image=${1:?usage: test.sh IMAGE}

fail() {
    echo "$image: $*" >&2
    exit 1
}

said=$(docker run --rm --interactive --network none "$image" bash -eu <<'EOF'
[ "$(id -u)" != 0 ]
cat > pyproject.toml <<'END'
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "greeting"
version = "1.0"
scripts = { greet = "greeting:main" }
END
echo 'def main(): print("hello from a project")' > greeting.py
pip --quiet wheel --no-index --no-build-isolation --wheel-dir /tmp/wheels .
python3 -m venv --without-pip /srv/app
pip --quiet --python /srv/app/bin/python install --no-index /tmp/wheels/*.whl
/srv/app/bin/greet
EOF
) || fail "does not build the project"
[ "$said" = "hello from a project" ] || fail "the project said: $said"
