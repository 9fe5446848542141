//! What packages make of a root file system, without running anything of theirs: a skeleton, their files, and apk's own
//! record of them.
//!
//! ```text
//! Installation::new ── add, for each package in its order ──→ finish ──→ rootfs::Tree ── … ──→ link_busybox
//! ```
//!
//! Owners, modes and attributes are those of the packages. A path goes through the links that are there, and never out of the
//! root: `lib/ld.so` lands in `usr/lib` where `lib` is a link to it.

mod busybox;
mod database;
mod names;
mod place;
mod root;
mod skeleton;

pub use busybox::link_busybox;
pub use place::InstallError;
pub use root::{Installation, Setup};

#[cfg(test)]
mod tests;
