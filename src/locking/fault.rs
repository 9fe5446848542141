//! Why a lock cannot be built from, and why one could not be made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::standing::State;
use super::supply::MirrorsFault;
use crate::assemble::{ApkFault, DebianFault};
use crate::catalog::Image;
use crate::lock::Staleness;
use crate::mirror::MirrorError;
use crate::place::Place;

/// A lock that an image cannot be built from.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct LockFault {
    /// What is wrong, with the name of the image.
    pub message: String,
    /// The lock; the declaration where there is none.
    pub place: Place,
    /// What makes a lock that is right.
    pub hint: String,
}

/// What is asked of locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// That there is one for each declaration, as that is now.
    Fresh,
    /// That those that are there can be read.
    Readable,
}

/// Locks that are not as was asked for.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}", .faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct LockFaults {
    /// What was asked for.
    pub demand: Demand,
    /// One for each image.
    pub faults: Vec<LockFault>,
}

impl LockFault {
    /// Tells why the lock of an image cannot be built from; nothing where it can.
    #[must_use]
    pub fn of(image: &Image, path: &Path, state: &State) -> Option<Self> {
        let name = &image.name;
        let (message, place) = match state {
            State::Fresh(_) => return None,
            State::Missing => (
                format!("`{name}` has no lock"),
                Place::file(image.recipe_path()),
            ),
            State::Stale(_, Staleness::Declaration) => (
                format!("the lock of `{name}` was made from another declaration"),
                Place::file(path),
            ),
            State::Stale(_, Staleness::Architecture(lacking)) => (
                format!("the lock of `{name}` has nothing for {lacking}, which `archs` names"),
                Place::file(path),
            ),
            State::Stale(_, Staleness::Keys(keys)) => (
                format!("the lock of `{name}` was made with another `{keys}`"),
                Place::file(path),
            ),
            State::Unreadable(error) => {
                let place = match error.line() {
                    Some(line) => Place::line(path, line),
                    None => Place::file(path),
                };
                (
                    format!("the lock of `{name}` cannot be read: {error}"),
                    place,
                )
            }
        };
        let hint = format!("`pkg lock {} {name}` makes it", image.root.display());
        Some(Self {
            message,
            place,
            hint,
        })
    }
}

/// Why packages could not be chosen for images.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be locked: {fault}", name_all(images))]
pub struct LockingFault {
    /// The images.
    pub images: Vec<String>,
    /// The declarations of them.
    pub declarations: Vec<PathBuf>,
    /// Why.
    #[source]
    pub fault: Cause,
}

/// What stood in the way.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// Nobody knows where the archive is.
    #[error(transparent)]
    Mirrors(#[from] MirrorsFault),
    /// An archive cannot be used.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// The packages do not go together.
    #[error(transparent)]
    Debian(#[from] DebianFault),
    /// Likewise, of APK's.
    #[error(transparent)]
    Apk(#[from] Box<ApkFault>),
}

/// All of them.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct LockingFaults(pub Vec<LockingFault>);

impl LockingFault {
    /// Tells whether it was nothing but the machine, or an archive, that stood in the way.
    #[must_use]
    pub fn is_environments(&self) -> bool {
        match &self.fault {
            Cause::Mirrors(fault) => !matches!(fault, MirrorsFault::Credentials(_)),
            Cause::Mirror(_) => true,
            Cause::Debian(DebianFault::Of { fault, .. }) => is_archives(fault),
            Cause::Debian(fault) => is_archives(fault),
            Cause::Apk(fault) => matches!(**fault, ApkFault::Mirror(_) | ApkFault::Location(_)),
        }
    }
}

fn is_archives(fault: &DebianFault) -> bool {
    matches!(fault, DebianFault::Mirror(_) | DebianFault::Fetch(_))
}

impl LockingFaults {
    /// Tells whether it was nothing but the machine, or the archives, that stood in the way.
    #[must_use]
    pub fn is_environments(&self) -> bool {
        self.0.iter().all(LockingFault::is_environments)
    }

    /// Gives nothing where there are none.
    pub fn check(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

/// Why the lock of one image is still that of something else.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "its lock is out of date and cannot be made anew: {}",
    .0.iter().map(|one| one.fault.to_string()).collect::<Vec<_>>().join("; ")
)]
pub struct RelockFault(Vec<Arc<LockingFault>>);

impl RelockFault {
    /// Tells whether it was nothing but the machine, or the archives, that stood in the way.
    #[must_use]
    pub fn is_environments(&self) -> bool {
        self.0.iter().all(|one| one.is_environments())
    }
}

/// The images whose locks could not be made anew, by their names.
#[derive(Clone, Debug, Default)]
pub struct Unmade(BTreeMap<String, RelockFault>);

impl Unmade {
    /// Gives each image its own faults.
    #[must_use]
    pub fn of(faults: LockingFaults) -> Self {
        let mut all: BTreeMap<String, RelockFault> = BTreeMap::new();
        for fault in faults.0.into_iter().map(Arc::new) {
            for name in &fault.images {
                let own = all.entry(name.clone());
                let own = own.or_insert_with(|| RelockFault(Vec::new()));
                own.0.push(Arc::clone(&fault));
            }
        }
        Self(all)
    }

    /// Finds why an image of this name has no new lock.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&RelockFault> {
        self.0.get(name)
    }
}

fn name_all(images: &[String]) -> String {
    match images {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [one, other] => format!("`{one}` and `{other}`"),
        [one, other, more @ ..] => format!("`{one}`, `{other}` and {} more", more.len()),
    }
}
