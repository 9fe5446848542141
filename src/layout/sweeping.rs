//! What on the shelf nobody needs any more goes, and what somebody reads stays: readers hold a lock on the directory of a layout.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::host::Clock;
use crate::host::fs::FileError;

/// The file that says which layout counts.
pub(super) const CURRENT: &str = "current";
/// How the names of those begin that are still written.
pub(super) const COMING: &str = ".coming-";
/// After so long nobody is still at work on one.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 60 * 60);
/// Removes what does not count any more, and what killed runs have left.
pub(super) fn sweep(place: &Path, current: &str) -> Result<(), FileError> {
    let failed = |source| FileError::new("read", place, source);
    let now = now();
    for entry in std::fs::read_dir(place).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // One that is gone in the meantime was somebody else's.
        let Ok(metadata) = entry.metadata() else {
            continue;
        };
        let age = metadata.modified().map(|time| now.duration_since(time));
        let is_old = matches!(age, Ok(Ok(age)) if age > LEFT_BEHIND);
        let is_over = !name.starts_with(COMING) || is_old;
        if metadata.is_dir() && name != current && is_over {
            remove_unread(&entry.path());
        }
    }
    Ok(())
}

/// Empties a place; tells whether there was an image. What somebody reads or writes stays until something else is put there.
pub(super) fn clear(place: &Path) -> Result<bool, FileError> {
    // Without this file there is none, however far the rest comes.
    let was_there = match std::fs::remove_file(place.join(CURRENT)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        removed => {
            removed.map_err(|source| FileError::new("remove", place, source))?;
            true
        }
    };
    sweep(place, "")?;
    // Something is left in it where this fails.
    let _ = std::fs::remove_dir(place);
    Ok(was_there)
}

/// Removes a layout unless somebody reads it; what is left is swept away by a later run.
fn remove_unread(layout: &Path) {
    if let Some(_alone) = hold_alone(layout) {
        let _ = std::fs::remove_dir_all(layout);
    }
}

/// Keeps readers from a layout that nobody reads, until what is given is dropped. Where the file system has no locks, nobody knows
/// of anybody.
pub(super) fn hold_alone(layout: &Path) -> Option<File> {
    let file = File::open(layout).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => None,
        Ok(()) | Err(TryLockError::Error(_)) => Some(file),
    }
}

/// Opens a layout so that nobody sweeps it away; who is about to remove it is waited for.
pub(super) fn open_for_reading(layout: &Path) -> Result<File, FileError> {
    let failed = |source| FileError::new("read", layout, source);
    let file = File::open(layout).map_err(failed)?;
    // Some file systems have no locks.
    let _ = file.lock_shared();
    Ok(file)
}

pub(super) fn now() -> SystemTime {
    SystemTime::from(Clock::of_machine().now())
}
