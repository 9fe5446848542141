#!/bin/sh
# The weekly rebuild, for cron: refreshes, builds, tests and publishes what needs it, then commits and pushes the changelogs
# of what was published. What failed keeps its old changelog and is named; the rest goes out. Where somebody else pushed
# meanwhile, the commit goes on top of theirs.
#
#   weekly-update.sh [DIR…]        the directories with images; images at the top of the repository where none is named
#
#   CONFIG=config.yaml             the settings; config.yaml at the top where nothing is said
#   REFRESH="--since-days 30"      what `pkg refresh` is asked for: `--all` for every image
#   BUILD=""                       further options of `pkg build`
#   PKG=pkg                        the program
#
# Ends with 0 when everything went out, with 1 when something failed and was named, with 3 when all went out and a published
# version was changed without an entry, and with another code of `pkg` when the machine was at fault.
set -euf

newline='
'
blanks=$IFS
pkg=${PKG:-pkg}

say() { echo "weekly-update: $*"; }
give_up() {
  say "$1" >&2
  exit "${2:-1}"
}

git_directory=$(git rev-parse --absolute-git-dir) || give_up "this is no git repository"
# Held until the end, whatever the end is; what is started here and goes on does not hold it.
exec 9> "$git_directory/weekly-update.lock"
flock --nonblock 9 || give_up "another run is at work here"
git() { command git "$@" 9>&-; }
run_pkg() { "$pkg" -c "$config" "$@" 9>&-; }

# git names files from the top of the repository, so everything is named from there.
top=$(git rev-parse --show-toplevel)
config=$(realpath -- "${CONFIG:-$top/config.yaml}")
[ -e "$config" ] || give_up "there are no settings at $config: CONFIG=FILE names them" 2
[ $# -gt 0 ] || set -- "$top/images"
command -v "$pkg" > /dev/null || give_up "there is no program $pkg: PKG=FILE names it" 4
case $pkg in */*) pkg=$(realpath -- "$pkg") ;; esac
IFS=$newline
# shellcheck disable=SC2046 # a list of paths
set -- $(realpath --relative-to="$top" -- "$@")
IFS=$blanks
cd -- "$top"
for directory in "$@"; do
  case $directory/ in ../*) give_up "$directory is not in this repository" ;; esac
done

# What is published has to be committed afterwards, so what would stand in the way of that is asked for first.
git var GIT_COMMITTER_IDENT > /dev/null ||
  give_up "git does not know who commits here: git config user.name NAME; git config user.email MAIL"
uncommitted=$(git status --porcelain) || give_up "git does not say what is not committed"
[ -z "$uncommitted" ] || give_up "there are changes that are not committed: git status"
# What an earlier run committed and could not push goes on top of what came since.
pull() {
  git pull --quiet --rebase=merges && return
  git rebase --abort 2> /dev/null || true
  return 1
}
pull || give_up "the repository cannot be pulled: git pull --rebase"

# Whatever stops this before the commit leaves the changelogs as they were.
put_back() { git checkout --quiet -- "$@"; }
trap 'code=$?; trap - EXIT; git checkout --quiet -- .; exit "$code"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# shellcheck disable=SC2086 # options
run_pkg refresh ${REFRESH:---since-days 30} "$@"
changed=$(git -c core.quotePath=false diff --name-only)
if [ -z "$changed" ]; then
  say "nothing needs an entry"
  # What an earlier run left unpublished is tried again all the same.
fi

run_pkg plan "$@"
code=0
# shellcheck disable=SC2086 # options
run_pkg build ${BUILD:-} "$@" || code=$?

# Only what the registry has is out; without its word nothing is committed.
published=$(run_pkg list --only published --print changelog "$@") ||
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
if [ -n "$left" ]; then
  # shellcheck disable=SC2086 # a list of paths
  say "not published, with the changelogs as before: $(names $left)" >&2
  [ "$code" -ne 0 ] || code=1
fi
# From here on nothing is put back: the registry has it.
trap - EXIT
count() {
  [ $# -eq 1 ] && echo "1 image" || echo "$# images"
}
# shellcheck disable=SC2086 # a list of paths
commit() {
  git add -- $kept &&
    git commit --quiet --message "Weekly rebuild of $(count $kept)" --message "$published_names"
}
published_names=
if [ -n "$kept" ]; then
  # shellcheck disable=SC2086 # a list of paths
  published_names=$(names $kept)
  commit ||
    give_up "published, and not committed: $published_names; their changelogs are changed here: git add, git commit, git push"
fi
IFS=$blanks

push() {
  for pause in 1 2 4 0; do
    said=$(git push --quiet 2>&1) && return
    [ "$pause" -gt 0 ] || break
    # Somebody else was faster: what they changed comes first. Or the way there is cut for a moment.
    sleep "$pause"
    said=$(pull 2>&1) || break
  done
  printf '%s\n' "$said" >&2
  return 1
}
unpushed=$(git rev-list --count '@{upstream}..HEAD')
if [ "$unpushed" -gt 0 ]; then
  push ||
    give_up "published, and committed here as $(git rev-parse --short HEAD), but it cannot be pushed: git pull --rebase, git push"
  if [ -n "$published_names" ]; then
    say "published and pushed as $(git rev-parse --short HEAD): $published_names"
  else
    say "pushed what was committed here before, as $(git rev-parse --short HEAD)"
  fi
fi
exit "$code"
