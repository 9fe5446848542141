//! Locks on directories: of a process that has ended nothing stays locked, and nothing of a lock stays behind.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use super::fs::FileError;

const GLANCE: Duration = Duration::from_millis(20);

/// Locks a directory until the file that it gives is dropped, trying for so long; nothing when another process has it.
pub fn lock_directory(directory: &Path, patience: Duration) -> Result<Option<File>, FileError> {
    let failed = |source| FileError::new("lock", directory, source);
    let file = File::open(directory).map_err(failed)?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::WouldBlock) if began.elapsed() < patience => {
                std::thread::sleep(GLANCE);
            }
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_a_lock() {
        let directory = tempfile::tempdir().unwrap();
        let short = Duration::from_millis(50);
        let held = lock_directory(directory.path(), short)
            .unwrap()
            .expect("it is free");
        assert!(lock_directory(directory.path(), short).unwrap().is_none());
        drop(held);
        lock_directory(directory.path(), short)
            .unwrap()
            .expect("it is free again");
        lock_directory(&directory.path().join("nothing"), short).expect_err("no directory");
    }
}
