//! Why an image cannot be read.

use std::io;

use crate::host::fs::FileError;
use crate::oci::Digest;
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
    /// It holds several images, or none for this machine.
    #[error("it holds {found} images for linux/{architecture}, and one is needed")]
    Images {
        /// How many.
        found: usize,
        /// The architecture, in Go's words.
        architecture: String,
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
        source: io::Error,
    },
    /// A file of this machine.
    #[error(transparent)]
    File(#[from] FileError),
}
