//! The locks of both worlds of packages as one.

use serde::Deserialize;
use serde_json::Value;

use super::checksum::join_texts;
use super::debian::DebianLock;
use super::keys::{OwnKeys, list_own_keys, list_signers};
use super::moves::{list_differences, list_moves};
use crate::apk;
use crate::declared::{Architecture, ImageFile, Making};

/// A lock.
#[derive(Clone, Debug, PartialEq)]
pub enum Lock {
    /// Of Debian's packages.
    Debian(Box<DebianLock>),
    /// Of Alpine's or Wolfi's.
    Apk(Box<apk::Lock>),
}

/// Whether a lock is that of a declaration as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is.
    Fresh,
    /// It was made from something else.
    Stale(Staleness),
}

/// What is another one than a lock was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Staleness {
    /// The declaration, or the lock does not say what it was made from.
    Declaration,
    /// The declaration names this architecture, and the lock has nothing for it.
    Architecture(&'static str),
    /// A file with keys of the image's directory: its name as the declaration has it.
    Keys(String),
}

/// Why a text is no lock.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LockError {
    /// It is no JSON, or not of this shape.
    #[error("it is no lock: {message}")]
    Shape {
        /// What is wrong.
        message: String,
        /// The line, counted from 1.
        line: usize,
    },
    /// It is of a shape that is not known (any more).
    #[error("it is a lock of the shape {0}, and `debian-1`, `debian-2` and `v1` are known")]
    Version(String),
    /// Architectures stand twice or in another order, or there are not several.
    #[error(
        "its `contents` are not those of several architectures, each once and in the order of their names"
    )]
    Architectures,
    /// A package of it does not go with the rest.
    #[error("its package `{name}` {fault}")]
    Package {
        /// The package.
        name: String,
        /// Why.
        fault: &'static str,
        /// The line of its name, counted from 1.
        line: Option<usize>,
    },
    /// It is no lock of Alpine's packages.
    #[error(transparent)]
    Apk(#[from] apk::LockError),
}

impl LockError {
    pub(super) fn of(error: &serde_json::Error) -> Self {
        let full = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        Self::Shape {
            message: full.strip_suffix(&place).unwrap_or(&full).to_owned(),
            line: error.line(),
        }
    }

    /// Gives the line in the lock, counted from 1, where it is known.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        let line = match self {
            Self::Shape { line, .. } => Some(*line),
            Self::Package { line, .. } => *line,
            Self::Apk(error) => error.position().map(|(line, _)| line),
            Self::Version(_) | Self::Architectures => None,
        };
        line.filter(|line| *line > 0)
    }
}

/// Tells whether an image is made of packages that a lock can pin.
#[must_use]
pub fn is_locked(file: &ImageFile) -> bool {
    matches!(file.making, Making::Debian(_) | Making::Apk(_))
}

/// What is looked at first.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    version: Value,
}

/// Reads a lock.
pub fn parse_lock(text: &str) -> Result<Lock, LockError> {
    let head: Head = serde_json::from_str(text).map_err(|error| LockError::of(&error))?;
    match &head.version {
        Value::String(version) if matches!(&**version, "debian-1" | "debian-2") => {
            Ok(Lock::Debian(Box::new(DebianLock::parse(text)?)))
        }
        Value::String(version) if version == "v1" => {
            Ok(Lock::Apk(Box::new(apk::parse_lock(text)?)))
        }
        Value::Null => Err(LockError::Shape {
            message: "missing field `version`".to_owned(),
            line: 1,
        }),
        other => Err(LockError::Version(other.to_string())),
    }
}

impl Lock {
    /// Renders the text of the file.
    pub fn render(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Debian(lock) => lock.render(),
            Self::Apk(lock) => lock.render(),
        }
    }

    /// Tells whether it is the lock of a declaration, and of the keys that stand in the image's directory.
    #[must_use]
    pub fn freshness(&self, file: &ImageFile, keys: &OwnKeys) -> Freshness {
        if !self.is_of(file) {
            return Freshness::Stale(Staleness::Declaration);
        }
        let mut declared = file.architectures.iter();
        if let Some(lacking) = declared.find(|one| !self.has(one)) {
            return Freshness::Stale(Staleness::Architecture(lacking.apk));
        }
        match self.find_other_keys(file, keys) {
            Some(name) => Freshness::Stale(Staleness::Keys(name.to_owned())),
            None => Freshness::Fresh,
        }
    }

    fn is_of(&self, file: &ImageFile) -> bool {
        let whole = join_texts(&file.texts);
        match (self, &file.making) {
            (Self::Debian(lock), Making::Debian(_)) => {
                lock.config.checksum == apk::LockConfig::checksum_of(&whole)
            }
            (Self::Apk(lock), Making::Apk(_)) => {
                // Of a hash over one file alone nobody knows what its includes were.
                let own = match file.texts.as_slice() {
                    [only] => only.as_bytes(),
                    _ => &[],
                };
                // apko hashes a file and its includes one behind the other.
                let of_apko = file.texts.concat();
                [whole.as_slice(), of_apko.as_bytes()]
                    .iter()
                    .any(|whole| lock.freshness(whole, own) == apk::Freshness::Fresh)
            }
            _ => false,
        }
    }

    /// Tells whether it has what was chosen for an architecture.
    fn has(&self, architecture: &Architecture) -> bool {
        match self {
            Self::Debian(lock) => lock.find(architecture.debian).is_some(),
            Self::Apk(lock) => lock.packages(architecture.apk).is_ok(),
        }
    }

    /// Finds a file with keys that is there, and is not what the lock was made with.
    fn find_other_keys<'a>(&self, file: &'a ImageFile, keys: &OwnKeys) -> Option<&'a str> {
        match (self, &file.making) {
            (Self::Debian(lock), Making::Debian(contents)) => {
                let signers = list_signers(&contents.archive);
                let pins = lock.contents.iter();
                let mut pairs = pins.flat_map(|pins| std::iter::zip(&signers, &pins.archives));
                pairs.find_map(|(name, archive)| {
                    let now = keys.hash((*name)?)?;
                    name.filter(|_| archive.keys.as_ref() != Some(&now))
                })
            }
            (Self::Apk(lock), Making::Apk(_)) => list_own_keys(file).into_iter().find(|name| {
                let mut locked = lock.contents.keyring.iter();
                let locked = locked.find(|key| key.url == *name);
                // Of a key that only its name is locked of, a build takes what stands there.
                let locked = locked.filter(|key| !key.content.is_empty());
                locked.is_some_and(|key| keys.holds(name, &key.content) == Some(false))
            }),
            _ => None,
        }
    }

    /// Tells whether another lock of the same declaration says the same of everything that a build needs: the lists from which
    /// the packages were chosen may have moved on where these have not.
    #[must_use]
    pub fn is_as_good_as(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
            && list_moves(self, other).is_empty()
            && list_differences(self, other).is_empty()
    }

    /// Takes over what others have written into the lock whose place this one takes: keys of the first level that are not
    /// known here; of a `configHash` the value is that of the declaration now.
    pub fn take_over(&mut self, old: &Self, file: &ImageFile) {
        let (Self::Apk(new), Self::Apk(old)) = (self, old) else {
            return;
        };
        for (key, value) in &old.others {
            new.others.entry(key.clone()).or_insert(value.clone());
        }
        if let (Some(hash), Some(text)) = (new.others.get_mut("configHash"), file.texts.first()) {
            *hash = apk::Sha256::of(text.as_bytes()).hex().into();
        }
    }

    /// Gives how many packages it pins.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Debian(lock) => lock.pins().count(),
            Self::Apk(lock) => lock.contents.packages.len(),
        }
    }

    /// Tells whether it pins nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
