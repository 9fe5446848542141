//! What is not whole yet: it lies beside the place where it goes, in a directory that is removed with its maker.
//!
//! A maker that was killed cannot remove it. Each holds a lock on its own, so the next export there knows those that nobody
//! works in any more.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tempfile::TempDir;

use crate::host::fs::FileError;

const PREFIX: &str = ".pkg-export-";
/// Letters and digits behind it.
const RANDOM: usize = 12;

/// A directory of nobody else's.
#[derive(Debug)]
pub(super) struct Workplace {
    directory: TempDir,
    /// Held until the directory is gone; some file systems of a network know no locks.
    _lock: Option<File>,
}

impl Workplace {
    /// Makes one in a directory, and removes those that killed runs left there.
    pub(super) fn create(parent: &Path) -> Result<Self, FileError> {
        sweep(parent);
        let failed = |source| FileError::new("create", &parent.join(PREFIX), source);
        loop {
            let directory = tempfile::Builder::new()
                .prefix(PREFIX)
                .rand_bytes(RANDOM)
                .tempdir_in(parent)
                .map_err(failed)?;
            match lock(directory.path()) {
                Ok(lock) => {
                    return Ok(Self {
                        directory,
                        _lock: lock,
                    });
                }
                // Another run took it for one that was left, before it was locked.
                Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
                Err(fault) => return Err(failed(fault)),
            }
        }
    }

    /// Gives the directory.
    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Gives a place for what gets another name when it is whole.
    pub(super) fn whole(&self) -> PathBuf {
        self.path().join("whole")
    }
}

/// Locks a directory that is still there; gives nothing where there are no locks.
fn lock(directory: &Path) -> io::Result<Option<File>> {
    let file = open(directory)?;
    let lock = match file.try_lock() {
        Ok(()) => Some(file),
        Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::NotFound.into()),
        Err(TryLockError::Error(_)) => None,
    };
    directory.symlink_metadata()?;
    Ok(lock)
}

fn open(directory: &Path) -> io::Result<File> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    let flags = flags.bits().cast_signed();
    File::options()
        .read(true)
        .custom_flags(flags)
        .open(directory)
}

/// Removes what runs of this user left that were killed, as far as it can be removed.
fn sweep(parent: &Path) {
    let own = rustix::process::geteuid().as_raw();
    let Ok(entries) = std::fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let random = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let is_ours = |random: &str| {
            random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if !random.is_some_and(is_ours) {
            continue;
        }
        let Ok(directory) = open(&entry.path()) else {
            continue;
        };
        let has_owner = directory.metadata().is_ok_and(|about| about.uid() == own);
        if has_owner && directory.try_lock().is_ok() {
            // What stays is tried again by the next run.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_left_is_removed_and_what_somebody_works_in_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let path = |name: &str| parent.path().join(name);
        let left = path(".pkg-export-abcdefABC123");
        std::fs::create_dir_all(left.join("whole/sub")).unwrap();
        File::create(left.join("whole/file")).unwrap();
        std::fs::create_dir(path(".pkg-export-notes")).unwrap();
        std::fs::create_dir(path("target")).unwrap();
        std::os::unix::fs::symlink("target", path(".pkg-export-linkedABC123")).unwrap();
        let first = Workplace::create(parent.path()).unwrap();
        assert!(!left.exists());
        let second = Workplace::create(parent.path()).unwrap();
        assert!(first.path().is_dir() && second.path().is_dir());
        drop((first, second));
        let mut there: Vec<_> = std::fs::read_dir(parent.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        there.sort();
        assert_eq!(
            there,
            [".pkg-export-linkedABC123", ".pkg-export-notes", "target"]
        );
    }
}
