//! Locks on directories: of a process that has ended nothing stays locked, and nothing of a lock stays behind.
//!
//! A tree is locked by two kinds of locks, as databases do it: its top for one run alone, and every directory above for
//! any number of runs that each have a tree below it. So a run in `images` and one in `.` meet at `.`, whichever was first,
//! and runs in `images` and `istio` do not meet. What a link leads to is locked where it is.
//!
//! Where a file system is mounted a second time, in a container for one, the directories above are others: there only runs
//! with the same top meet, not those of which one has a tree within the other's. Locks on all image directories would tell,
//! at the price of an open file for each, and thousands of images are more than a process may have open.

use std::collections::BTreeSet;
use std::fs::{File, Metadata, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::fs::FileError;

const GLANCE: Duration = Duration::from_millis(20);
/// Who waits for hours need not look as often.
const RARE_GLANCE: Duration = Duration::from_millis(200);

/// Directories such as `/tmp` are everybody's and nobody's catalog; those that a group shares may have one of the bits.
const EVERYBODYS: u32 = 0o1002;

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

/// Trees that are locked until this is dropped.
#[derive(Debug, Default)]
pub struct TreeLocks {
    files: Vec<File>,
    unlocked: Vec<FileError>,
    unseen: Vec<FileError>,
}

/// The directory at which another run was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldDirectory(pub PathBuf);

impl TreeLocks {
    /// Gives why tops could not be locked, as some file systems of a network have no locks, and why directories above them
    /// could not.
    pub fn unlocked(&self) -> impl Iterator<Item = &FileError> {
        self.unlocked.iter().chain(&self.unseen)
    }

    /// Gives those of tops, to be taken for an error.
    #[must_use]
    pub fn take_unlocked(&mut self) -> Vec<FileError> {
        std::mem::take(&mut self.unlocked)
    }
}

/// Locks trees, given by the real paths of their tops, trying for so long.
///
/// It gets all of them or none: who waits for one keeps nobody from the others, so no two runs wait for each other.
pub fn lock_trees(
    tops: &BTreeSet<PathBuf>,
    patience: Duration,
) -> Result<TreeLocks, HeldDirectory> {
    let began = Instant::now();
    let mut pause = GLANCE;
    loop {
        let tried = try_trees(tops);
        let left = patience.saturating_sub(began.elapsed());
        if tried.is_ok() || left.is_zero() {
            return tried;
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(RARE_GLANCE);
    }
}

fn try_trees(tops: &BTreeSet<PathBuf>) -> Result<TreeLocks, HeldDirectory> {
    let mut locks = TreeLocks::default();
    // One directory may have several paths where file systems are mounted, and a process would wait for itself there.
    let mut met: BTreeSet<(u64, u64)> = BTreeSet::new();
    let mut is_new = |there: &Metadata| met.insert((there.dev(), there.ino()));
    for top in tops {
        let opened = File::open(top).and_then(|file| Ok((file.metadata()?, file)));
        let tried = match opened {
            Ok((there, _)) if !is_new(&there) => continue,
            Ok((_, file)) => file.try_lock().map(|()| file),
            Err(source) => Err(TryLockError::Error(source)),
        };
        match tried {
            Ok(file) => locks.files.push(file),
            Err(TryLockError::WouldBlock) => return Err(HeldDirectory(top.clone())),
            Err(TryLockError::Error(source)) => {
                locks.unlocked.push(FileError::new("lock", top, source));
            }
        }
    }
    let above: BTreeSet<&Path> = tops
        .iter()
        .flat_map(|top| top.ancestors().skip(1))
        .collect();
    for directory in above {
        let is_root = directory.parent().is_none();
        let file = match File::open(directory) {
            Ok(file) => file,
            Err(source) => {
                if !is_systems(directory) {
                    locks.unseen.push(FileError::new("lock", directory, source));
                }
                continue;
            }
        };
        let is_shared = |there: Metadata| there.mode() & EVERYBODYS != EVERYBODYS && is_new(&there);
        if is_root || !file.metadata().is_ok_and(is_shared) {
            continue;
        }
        match file.try_lock_shared() {
            Ok(()) => locks.files.push(file),
            Err(TryLockError::WouldBlock) => return Err(HeldDirectory(directory.to_owned())),
            Err(TryLockError::Error(_)) => (),
        }
    }
    Ok(locks)
}

/// Tells whether a directory is root's own, as `/home` may be for nobody to list: nobody else can work on it as a whole.
fn is_systems(directory: &Path) -> bool {
    std::fs::metadata(directory).is_ok_and(|there| there.uid() == 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

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

    /// A tree with `images/base` and `istio`, and a link to `images`.
    fn tree() -> (tempfile::TempDir, impl Fn(&[&str]) -> BTreeSet<PathBuf>) {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        for name in ["images/base", "istio"] {
            std::fs::create_dir_all(top.join(name)).unwrap();
        }
        symlink("images", top.join("link")).unwrap();
        let tops = move |names: &[&str]| {
            let real = |name: &&str| top.join(name).canonicalize().unwrap();
            names.iter().map(real).collect()
        };
        (directory, tops)
    }

    #[test]
    fn trees_of_which_one_holds_the_other_are_locked_by_one_run_and_others_side_by_side() {
        let (_directory, tops) = tree();
        let is_free = |names: &[&str]| lock_trees(&tops(names), Duration::ZERO).is_ok();
        for (held, taken, free) in [
            (
                "images",
                [".", "images", "images/base", "link", "link/base"].as_slice(),
                "istio",
            ),
            (".", &[".", "images/base", "link", "istio"], ""),
            (
                "images/base",
                &["images", ".", "link", "link/base"],
                "istio",
            ),
            ("link", &["images", "images/base", "."], "istio"),
        ] {
            let held = lock_trees(&tops(&[held]), Duration::ZERO).expect("it is free");
            assert_eq!(held.unlocked().count(), 0);
            for name in taken {
                assert!(!is_free(&[name]), "{name}");
                assert!(!is_free(&["istio", name]), "{name}");
            }
            assert!(free.is_empty() || is_free(&[free]), "{free}");
            drop(held);
            assert!(is_free(taken));
        }
    }

    #[test]
    fn runs_that_want_the_same_trees_in_any_order_never_wait_for_each_other() {
        let (_directory, tops) = tree();
        let wishes: [&[&str]; 4] = [
            &["images", "istio"],
            &["istio", "images/base"],
            &["link", "istio", "."],
            &["images/base", "link"],
        ];
        let long = Duration::from_secs(60);
        std::thread::scope(|scope| {
            for names in wishes.iter().cycle().take(8) {
                let tops = tops(names);
                scope.spawn(move || {
                    for _ in 0..5 {
                        let held = lock_trees(&tops, long).expect("each gets its turn");
                        std::thread::sleep(Duration::from_millis(2));
                        drop(held);
                    }
                });
            }
        });
    }

    #[test]
    fn only_what_is_sticky_and_writable_by_everybody_is_nobodys() {
        use std::os::unix::fs::PermissionsExt as _;
        let (directory, tops) = tree();
        let top = directory.path().join("images");
        for (mode, is_locked) in [
            (0o755, true),
            (0o3775, true),
            (0o777, true),
            (0o1777, false),
        ] {
            std::fs::set_permissions(&top, std::fs::Permissions::from_mode(mode)).unwrap();
            let held = lock_trees(&tops(&["images/base"]), Duration::ZERO).expect("it is free");
            let above = lock_trees(&tops(&["images"]), Duration::ZERO);
            assert_eq!(above.is_err(), is_locked, "{mode:o}");
            drop(held);
        }
    }

    #[test]
    fn what_cannot_be_opened_is_told() {
        let (directory, _) = tree();
        let tops = BTreeSet::from([directory.path().join("nothing")]);
        let mut locks = lock_trees(&tops, Duration::ZERO).expect("nobody has it");
        assert_eq!(locks.take_unlocked().len(), 1);
    }
}
