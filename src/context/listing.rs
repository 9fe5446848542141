//! What a context holds, by name and content, without sending it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use sha2::Digest as _;

use super::error::ContextError;
use super::receive::{Attributes, Receive};
use super::walk::Walk;
use crate::host::fs::FileError;
use crate::oci::Digest;

/// Of a larger file some pieces are read, and so of every file after so many bytes in all: a hole of a terabyte is a file too.
const WHOLE_BYTES: u64 = 128 << 20;
const ALL_BYTES: u64 = 1 << 30;
const PIECE_BYTES: usize = 64 * 1024;
const PIECES: u64 = 64;

/// A file of a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextFile {
    /// The name below the image directory; bytes that are no UTF-8 are replaced.
    pub name: String,
    /// Of its content, and of whether its owner may execute it: git keeps no more of a mode, and the rest follows the umask of
    /// who checked it out. Of a file over 128 MiB, and of all after a gibibyte, the size and pieces of the content count.
    pub digest: Digest,
}

/// Lists the files of a context that `is_wanted` names, in the order of names; only these are read.
///
/// The Dockerfile is not among them, nor are directories. Fails where [`super::write_context`] would.
pub fn list_context(
    directory: &Path,
    tree_root: &Path,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Vec<ContextFile>, ContextError> {
    let mut listing = Listing {
        is_wanted,
        left: ALL_BYTES,
        files: Vec::new(),
    };
    Walk::new(directory, tree_root, &mut listing)?.run()?;
    Ok(listing.files)
}

struct Listing<F> {
    is_wanted: F,
    /// How many bytes more are read whole.
    left: u64,
    files: Vec<ContextFile>,
}

impl<F: Fn(&str) -> bool> Receive for Listing<F> {
    fn directory(&mut self, _: &[u8], _: Attributes) -> Result<(), ContextError> {
        Ok(())
    }

    fn file(
        &mut self,
        name: &[u8],
        path: &Path,
        _: u64,
        attributes: Attributes,
    ) -> Result<(), ContextError> {
        let name = String::from_utf8_lossy(name).into_owned();
        if !(self.is_wanted)(&name) {
            return Ok(());
        }
        let whole = WHOLE_BYTES.min(self.left).max(PIECE_BYTES as u64);
        let (digest, read) = digest_of(path, attributes, whole)
            .map_err(|source| ContextError::from(FileError::new("read", path, source)))?;
        self.left = self.left.saturating_sub(read);
        self.files.push(ContextFile { name, digest });
        Ok(())
    }
}

/// Gives the digest of a file and how many bytes of it were read; of one that is larger than `whole`, its size and pieces
/// from its beginning to its end count.
fn digest_of(path: &Path, attributes: Attributes, whole: u64) -> io::Result<(Digest, u64)> {
    let mut hasher = sha2::Sha256::new();
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let is_executable = attributes.mode & 0o100 != 0;
    let kind: &[u8] = if is_executable { b"x" } else { b"f" };
    hasher.update(kind);
    let mut buffer = vec![0; PIECE_BYTES];
    let mut read = 0;
    if size > whole {
        hasher.update(size.to_le_bytes());
        let last = size - PIECE_BYTES as u64;
        for number in 0..PIECES {
            let start = u128::from(last) * u128::from(number) / u128::from(PIECES - 1);
            file.seek(SeekFrom::Start(u64::try_from(start).unwrap_or(last)))?;
            file.read_exact(&mut buffer)?;
            hasher.update(&buffer);
            read += PIECE_BYTES as u64;
        }
        return Ok((Digest::from_sha256(&hasher.finalize().into()), read));
    }
    // One that grows meanwhile ends all the same; the context tells of it.
    let mut file = file.take(whole);
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok((Digest::from_sha256(&hasher.finalize().into()), read));
        }
        hasher.update(&buffer[..count]);
        read += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::host::fs::write_atomically;

    fn write(path: &Path, content: &str) {
        write_atomically(path, content.as_bytes()).unwrap();
    }

    #[test]
    fn a_file_differs_by_content_and_by_whether_it_can_be_executed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a");
        let list = || list_context(root.path(), root.path(), |_| true).unwrap();
        let mut seen = Vec::new();
        for (content, mode) in [("1", 0o644), ("2", 0o644), ("1", 0o755)] {
            write(&path, content);
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            seen.push(list());
        }
        assert_eq!(seen[0][0].name, "a");
        assert!(seen[0] != seen[1] && seen[0] != seen[2] && seen[1] != seen[2]);
        set_permissions(&path, Permissions::from_mode(0o700)).unwrap();
        assert_eq!(list(), seen[2], "the umask of a checkout does not count");
    }

    #[test]
    fn a_terabyte_is_no_more_to_read_than_some_pieces_of_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a");
        let list = || list_context(root.path(), root.path(), |_| true).unwrap();
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let one = list();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len((1 << 40) + 1).unwrap();
        let other = list();
        assert_ne!(one, other);
        std::os::unix::fs::FileExt::write_all_at(&file, b"x", 1 << 40).unwrap();
        assert_ne!(other, list(), "the end of it counts");
    }

    #[test]
    fn only_what_is_wanted_and_goes_in_is_listed() {
        let root = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c", "Dockerfile"] {
            write(&root.path().join(name), name);
        }
        write(&root.path().join(".dockerignore"), "b\n");
        let list = |wanted: &dyn Fn(&str) -> bool| {
            let files = list_context(root.path(), root.path(), wanted).unwrap();
            let names = files.into_iter().map(|file| file.name);
            names.collect::<Vec<_>>()
        };
        assert_eq!(list(&|_| true), [".dockerignore", "a", "c"]);
        assert_eq!(list(&|name| name == "c"), ["c"]);
    }
}
