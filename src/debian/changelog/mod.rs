//! A Debian changelog (deb-changelog(5)): its top entry names an image and gives its version.
//!
//! ```text
//! nginx (1.22.1-9) wikimedia; urgency=medium
//!
//!   * Refresh for security updates.
//!
//!  -- Ann Example <ann@example.org>  Sun, 16 Aug 2026 06:00:30 +0000
//! ```
//!
//! The crate `debian-changelog` reads an entry, relaxed: its strict reader refuses real files (an author `<A <mail>>`, no
//! newline at the end). Relaxed it also takes `a/foo` and `a+foo` for an image `a`, text before the first entry for a part of
//! it, and loses such an author. So the file is cut into entries here, which gives the line numbers; what the crate reads
//! has to be what the header line says; and the trailer is read here. An entry takes the crate 5 µs and is given alone: the
//! top entry is read without the rest of the file.

mod cut;
mod entry;
mod error;
mod write;

pub use entry::{
    Author, Changelog, Entry, TopEntry, parse_changelog, parse_readable_entries, parse_top_entry,
};
pub use error::ChangelogError;
pub use write::{EntryForm, NewEntry, insert_entry};
