//! `image.lock.json`: the exact packages of a declared image, and what they were chosen for.
//!
//! ```text
//! { "version": "debian-1",
//!   "config": { "name": "image.yaml", "checksum": "sha256-<base64>" },
//!   "contents": {
//!     "architecture": "amd64",
//!     "archives": [ { "suite": "bookworm", "components": ["main"], "release": "<SHA-256 of InRelease>", "date": "…" } ],
//!     "packages": [ { "name", "version", "architecture", "path", "size", "sha256", "archive": "bookworm" } ] } }
//! ```
//!
//! One for several architectures is of the version `debian-2`; its `contents` are a list, with such an entry for each of them.
//!
//! Locks of Alpine's packages have the shape of apko's ([`crate::apk::Lock`], version `v1`). Either says what it was made from:
//! one SHA-256 over `image.yaml` and all that it includes; and with which keys of the image's directory: `keys` of an archive is the
//! SHA-256 of the file, a lock of Alpine's packages holds the keys themselves. What a machine knows of mirrors is in no lock, so that one that was
//! made on a machine is good on another one; addresses are there only where the declaration has them.
//!
//! What is rendered comes from the value alone, and a value that is read and rendered again is the same to the byte.

mod checksum;
mod choice;
mod debian;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod keys;
mod kinds;
mod moves;
#[cfg(test)]
mod tests;

pub use checksum::{checksum_of, join_texts};
pub use debian::{ArchivePin, DebianLock, DebianPins, Pin, name_archives};
pub use keys::{OwnKeys, list_own_keys};
pub use kinds::{Freshness, Lock, LockError, Staleness, is_locked, parse_lock};
pub use moves::{Difference, Move, list_differences, list_moves};

/// The name of the file beside `image.yaml`.
pub const LOCK_FILE: &str = "image.lock.json";
