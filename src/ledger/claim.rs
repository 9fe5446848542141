//! One run at a time works on a directory of images: whoever comes second is told who is there, or waits.
//!
//! The locks lie with the directories ([`lock_trees`]), the same that a change of changelogs takes, so that they hold between
//! all users and containers of a machine, and go with their process. Who has them is a note beside the ledger, and only a
//! note; of a run that has its state elsewhere, the kernel knows the process.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::attempts::render_time;
use super::notes::{LEDGER, file_name};
use crate::host::fs::{FileError, create_directory, read_text, resolve, write_generated};
use crate::host::{
    HeldDirectory, TreeLocks, find_lock_holders, find_process, host_name, is_lock_inherited,
    lock_trees,
};

/// A program that was started and killed at once holds a lock for a moment longer.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Who works on some directories.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The machine, or the container.
    pub host: String,
    /// The command, without options.
    pub command: String,
    /// When it began.
    pub since: DateTime<FixedOffset>,
    /// The directories, as far as they are known.
    #[serde(default)]
    pub directories: Vec<PathBuf>,
}

/// The right to work on some directories, held by one run at a time.
#[derive(Debug)]
pub struct Claim {
    /// Removed before the locks go.
    _note: HolderNote,
    locks: TreeLocks,
}

/// Tells others who holds the locks on some directories, as long as it lives.
#[derive(Debug)]
pub struct HolderNote {
    files: Vec<PathBuf>,
}

/// Why a run cannot work on a directory.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// It cannot be locked.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another run works on it.
    #[error(transparent)]
    Busy(#[from] BusyDirectory),
}

/// Another run works on a directory, on one around it or on one within.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another run is at work in {}{}", directory.display(), holder.as_ref().map(|it| format!(": {it}")).unwrap_or_default())]
pub struct BusyDirectory {
    /// The directory at which it was met.
    pub directory: PathBuf,
    /// Who that is, where it can be told.
    pub holder: Option<Box<Holder>>,
    /// Where the lock came from.
    pub origin: LockOrigin,
}

/// Where a lock came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockOrigin {
    /// Another run took it, or another program.
    Another,
    /// Who started this run did, and ends after it.
    Inherited,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            pid,
            host,
            command,
            since,
            ..
        } = self;
        let since = render_time(*since);
        write!(f, "`{command}`, process {pid} on {host} since {since}")
    }
}

impl Holder {
    /// Describes this process.
    #[must_use]
    pub fn of_this_run(
        command: String,
        since: DateTime<FixedOffset>,
        directories: &[PathBuf],
    ) -> Self {
        Self {
            pid: std::process::id(),
            host: host_name(),
            command,
            since,
            directories: directories.iter().map(|it| resolve(it)).collect(),
        }
    }

    /// Describes a process of this machine by what the kernel knows of it; times are told as in `zone`.
    fn of_process(pid: u32, zone: FixedOffset) -> Option<Self> {
        let process = find_process(pid)?;
        Some(Self {
            pid,
            host: host_name(),
            command: process.command,
            since: process.since.with_timezone(&zone),
            directories: Vec::new(),
        })
    }

    /// Leaves word of it below a state directory; where nothing can be written, nobody is told.
    #[must_use]
    pub fn note(&self, state: &Path) -> HolderNote {
        let place = state.join(LEDGER);
        let mut files = Vec::new();
        let text = serde_json::to_vec(self).unwrap_or_default();
        for directory in &self.directories {
            let file = place.join(file_name(directory)).with_extension(HOLDER);
            if create_directory(&place).is_ok() && write_generated(&file, &text).is_ok() {
                files.push(file);
            }
        }
        HolderNote { files }
    }

    fn may_live(&self) -> bool {
        self.host != host_name() || Path::new("/proc").join(self.pid.to_string()).exists()
    }

    /// Tells whether it works on a directory, around it or within.
    fn is_at(&self, directory: &Path) -> bool {
        let mut directories = self.directories.iter();
        directories.any(|it| it.starts_with(directory) || directory.starts_with(it))
    }
}

const HOLDER: &str = "holder";

impl Drop for HolderNote {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Finds who holds the lock on a directory: by the word that it left, else by what the kernel knows.
fn find_holder(state: Option<&Path>, directory: &Path, zone: FixedOffset) -> Option<Holder> {
    let notes = state.map(read_notes).unwrap_or_default();
    let mut notes = notes.iter().filter(|note| note.is_at(directory));
    let pids = find_lock_holders(directory);
    let has_it = |note: &&Holder| note.host == host_name() && pids.contains(&note.pid);
    if let Some(note) = notes.clone().find(has_it) {
        return Some(note.clone());
    }
    let mut processes = pids.iter().filter_map(|pid| Holder::of_process(*pid, zone));
    // Of a run in another container the kernel tells nothing here, and its word may be all that there is.
    processes
        .next()
        .or_else(|| notes.find(|note| note.may_live()).cloned())
}

fn read_notes(state: &Path) -> Vec<Holder> {
    let Ok(entries) = std::fs::read_dir(state.join(LEDGER)) else {
        return Vec::new();
    };
    let files = entries.flatten().map(|entry| entry.path());
    let files = files.filter(|file| file.extension().is_some_and(|it| it == HOLDER));
    files
        .filter_map(|file| serde_json::from_str(&read_text(&file).ok()?).ok())
        .collect()
}

impl BusyDirectory {
    /// Says who was met at a directory; one that the user named is called as it was.
    #[must_use]
    pub fn new(
        state: Option<&Path>,
        directories: &[PathBuf],
        at: &Path,
        zone: FixedOffset,
    ) -> Self {
        let named = directories.iter().find(|it| resolve(it) == at);
        Self {
            directory: named.map_or(at, PathBuf::as_path).to_owned(),
            holder: find_holder(state, at, zone).map(Box::new),
            origin: if is_lock_inherited(at) {
                LockOrigin::Inherited
            } else {
                LockOrigin::Another
            },
        }
    }
}

impl Claim {
    /// Takes the right for all directories, waiting for so long; `on_wait` is told once whom it waits for. What is no
    /// directory is left to whoever reads it.
    pub fn take(
        (state, directories): (&Path, &[PathBuf]),
        holder: &Holder,
        patience: Duration,
        on_wait: impl FnOnce(&BusyDirectory),
    ) -> Result<Self, ClaimError> {
        let tops = find_tops(directories)?;
        let zone = *holder.since.offset();
        let busy = |HeldDirectory(at)| BusyDirectory::new(Some(state), directories, &at, zone);
        let locks = match lock_trees(&tops, AT_ONCE) {
            Ok(locks) => locks,
            Err(held) => {
                let met = busy(held);
                if patience.is_zero() {
                    return Err(met.into());
                }
                on_wait(&met);
                lock_trees(&tops, patience).map_err(busy)?
            }
        };
        Ok(Self {
            _note: holder.note(state),
            locks,
        })
    }

    /// Gives why some of the directories could not be locked: nothing keeps another run away from them.
    pub fn unlocked(&self) -> impl Iterator<Item = &FileError> {
        self.locks.unlocked()
    }
}

/// Gives the real path of each directory once, however it is written.
fn find_tops(directories: &[PathBuf]) -> Result<BTreeSet<PathBuf>, FileError> {
    let there = directories.iter().filter(|it| it.is_dir());
    let real = there.map(|directory| {
        let path = directory.canonicalize();
        path.map_err(|source| FileError::new("read", directory, source))
    });
    real.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(directories: &[PathBuf]) -> Holder {
        let since = DateTime::parse_from_rfc3339("2026-11-21T07:30:00+00:00").unwrap();
        Holder::of_this_run("pkg build images".to_owned(), since, directories)
    }

    fn find(state: &Path, directory: &Path) -> Option<Holder> {
        find_holder(Some(state), directory, FixedOffset::east_opt(0).unwrap())
    }

    #[test]
    fn the_second_is_told_who_is_there_and_may_wait() {
        let state = tempfile::tempdir().unwrap();
        let images = state.path().join("images");
        create_directory(&images.join("base")).unwrap();
        let take = |directories: &[PathBuf], patience, told: &mut Vec<String>| {
            let holder = holder(directories);
            Claim::take((state.path(), directories), &holder, patience, |busy| {
                told.push(busy.to_string());
            })
        };
        let mut told = Vec::new();
        let both = [
            images.clone(),
            images.join("../images"),
            state.path().join("nothing"),
        ];
        let first = take(&both, Duration::ZERO, &mut told).unwrap();
        let expected = |directory: &Path| {
            format!(
                "another run is at work in {}: `pkg build images`, process {} on {} since 2026-11-21 07:30",
                directory.display(),
                std::process::id(),
                host_name()
            )
        };
        for (wanted, met) in [
            (images.clone(), &images),
            (images.join("base"), &images),
            (state.path().to_owned(), &state.path().to_owned()),
        ] {
            let busy = take(&[wanted], Duration::ZERO, &mut told).expect_err("it is taken");
            assert_eq!(busy.to_string(), expected(met));
        }
        assert_eq!(told, [""; 0]);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(1500));
                drop(first);
            });
            take(&both, Duration::from_secs(20), &mut told).unwrap();
        });
        assert_eq!(told, [expected(&images)]);
        assert_eq!(find(state.path(), &images), None, "its note went with it");
    }

    #[test]
    fn of_a_run_that_left_no_word_the_process_is_told() {
        let [own, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let images = [own.path().join("images")];
        create_directory(&images[0]).unwrap();
        let take = |state: &Path| {
            let holder = holder(&images);
            Claim::take((state, &images), &holder, Duration::ZERO, |_| ())
        };
        let _held = take(own.path()).unwrap();
        let Err(ClaimError::Busy(busy)) = take(other.path()) else {
            panic!("it is taken");
        };
        let holder = busy.holder.expect("the kernel knows it");
        assert_eq!(holder.pid, std::process::id());
        assert_ne!(holder.command, "pkg build images", "that stands elsewhere");
    }

    #[test]
    fn a_note_of_a_process_that_has_ended_says_nothing() {
        let state = tempfile::tempdir().unwrap();
        let directory = [state.path().canonicalize().unwrap()];
        // No process has this number: it is over the highest that Linux gives.
        let dead = Holder {
            pid: 1 << 30,
            ..holder(&directory)
        };
        let note = dead.note(state.path());
        assert_eq!(find(state.path(), &directory[0]), None);
        let elsewhere = Holder {
            host: "elsewhere".to_owned(),
            ..dead
        };
        let other = elsewhere.note(state.path());
        assert_eq!(find(state.path(), &directory[0]), Some(elsewhere));
        drop((note, other));
        let name = file_name(&directory[0]);
        let file = state
            .path()
            .join(LEDGER)
            .join(name)
            .with_extension("holder");
        write_generated(&file, b"{").unwrap();
        assert_eq!(find(state.path(), &directory[0]), None);
    }
}
