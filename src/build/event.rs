//! What happens while a plan runs, told as values: the display and the logs follow from them.

use std::path::PathBuf;
use std::time::Duration;

use crate::ledger::Due;
use crate::oci::{Digest, Reference};
use crate::settings::Mask;

/// What is being done to an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The packages of a declared image are chosen.
    Resolve,
    /// An outside base image is refreshed from its registry.
    Pull,
    /// The engine builds the recipe, or a base is made from packages.
    Build,
    /// The image's tests run.
    Verify,
    /// Version and `latest` go to the registry.
    Publish,
}

/// Whose fault a failure is: it decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The recipe's, the test's, or the registry's refusal.
    Work,
    /// The machine's: engine, mirror, a program or the space that is missing.
    Environment,
}

/// How the work on one image ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The phase is done.
    Done,
    /// The registry confirmed the digest.
    Published(Digest),
    /// The phase failed; the lines are the last ones of the log.
    Failed {
        /// Whose fault it is.
        fault: Fault,
        /// What went wrong, on one line.
        cause: String,
        /// The last lines that the engine, the test or the registry gave.
        last_lines: Vec<String>,
        /// The whole log, where one was written.
        log: Option<PathBuf>,
    },
    /// Nothing was tried: it failed several times in a row with the same inputs.
    Waiting {
        /// How many times.
        failures: u32,
        /// When its next try is due.
        until: Due,
        /// The log of the last one, where it is still there.
        log: Option<PathBuf>,
    },
    /// Nothing was tried, because of an image that it needs.
    Blocked {
        /// The image whose failure is the reason.
        by: Reference,
    },
    /// Nothing was tried, because another image failed and no more was to begin then.
    NotBegun,
    /// The run was interrupted before or while it was done.
    Interrupted,
}

/// One thing that happened to one image; `image` is its label, as the user knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A phase began.
    Started {
        /// The image.
        image: Reference,
        /// What is being done.
        phase: Phase,
    },
    /// A phase reached its next step.
    Step {
        /// The image.
        image: Reference,
        /// The step as the engine names it: `[2/5] RUN apt-get update …`.
        name: String,
    },
    /// The running step printed a line.
    Line {
        /// The image.
        image: Reference,
        /// The line, without its end and without control characters.
        text: String,
    },
    /// A try failed with something that may pass; the phase goes on with another one.
    Again {
        /// The image.
        image: Reference,
        /// How long the next try waits.
        wait: Duration,
        /// Which one that is, and of how many at most.
        next: (usize, usize),
        /// What may pass, on one line.
        cause: String,
    },
    /// A phase ended, or, when it never began, was given up.
    Finished {
        /// The image.
        image: Reference,
        /// What was being done.
        phase: Phase,
        /// How it ended.
        outcome: Outcome,
        /// How long the phase took.
        took: Duration,
    },
}

impl Outcome {
    /// Hides secrets in what somebody else may have printed.
    #[must_use]
    pub fn hiding(self, mask: &Mask) -> Self {
        let hidden = |text: String| mask.hide(&text).into_owned();
        match self {
            Self::Failed {
                fault,
                cause,
                last_lines,
                log,
            } => Self::Failed {
                fault,
                cause: hidden(cause),
                last_lines: last_lines.into_iter().map(hidden).collect(),
                log,
            },
            other => other,
        }
    }
}

impl Event {
    /// Hides secrets in what somebody else may have printed.
    #[must_use]
    pub fn hiding(self, mask: &Mask) -> Self {
        let hidden = |text: String| mask.hide(&text).into_owned();
        match self {
            Self::Line { image, text } => Self::Line {
                image,
                text: hidden(text),
            },
            Self::Step { image, name } => Self::Step {
                image,
                name: hidden(name),
            },
            Self::Finished {
                image,
                phase,
                outcome,
                took,
            } => Self::Finished {
                image,
                phase,
                outcome: outcome.hiding(mask),
                took,
            },
            Self::Again {
                image,
                wait,
                next,
                cause,
            } => Self::Again {
                image,
                wait,
                next,
                cause: hidden(cause),
            },
            started @ Self::Started { .. } => started,
        }
    }
}
