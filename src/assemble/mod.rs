//! Making an image without a Dockerfile: the root file system of a declared image, and the archive that an engine loads.

mod mmdebstrap;
mod runtime;

pub use mmdebstrap::{AssembleError, Bootstrap, Rootfs, bootstrap};
