//! What goes wrong at a repository of APK packages.

use super::super::error::FetchError;
use super::super::location::LocationError;
use crate::apk::{IndexError, Key, KeyError, LockError, LockMismatch, PackageError, TrustError};

/// Why a key, an index or a package cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ApkError {
    /// Its address is none.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// It could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A key is none.
    #[error("{place} cannot be used: {source}")]
    Key {
        /// Where it lies.
        place: String,
        /// Why.
        source: KeyError,
    },
    /// A key is no text.
    #[error("{0} cannot be used: a key is a text, and it is none")]
    KeyText(String),
    /// Two keys have one name, so that a signature would not say which of them it is of.
    #[error("there are two keys `{0}`, which are not the same")]
    TwoKeys(String),
    /// A lock does not say what a package is.
    #[error("the lock cannot be used: {0}")]
    Lock(#[from] LockError),
    /// Only unknown keys signed it.
    #[error("{place} is signed by `{}`, {}", keys.join("`, `"), show_known(known))]
    Unknown {
        /// Where it lies.
        place: String,
        /// The names of the keys that signed it.
        keys: Vec<String>,
        /// The names of the keys that are known.
        known: Vec<String>,
    },
    /// An index is not trusted, or cannot be read.
    #[error("{place} cannot be used: {source}")]
    Index {
        /// Where it lies.
        place: String,
        /// Why.
        source: IndexError,
    },
    /// A package is not the one that was asked for, or cannot be read.
    #[error("{place} cannot be used: {source}")]
    Package {
        /// Where it lies.
        place: String,
        /// Why.
        source: Box<PackageError>,
    },
    /// A package is not the one that a lock pins.
    #[error("{place} cannot be used: {source}")]
    Locked {
        /// Where it lies.
        place: String,
        /// What is another.
        source: Box<LockMismatch>,
    },
}

fn show_known(known: &[String]) -> String {
    match known {
        [] => "and no key is known: name it in `contents.keyring`".to_owned(),
        known => format!("which is none of the known keys `{}`", known.join("`, `")),
    }
}

impl ApkError {
    pub(super) fn of_index(place: String, source: IndexError, keys: &[Key]) -> Self {
        match source {
            IndexError::Trust(TrustError::Unknown { keys: of }) => unknown(place, of, keys),
            source => Self::Index { place, source },
        }
    }

    pub(super) fn of_package(place: String, source: PackageError, keys: &[Key]) -> Self {
        match source {
            PackageError::Trust(TrustError::Unknown { keys: of }) => unknown(place, of, keys),
            source => Self::Package {
                place,
                source: Box::new(source),
            },
        }
    }
}

fn unknown(place: String, keys: Vec<String>, known: &[Key]) -> ApkError {
    let known = known.iter().map(|key| key.file_name().to_owned()).collect();
    ApkError::Unknown { place, keys, known }
}
