//! Repositories of APK packages: keys, signed indexes, and packages, which are fetched once and kept.
//!
//! ```text
//! keyring ──→ Key …
//! REPOSITORY/ARCH/APKINDEX.tar.gz ── signature ──→ Index ── SHA-1 of the control part ──→ .apk, .apk, …
//!                                                                                          │
//!                Store: apk/ab/ab12… (that sum) ── names ──→ sha256/cd/cd34… ──────────────┘
//! ```
//!
//! - [`fetch_apk_index`] gives what a known key signed, and fetches it each time: an old index is signed as well as a new one,
//!   so one that was kept would prove nothing.
//! - [`fetch_apks`] brings packages into the store. Nobody signs a hash of a whole package; so each is read, with all the checks
//!   that an index or a lock gives, before it gets its name, and again whenever it is taken out.

mod error;
mod index;
mod keys;
mod known;
mod package;
mod place;

pub use error::ApkError;
pub use index::fetch_apk_index;
pub use keys::{KeyPlace, fetch_apk_keys, key_name, unite_keys};
pub use package::{FetchedApk, WantedApk, fetch_apks};
pub use place::locate;
