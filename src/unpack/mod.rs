//! What an image holds: its configuration, its layers, and the root file system that they make.
//!
//! Read from the archive that an engine writes, or from an OCI layout; every byte is checked against the digest that names it.
//! Layers stay in the archive where they are plain tars, and are decompressed beside it where not.

mod archive;
mod error;
mod image;
mod layers;

pub use archive::open_tar;
pub use error::{OpenTarError, UnpackError};
pub use image::{Layer, Unpacked};
