//! Archives of packages: what they list, who signed it, and the files, fetched once and kept.
//!
//! ```text
//! InRelease ── signature, dates ──→ Release ── by hash ──→ Packages ──→ Universe::resolve ──→ .deb, .deb, …
//!                                                │                                             │
//!                                                └──────────── Store: sha256/ab/ab12… ─────────┘
//! ```
//!
//! - [`fetch_archive`] gives the indexes of an archive, and nothing that its keys did not sign.
//! - [`fetch_files`] brings files into the [`Store`], many at once; each has the size and the hash that was signed, or does
//!   not get its name.
//! - Where a mirror must be known, the caller says it: no host name is built in. Addresses are `http:`, `https:` and `file:`.

mod apk;
mod archive;
mod client;
mod error;
mod files;
mod keyrings;
mod location;
mod store;

pub use apk::{
    ApkError, FetchedApk, KeyPlace, WantedApk, fetch_apk_index, fetch_apk_keys, fetch_apks,
    key_name, locate, unite_keys,
};
pub use archive::{Archive, FetchedArchive, Index, fetch_archive};
pub use client::{Client, Options};
pub use error::{FetchError, FetchFault, MirrorError};
pub use files::{Wanted, fetch_files, package_file};
pub use keyrings::{KeyringsError, find_machine_keyring, read_keyring};
pub use location::{Location, LocationError};
pub use store::{Incoming, Store, StoreError};
