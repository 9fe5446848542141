//! What a document tells.

use chrono::{DateTime, Utc};

use crate::oci::{Digest, Reference};

/// An image with its packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The image.
    pub image: Image,
    /// What it holds.
    pub software: Software,
}

/// An index of images that are the same but for the kind of machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDocument {
    /// The index, which has no layers of its own.
    pub index: Image,
    /// The images.
    pub variants: Vec<Image>,
}

/// The packages of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Software {
    /// Whose packages they are; nothing for an image of files alone.
    pub distribution: Option<Distribution>,
    /// All packages; in the document they are in the order of their names.
    pub packages: Vec<Package>,
}

/// The image that is described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its name: `base/nginx`.
    pub name: String,
    /// The name by which it is known, with its tag where it has one.
    pub reference: Reference,
    /// What identifies it: of its manifest, where there is one already, or of its configuration.
    pub digest: Digest,
    /// Its layers, the lowest first.
    pub layers: Vec<Digest>,
    /// In Go's words: `amd64`; of an index nothing.
    pub architecture: String,
    /// When it was made.
    pub created: DateTime<Utc>,
}

/// How packages are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packaging {
    /// For dpkg.
    Deb,
    /// For apk.
    Apk,
}

/// A distribution, as `/etc/os-release` describes it (os-release(5)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// What its packages are for.
    pub packaging: Packaging,
    /// `ID`: `debian`, `alpine`, `wolfi`.
    pub id: String,
    /// `VERSION_ID`, `12`; nothing for one that goes on without versions.
    pub version: Option<String>,
    /// `VERSION_CODENAME`, or the suite that packages come from: `bookworm`.
    pub codename: Option<String>,
}

/// A package that is installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture in the words of its distribution: `amd64`, `all`, `x86_64`.
    pub architecture: String,
    /// What it is made from.
    pub source: Option<Source>,
    /// Its licence, as the package says it.
    pub license: Option<String>,
    /// Who keeps it: `Jo Doe <jo@example.org>`.
    pub maintainer: Option<String>,
    /// Of its file.
    pub sha256: Option<Digest>,
    /// Where its file was fetched from; an address with a login in it is left out.
    pub download: Option<String>,
    /// The home page of what is packed; likewise.
    pub homepage: Option<String>,
}

/// A source package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}
