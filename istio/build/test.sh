#!/bin/bash
# Looks, in an image that has nothing to run them with, for what others copy.
set -eu

image=${1:?usage: test.sh IMAGE}

# Never started: its file system is read as an archive.
container=$(docker create "$image" none)
trap 'docker rm --force --volumes "$container" >/dev/null' EXIT

files=$(docker export "$container" | tar --list)
for file in LICENSE istio.deps envoy_bootstrap.json bin/pilot-discovery bin/pilot-agent bin/install-cni bin/istio-cni; do
    grep -qx "$file" <<<"$files" || {
        echo "$image: has no /$file" >&2
        exit 1
    }
done
