//! Making an image without a Dockerfile: the root file system of a declared image, and the archive that an engine loads.
//!
//! ```text
//! mmdebstrap ───────────────────────────────────────────────→ tar ─┐
//! packages ── install_debian ──→ Filling ── layers, accounts, ──→ tar ─┼→ Rootfs ──→ docker archive
//!                                           paths, certificates        │
//! packages ── resolve_apk ──→ Lock ── install_apk ── likewise ───→ tar ─┘
//! ```

mod accounts;
mod apk;
mod based;
mod certificates;
mod debian;
mod filling;
mod installed;
mod layers;
mod loader;
mod make;
mod mmdebstrap;
mod parts;
mod paths;
mod rootfs;
mod runtime;
mod software;
mod spreading;

pub use apk::{ApkFault, ApkFilling, ApkSupply, assemble_apk, install_apk, resolve_apk};
pub use based::assemble_on;
pub use debian::{
    Chosen, ChosenBy, DebianFault, Locked, Offer, Origin, PinFault, RequestFault, Supply,
    check_agreement, choose_debian, find_places, list_files, list_origins,
};
pub use filling::{FillError, Filling};
pub use installed::Installed;
pub use layers::LayFault;
pub use loader::write_loader_cache;
pub use make::{Making, assemble};
pub use mmdebstrap::{Bootstrap, bootstrap, has_updates};
pub use rootfs::Rootfs;

use crate::apk::InstallError;
use crate::host::ProcessError;
use crate::host::fs::FileError;
use crate::rootfs::DifferenceError;
use crate::unpack::UnpackError;

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
    /// Its packages, where they are APK's.
    #[error(transparent)]
    Apk(#[from] Box<ApkFault>),
    /// What names busybox links cannot be found out.
    #[error(transparent)]
    Busybox(#[from] InstallError),
    /// The image that it is on.
    #[error("the base cannot be read")]
    Base(#[from] UnpackError),
    /// That one, or what files are taken from, is not for an architecture of the image.
    #[error(
        "`{name}` is for {there}, and the image is also for {wanted}: `archs` names what all that it is made of are for"
    )]
    BasePlatform {
        /// What it is made of.
        name: String,
        /// What that is for.
        there: String,
        /// What was asked for.
        wanted: String,
    },
    /// What that one says of itself.
    #[error("the configuration of the base cannot be read")]
    BaseConfig,
    /// Its layer.
    #[error("its layer cannot be written")]
    Difference(#[from] DifferenceError),
    /// What is laid over them.
    #[error(transparent)]
    Lay(#[from] LayFault),
    /// What is changed in them.
    #[error(transparent)]
    Fill(#[from] FillError),
}
