//! What lies on the shelf, whole or not: for who tidies up.

use std::io;
use std::path::Path;

use super::shelf::{Shelf, ShelfError, find_current, find_reference};
use crate::host::fs::FileError;
use crate::oci::{Digest, Reference};

/// A version of an image on the shelf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The label of the image.
    pub reference: Reference,
    /// The digest of its manifest.
    pub digest: Digest,
    /// What its files take.
    pub size_bytes: u64,
}

impl Shelf {
    /// Gives all versions of all images, in the order of their labels; what has no label is not an image.
    pub fn stock(&self) -> Result<Vec<Stored>, ShelfError> {
        let mut stock = Vec::new();
        let Some(root) = self.root() else {
            return Ok(stock);
        };
        for place in find_entries(root)? {
            if !place.is_dir() {
                continue;
            }
            let Some(reference) = find_reference(&place)? else {
                continue;
            };
            // What was put there by hand is nobody's, and what is for another architecture is another machine's.
            if Self::place(root, &reference) != place {
                continue;
            }
            if let Some(digest) = find_current(&place)? {
                stock.push(Stored {
                    size_bytes: measure(&place)?,
                    reference,
                    digest,
                });
            }
        }
        stock.sort_by_cached_key(|stored| stored.reference.to_string());
        Ok(stock)
    }
}

/// Gives what a directory holds; nothing where there is none.
fn find_entries(directory: &Path) -> Result<Vec<std::path::PathBuf>, FileError> {
    let failed = |source| FileError::new("read", directory, source);
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let paths = entries.map(|entry| Ok(entry.map_err(failed)?.path()));
    paths.collect()
}

/// Adds up the files of a directory, which somebody may be changing.
fn measure(directory: &Path) -> Result<u64, FileError> {
    let mut size_bytes = 0;
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for path in find_entries(&directory)? {
            match std::fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => open.push(path),
                Ok(found) => size_bytes += found.len(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(FileError::new("read", &path, source)),
            }
        }
    }
    Ok(size_bytes)
}
