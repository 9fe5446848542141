//! What an `image.yaml` means.

use std::collections::BTreeMap;

use super::accounts::Accounts;
use super::architecture::Architecture;
use super::bootstrap::BootstrapFile;
use super::paths::{LayerRule, PathRule};
use super::repositories::{ApkContents, DebianContents};
use crate::oci::Reference;
use crate::stamp::{Constants, CountedStamps};

/// A command as an image holds it: the program and its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command(pub Vec<String>);

/// What `image.yaml` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFile {
    /// How the root file system comes to be.
    pub making: Making,
    /// What is changed in it then, or laid over it.
    pub changes: Changes,
    /// What containers get of it.
    pub runtime: Runtime,
    /// The architectures that it is made for, each once, in the order of Alpine's names; the machine's where none is named.
    pub architectures: Vec<Architecture>,
    /// How its files are spread over layers.
    pub layering: Layering,
    /// Where it comes from: an address and a revision.
    pub vcs: Option<(String, String)>,
    /// Annotations of its manifest.
    pub annotations: BTreeMap<String, String>,
    /// The stamps in it that count by their values.
    pub stamps: CountedStamps,
    /// The stamps in it that count by their constants.
    pub constants: Constants,
    /// The bytes of every file that it was read from, this one first, in the order in which they were read.
    pub texts: Vec<String>,
}

impl ImageFile {
    /// Gives the architectures that it is made for; `own` where none is named.
    #[must_use]
    pub fn architectures_or(&self, own: Architecture) -> Vec<Architecture> {
        match self.architectures.as_slice() {
            [] => vec![own],
            named => named.to_vec(),
        }
    }

    /// Gives the names of the images that it is made of: its base, and those that it takes files from.
    pub fn image_names(&self) -> impl Iterator<Item = &str> {
        let base = match &self.making {
            Making::Base(BaseImage::Named(name)) => Some(name.as_str()),
            _ => None,
        };
        let layers = self.changes.layers.iter();
        base.into_iter()
            .chain(layers.filter_map(|layer| layer.from.as_deref()))
    }
}

/// How a root file system comes to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Making {
    /// A full Debian, with its maintainer scripts run.
    Bootstrap(BootstrapFile),
    /// Packages of Debian, unpacked without their scripts.
    Debian(DebianContents),
    /// Packages of Alpine or Wolfi.
    Apk(ApkContents),
    /// On another image.
    Base(BaseImage),
    /// Nothing but what is laid over it.
    Scratch,
}

/// An image that another one is made on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaseImage {
    /// One of the catalog, or of the settings' base images, by its name.
    Named(String),
    /// Any other one, by its digest.
    Pinned(Reference),
    /// An OCI layout or an archive of the image's directory: a relative path.
    File(String),
}

/// What is changed in a root file system after its packages, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files and directories of the image directory.
    pub layers: Vec<LayerRule>,
    /// Users and groups.
    pub accounts: Accounts,
    /// Directories, links, modes and owners.
    pub paths: Vec<PathRule>,
    /// Certificates to trust besides: a name, and one block of PEM.
    pub certificates: Vec<(String, String)>,
    /// Virtual packages whose providers bring certificates.
    pub certificate_providers: Vec<String>,
}

impl Changes {
    /// Tells whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What containers get of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runtime {
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// OCI `Entrypoint`.
    pub entrypoint: Command,
    /// The services of an entry point that supervises some: a name and the command of each.
    pub services: BTreeMap<String, Command>,
    /// OCI `Cmd`; nothing where the file does not say, so that a base image's stays.
    pub cmd: Option<Command>,
    /// OCI `User`: a name or a number.
    pub user: Option<String>,
    /// OCI `WorkingDir`.
    pub work_dir: Option<String>,
    /// OCI `StopSignal`.
    pub stop_signal: Option<String>,
    /// OCI `Volumes`.
    pub volumes: Vec<String>,
    /// OCI `ExposedPorts`: `8080/tcp`.
    pub ports: Vec<String>,
    /// OCI `Labels`.
    pub labels: BTreeMap<String, String>,
}

/// How files are spread over layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layering {
    /// All in one.
    #[default]
    One,
    /// Packages of one source together, in at most so many layers, and a last one for what no package owns.
    Origin {
        /// How many.
        budget: u32,
    },
}

/// What is wrong with an `image.yaml`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct ImageFileError {
    /// What is wrong, on one line.
    pub message: String,
    /// The line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// The included file in which it stands, as its includer names it; nothing for the file itself.
    pub file: Option<String>,
}
