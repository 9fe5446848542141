//! An image of APK packages (Alpine, Wolfi), in two steps between which a lock can stand.
//!
//! ```text
//! ApkContents ── keys, indexes, solver, packages ──→ apk::Lock ── packages of the store ──→ ApkFilling ── … ──→ Rootfs
//!              resolve_apk                                     install_apk                 assemble_apk
//!
//! resolve_apk(&ApkSupply, &[Architecture], LockConfig, came) -> Result<Lock, ApkFault>         asks the repositories what there is
//! install_apk(&ApkSupply, &Lock, modified, came)   -> Result<ApkFilling, ApkFault>   touches no index
//! assemble_apk(&Making, &ApkSupply, &Lock, came)   -> Result<Rootfs, AssembleError>  install_apk, and all that image.yaml says
//! ```
//!
//! What is installed is what the lock pins, in all its hashes, whether the lock was a file or made a moment ago.

mod additions;
mod fault;
mod install;
mod make;
mod resolve;
mod supply;
mod unpack;

pub use fault::ApkFault;
pub use install::{ApkFilling, install_apk};
pub use make::assemble_apk;
pub use resolve::resolve_apk;
pub use supply::ApkSupply;

/// Is told what is done.
type Came<'a> = &'a (dyn Fn(&str) + Sync);
