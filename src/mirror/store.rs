//! The store of what was fetched: files by their hashes.
//!
//! ```text
//! ~/.cache/pkg/store-1/sha256/ab/ab12…     a file, read-only
//! ~/.cache/pkg/store-1/incoming/.tmp…      what still comes
//! ```
//!
//! A file gets its name after its last byte was checked, in one step; so nobody sees half of it, and of two who fetch the same
//! one, either wins. What is taken out is hashed again: it costs a twentieth of what unpacking does, and a file that a disk or a
//! user has spoiled is fetched again instead of installed. Deleting the store costs time, nothing else.

use std::fs::{File, Permissions};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::error::FetchFault;
use crate::host::fs::{FileError, create_directory};
use crate::host::{Clock, Environment};
use crate::oci::{Digest, Hasher};

/// A store.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

/// Why a store does not work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file of it cannot be read or written.
    #[error("the store of packages does not work")]
    File(#[from] FileError),
    /// Nobody knows where it is.
    #[error("there is no place for the store of packages: neither XDG_CACHE_HOME nor HOME is set")]
    NoHome,
}

/// After so long nobody is still at work on a file.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 60 * 60);

impl Store {
    /// Takes a directory, which need not be there yet.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        let root = root.to_owned();
        Self { root }
    }

    /// Takes the user's own.
    pub fn of_environment(environment: &Environment) -> Result<Self, StoreError> {
        let home = environment.cache_home().ok_or(StoreError::NoHome)?;
        Ok(Self::new(&home.join("store-1")))
    }

    /// Gives the directory, which need not be there yet.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Gives the place of a file.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join("sha256").join(&hex[..2]).join(hex)
    }

    /// Opens a file that is there, after it was hashed again; one that is spoiled is removed and counts as missing.
    pub fn find(&self, digest: &Digest, size_bytes: u64) -> Result<Option<File>, StoreError> {
        let path = self.path(digest);
        let failed = |source| StoreError::File(FileError::new("read", &path, source));
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(fault) => return Err(failed(fault)),
        };
        let is_sized = file.metadata().map_err(failed)?.len() == size_bytes;
        if is_sized && hash(&mut file).map_err(failed)? == *digest {
            file.rewind().map_err(failed)?;
            return Ok(Some(file));
        }
        match std::fs::remove_file(&path) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => {
                Err(FileError::new("remove", &path, fault).into())
            }
            _ => Ok(None),
        }
    }

    /// Begins a file.
    pub fn receive(&self) -> Result<Incoming, StoreError> {
        let directory = self.root.join("incoming");
        create_directory(&directory)?;
        let file = NamedTempFile::new_in(&directory)
            .map_err(|source| FileError::new("write", &directory, source))?;
        Ok(Incoming {
            store: self.clone(),
            file,
            hasher: Sha256::new(),
            size_bytes: 0,
        })
    }

    /// Removes what killed runs have left of files that they did not finish.
    pub fn sweep(&self) -> Result<(), StoreError> {
        let directory = self.root.join("incoming");
        let failed = |source| FileError::new("read", &directory, source);
        let entries = match std::fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(fault) => return Err(failed(fault).into()),
        };
        let now = std::time::SystemTime::from(Clock::of_machine().now());
        for entry in entries {
            let entry = entry.map_err(failed)?;
            // One that is gone in the meantime was finished by whoever works on it.
            let Ok(modified) = entry.metadata().and_then(|it| it.modified()) else {
                continue;
            };
            if now
                .duration_since(modified)
                .is_ok_and(|age| age > LEFT_BEHIND)
            {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}

fn hash(file: &mut File) -> io::Result<Digest> {
    let mut hasher = Hasher::alone();
    io::copy(
        &mut io::BufReader::with_capacity(1 << 17, file),
        &mut hasher,
    )?;
    Ok(hasher.finish().0)
}

/// A file that still comes; dropped, it is gone.
#[derive(Debug)]
pub struct Incoming {
    store: Store,
    file: NamedTempFile,
    hasher: Sha256,
    size_bytes: u64,
}

impl Incoming {
    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(bytes);
        self.size_bytes += bytes.len() as u64;
        let written = self.file.write_all(bytes);
        Ok(written.map_err(|source| FileError::new("write", self.file.path(), source))?)
    }

    /// Gives how many bytes came.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Opens what came, to be looked at before it gets its name.
    pub(super) fn look(&self) -> Result<File, FileError> {
        let opened = self.file.reopen();
        opened.map_err(|source| FileError::new("read", self.file.path(), source))
    }

    /// Gives the file its name whatever it holds, since it was looked at, and opens it at its start.
    pub(super) fn keep(self) -> Result<(Digest, u64, File), FetchFault> {
        let digest = Digest::from_sha256(&self.hasher.clone().finalize().into());
        let size_bytes = self.size_bytes;
        let file = self.finish(&digest, size_bytes)?;
        Ok((digest, size_bytes, file))
    }

    /// Gives the file its name, where it is what was wanted, and opens it at its start.
    pub fn finish(self, digest: &Digest, size_bytes: u64) -> Result<File, FetchFault> {
        if self.size_bytes != size_bytes {
            return Err(FetchFault::Size {
                expected: size_bytes,
                found: self.size_bytes,
            });
        }
        let found = Digest::from_sha256(&self.hasher.finalize().into());
        if found != *digest {
            let expected = digest.clone();
            return Err(FetchFault::Hash { expected, found });
        }
        let path = self.store.path(digest);
        let stored = |path: &Path| -> Result<File, FileError> {
            let failed = |source| FileError::new("write", path, source);
            if let Some(directory) = path.parent() {
                create_directory(directory)?;
            }
            let file = self.file.as_file();
            file.set_permissions(Permissions::from_mode(0o444))
                .map_err(failed)?;
            let mut file = self
                .file
                .persist(path)
                .map_err(|error| failed(error.error))?;
            file.rewind().map_err(failed)?;
            Ok(file)
        };
        stored(&path).map_err(|error| FetchFault::Store(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn put(store: &Store, bytes: &[u8]) -> Result<File, FetchFault> {
        let mut incoming = store.receive().unwrap();
        bytes
            .chunks(3)
            .for_each(|part| incoming.write(part).unwrap());
        incoming.finish(&Digest::of(bytes), bytes.len() as u64)
    }

    fn files(directory: &Path) -> usize {
        let entries = walkdir::WalkDir::new(directory).into_iter();
        entries
            .filter(|entry| entry.as_ref().unwrap().file_type().is_file())
            .count()
    }

    #[test]
    fn a_file_comes_back_by_its_hash() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(&directory.path().join("store-1"));
        let digest = Digest::of(b"a package");
        assert!(store.find(&digest, 9).unwrap().is_none());
        let mut text = String::new();
        put(&store, b"a package")
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "a package");
        put(&store, b"a package").unwrap();
        let mut again = String::new();
        let mut file = store.find(&digest, 9).unwrap().expect("it is there");
        file.read_to_string(&mut again).unwrap();
        assert_eq!(again, text);
        let path = store.path(&digest);
        assert!(path.ends_with(format!("sha256/{}/{}", &digest.hex()[..2], digest.hex())));
        assert_eq!(files(directory.path()), 1);
    }

    #[test]
    fn what_is_something_else_gets_no_name() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        let mut incoming = store.receive().unwrap();
        incoming.write(b"half").unwrap();
        let fault = incoming
            .finish(&Digest::of(b"half a"), 6)
            .expect_err("too short");
        assert!(
            matches!(
                fault,
                FetchFault::Size {
                    expected: 6,
                    found: 4
                }
            ),
            "{fault}"
        );
        let mut incoming = store.receive().unwrap();
        incoming.write(b"other").unwrap();
        let fault = incoming
            .finish(&Digest::of(b"whole"), 5)
            .expect_err("another file");
        assert!(matches!(fault, FetchFault::Hash { .. }), "{fault}");
        drop(store.receive().unwrap());
        assert_eq!(files(directory.path()), 0);
    }

    #[test]
    fn a_spoiled_file_counts_as_missing() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        let digest = Digest::of(b"whole");
        for spoiled in ["other", "whole and more", ""] {
            put(&store, b"whole").unwrap();
            let path = store.path(&digest);
            std::fs::remove_file(&path).unwrap();
            crate::host::fs::write_atomically(&path, spoiled.as_bytes()).unwrap();
            assert!(store.find(&digest, 5).unwrap().is_none());
            assert_eq!(files(directory.path()), 0, "{spoiled}");
        }
    }

    #[test]
    fn many_at_once_leave_one_whole_file() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        let bytes = vec![7; 100_000];
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        put(&store, &bytes).unwrap();
                        let found = store.find(&Digest::of(&bytes), 100_000).unwrap();
                        assert!(found.is_some());
                    }
                });
            }
        });
        assert_eq!(files(directory.path()), 1);
    }

    #[test]
    fn only_what_is_old_is_swept_away() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::new(directory.path());
        store.sweep().unwrap();
        let [young, old] = [store.receive().unwrap(), store.receive().unwrap()];
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        old.file.as_file().set_modified(long_ago).unwrap();
        let path = old.file.path().to_owned();
        store.sweep().unwrap();
        assert!(!path.exists() && young.file.path().exists());
    }
}
