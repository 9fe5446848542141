//! Which package a path belongs to, when several bring it.

use std::collections::HashMap;

use super::super::checksum::Checksum;
use super::super::record::Record;
use crate::rootfs::{Kind, LayerError, Node, ResolveError, RootPath};

/// Why packages cannot be installed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum InstallError {
    /// Two packages bring different files for one path, and neither says that it replaces the other.
    #[error(
        "{path} is in `{first}` (from `{first_origin}`) and in `{second}` (from `{second_origin}`)"
    )]
    Conflict {
        /// Where.
        path: RootPath,
        /// The package that brought it first.
        first: String,
        /// Its source package.
        first_origin: String,
        /// The package that brings another one.
        second: String,
        /// Its source package.
        second_origin: String,
    },
    /// A package brings a file where each image has something of its own.
    #[error("{path} in `{id}` is something else in each image")]
    Skeleton {
        /// Where.
        path: RootPath,
        /// The package.
        id: String,
    },
    /// A package brings a directory where something else is, or the other way round.
    #[error("{path} is a directory in one of `{first}` and `{second}`, and not in the other")]
    Kind {
        /// Where.
        path: RootPath,
        /// What brought it first; empty where no package did.
        first: String,
        /// The package that brings it again.
        second: String,
    },
    /// A path of a package cannot be reached, or links to what is not there.
    #[error("`{id}` cannot be unpacked: {source}")]
    Layer {
        /// The package.
        id: String,
        /// Why.
        source: LayerError,
    },
    /// A package brought a file that the image is given, with another content.
    #[error("{path} was brought by a package, and is not the one that the image has to have")]
    Given {
        /// Where.
        path: RootPath,
    },
    /// Something that the image is given cannot be put where it belongs.
    #[error("{path} cannot be written: {source}")]
    Own {
        /// Where.
        path: RootPath,
        /// Why.
        source: LayerError,
    },
    /// What lists the names of busybox cannot be read.
    #[error("{path} cannot be read: {message}")]
    Read {
        /// Where.
        path: RootPath,
        /// Why.
        message: String,
    },
    /// The scripts of packages cannot be written as a tar.
    #[error("the scripts of packages cannot be kept: {0}")]
    Scripts(String),
}

impl From<ResolveError> for InstallError {
    fn from(error: ResolveError) -> Self {
        Self::Own {
            path: error.path().clone(),
            source: error.into(),
        }
    }
}

/// Which package has a path, by where it really lies.
#[derive(Debug, Default)]
pub(super) struct Owners(HashMap<RootPath, Owner>);

/// The package that a path belongs to, and what it is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    pub(super) package: usize,
    pub(super) checksum: Option<Checksum>,
}

impl Owners {
    pub(super) fn find(&self, path: &RootPath) -> Option<Owner> {
        self.0.get(path).copied()
    }

    pub(super) fn set(&mut self, path: RootPath, owner: Owner) {
        self.0.insert(path, owner);
    }
}

/// What becomes of a file whose path is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What is there stays.
    Keep,
    /// What comes takes its place.
    Replace,
}

/// What is at a path, and what comes to it.
pub(super) struct Meeting<'a> {
    pub(super) path: &'a RootPath,
    /// What is there, and its sum where it is a file of a package.
    pub(super) there: (&'a Node, Option<Checksum>),
    /// Whose it is.
    pub(super) owner: Option<&'a Record>,
    /// The link that comes, where it is one; else the sum of the file.
    pub(super) comes: (Option<&'a [u8]>, Option<Checksum>),
    /// Whose that is.
    pub(super) record: &'a Record,
}

impl Meeting<'_> {
    /// Decides; the same content or target stays with the first.
    pub(super) fn decide(&self) -> Result<Verdict, InstallError> {
        let record = self.record;
        let (node, sum) = self.there;
        if node.is_directory() {
            return Err(InstallError::Kind {
                path: self.path.clone(),
                first: self.owner.map(Record::id).unwrap_or_default(),
                second: record.id(),
            });
        }
        let is_same = match (&node.kind, self.comes) {
            (Kind::Link(there), (Some(comes), _)) => there == comes,
            (Kind::File(_), (None, Some(comes))) => sum == Some(comes),
            _ => false,
        };
        let Some(owner) = self.owner else {
            return Err(InstallError::Skeleton {
                path: self.path.clone(),
                id: record.id(),
            });
        };
        if is_same || owner.replaces(record) {
            return Ok(Verdict::Keep);
        }
        let is_own = std::ptr::eq(owner, record);
        if is_own || record.replaces(owner) || record.has_origin_of(owner) {
            return Ok(Verdict::Replace);
        }
        Err(InstallError::Conflict {
            path: self.path.clone(),
            first: owner.id(),
            first_origin: owner.origin.to_string(),
            second: record.id(),
            second_origin: record.origin.to_string(),
        })
    }
}
