//! Which file of the store a package is: `apk/ab/ab12…`, named by the SHA-1 of its control part, holds the SHA-256 and the size
//! of the file.
//!
//! ```text
//! sha256:cd34… 8192
//! ```
//!
//! It says only where to look: whoever looks there checks the package as if it had just come.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use super::super::store::{Store, StoreError};
use crate::apk::Checksum;
use crate::host::fs::{create_directory, find_text, write_atomically};
use crate::oci::Digest;

fn path(store: &Store, checksum: &Checksum) -> PathBuf {
    let hex = checksum.hex();
    store.root().join("apk").join(&hex[..2]).join(hex)
}

/// Opens the file that a package was last time, and gives its hash and size.
pub(super) fn find(
    store: &Store,
    checksum: &Checksum,
) -> Result<Option<(File, Digest, u64)>, StoreError> {
    let text = match find_text(&path(store, checksum)) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
        found => found?,
    };
    match text.as_deref().and_then(parse) {
        Some((digest, size_bytes)) => {
            let found = store.find(&digest, size_bytes)?;
            Ok(found.map(|file| (file, digest, size_bytes)))
        }
        None => Ok(None),
    }
}

fn parse(text: &str) -> Option<(Digest, u64)> {
    let (digest, size_bytes) = text.trim_end().split_once(' ')?;
    Some((digest.parse().ok()?, size_bytes.parse().ok()?))
}

/// Writes down which file a package is.
pub(super) fn note(
    store: &Store,
    checksum: &Checksum,
    (digest, size_bytes): (&Digest, u64),
) -> Result<(), StoreError> {
    let path = path(store, checksum);
    if let Some(directory) = path.parent() {
        create_directory(directory)?;
    }
    Ok(write_atomically(
        &path,
        format!("{digest} {size_bytes}\n").as_bytes(),
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_that_says_nothing_is_as_good_as_none() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        let checksum = Checksum::of(b"control");
        assert!(find(&store, &checksum).unwrap().is_none());
        let mut incoming = store.receive().unwrap();
        incoming.write(b"package").unwrap();
        let (digest, size_bytes, _) = incoming.keep().unwrap();
        note(&store, &checksum, (&digest, size_bytes)).unwrap();
        assert!(find(&store, &checksum).unwrap().is_some());
        for text in [
            &b""[..],
            b"sha256:00 7\n",
            b"7 7\n",
            b"sha256:",
            b"\0 \0",
            b"\xff",
        ] {
            write_atomically(&path(&store, &checksum), text).unwrap();
            assert!(find(&store, &checksum).unwrap().is_none(), "{text:?}");
        }
    }
}
