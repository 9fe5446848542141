#!/bin/bash
# Checks, while the image is built, what its empty file system leaves no means to
# check later: that a child which ends does not stay behind as a zombie.
set -eu

# The shell becomes pause, and its child becomes the child of pause.
bash -c 'sleep 0.2 & echo $! >child; exec ./pause' &
pause=$!
trap 'kill -KILL "$pause" 2>/dev/null || true' EXIT

sleep 0.1
child=$(cat child)
[ -e "/proc/$child" ] || { echo "the child ended too early" >&2; exit 1; }
sleep 0.5
[ ! -e "/proc/$child" ] || { echo "the child is still there: $(cat "/proc/$child/stat")" >&2; exit 1; }

kill -TERM "$pause"
wait "$pause" || { echo "SIGTERM gave status $?" >&2; exit 1; }
