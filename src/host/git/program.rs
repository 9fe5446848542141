//! git, as a program: run with a deadline, without a pager, and without taking its locks.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::host::fs::FileError;
use crate::host::{Environment, Output, ProcessError, Program, Stream};

/// git answers at once; a home directory on a network, or a repository that fetches what it lacks, may not.
const DEADLINE: Duration = Duration::from_secs(60);

/// What git finds its settings, itself and its parts by.
const HANDED_ON: [&str; 14] = [
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CEILING_DIRECTORIES",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    "GIT_NAMESPACE",
    "GIT_EXEC_PATH",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "SSH_AUTH_SOCK",
];

/// What people set for their own eyes, or to save time, and what would change the answers: a monitor of files that stays
/// behind, signatures between the lines, a first commit without files.
const SETTINGS: [&str; 7] = [
    "color.ui=false",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "diff.relative=false",
    "log.follow=false",
    "log.showRoot=true",
    "log.showSignature=false",
];

/// What names files of a repository: git runs in another directory than this program.
const PATHS: [&str; 6] = [
    "GIT_DIR",
    "GIT_COMMON_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
];

/// Why git gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// git ran and refused.
    #[error("{}", words_of(words))]
    Refused {
        /// Its own words.
        words: Vec<String>,
    },
    /// git could not run, or did not come to its end.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A file of the repository cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no room for what it gives, or it cannot be read again.
    #[error("cannot keep what git gives in a temporary file")]
    Scratch(#[from] io::Error),
}

impl GitError {
    fn of(error: ProcessError, words: Vec<String>) -> Self {
        match error {
            ProcessError::Exit { .. } => Self::Refused { words },
            error => error.into(),
        }
    }
}

fn words_of(words: &[String]) -> String {
    let words = words.iter().map(|line| line.trim());
    let words: Vec<&str> = words.filter(|line| !line.is_empty()).collect();
    match words.as_slice() {
        [] => "git says nothing".to_owned(),
        words => words.join(" "),
    }
}

/// git in a directory.
#[derive(Clone, Debug)]
pub struct Git<'a> {
    environment: &'a Environment,
    directory: &'a Path,
    cancelled: CancellationToken,
}

impl<'a> Git<'a> {
    /// Names the directory, which has to be there, and what ends git early.
    #[must_use]
    pub fn new(
        environment: &'a Environment,
        directory: &'a Path,
        cancelled: &CancellationToken,
    ) -> Self {
        let cancelled = cancelled.clone();
        Self {
            environment,
            directory,
            cancelled,
        }
    }

    pub(super) fn directory(&self) -> &'a Path {
        self.directory
    }

    /// Runs git and gives what it writes, as bytes.
    pub async fn ask<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Vec<u8>, GitError> {
        let mut bytes = Vec::new();
        self.stream(arguments, Vec::new())
            .await?
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Runs git with an input and gives what it writes as a file without a name, at its beginning.
    pub async fn stream<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: Vec<u8>,
    ) -> Result<File, GitError> {
        let mut file = tempfile::tempfile()?;
        let git = self.program(arguments);
        let git = git.input(input).output(Output::File(file.try_clone()?));
        let mut words = Vec::new();
        let ended = git
            .run(&self.cancelled, |_, line| words.push(line.to_owned()))
            .await;
        match ended {
            Ok(()) => {
                file.rewind()?;
                Ok(file)
            }
            Err(error) => Err(GitError::of(error, words)),
        }
    }

    /// Runs git and hands over each line that it writes, until one is enough.
    pub(super) async fn read_lines(
        &self,
        git: Program,
        mut on_line: impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<(), GitError> {
        let enough = self.cancelled.child_token();
        let mut is_over = false;
        let mut words = Vec::new();
        let ended = git
            .output(Output::Separate)
            .run(&enough, |stream, line| match stream {
                Stream::Output if is_over => {}
                Stream::Output => {
                    if on_line(line).is_break() {
                        is_over = true;
                        enough.cancel();
                    }
                }
                Stream::Error => words.push(line.to_owned()),
            })
            .await;
        match ended {
            Err(error) if !is_over => Err(GitError::of(error, words)),
            _ => Ok(()),
        }
    }

    /// Gives git as it is always run: where, with which variables, and for how long.
    pub(super) fn program<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Program {
        let git = Program::new("git")
            .arguments(["--no-pager"])
            .arguments(SETTINGS.into_iter().flat_map(|setting| ["-c", setting]))
            .arguments(arguments)
            .directory(self.directory)
            .variable("GIT_OPTIONAL_LOCKS", "0")
            .variable("GIT_TERMINAL_PROMPT", "0")
            .deadline(DEADLINE);
        let variables = variables(self.environment).into_iter();
        variables.fold(git, |git, (name, value)| git.variable(name, value))
    }
}

/// Gives git's variables, with whole paths: it is run in another directory.
fn variables(environment: &Environment) -> Vec<(String, String)> {
    let find = |name: &str| Some((name.to_owned(), environment.find(name)?));
    let mut variables: Vec<_> = HANDED_ON.into_iter().filter_map(find).collect();
    for (name, text) in PATHS.into_iter().filter_map(find) {
        let paths = text.split(':').map(whole);
        let paths: Vec<String> = paths.map(|path| path.display().to_string()).collect();
        variables.push((name, paths.join(":")));
    }
    let is_set = |wanted: &str| environment.find(wanted).is_some();
    if is_set("GIT_DIR") && !is_set("GIT_WORK_TREE") {
        // As in a hook: the files are where this program runs.
        let here = whole(".").display().to_string();
        variables.push(("GIT_WORK_TREE".to_owned(), here));
    }
    let count = environment.find("GIT_CONFIG_COUNT");
    let count = count.and_then(|count| count.parse::<usize>().ok());
    if let Some(count) = count {
        variables.push(("GIT_CONFIG_COUNT".to_owned(), count.to_string()));
        for index in 0..count {
            let names = ["KEY", "VALUE"].map(|part| format!("GIT_CONFIG_{part}_{index}"));
            // A value may be empty, and has to be set all the same.
            variables.extend(names.map(|name| {
                let value = environment.find(&name).unwrap_or_default();
                (name, value)
            }));
        }
    }
    variables
}

fn whole(path: &str) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::git::samples::environment;

    #[tokio::test]
    async fn bytes_come_as_they_are_and_refusals_in_gits_own_words() {
        let directory = tempfile::tempdir().unwrap();
        let (environment, never) = (environment(), CancellationToken::new());
        let git = Git::new(&environment, directory.path(), &never);
        let name = git.ask(["config", "--get", "-z", "user.name"]).await;
        assert_eq!(name.unwrap(), b"Ann\0");
        let mut hash = String::new();
        git.stream(["hash-object", "--stdin"], b"x\n".to_vec())
            .await
            .unwrap()
            .read_to_string(&mut hash)
            .unwrap();
        assert_eq!(hash, "587be6b4c3f93f93c489c0111bba5596147a26cb\n");
        let error = git
            .ask(["rev-parse", "HEAD"])
            .await
            .expect_err("no repository");
        let words = error.to_string();
        assert!(words.starts_with("fatal: not a git repository"), "{words}");
    }

    #[tokio::test]
    async fn a_machine_without_git_says_so() {
        let environment = Environment::from([("PATH", "/nowhere")]);
        let git = Git::new(&environment, Path::new("/"), &CancellationToken::new());
        match git.ask(["--version"]).await {
            Err(GitError::Process(ProcessError::NotFound { program })) => {
                assert_eq!(program, "git");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn paths_are_whole_because_git_runs_elsewhere() {
        let environment =
            Environment::from([("GIT_DIR", ".git"), ("GIT_OBJECT_DIRECTORY", "/o:p")]);
        let variables = variables(&environment);
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str())
        };
        let git = whole(".git").display().to_string();
        assert_eq!(find("GIT_DIR"), Some(git.as_str()));
        let work = whole(".").display().to_string();
        assert_eq!(find("GIT_WORK_TREE"), Some(work.as_str()));
        let objects = format!("/o:{}", whole("p").display());
        assert_eq!(find("GIT_OBJECT_DIRECTORY"), Some(objects.as_str()));
    }
}
