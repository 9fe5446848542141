//! A lock of APK packages, `image.lock.json`, in the shape of apko's version 1.
//!
//! ```text
//! { "version": "v1",
//!   "config": { "name": "image.yaml", "checksum": "sha256-…" },
//!   "contents": { "keyring": […], "build_repositories": […], "runtime_repositories": […], "repositories": […],
//!     "packages": [ { "name", "url", "version", "architecture",
//!       "signature": { "range": "bytes=0-646", "checksum": "sha1-…" },
//!       "control":   { "range": "bytes=647-1660", "checksum": "sha1-…" },
//!       "data":      { "range": "bytes=1661-2960", "checksum": "sha256-…" },
//!       "checksum": "Q1…" } ] } }
//! ```
//!
//! What is read and rendered again is the same to the byte, if apko or this program wrote it. A key on the first level that is
//! not known is kept, behind the others: Sourcegraph's tool adds `configHash`, the SHA-256 of `image.yaml` in hex.

mod pin;
mod render;
mod shape;

pub use pin::LockMismatch;
pub use shape::{
    Freshness, Lock, LockConfig, LockContents, LockError, LockKey, LockPackage, LockPart,
    LockRepository, parse_lock,
};

#[cfg(test)]
mod tests;
