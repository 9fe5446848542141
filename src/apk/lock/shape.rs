//! What stands in a lock, and whether it is that of a declaration.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::checksum::{Checksum, ChecksumError, Sha256};

/// A lock.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lock {
    version: Version,
    /// What it was made from; locks of others may not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<LockConfig>,
    /// What was chosen.
    pub contents: LockContents,
    /// Other keys of the first level.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Version {
    #[serde(rename = "v1")]
    One,
}

/// What a lock was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockConfig {
    /// The path of the declaration, as it was given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `sha256-` and base64, over the declaration and all that it includes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub checksum: String,
}

/// What a lock pins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockContents {
    /// The architectures, in locks of some makers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archs: Option<Vec<String>>,
    /// The keys.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub keyring: Vec<LockKey>,
    /// Repositories that the image does not name.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub build_repositories: Vec<LockRepository>,
    /// Repositories that only the image names.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub runtime_repositories: Vec<LockRepository>,
    /// Repositories, for each architecture.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub repositories: Vec<LockRepository>,
    /// Packages in the order of installation, an architecture after the other.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub packages: Vec<LockPackage>,
}

fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    let list = Option::<Vec<T>>::deserialize(deserializer)?;
    Ok(list.unwrap_or_default())
}

/// A key of a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockKey {
    /// Its address without `https://`.
    pub name: String,
    /// Its address.
    pub url: String,
    /// Its PEM, in newer locks.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub content: String,
}

/// A repository of a lock, for one architecture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockRepository {
    /// Its address with the architecture, without `https://`.
    pub name: String,
    /// The address of its index.
    pub url: String,
    /// As APK names it.
    pub architecture: String,
}

/// A package of a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockPackage {
    /// Its name.
    pub name: String,
    /// Where its file is.
    pub url: String,
    /// Its version.
    pub version: String,
    /// As APK names it.
    pub architecture: String,
    /// The signature; empty where it has none.
    pub signature: LockPart,
    /// The control part.
    pub control: LockPart,
    /// The files.
    pub data: LockPart,
    /// The sum of the control part, as the index has it; locks of apko before 0.13 lack it.
    #[serde(default)]
    pub checksum: String,
}

/// A part of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockPart {
    /// An HTTP range, with the last byte: `bytes=0-646`.
    pub range: String,
    /// `sha1-` or `sha256-`, and base64.
    pub checksum: String,
}

/// Why a lock cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LockError {
    /// It is no JSON of this shape.
    #[error("it is no lock of version 1: {message}")]
    Shape {
        /// What is wrong.
        message: String,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
    /// It comes from apko before 0.13.
    #[error("its package `{name}` has no `checksum`, as in locks of apko before 0.13")]
    Old {
        /// The first package without one.
        name: String,
    },
    /// A sum of a package is none.
    #[error("its package `{name}`: {source}")]
    Checksum {
        /// The package.
        name: String,
        /// Why.
        source: ChecksumError,
    },
    /// It pins nothing for an architecture.
    #[error("it has no packages for the architecture {0}")]
    Architecture(String),
}

impl LockError {
    /// Gives the way out.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "make the lock again: `pkg lock`"
    }

    /// Gives line and column in the lock, both counted from 1, where they are known.
    #[must_use]
    pub fn position(&self) -> Option<(usize, usize)> {
        match self {
            Self::Shape { line, column, .. } if *line > 0 => Some((*line, (*column).max(1))),
            _ => None,
        }
    }
}

/// Whether a lock is that of a declaration as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is.
    Fresh,
    /// The declaration was changed since.
    Stale,
    /// The lock does not say what it was made from.
    Unknown,
}

/// The lock as it is written, except for other keys.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "version")]
    _version: Version,
    config: Option<LockConfig>,
    contents: LockContents,
}

const KNOWN: [&str; 3] = ["version", "config", "contents"];

/// Reads a lock.
pub fn parse_lock(text: &str) -> Result<Lock, LockError> {
    let shape = |error: serde_json::Error| {
        let full = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        LockError::Shape {
            message: full.strip_suffix(&place).unwrap_or(&full).to_owned(),
            line: error.line(),
            column: error.column(),
        }
    };
    let written: Written = serde_json::from_str(text).map_err(shape)?;
    let mut others: Map<String, Value> = serde_json::from_str(text).map_err(shape)?;
    others.retain(|key, _| !KNOWN.contains(&key.as_str()));
    for package in &written.contents.packages {
        let name = || package.name.clone();
        if package.checksum.is_empty() {
            return Err(LockError::Old { name: name() });
        }
        let parsed = Checksum::parse(&package.checksum);
        parsed.map_err(|source| LockError::Checksum {
            name: name(),
            source,
        })?;
    }
    Ok(Lock {
        version: Version::One,
        config: written.config,
        contents: written.contents,
        others,
    })
}

impl Lock {
    /// Makes a lock.
    #[must_use]
    pub fn new(config: LockConfig, contents: LockContents) -> Self {
        Self {
            version: Version::One,
            config: Some(config),
            contents,
            others: Map::new(),
        }
    }

    /// Tells whether it is the lock of a declaration: of `whole`, the bytes of the declaration and all that it includes and
    /// the command line adds, or where only `configHash` is there, of the bytes of the declaration alone.
    #[must_use]
    pub fn freshness(&self, whole: &[u8], declaration: &[u8]) -> Freshness {
        let same = |is_same: bool| {
            if is_same {
                Freshness::Fresh
            } else {
                Freshness::Stale
            }
        };
        let config = self.config.as_ref().map(|config| config.checksum.as_str());
        let hash = self.others.get("configHash").and_then(Value::as_str);
        match (config.filter(|checksum| !checksum.is_empty()), hash) {
            (Some(checksum), _) => same(checksum == LockConfig::checksum_of(whole)),
            (None, Some(hash)) => same(hash.eq_ignore_ascii_case(&Sha256::of(declaration).hex())),
            (None, None) => Freshness::Unknown,
        }
    }

    /// Gives the packages of an architecture, in the order of installation.
    pub fn packages(&self, architecture: &str) -> Result<Vec<&LockPackage>, LockError> {
        let all = self.contents.packages.iter();
        let own: Vec<_> = all
            .filter(|package| package.architecture == architecture)
            .collect();
        if own.is_empty() && !self.contents.packages.is_empty() {
            return Err(LockError::Architecture(architecture.to_owned()));
        }
        Ok(own)
    }
}

impl LockConfig {
    /// Gives what `checksum` is for these bytes.
    #[must_use]
    pub fn checksum_of(whole: &[u8]) -> String {
        format!("sha256-{}", Sha256::of(whole).base64())
    }
}
