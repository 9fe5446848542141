//! Why an image cannot be read.

use std::path::PathBuf;

use crate::host::ScratchError;
use crate::host::fs::FileError;
use crate::oci::{Digest, Platform};
use crate::rootfs::{LayerError, TarError};

/// A fault of an archive or a layout, or of the disk.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It is neither an archive that an engine writes nor an OCI layout.
    #[error("it is no image: it has neither a `manifest.json` nor an `index.json`")]
    Foreign,
    /// The archive itself is no tar.
    #[error("the archive cannot be read")]
    Archive(#[source] TarError),
    /// Something that it names is not in it.
    #[error("it has no `{0}`, which it names")]
    Missing(String),
    /// A document in it is not what it has to be.
    #[error("its `{name}` cannot be read: {message}")]
    Document {
        /// The file.
        name: String,
        /// Why.
        message: String,
    },
    /// It holds several images, or none for the machine.
    #[error("it holds {found} images for {platform}, and one is needed")]
    Images {
        /// How many.
        found: usize,
        /// The machine, in Go's words.
        platform: Platform,
    },
    /// Bytes are not those that their digest names.
    #[error("its `{name}` has the digest {found}, not {expected}")]
    Digest {
        /// The file.
        name: String,
        /// What it has to be.
        expected: Digest,
        /// What it is.
        found: Digest,
    },
    /// The configuration tells of other layers than there are.
    #[error("its configuration tells of {told} layers, and it has {there}")]
    Layers {
        /// In the configuration.
        told: usize,
        /// In the manifest.
        there: usize,
    },
    /// A layer is no tar.
    #[error("layer {number} cannot be read")]
    Layer {
        /// Counted from 1, the lowest first.
        number: usize,
        /// Why.
        source: TarError,
    },
    /// A layer does not fit on those below it.
    #[error("layer {number} cannot be applied")]
    Apply {
        /// Counted from 1, the lowest first.
        number: usize,
        /// Why.
        source: LayerError,
    },
    /// A layer's bytes cannot be decompressed, or the disk has no room for them.
    #[error("layer {number} cannot be decompressed")]
    Decompress {
        /// Counted from 1, the lowest first.
        number: usize,
        /// Why.
        source: ScratchError,
    },
    /// A layer is compressed as none is.
    #[error("layer {number} is compressed with xz, which OCI has no layers of")]
    Xz {
        /// Counted from 1, the lowest first.
        number: usize,
    },
    /// The archive cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenTarError),
    /// A file of this machine.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Why a tar cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenTarError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It cannot be decompressed, or the disk has no room for what it holds.
    #[error("cannot decompress {}", path.display())]
    Decompress {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ScratchError,
    },
}
