//! What a context holds, by name and content, without sending it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::content::{Content, PIECE_BYTES, Sequence};
use super::error::ContextError;
use super::receive::{Attributes, Receive};
use super::walk::Walk;
use crate::host::fs::FileError;
use crate::oci::Digest;

/// A file of a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextFile {
    /// The name below the image directory.
    pub name: Vec<u8>,
    /// Of its content, and of whether its owner may execute it: git keeps no more of a mode, and the rest follows the umask of
    /// who checked it out. Of a file over 128 MiB the size and pieces of the content count.
    pub digest: Digest,
}

/// The files of a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// In the order of their names, directory by directory.
    pub files: Vec<ContextFile>,
    /// Of all of them together, as a context is checked while it is sent.
    pub digest: Digest,
}

/// Lists the files of a context that `is_wanted` names; only these are read.
///
/// The Dockerfile is not among them, nor are directories. Fails where [`super::write_context`] would.
pub fn list_context(
    directory: &Path,
    tree_root: &Path,
    is_wanted: impl Fn(&Path) -> bool,
) -> Result<Listed, ContextError> {
    let mut listing = Listing {
        is_wanted,
        files: Vec::new(),
    };
    Walk::new(directory, tree_root, &mut listing)?.run()?;
    let mut sequence = Sequence::default();
    for file in &listing.files {
        sequence.add(&file.name, &file.digest);
    }
    Ok(Listed {
        files: listing.files,
        digest: sequence.finish(),
    })
}

struct Listing<F> {
    is_wanted: F,
    files: Vec<ContextFile>,
}

impl<F: Fn(&Path) -> bool> Receive for Listing<F> {
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
        if !(self.is_wanted)(Path::new(OsStr::from_bytes(name))) {
            return Ok(());
        }
        let digest = digest_of(path, attributes)
            .map_err(|source| ContextError::from(FileError::new("read", path, source)))?;
        self.files.push(ContextFile {
            name: name.to_vec(),
            digest,
        });
        Ok(())
    }
}

fn digest_of(path: &Path, attributes: Attributes) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut content = Content::new(size, attributes);
    let mut buffer = vec![0; PIECE_BYTES];
    while let Some(start) = content.find_piece() {
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut buffer)?;
        content.take_piece(start, &buffer);
    }
    if content.is_whole() {
        // One that grows meanwhile ends all the same; the context tells of it.
        let mut file = file.take(size);
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            content.take(&buffer[..count]);
        }
    }
    Ok(content.finish())
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
        assert_eq!(seen[0].files[0].name, b"a");
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
        let list = |wanted: &dyn Fn(&Path) -> bool| {
            let listed = list_context(root.path(), root.path(), wanted).unwrap();
            let names = listed.files.into_iter().map(|file| file.name);
            let names = names.map(|name| String::from_utf8(name).unwrap());
            names.collect::<Vec<_>>()
        };
        assert_eq!(list(&|_| true), [".dockerignore", "a", "c"]);
        assert_eq!(list(&|name| name == "c"), ["c"]);
    }

    #[test]
    fn names_that_are_no_text_stay_apart() {
        let root = tempfile::tempdir().unwrap();
        for name in [b"a\xfe", b"a\xff"] {
            write(&root.path().join(OsStr::from_bytes(name)), "same");
        }
        let listed = list_context(root.path(), root.path(), |_| true).unwrap();
        let names: Vec<_> = listed.files.into_iter().map(|file| file.name).collect();
        assert_eq!(names, [b"a\xfe", b"a\xff"]);
    }

    #[test]
    fn a_file_counts_whole_whatever_stands_before_it() {
        let root = tempfile::tempdir().unwrap();
        // Some gigabytes that take no room.
        for number in 0..9 {
            let file = File::create(root.path().join(format!("a{number}"))).unwrap();
            file.set_len(128 << 20).unwrap();
        }
        let small = File::create(root.path().join("z")).unwrap();
        small.set_len(40 << 20).unwrap();
        let of_z = |is_wanted: &dyn Fn(&Path) -> bool| {
            let listed = list_context(root.path(), root.path(), is_wanted).unwrap();
            listed.files.into_iter().last().unwrap()
        };
        assert_eq!(of_z(&|_| true), of_z(&|name| name == "z"));
    }
}
