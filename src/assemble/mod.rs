//! Making an image without a Dockerfile: the root file system of a declared image, and the archive that an engine loads.
//!
//! ```text
//! mmdebstrap ───────────────────────────────────────────────→ tar ─┐
//! packages ── install_debian ──→ Filling ── layers, accounts, ──→ tar ─┴→ Rootfs ──→ docker archive
//!                                           paths, certificates
//! ```

mod accounts;
mod certificates;
mod debian;
mod filling;
mod layers;
mod make;
mod mmdebstrap;
mod paths;
mod rootfs;
mod runtime;

pub use debian::{DebianFault, Installed, Supply};
pub use filling::{FillError, Filling};
pub use layers::LayFault;
pub use make::{Making, assemble};
pub use mmdebstrap::{Bootstrap, bootstrap, has_updates};
pub use rootfs::Rootfs;

use crate::host::ProcessError;
use crate::host::fs::FileError;

/// Why a declared image could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// mmdebstrap failed; its lines were given as they came.
    #[error(transparent)]
    Program(#[from] ProcessError),
    /// The tar could not be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its packages.
    #[error(transparent)]
    Debian(#[from] Box<DebianFault>),
    /// What is laid over them.
    #[error(transparent)]
    Lay(#[from] LayFault),
    /// What is changed in them.
    #[error(transparent)]
    Fill(#[from] FillError),
}
