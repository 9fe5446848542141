//! The locks of a run as they were when they were looked at: what is built is what was looked at, whoever changes a file meanwhile.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::fault::{LockFault, RelockFault, Unmade};
use super::standing::{Standing, State};
use crate::catalog::ImageId;
use crate::host::fs::{FileError, find_text};
use crate::lock::Lock;
use crate::oci::Digest;
use crate::scan::Loaded;

/// The locks of the images of a run.
#[derive(Debug, Default)]
pub struct Held(BTreeMap<ImageId, HeldLock>);

#[derive(Debug)]
struct HeldLock {
    path: PathBuf,
    /// Of the text that was looked at; nothing where there was none.
    text: Option<Digest>,
    /// What is built; nothing where there is no lock, and packages are chosen when it is.
    lock: Result<Option<Lock>, HeldError>,
}

/// Why an image cannot be built from its lock.
#[derive(Clone, Debug, thiserror::Error)]
pub enum HeldError {
    /// It cannot be followed.
    #[error("{0}: {hint}", hint = .0.hint)]
    Fault(LockFault),
    /// It is out of date, and could not be made anew.
    #[error(transparent)]
    Unmade(RelockFault),
}

/// What a builder finds.
#[derive(Debug)]
pub enum Found<'a> {
    /// The lock that was looked at; nothing where there was none.
    Lock(Option<&'a Lock>),
    /// It cannot be followed.
    Refused(&'a HeldError),
    /// Another one stands there now.
    Changed,
}

impl Held {
    /// Holds locks; of those that could not be made anew it is known why.
    #[must_use]
    pub fn new(loaded: &Loaded, standings: Vec<Standing>, unmade: &Unmade) -> Self {
        let held = standings.into_iter().map(|standing| {
            let name = loaded.catalog.image(standing.image).name.as_str();
            let fault = match (&standing.state, unmade.find(name)) {
                (State::Stale(..), Some(why)) => Some(HeldError::Unmade(why.clone())),
                _ => standing.fault(loaded).map(HeldError::Fault),
            };
            let lock = match (standing.state, fault) {
                (State::Fresh(lock), _) => Ok(Some(lock)),
                (State::Missing, _) | (_, None) => Ok(None),
                (_, Some(fault)) => Err(fault),
            };
            let text = standing.text.map(|text| Digest::of(text.as_bytes()));
            let path = standing.path;
            (standing.image, HeldLock { path, text, lock })
        });
        Self(held.collect())
    }

    /// Finds the lock of an image, which has to be the one that was looked at.
    pub fn find(&self, image: ImageId) -> Result<Found<'_>, FileError> {
        let Some(held) = self.0.get(&image) else {
            return Ok(Found::Lock(None));
        };
        let now = find_text(&held.path)?.map(|text| Digest::of(text.as_bytes()));
        if now != held.text {
            return Ok(Found::Changed);
        }
        Ok(match &held.lock {
            Ok(lock) => Found::Lock(lock.as_ref()),
            Err(error) => Found::Refused(error),
        })
    }

    /// Lists the images whose locks could not be made anew, and why.
    pub fn unmade(&self) -> impl Iterator<Item = (ImageId, &RelockFault)> {
        self.0.iter().filter_map(|(image, held)| match &held.lock {
            Err(HeldError::Unmade(why)) => Some((*image, why)),
            _ => None,
        })
    }
}
