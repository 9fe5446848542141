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
    let mut commit = String::new();
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut is_over = false;
    let arguments = [
        "log",
        "--first-parent",
        "--diff-merges=first-parent",
        "--name-only",
        "--no-renames",
        "--format=%x01%H",
    ];
    ask(git, &arguments, directories, |line| {
        if let Some(next) = line.strip_prefix(COMMIT) {
            let files = std::mem::take(&mut paths);
            let going = on_commit(&commit, &files);
            next.clone_into(&mut commit);
            is_over = going.is_break();
            return going;
        }
        if !line.is_empty() {
            paths.push(path_of(line));
        }
        ControlFlow::Continue(())
    })
    .await?;
    if !is_over {
        // The one that ends the walk or goes on from the last commit does not matter any more.
        let _ = on_commit(&commit, &paths);
    }
    Ok(())
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
    let (mut commit, mut path) = (String::new(), PathBuf::new());
    let mut is_heading = false;
    ask(git, &arguments, files, |line| {
        if let Some(next) = line.strip_prefix(COMMIT) {
            next.clone_into(&mut commit);
        } else if let Some(name) = line.strip_prefix("+++ ").filter(|_| is_heading) {
            path = path_of(name.trim_end_matches('\t'));
        } else if let Some(text) = line.strip_prefix('+') {
            on_line(&commit, &path, text);
        }
        is_heading = line.starts_with("--- ");
        ControlFlow::Continue(())
    })
    .await
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
fn path_of(text: &str) -> PathBuf {
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
    use crate::host::Environment;
    use crate::host::fs::write_atomically;

    fn environment() -> Environment {
        let path = Environment::of_process().find("PATH").unwrap_or_default();
        Environment::from([
            ("PATH", path.as_str()),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_COUNT", "3"),
            ("GIT_CONFIG_KEY_0", "user.name"),
            ("GIT_CONFIG_VALUE_0", "Ann"),
            ("GIT_CONFIG_KEY_1", "user.email"),
            ("GIT_CONFIG_VALUE_1", "ann@example.org"),
            ("GIT_CONFIG_KEY_2", "color.ui"),
            ("GIT_CONFIG_VALUE_2", "always"),
        ])
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
