//! What is known of digests: one small file for each, in a directory below the state directory.
//!
//! Deleting the directory costs finding it all out again, nothing else.

use std::path::{Path, PathBuf};

use super::fs::{FileError, create_directory, find_text, write_atomically};
use super::newest::keep_newest;
use crate::oci::Digest;

/// More than this is bounded: two weekly rebuilds of ten thousand images, some 80 MB of a disk with blocks of 4 KiB.
const MOST_FILES: usize = 20_000;

/// A line of text for each digest.
#[derive(Clone, Debug)]
pub struct Record {
    directory: PathBuf,
}

impl Record {
    /// Opens a record below a state directory; the name ends with the version of what its files say.
    #[must_use]
    pub fn new(state: &Path, name: &str) -> Self {
        Self {
            directory: state.join(name),
        }
    }

    /// Finds what was noted of a digest; what cannot be read counts as nothing.
    #[must_use]
    pub fn find(&self, digest: &Digest) -> Option<String> {
        find_text(&self.directory.join(digest.hex())).ok()?
    }

    /// Notes a line of a digest, in the place of what was noted before.
    pub fn note(&self, digest: &Digest, line: &str) -> Result<(), FileError> {
        create_directory(&self.directory)?;
        let path = self.directory.join(digest.hex());
        write_atomically(&path, format!("{line}\n").as_bytes())
    }

    /// Forgets what is oldest, where there is more than any run needs.
    pub fn bound(&self) {
        keep_newest(&self.directory, MOST_FILES);
    }
}
