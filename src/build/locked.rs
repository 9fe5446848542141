//! Building what a lock names: the packages of it and no others, without a look at an index.

use super::image::MakeError;
use super::run::Run;
use crate::assemble::{AssembleError, ChosenBy, DebianFault, Locked, find_places, list_origins};
use crate::catalog::ImageId;
use crate::declared::DebianContents;
use crate::lock::{DebianLock, LOCK_FILE, Lock};
use crate::locking::{Found, MirrorsFault, find_known_mirrors};
use crate::mirror::Location;

/// The packages of a lock, and where their files lie.
#[derive(Debug)]
pub(super) struct Pinned {
    lock: DebianLock,
    /// Of each archive, for each architecture of the lock.
    places: Vec<Vec<Vec<Location>>>,
}

impl Pinned {
    /// Gives what an image is made of for an architecture, in Debian's words.
    pub(super) fn locked(&self, architecture: &str) -> Result<Locked<'_>, DebianFault> {
        let mut all = std::iter::zip(&self.lock.contents, &self.places);
        let found = all.find(|(pins, _)| pins.architecture == architecture);
        let (pins, places) = found.ok_or_else(|| DebianFault::Architecture {
            locked: self.lock.architectures().collect::<Vec<_>>().join(", "),
            own: architecture.to_owned(),
        })?;
        Ok(Locked {
            pins,
            places,
            by: ChosenBy::Lock,
        })
    }
}

impl Run<'_> {
    /// Finds the lock of an image; nothing where there is none, and its packages are chosen now. It is the one that was looked at
    /// before the run began, or an error.
    pub(super) fn find_lock(&self, image: ImageId) -> Result<Option<Lock>, MakeError> {
        match self.locks.find(image)? {
            Found::Lock(lock) => Ok(lock.cloned()),
            Found::Refused(error) => Err(error.clone().into()),
            Found::Changed => Err(MakeError::Changed(format!("`{LOCK_FILE}` changed"))),
        }
    }

    /// Finds the packages that the lock of an image of Debian's names.
    pub(super) fn find_pinned(
        &self,
        image: ImageId,
        contents: &DebianContents,
    ) -> Result<Option<Pinned>, MakeError> {
        let described = self.loaded.catalog.image(image);
        let Some(Lock::Debian(lock)) = self.find_lock(image)? else {
            return Ok(None);
        };
        let mirrors = |suite: &str| find_known_mirrors(self.settings, suite);
        let origins = match list_origins(&contents.archive, &described.directory, mirrors) {
            // All of it may be in the store.
            Err(MirrorsFault::Unknown(_)) => Vec::new(),
            listed => listed?,
        };
        let pins = lock.contents.iter();
        let places = pins.map(|pins| find_places(pins, &origins));
        let places = places.collect::<Result<_, _>>();
        let places =
            places.map_err(|error| AssembleError::from(Box::new(DebianFault::from(error))))?;
        let lock = *lock;
        Ok(Some(Pinned { lock, places }))
    }
}
