#!/bin/sh
# The weekly rebuild, for cron: refreshes, builds, tests and publishes what needs it, then commits and pushes the changelogs
# of what was published. What failed keeps its old changelog and is named; the rest goes out.
#
#   weekly-update.sh [DIR…]        the directories with images; images where none is named
#
#   CONFIG=config.yaml             the settings
#   REFRESH="--since-days 30"      what `pkg refresh` is asked for: `--all` for every image
#   BUILD=""                       further options of `pkg build`
#   PKG=pkg                        the program
#
# Ends with 0 when everything went out, with 1 when something failed and was named, with another code of `pkg` when nothing
# could be done.
set -eu

newline='
'
blanks=$IFS
config=${CONFIG:-config.yaml}
pkg=${PKG:-pkg}
[ $# -gt 0 ] || set -- images

say() { echo "weekly-update: $*"; }
give_up() {
  say "$1" >&2
  exit "${2:-1}"
}

git_directory=$(git rev-parse --absolute-git-dir) || give_up "this is no git repository"
# Held until the end, whatever the end is.
exec 9> "$git_directory/weekly-update.lock"
flock --nonblock 9 || give_up "another run is at work here"

[ -z "$(git status --porcelain)" ] || give_up "there are changes that are not committed: git status"
git pull --quiet --ff-only || give_up "the repository cannot be pulled"

# Whatever stops this before the commit leaves the changelogs as they were.
put_back() { git checkout --quiet -- "$@"; }
trap 'code=$?; trap - EXIT; git checkout --quiet -- .; exit "$code"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# shellcheck disable=SC2086 # options
"$pkg" -c "$config" refresh ${REFRESH:---since-days 30} "$@"
changed=$(git -c core.quotePath=false diff --name-only --relative)
if [ -z "$changed" ]; then
  say "nothing needs an entry"
  # What an earlier run left unpublished is tried again all the same.
fi

"$pkg" -c "$config" plan "$@"
code=0
# shellcheck disable=SC2086 # options
"$pkg" -c "$config" build ${BUILD:-} "$@" || code=$?

# Only what the registry has is out; without its word nothing is committed.
published=$("$pkg" -c "$config" list --only published --print changelog "$@") ||
  give_up "the registry does not say what is published: the changelogs are as before" 4
kept=
left=
IFS=$newline
# shellcheck disable=SC2086 # a list of paths
[ -z "$published" ] || published=$(realpath -- $published)
for changelog in $changed; do
  if printf '%s\n' "$published" | grep --quiet --fixed-strings --line-regexp -e "$(realpath -- "$changelog")"; then
    kept="$kept$changelog$newline"
  else
    left="$left$changelog$newline"
  fi
done
# shellcheck disable=SC2086 # a list of paths
[ -z "$left" ] || put_back $left

names() { # PATH…: what the changelogs name
  for changelog in "$@"; do
    sed --quiet '/^[A-Za-z0-9].*(/ { s/ .*//p; q }' "$changelog"
  done | paste --serial --delimiters=' '
}
if [ -n "$kept" ]; then
  # shellcheck disable=SC2086 # a list of paths
  git add -- $kept
  # shellcheck disable=SC2086
  git commit --quiet --message "Weekly rebuild of $(printf '%s\n' $kept | wc -l) images" --message "$(names $kept)"
  trap - EXIT
  IFS=$blanks
  if ! git push --quiet; then
    # Somebody else was faster: what they changed comes first.
    git pull --quiet --rebase || git rebase --quiet --abort || true
    git push --quiet ||
      give_up "published, and committed here as $(git rev-parse --short HEAD), but it cannot be pushed: git push"
  fi
  IFS=$newline
  # shellcheck disable=SC2086
  say "published and pushed as $(git rev-parse --short HEAD): $(names $kept)"
fi
trap - EXIT
if [ -n "$left" ]; then
  # shellcheck disable=SC2086
  say "not published, with the changelogs as before: $(names $left)" >&2
  [ "$code" -ne 0 ] || code=1
fi
exit "$code"
