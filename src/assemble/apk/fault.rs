//! Why packages could not be made an image.

use crate::apk::{
    FilesError, InstallError, KeyError, LockError, RequirementError, Skipped, SolveError,
    SolveErrors,
};
use crate::host::ScratchError;
use crate::mirror::{ApkError, LocationError};

/// Why APK packages could not be made an image.
#[derive(Debug, thiserror::Error)]
pub enum ApkFault {
    /// Keys, indexes or packages could not be had, or are not to be trusted.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Mirror(Vec<ApkError>),
    /// An address is none.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// A request cannot be read.
    #[error("`contents.packages` cannot hold it: {source}{}", show_hint(source))]
    Request {
        /// Why.
        source: RequirementError,
    },
    /// The packages do not go together.
    #[error("{}", show_solve(error, skipped))]
    Solve {
        /// Why; all of it is told, so it is no source.
        error: Box<SolveError>,
        /// Packages of the indexes that could not be read, which may be what is missing.
        skipped: Vec<Skipped>,
    },
    /// They do not on all architectures, or would not be the same there.
    #[error("{}", show_all(error, skipped))]
    SolveAll {
        /// Why; all of it is told, so it is no source.
        error: Box<SolveErrors>,
        /// Packages of the indexes that could not be read.
        skipped: Vec<Skipped>,
    },
    /// A lock cannot be used.
    #[error("the lock cannot be used: {0}")]
    Lock(#[from] LockError),
    /// A lock names what the declaration does not: who changed the lock alone may not choose whom the image trusts.
    #[error(
        "the lock cannot be used: {what} {address} is of nothing that `contents` declares; `pkg lock` makes it anew"
    )]
    Undeclared {
        /// What it is.
        what: &'static str,
        /// Where it is.
        address: String,
    },
    /// A key that only the image gets is none.
    #[error("`contents.runtime_keyring` cannot be used: {0}")]
    RuntimeKey(#[from] KeyError),
    /// The image would have two keys of one name.
    #[error(
        "`contents.runtime_keyring` holds `{0}`, which is the name of another key of the image"
    )]
    TwoKeys(String),
    /// What is in a package cannot be used.
    #[error("the package `{id}` cannot be used: {source}")]
    Files {
        /// The package.
        id: String,
        /// Why.
        source: FilesError,
    },
    /// The packages cannot be installed beside each other.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// What is decompressed cannot be kept.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
}

fn show_hint(error: &RequirementError) -> String {
    let hint = error.hint();
    hint.map(|hint| format!(" ({hint})")).unwrap_or_default()
}

/// Of a name with many versions, each was rejected for the same reason.
const MOST_REASONS: usize = 8;

/// Shows what is wrong with what may have been meant, and then why, all on one line.
fn show_solve(error: &SolveError, skipped: &[Skipped]) -> String {
    let whole = error.to_string();
    let mut lines = whole.lines().map(str::trim);
    let mut shown = lines.next().unwrap_or_default().to_owned();
    shown.push_str(&show_near(error));
    for line in lines.by_ref().take(MOST_REASONS) {
        shown.push_str("; ");
        shown.push_str(line);
    }
    let left = lines.count();
    if left > 0 {
        let more = format!("; and {left} more reasons of this kind");
        shown.push_str(&more);
    }
    shown.push_str(&show_skipped(error, skipped));
    shown
}

/// Shows what is wrong on each architecture, or what would differ between them, all on one line.
fn show_all(errors: &SolveErrors, skipped: &[Skipped]) -> String {
    match errors {
        SolveErrors::Each(errors) => {
            let each = errors.iter().map(|(architecture, error)| {
                format!("for {architecture}: {}", show_solve(error, skipped))
            });
            each.collect::<Vec<_>>().join("; ")
        }
        SolveErrors::Differs { .. } => {
            let whole = errors.to_string();
            let lines = whole.lines().map(str::trim).collect::<Vec<_>>();
            format!(
                "{}; `NAME=VERSION` in `contents.packages` takes one that all have",
                lines.join("; ")
            )
        }
    }
}

fn show_near(error: &SolveError) -> String {
    match error.near() {
        [] => String::new(),
        [one] => format!("; the closest name is `{one}`"),
        many => format!("; the closest names are `{}`", many.join("`, `")),
    }
}

/// Packages that cannot be read matter only where something is missing.
fn show_skipped(error: &SolveError, skipped: &[Skipped]) -> String {
    match (&*error.problem, skipped) {
        (crate::apk::Problem::Unknown { .. }, [first, ..]) => format!(
            "; {} of the indexes' packages cannot be read, the first one at line {}: {}",
            skipped.len(),
            first.line,
            first.error
        ),
        _ => String::new(),
    }
}
