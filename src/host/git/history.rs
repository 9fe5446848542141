//! Which files of directories changed, and when. One process for each question, however many directories.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::parents::find_with_parents;
use super::{Git, GitError};
use crate::host::fs::find_text;

/// The name of a commit stands behind it; no path and no line of a patch begins so.
const COMMIT: char = '\u{1}';

/// Finds the top of the work tree that a directory is in.
#[must_use]
pub fn find_work_tree(directory: &Path) -> Option<PathBuf> {
    let real = directory.canonicalize().ok()?;
    let top = real.ancestors().find(|path| path.join(".git").exists());
    top.map(Path::to_owned)
}

/// A file that is not as the last commit has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncommitted {
    /// The file, from the top of the work tree.
    pub path: PathBuf,
    /// Whether the last commit does not have it at all.
    pub is_new: bool,
}

/// Lists the files below some directories that differ from the last commit, or that it does not have; what is ignored is
/// not among them.
pub async fn find_uncommitted(
    git: &Git<'_>,
    directories: &[PathBuf],
) -> Result<Vec<Uncommitted>, GitError> {
    let mut paths = Vec::new();
    let arguments = [
        "status",
        "--porcelain",
        "--no-renames",
        "--untracked-files=all",
    ];
    ask(git, &arguments, directories, |line| {
        paths.extend(line.get(3..).map(|path| Uncommitted {
            path: path_of(path),
            is_new: line.starts_with(['?', 'A']),
        }));
        ControlFlow::Continue(())
    })
    .await?;
    Ok(paths)
}

/// Walks through the commits that touch some directories, newest first, a merge as one; `on_commit` gets the name and the
/// files of each and says whether to go on.
pub async fn walk_commits(
    git: &Git<'_>,
    directories: &[PathBuf],
    mut on_commit: impl FnMut(&str, &[PathBuf]) -> ControlFlow<()>,
) -> Result<(), GitError> {
    let mut commits = Commits::default();
    let arguments = [
        "log",
        "--first-parent",
        "--diff-merges=first-parent",
        "--name-only",
        "--no-renames",
        "--format=%x01%H",
    ];
    ask(git, &arguments, directories, |line| {
        commits.take(line, &mut on_commit)
    })
    .await?;
    commits.finish(&mut on_commit);
    Ok(())
}

/// Reads commits and the names of their files, a line each.
#[derive(Default)]
pub(in crate::host) struct Commits {
    commit: String,
    paths: Vec<PathBuf>,
    is_over: bool,
}

impl Commits {
    /// Takes a line; the commit before it is told when the next one begins.
    pub(in crate::host) fn take(
        &mut self,
        line: &str,
        on_commit: &mut impl FnMut(&str, &[PathBuf]) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if let Some(next) = line.strip_prefix(COMMIT) {
            let files = std::mem::take(&mut self.paths);
            let going = on_commit(&self.commit, &files);
            next.clone_into(&mut self.commit);
            self.is_over = going.is_break();
            return going;
        }
        if !line.is_empty() {
            self.paths.push(path_of(line));
        }
        ControlFlow::Continue(())
    }

    /// Tells the last commit.
    pub(in crate::host) fn finish(
        self,
        on_commit: &mut impl FnMut(&str, &[PathBuf]) -> ControlFlow<()>,
    ) {
        if !self.is_over {
            // Whether to go on behind the last commit does not matter any more.
            let _ = on_commit(&self.commit, &self.paths);
        }
    }
}

/// Finds the commits at which the history of a shallow clone is cut off: all of their files look new.
pub async fn find_cut_commits(git: &Git<'_>) -> Result<HashSet<String>, GitError> {
    let path = git.ask(["rev-parse", "--git-path", "shallow"]).await?;
    let path = String::from_utf8_lossy(&path);
    let path = git.directory().join(path.trim_end_matches('\n'));
    // A clone with all of the history has no such file.
    match find_text(&path)? {
        None => Ok(HashSet::new()),
        // The first commit of all may be in it, and nothing is cut off there.
        Some(text) => find_with_parents(git, text).await,
    }
}

/// What commits, or what is not committed, added to files that were there before.
#[derive(Clone, Copy, Debug)]
pub enum Added<'a> {
    /// These commits, a merge as one.
    By(&'a [String]),
    /// What is not committed.
    Uncommitted,
}

/// Finds the lines that were added to files; `on_line` gets the name of the commit, the file and the line.
pub async fn find_added_lines(
    git: &Git<'_>,
    added: Added<'_>,
    files: &[PathBuf],
    mut on_line: impl FnMut(&str, &Path, &str),
) -> Result<(), GitError> {
    const FORM: [&str; 9] = [
        "--patch",
        "--text",
        "--no-ext-diff",
        "--no-textconv",
        "--unified=0",
        "--no-renames",
        "--diff-filter=M",
        "--src-prefix=",
        "--dst-prefix=",
    ];
    let mut arguments = match added {
        Added::By(_) => vec![
            "log",
            "--no-walk=unsorted",
            "--format=%x01%H",
            "--diff-merges=first-parent",
        ],
        Added::Uncommitted => vec!["diff", "HEAD"],
    };
    arguments.extend(FORM);
    if let Added::By(commits) = added {
        arguments.extend(commits.iter().map(String::as_str));
    }
    let mut lines = AddedLines::default();
    ask(git, &arguments, files, |line| {
        lines.take(line, &mut on_line);
        ControlFlow::Continue(())
    })
    .await
}

/// Reads patches without context, a line each.
#[derive(Default)]
pub(in crate::host) struct AddedLines {
    commit: String,
    path: PathBuf,
    /// How many lines of a hunk are still to come: there, `+++ ` and `--- ` begin no file.
    left: u64,
}

impl AddedLines {
    /// Takes a line, and tells it where it was added.
    pub(in crate::host) fn take(
        &mut self,
        line: &str,
        on_line: &mut impl FnMut(&str, &Path, &str),
    ) {
        if let Some(next) = line.strip_prefix(COMMIT) {
            next.clone_into(&mut self.commit);
            self.left = 0;
        } else if self.left == 0
            && let Some(name) = line.strip_prefix("+++ ")
        {
            self.path = path_of(name.trim_end_matches('\t'));
        } else if self.left == 0
            && let Some(hunk) = line.strip_prefix("@@ ")
        {
            self.left = count_lines(hunk);
        } else if let Some(text) = line.strip_prefix('+') {
            self.left = self.left.saturating_sub(1);
            on_line(&self.commit, &self.path, text);
        } else if line.starts_with('-') {
            self.left = self.left.saturating_sub(1);
        }
    }
}

/// Counts the lines of a hunk: three for `-4 +4,2 @@`, since a single one is not counted there.
fn count_lines(hunk: &str) -> u64 {
    let sides = hunk
        .split(' ')
        .take_while(|side| side.starts_with(['-', '+']));
    let counts = sides.map(|side| match side.split_once(',') {
        Some((_, count)) => count.parse::<u64>().unwrap_or_default(),
        None => 1,
    });
    counts.fold(0, u64::saturating_add)
}

async fn ask(
    git: &Git<'_>,
    arguments: &[&str],
    directories: &[PathBuf],
    on_line: impl FnMut(&str) -> ControlFlow<()>,
) -> Result<(), GitError> {
    let program = git
        .program(["--literal-pathspecs"])
        .arguments(arguments)
        .arguments(["--"])
        .arguments(directories);
    git.read_lines(program, on_line).await
}

/// Reads a path as git writes it; one with strange characters stands in quotes, and only C's most common escapes are read.
pub(in crate::host) fn path_of(text: &str) -> PathBuf {
    let Some(quoted) = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    else {
        return text.into();
    };
    let mut path = String::new();
    let mut characters = quoted.chars();
    while let Some(c) = characters.next() {
        match (c, characters.clone().next()) {
            ('\\', Some(escaped)) => {
                path.push(match escaped {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                });
                characters.next();
            }
            (c, _) => path.push(c),
        }
    }
    path.into()
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::host::fs::write_atomically;
    use crate::host::git::samples::environment;

    #[test]
    fn lines_that_look_like_headings_are_lines() {
        let patch = "\u{1}3f5c\n--- a b\t\n+++ a b\t\n@@ -1,2 +1,2 @@ x\n--- old\n-more\n+++ new\n++two\n\
            --- c\n+++ c\n@@ -0,0 +1 @@\n+three\n@@ -4 +5 @@\n-x\n\\ No newline at end of file\n+y\n";
        let (mut added, mut found) = (AddedLines::default(), Vec::new());
        for line in patch.lines() {
            added.take(line, &mut |commit: &str, path: &Path, text: &str| {
                assert_eq!(commit, "3f5c");
                found.push(format!("{}: {text}", path.display()));
            });
        }
        assert_eq!(found, ["a b: ++ new", "a b: +two", "c: three", "c: y"]);
    }

    #[tokio::test]
    async fn no_part_of_a_long_line_is_taken_for_a_heading() {
        let top = tempfile::tempdir().unwrap();
        let (environment, never) = (environment(), CancellationToken::new());
        let git = Git::new(&environment, top.path(), &never);
        git.ask(["init", "--quiet"]).await.unwrap();
        let file = top.path().join("a");
        // Each part of 16 KiB would begin with what means something in a patch.
        let long = "-@@ +++ ".repeat(2048 * 3 + 1);
        for text in ["one\n".to_owned(), format!("one\n{long}\n+++ two\nthree\n")] {
            write_atomically(&file, text.as_bytes()).unwrap();
            git.ask(["add", "--all"]).await.unwrap();
            git.ask(["commit", "--quiet", "--message=x"]).await.unwrap();
        }
        let head = git.ask(["rev-parse", "HEAD"]).await.unwrap();
        let head = [String::from_utf8(head).unwrap().trim().to_owned()];
        let mut lines = Vec::new();
        let files = [PathBuf::from("a")];
        find_added_lines(&git, Added::By(&head), &files, |commit, path, line| {
            assert_eq!((commit, path), (head[0].as_str(), Path::new("a")));
            lines.push(line.to_owned());
        })
        .await
        .unwrap();
        assert!(long.starts_with(&lines[0]), "{}", lines[0].len());
        assert_eq!(lines[1..], ["+++ two", "three"]);
    }

    #[tokio::test]
    async fn a_walk_ends_where_it_is_told_to_and_added_lines_have_no_colour() {
        let top = tempfile::tempdir().unwrap();
        let (environment, never) = (environment(), CancellationToken::new());
        let git = Git::new(&environment, top.path(), &never);
        git.ask(["init", "--quiet"]).await.unwrap();
        let files = [PathBuf::from("a b")];
        for text in ["one\n", "one\ntwo\n", "one\ntwo\nthree\n"] {
            write_atomically(&top.path().join("a b"), text.as_bytes()).unwrap();
            git.ask(["add", "--all"]).await.unwrap();
            git.ask(["commit", "--quiet", "--message=x"]).await.unwrap();
        }
        let mut commits = Vec::new();
        walk_commits(&git, &files, |commit, paths| {
            if !commit.is_empty() {
                assert_eq!(paths, files);
                commits.push(commit.to_owned());
            }
            if commits.len() == 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .await
        .unwrap();
        assert_eq!(commits.len(), 2);
        let mut lines = Vec::new();
        find_added_lines(&git, Added::By(&commits), &files, |commit, path, line| {
            assert_eq!(path, files[0]);
            lines.push((commit.to_owned(), line.to_owned()));
        })
        .await
        .unwrap();
        let expected = commits.into_iter().zip(["three", "two"].map(str::to_owned));
        assert_eq!(lines, expected.collect::<Vec<_>>());
    }
}
