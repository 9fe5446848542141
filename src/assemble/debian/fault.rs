//! Why packages could not be made an image.

use super::super::filling::FillError;
use super::agreeing::Disagreement;
use crate::debian::{DebError, RelationError, ResolveError};
use crate::host::ScratchError;
use crate::mirror::{FetchError, FetchFault, MirrorError};
use crate::rootfs::RootPath;

/// Why packages could not be made an image.
#[derive(Debug, thiserror::Error)]
pub enum DebianFault {
    /// The indexes could not be had.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// Requests cannot be read.
    #[error("{}", join(.0))]
    Requests(Vec<RequestFault>),
    /// The packages do not go together.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// Files could not be fetched.
    #[error("{}", join(.0))]
    Fetch(Vec<FetchError>),
    /// Files that a lock names cannot be had.
    #[error("{}", join(faults.iter().map(ToString::to_string).chain(others.iter().map(ToString::to_string))))]
    Pinned {
        /// What is of a package.
        faults: Vec<PinFault>,
        /// What is of none of them.
        others: Vec<FetchError>,
    },
    /// A lock is for another architecture.
    #[error(
        "the lock is for {locked}, and not for the architecture {own}: make it again with `pkg lock`, on a machine of that \
         architecture where `archs` names none"
    )]
    Architecture {
        /// That of the lock.
        locked: String,
        /// That of the image.
        own: String,
    },
    /// One of several architectures.
    #[error("for {architecture}: {fault}")]
    Of {
        /// The architecture.
        architecture: String,
        /// Why.
        fault: Box<DebianFault>,
    },
    /// The architectures of an image would not have the same of what it asks for.
    #[error("{}", join(.0))]
    Disagreement(Vec<Disagreement>),
    /// A file is no package.
    #[error("the package `{package}` cannot be used: {source}")]
    Deb {
        /// The package.
        package: String,
        /// Why.
        source: DebError,
    },
    /// What is decompressed cannot be kept.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// Packages have scripts that would have to run.
    #[error(
        "{}: no script is run here; leave {} out, or name {} in `contents.without-scripts` where the image needs nothing of what \
         the scripts do, or take `bootstrap: mmdebstrap`", list_scripts(.0), them(.0), them(.0)
    )]
    Scripts(Vec<(String, String)>),
    /// Two packages have the same file.
    #[error("`{one}` and `{other}` both have {path}")]
    SameFile {
        /// The path.
        path: RootPath,
        /// The one that was first.
        one: String,
        /// The other one.
        other: String,
    },
    /// A name is none of a line.
    #[error("`{package}` has a name with a line feed, which dpkg cannot list: {:?}", path.to_string())]
    LineFeed {
        /// The package.
        package: String,
        /// The path.
        path: RootPath,
    },
    /// A package cannot be put into the tree.
    #[error("`{package}` cannot be unpacked: {source}")]
    Fill {
        /// The package.
        package: String,
        /// Why.
        source: FillError,
    },
    /// What scripts would have written cannot be written.
    #[error(transparent)]
    StandIn(#[from] FillError),
}

fn join<T: ToString>(faults: impl IntoIterator<Item = T>) -> String {
    let each = faults.into_iter().map(|fault| fault.to_string());
    each.collect::<Vec<_>>().join("; ")
}

fn list_scripts(scripts: &[(String, String)]) -> String {
    let each = scripts
        .iter()
        .map(|(package, script)| format!("`{package}` has a `{script}` that does something"));
    each.collect::<Vec<_>>().join(", ")
}

fn them(scripts: &[(String, String)]) -> &'static str {
    match scripts {
        [_] => "it",
        _ => "them",
    }
}

/// A request that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`contents.packages` cannot hold `{request}`: {source}")]
pub struct RequestFault {
    /// The request.
    pub request: String,
    /// Why.
    pub source: RelationError,
}

/// A file that a lock names and that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("{}", show_pin_fault(self))]
pub struct PinFault {
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Its path below the archive.
    pub path: String,
    /// The archive.
    pub archive: String,
    /// Why; nothing where no address of the archive is known.
    pub source: Option<FetchError>,
}

fn show_pin_fault(fault: &PinFault) -> String {
    let PinFault {
        package,
        version,
        path,
        archive,
        source,
    } = fault;
    match source {
        None => format!(
            "the lock takes `{package}` {version} from `{archive}`, of which no mirror is known: set it in the settings"
        ),
        Some(error) if matches!(error.fault, FetchFault::Absent) => format!(
            "`{package}` {version} is in the lock, and its archive does not have it any more ({path}): `pkg lock` chooses anew; \
             a mirror that keeps old packages has it still"
        ),
        Some(error) => format!("`{package}` {version} of the lock ({path}): {error}"),
    }
}

impl PinFault {
    /// Tells whether the archive answered, and it is the lock that does not go with it.
    #[must_use]
    pub fn is_of_lock(&self) -> bool {
        let fault = self.source.as_ref().map(|error| &error.fault);
        matches!(
            fault,
            Some(
                FetchFault::Absent
                    | FetchFault::Size { .. }
                    | FetchFault::Hash { .. }
                    | FetchFault::TooLarge { .. }
            )
        )
    }
}
