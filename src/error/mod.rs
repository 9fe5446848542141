//! What went wrong, as the user reads it: kinds with their exit codes, and diagnostics with place and hint.

mod changing;
mod diagnose;
mod exporting;
mod locking;
mod missing;
mod secrets;
mod warnings;

pub use diagnose::{closest_names, diagnose};
pub(crate) use secrets::doubt_secrets;
pub use warnings::diagnose_warnings;

use crate::place::Place;
use crate::registry::ClientError;
use crate::render::Excerpt;

/// The kinds of failure, and with them the exit code (documented in docs/exit-codes.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Findings, asked for as such.
    Findings,
    /// Wrong usage of the command line.
    Usage,
    /// The environment: engine, registry, mirror, disk.
    Environment,
    /// The work failed: a build, a test, a push, or a file of the user's is wrong.
    Work,
    /// A defect of this program.
    Defect,
}

impl Kind {
    /// Gives the exit code of the process.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Work => 1,
            Self::Usage => 2,
            Self::Findings => 3,
            Self::Environment => 4,
            Self::Defect => 70,
        }
    }
}

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The command cannot do what was asked.
    Error,
    /// The command goes on; the user should know.
    Warning,
}

/// One problem, ready to be printed:
///
/// ```text
/// error: image `nodejs20-devel` needs `nodejs20`, which no directory provides
///   --> images/nodejs20-devel/control:4
/// hint: the closest names are `nodejs20-slim`, `nodejs22-slim`
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// What is wrong, on one line without a full stop.
    pub message: String,
    /// Why, from the outer cause to the innermost, each on one line.
    pub causes: Vec<String>,
    /// Where, most important first.
    pub places: Vec<Place>,
    /// The line at the first place, where it says more than its number.
    pub excerpt: Option<Excerpt>,
    /// What can be done about it.
    pub hints: Vec<String>,
}

impl Diagnostic {
    /// Says what is wrong, and nothing more yet.
    #[must_use]
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self {
            severity,
            message: message.into(),
            causes: Vec::new(),
            places: Vec::new(),
            excerpt: None,
            hints: Vec::new(),
        }
    }

    /// Says what can be done about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// The data that a command gives could not be written: the disk is full, or the stream is broken.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout")]
pub struct PrintError(#[from] pub(crate) std::io::Error);

/// The settings name certificates to trust that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`ca_bundle` names no file of certificates that can be used")]
pub struct BundleError {
    /// Where they name it.
    pub place: Place,
    /// Why.
    pub source: ClientError,
}

/// The command line asks for something that cannot be.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct UsageError {
    /// What is wrong, on one line.
    pub message: String,
    /// What can be done about it.
    pub hints: Vec<String>,
}
