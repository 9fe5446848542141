//! The status command of the settings: run once, it tells the values of stamps.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Environment, Output, ProcessError, Program, Stream};
use crate::place::Place;
use crate::settings::{Mask, StatusCommand};
use crate::stamp::{LARGEST_STATUS, Status, StatusError, parse_status};

/// It asks git and the environment, and has no work to do.
const DEADLINE: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(1);
/// So many of the last lines that it says are told when it fails.
const MOST_WORDS: usize = 5;
/// Characters of each.
const LONGEST_WORD: usize = 200;

/// Why the status command gave no stamps.
#[derive(Debug, thiserror::Error)]
pub enum StatusCommandError {
    /// It could not run, or failed.
    #[error("the status command failed: {source}{}", words_of(words))]
    Failed {
        /// Where the settings name it.
        place: Place,
        /// Why.
        source: ProcessError,
        /// What it said last.
        words: Vec<String>,
    },
    /// It printed something else.
    #[error("what the status command prints is no status: {source}")]
    Line {
        /// Where the settings name it.
        place: Place,
        /// The line, and what is wrong with it.
        source: StatusError,
        /// The line itself.
        text: String,
    },
    /// It printed too much.
    #[error("the status command prints more than {} KiB", LARGEST_STATUS >> 10)]
    TooMuch {
        /// Where the settings name it.
        place: Place,
    },
}

impl StatusCommandError {
    /// Gives the place.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            Self::Failed { place, .. } | Self::Line { place, .. } | Self::TooMuch { place } => {
                place
            }
        }
    }

    /// Gives what can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Failed {
                source: ProcessError::NotFound { .. },
                ..
            } => Some(
                "a name is looked for in PATH, and a path with a `/` from the directory of the settings"
                    .to_owned(),
            ),
            Self::Failed { .. } | Self::TooMuch { .. } => None,
            Self::Line { text, .. } => Some(format!("the line is `{text}`")),
        }
    }
}

fn words_of(words: &[String]) -> String {
    match words {
        [] => String::new(),
        words => format!(": {}", words.join(" / ")),
    }
}

/// Runs the command in the directory of the settings, with the environment as it is, and reads what it prints.
///
/// `mask` hides secrets in what is told of a failure.
pub async fn ask_status(
    command: &StatusCommand,
    (directory, environment, mask): (&Path, &Environment, &Mask),
    cancelled: &CancellationToken,
) -> Result<Status, StatusCommandError> {
    let place = || command.place.clone();
    // Where it runs, a path that is not whole would lead elsewhere.
    let directory = whole(directory);
    let program = Path::new(&command.program);
    let program = if command.program.contains('/') {
        directory.join(program.strip_prefix(".").unwrap_or(program))
    } else {
        program.to_owned()
    };
    let program = Program::new(program)
        .arguments(&command.arguments)
        .directory(directory)
        .output(Output::Separate)
        .hiding(mask)
        .deadline(DEADLINE)
        .grace(GRACE);
    let variables = environment.variables();
    let program = variables.fold(program, |program, (name, value)| {
        program.variable(name, value)
    });
    let enough = cancelled.child_token();
    let (mut text, mut words) = (String::new(), Vec::new());
    let ended = program.run(&enough, |stream, line| match stream {
        Stream::Output if text.len() + line.len() < LARGEST_STATUS => {
            text.push_str(line);
            text.push('\n');
        }
        Stream::Output => enough.cancel(),
        Stream::Error => {
            words.extend(shown(line, mask));
            words.drain(..words.len().saturating_sub(MOST_WORDS));
        }
    });
    match ended.await {
        Err(ProcessError::Cancelled { .. }) if !cancelled.is_cancelled() => {
            return Err(StatusCommandError::TooMuch { place: place() });
        }
        Err(source) => {
            let place = place();
            return Err(StatusCommandError::Failed {
                place,
                source,
                words,
            });
        }
        Ok(()) if enough.is_cancelled() => {
            return Err(StatusCommandError::TooMuch { place: place() });
        }
        Ok(()) => {}
    }
    parse_status(&text).map_err(|source| StatusCommandError::Line {
        place: place(),
        text: text
            .lines()
            .nth(source.line - 1)
            .and_then(|line| shown(line, mask))
            .unwrap_or_default(),
        source,
    })
}

fn whole(directory: &Path) -> PathBuf {
    // That of `config.yaml` is empty.
    let here = Path::new(".");
    let directory = if directory == Path::new("") {
        here
    } else {
        directory
    };
    std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned())
}

/// Gives a line as it is told: short, without secrets and signs for terminals; nothing where it says nothing.
fn shown(line: &str, mask: &Mask) -> Option<String> {
    let hidden = mask.hide(line);
    let line = hidden.trim();
    let plain = line.chars().map(|c| if c.is_control() { ' ' } else { c });
    let short: String = plain.take(LONGEST_WORD).collect();
    (!short.is_empty()).then_some(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(script: &str) -> Result<Status, StatusCommandError> {
        let directory = tempfile::tempdir().unwrap();
        let command = StatusCommand {
            program: "sh".to_owned(),
            arguments: vec!["-c".to_owned(), script.to_owned()],
            place: Place::line(Path::new("config.yaml"), 1),
        };
        let environment = Environment::from([("PATH", "/usr/bin:/bin"), ("CI_JOB", "7")]);
        let mask = Mask::default().with(b"hush-hush-hush");
        let with = (directory.path(), &environment, &mask);
        ask_status(&command, with, &CancellationToken::new()).await
    }

    #[tokio::test]
    async fn a_command_tells_stamps_with_the_variables_that_it_is_given() {
        let status = ask("echo STABLE_JOB $CI_JOB; echo talk >&2; pwd >/dev/null").await;
        assert_eq!(status.unwrap().find("STABLE_JOB"), Some("7"));
    }

    #[track_caller]
    fn told(result: Result<Status, StatusCommandError>, expected: &str) {
        let error = result.expect_err(expected);
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.place().to_string(), "config.yaml:1");
    }

    #[tokio::test]
    async fn a_failure_is_told_with_its_last_words_and_without_secrets() {
        let script = "for i in 1 2 3 4 5 6; do echo $i hush-hush-hush >&2; done; exit 3";
        let words = (2..=6).map(|i| format!("{i} ***")).collect::<Vec<_>>();
        let words = words.join(" / ");
        told(
            ask(script).await,
            &format!("the status command failed: `sh` ended with exit code 3: {words}"),
        );
    }

    #[tokio::test]
    async fn what_is_no_status_is_told_with_its_line() {
        let error = ask("echo A 1; echo 'fatal: hush-hush-hush'").await;
        let error = error.expect_err("no status");
        assert_eq!(error.hint().as_deref(), Some("the line is `fatal: ***`"));
        assert!(error.to_string().contains("line 2: "), "{error}");
        told(
            ask("yes 'A 1'").await,
            "the status command prints more than 64 KiB",
        );
        told(
            ask("yes 'A 1' | head -c 70000").await,
            "the status command prints more than 64 KiB",
        );
    }
}
