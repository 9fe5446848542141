//! Questions to git: which repository, which commit, what its tree holds, and what differs from it now.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use super::tree::{Tree, parse_tree};
use crate::host::fs::FileError;
use crate::host::{Environment, Git, GitError};

/// Why a revision cannot be compared with.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// A directory is in no repository that git would read.
    #[error("{} is in no git repository that can be used", directory.display())]
    NoRepository {
        /// The directory.
        directory: PathBuf,
        /// git's own words.
        source: GitError,
    },
    /// The directories do not have one history.
    #[error("{} and {} are in different repositories", first.display(), second.display())]
    TwoRepositories {
        /// A directory.
        first: PathBuf,
        /// A directory elsewhere.
        second: PathBuf,
    },
    /// The text names no commit.
    #[error("`{revision}` is no revision of the repository {}", top.display())]
    Unknown {
        /// The text.
        revision: String,
        /// The top of the repository.
        top: PathBuf,
        /// Whether the repository has only a part of its history.
        is_shallow: bool,
    },
    /// git did not do what it was asked for.
    #[error("git cannot {action}")]
    Git {
        /// What it was asked for.
        action: &'static str,
        /// Why not.
        source: GitError,
    },
    /// git's answer has another form than it should.
    #[error("git's answer cannot be read: {0}")]
    Answer(&'static str),
    /// A file cannot be read, or not be laid out.
    #[error(transparent)]
    File(#[from] FileError),
}

/// How a file differs from the revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It was not there.
    Added,
    /// It is no longer there.
    Removed,
    /// It holds something else, or is something else.
    Changed,
    /// Only who may run it changed.
    Mode,
}

/// A file that differs from the revision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangedFile {
    /// The file, below the top of the repository.
    pub path: PathBuf,
    /// How.
    pub kind: ChangeKind,
    /// Whether its mode changed as well.
    pub(super) has_other_mode: bool,
}

/// A repository with a working tree.
pub(super) struct Repository<'a> {
    environment: &'a Environment,
    cancelled: &'a CancellationToken,
    pub(super) top: PathBuf,
}

impl<'a> Repository<'a> {
    /// Finds the one repository of some directories, which have to be there.
    pub(super) async fn find(
        environment: &'a Environment,
        directories: &[PathBuf],
        cancelled: &'a CancellationToken,
    ) -> Result<Self, RevisionError> {
        let mut found: Option<(PathBuf, &PathBuf)> = None;
        for directory in directories {
            let git = Git::new(environment, directory, cancelled);
            let answer = git.ask(["rev-parse", "--show-toplevel"]).await;
            let answer = answer.map_err(|source| match source {
                GitError::Refused { .. } => RevisionError::NoRepository {
                    directory: directory.clone(),
                    source,
                },
                source => failed("find the repository", source),
            })?;
            let top = path(answer.strip_suffix(b"\n").unwrap_or(&answer));
            let top = real(&top)?;
            match &found {
                Some((known, first)) if *known != top => {
                    return Err(RevisionError::TwoRepositories {
                        first: (*first).clone(),
                        second: directory.clone(),
                    });
                }
                _ => found = Some((top, directory)),
            }
        }
        let (top, _) = found.ok_or(RevisionError::Answer("it names no repository"))?;
        Ok(Self {
            environment,
            cancelled,
            top,
        })
    }

    fn git(&self) -> Git<'_> {
        Git::new(self.environment, &self.top, self.cancelled)
    }

    /// Finds the commit that a text names.
    pub(super) async fn commit(&self, revision: &str) -> Result<String, RevisionError> {
        let action = "find the revision";
        let wanted = format!("{revision}^{{commit}}");
        let question = [
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &wanted,
        ];
        match self.git().ask(question).await {
            Ok(answer) if !revision.is_empty() => {
                Ok(String::from_utf8_lossy(&answer).trim().to_owned())
            }
            Ok(_) | Err(GitError::Refused { .. }) => {
                let answer = self
                    .git()
                    .ask(["rev-parse", "--is-shallow-repository"])
                    .await;
                let answer = answer.map_err(|source| failed(action, source))?;
                Err(RevisionError::Unknown {
                    revision: revision.to_owned(),
                    top: self.top.clone(),
                    is_shallow: answer.starts_with(b"true"),
                })
            }
            Err(source) => Err(failed(action, source)),
        }
    }

    /// Lists all files of a commit.
    pub(super) async fn tree(&self, commit: &str) -> Result<Tree, RevisionError> {
        let question = ["ls-tree", "-r", "-z", "--full-tree", commit];
        let answer = self.git().ask(question).await;
        let answer = answer.map_err(|source| failed("list the files of the revision", source))?;
        parse_tree(&answer).ok_or(RevisionError::Answer("it is no list of files"))
    }

    /// Fetches what files hold: for each, a line `id blob size`, its bytes, and a newline.
    pub(super) async fn contents(&self, ids: &[&str]) -> Result<File, RevisionError> {
        let mut input = ids.join("\n").into_bytes();
        input.push(b'\n');
        let answer = self.git().stream(["cat-file", "--batch"], input).await;
        answer.map_err(|source| failed("read the files of the revision", source))
    }

    /// Finds the files below some directories that differ from the commit now: those that git follows, and those that it
    /// neither follows nor ignores.
    pub(super) async fn changed_files(
        &self,
        commit: &str,
        below: &[PathBuf],
    ) -> Result<Vec<ChangedFile>, RevisionError> {
        let failed = |source| failed("compare the revision with the working tree", source);
        let words = |words: &[&str]| -> Vec<OsString> {
            let words = words.iter().map(OsString::from);
            let is_top = |path: &&PathBuf| path.as_os_str().is_empty();
            // No path would mean all of them, and an empty one means none.
            let paths = below.iter().map(|path| {
                let path = Some(path).filter(|path| !is_top(path));
                path.map_or_else(|| OsString::from("."), |path| path.clone().into())
            });
            let literally = [OsString::from("--literal-pathspecs")];
            literally.into_iter().chain(words).chain(paths).collect()
        };
        let question = words(&[
            "diff",
            "--raw",
            "-z",
            "--no-renames",
            "--no-abbrev",
            "--no-ext-diff",
            commit,
            "--",
        ]);
        let followed = self.git().ask(question).await.map_err(failed)?;
        let question = words(&["ls-files", "-z", "--others", "--exclude-standard", "--"]);
        let others = self.git().ask(question).await.map_err(failed)?;
        let mut changed = parse_changes(&followed)
            .ok_or(RevisionError::Answer("it is no list of changed files"))?;
        for name in others
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
        {
            // A repository in the repository is told with a slash.
            let path = path(name.strip_suffix(b"/").unwrap_or(name));
            match changed.iter_mut().find(|file| file.path == path) {
                // git no longer follows it; it is there all the same.
                Some(file) => file.kind = ChangeKind::Changed,
                None => changed.push(ChangedFile {
                    path,
                    kind: ChangeKind::Added,
                    has_other_mode: false,
                }),
            }
        }
        changed.sort();
        changed.dedup_by(|a, b| a.path == b.path);
        Ok(changed)
    }
}

fn failed(action: &'static str, source: GitError) -> RevisionError {
    RevisionError::Git { action, source }
}

/// Gives the path behind all links.
pub(super) fn real(path: &Path) -> Result<PathBuf, RevisionError> {
    path.canonicalize()
        .map_err(|source| FileError::new("read", path, source).into())
}

pub(super) fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// Reads `:100644 100755 ID ID M`, NUL, the path, NUL.
pub(super) fn parse_changes(bytes: &[u8]) -> Option<Vec<ChangedFile>> {
    let mut parts = bytes
        .split(|byte| *byte == 0)
        .filter(|part| !part.is_empty());
    let mut changed = Vec::new();
    while let Some(facts) = parts.next() {
        let facts = std::str::from_utf8(facts).ok()?.strip_prefix(':')?;
        let [old, new, _, _, kind] = facts.split(' ').collect::<Vec<_>>()[..] else {
            return None;
        };
        let kind = match kind.bytes().next()? {
            b'A' => ChangeKind::Added,
            b'D' => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        };
        changed.push(ChangedFile {
            path: PathBuf::from(OsStr::from_bytes(parts.next()?)),
            kind,
            has_other_mode: kind == ChangeKind::Changed && old != new,
        });
    }
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gits_list_of_changes_is_read() {
        let text = b":100644 100755 1a 00 M\0a b\0:000000 100644 00 2b A\0c\n\0:100644 000000 3c 00 D\0\xff\0";
        let found = parse_changes(text).expect("a list");
        let found: Vec<_> = found
            .iter()
            .map(|file| {
                (
                    file.path.as_os_str().as_bytes(),
                    file.kind,
                    file.has_other_mode,
                )
            })
            .collect();
        let expected: [(&[u8], _, _); 3] = [
            (b"a b", ChangeKind::Changed, true),
            (b"c\n", ChangeKind::Added, false),
            (b"\xff", ChangeKind::Removed, false),
        ];
        assert_eq!(found, expected);
        assert_eq!(parse_changes(b""), Some(Vec::new()));
        for text in [
            &b"100644"[..],
            b":100644 100755 1a 00 M\0",
            b":1 2 3 M\0a\0",
        ] {
            assert_eq!(parse_changes(text), None);
        }
    }
}
