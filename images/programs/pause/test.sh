#!/bin/bash
# Looks at the settings and the files of the image, starts the process, sees that
# it stays, and stops it.
set -eu

image=${1:?usage: test.sh IMAGE}

container=$(docker create --network none --cap-drop ALL "$image")
trap 'docker rm --force --volumes "$container" >/dev/null' EXIT

fail() {
    docker logs --tail 20 "$container" >&2
    echo "$image: $*" >&2
    exit 1
}

is() {
    local value
    value=$(docker inspect --format "{{json .Config.$1}}" "$image")
    [ "$value" = "$2" ] || fail "has $1 $value, not $2"
}

is Entrypoint '["/pause"]'
is Cmd null
is User '"65534"'
is ExposedPorts null

# Its file system is read as an archive. What else is in it, the engine puts into
# every container: files for the network, and an empty /dev, /proc and /sys.
files=$(docker export "$container" | tar --list --verbose --numeric-owner --exclude-from <(printf '%s\n' .dockerenv dev etc proc sys))
[ "$(awk '{ print $1, $2, $NF }' <<<"$files")" = '-rwxr-xr-x 0/0 pause' ] || fail "has other files than /pause: $files"

docker start "$container" >/dev/null
sleep 0.5
[ "$(docker inspect --format '{{.State.Running}}' "$container")" = true ] || fail "does not keep running"
user=$(docker top "$container" -eo uid,pid | awk 'NR == 2 { print $1 }')
[ "$user" = 65534 ] || fail "does not run as nobody but as $user"

before=$(date +%s)
docker stop -t 10 "$container" >/dev/null
[ $(($(date +%s) - before)) -lt 9 ] || fail "does not stop on SIGTERM"
[ "$(docker inspect --format '{{.State.ExitCode}}' "$container")" = 0 ] || fail "does not end well"
