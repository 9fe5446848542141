//! The packages of an image, and which of them has which path.

use std::collections::HashMap;

use crate::oci::Digest;
use crate::rootfs::{RootPath, Tree};

/// A package that an image holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The architecture, or `all`, in the words of its distribution.
    pub architecture: String,
    /// The source that it is made from.
    pub origin: String,
    /// What it takes in the image.
    pub installed_bytes: u64,
    /// The places, among all of the image, of those whose files it replaces.
    pub replaces: Vec<usize>,
    /// Of its file, where that is known.
    pub sha256: Option<Digest>,
    /// Where its file lies, as far as the declaration of the image says so: the mirrors of a machine are no part of an image.
    pub download: Option<String>,
}

/// What packages made, before anything was changed in it.
#[derive(Debug, Default)]
pub(super) struct Packed {
    /// The packages.
    pub(super) installed: Vec<Installed>,
    /// The package that each path is of, by its place.
    owners: HashMap<RootPath, usize>,
    tree: Tree,
}

impl Packed {
    /// Takes down what packages made.
    pub(super) fn new(
        tree: &Tree,
        installed: Vec<Installed>,
        owners: HashMap<RootPath, usize>,
    ) -> Self {
        Self {
            installed,
            owners,
            tree: tree.clone(),
        }
    }

    /// Gives the packages of paths that are still as they were: what was changed or laid over is nobody's.
    pub(super) fn owners_in(&self, tree: &Tree) -> HashMap<RootPath, usize> {
        let owners = self.owners.iter();
        let still = owners.filter(|(path, _)| self.tree.find(path) == tree.find(path));
        still.map(|(path, owner)| (path.clone(), *owner)).collect()
    }
}
