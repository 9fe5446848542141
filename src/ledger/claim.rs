//! One run at a time works on a directory of images: whoever comes second is told who is there, or waits.
//!
//! The lock is one on the directory itself, the same that a change of changelogs takes, so that it holds between all users
//! and containers of a machine, and goes with its process. Who has it is a note beside the ledger, and only a note.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::attempts::render_time;
use super::notes::{LEDGER, file_name};
use crate::host::fs::{FileError, create_directory, read_text, write_generated};
use crate::host::{host_name, lock_directory};

/// Who works on a directory.
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
}

/// The right to work on some directories, held by one run at a time.
#[derive(Debug)]
pub struct Claim {
    unlocked: Vec<FileError>,
    /// Removed before the locks go.
    _note: HolderNote,
    _locks: Vec<File>,
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
    #[error("another run is at work in {}{}", directory.display(), holder.as_ref().map(|it| format!(": {it}")).unwrap_or_default())]
    Busy {
        /// The directory.
        directory: PathBuf,
        /// Who that is, where it can be told.
        holder: Option<Holder>,
    },
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            pid,
            host,
            command,
            since,
        } = self;
        let since = render_time(*since);
        write!(f, "`{command}`, process {pid} on {host} since {since}")
    }
}

impl Holder {
    /// Describes this process.
    #[must_use]
    pub fn of_this_run(command: String, since: DateTime<FixedOffset>) -> Self {
        Self {
            pid: std::process::id(),
            host: host_name(),
            command,
            since,
        }
    }

    /// Leaves word of it below a state directory; where nothing can be written, nobody is told.
    #[must_use]
    pub fn note(&self, state: &Path, directories: &[PathBuf]) -> HolderNote {
        let place = state.join(LEDGER);
        let mut files = Vec::new();
        let text = serde_json::to_vec(self).unwrap_or_default();
        for directory in directories {
            let file = place.join(file_name(directory)).with_extension("holder");
            if create_directory(&place).is_ok() && write_generated(&file, &text).is_ok() {
                files.push(file);
            }
        }
        HolderNote { files }
    }
}

impl Drop for HolderNote {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Finds who holds the lock on a directory, where that left word and is not known to have ended.
#[must_use]
pub fn find_holder(state: &Path, directory: &Path) -> Option<Holder> {
    let file = state
        .join(LEDGER)
        .join(file_name(directory))
        .with_extension("holder");
    let holder: Holder = serde_json::from_str(&read_text(&file).ok()?).ok()?;
    let may_live =
        holder.host != host_name() || Path::new("/proc").join(holder.pid.to_string()).exists();
    may_live.then_some(holder)
}

impl Claim {
    /// Takes the right for all directories, waiting for so long; `on_wait` is told once whom it waits for. What is no
    /// directory is left to whoever reads it.
    pub fn take(
        (state, directories): (&Path, &[PathBuf]),
        holder: &Holder,
        patience: Duration,
        mut on_wait: impl FnMut(&ClaimError),
    ) -> Result<Self, ClaimError> {
        let until = Instant::now() + patience;
        let (mut locks, mut unlocked) = (Vec::new(), Vec::new());
        // In one order for everybody, so that no two runs wait for each other.
        for (_, directory) in real_directories(directories)? {
            // A program that was started and killed at once holds a lock for a moment longer.
            let at_once = Duration::from_secs(1);
            match lock_directory(directory, at_once) {
                Ok(Some(lock)) => {
                    locks.push(lock);
                    continue;
                }
                Ok(None) => (),
                // Some file systems of a network have no locks: better without one than not at all.
                Err(error) => {
                    unlocked.push(error);
                    continue;
                }
            }
            let busy = ClaimError::Busy {
                directory: directory.to_owned(),
                holder: find_holder(state, directory),
            };
            let left = until.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                on_wait(&busy);
            }
            match lock_directory(directory, left)? {
                Some(lock) => locks.push(lock),
                None => return Err(busy),
            }
        }
        Ok(Self {
            unlocked,
            _note: holder.note(state, directories),
            _locks: locks,
        })
    }
}

impl Claim {
    /// Gives why some of the directories could not be locked: nothing keeps another run away from them.
    #[must_use]
    pub fn unlocked(&self) -> &[FileError] {
        &self.unlocked
    }
}

/// Gives each directory once, however it is written, in the order of their real paths.
fn real_directories(directories: &[PathBuf]) -> Result<Vec<(PathBuf, &Path)>, FileError> {
    let mut real: BTreeSet<(PathBuf, &Path)> = BTreeSet::new();
    for directory in directories.iter().filter(|it| it.is_dir()) {
        let path = directory.canonicalize();
        let path = path.map_err(|source| FileError::new("read", directory, source))?;
        if real.iter().all(|(other, _)| *other != path) {
            real.insert((path, directory));
        }
    }
    Ok(real.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder() -> Holder {
        let since = DateTime::parse_from_rfc3339("2026-11-21T07:30:00+00:00").unwrap();
        Holder::of_this_run("pkg build images".to_owned(), since)
    }

    #[test]
    fn the_second_is_told_who_is_there_and_may_wait() {
        let state = tempfile::tempdir().unwrap();
        let images = state.path().join("images");
        create_directory(&images).unwrap();
        let take = |directories: &[PathBuf], patience, told: &mut Vec<String>| {
            let holder = holder();
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
        let busy = take(&both[..1], Duration::ZERO, &mut told).expect_err("it is taken");
        let expected = format!(
            "another run is at work in {}: `pkg build images`, process {} on {} since 2026-11-21 07:30",
            images.display(),
            std::process::id(),
            host_name()
        );
        assert_eq!(busy.to_string(), expected);
        assert_eq!(told, [""; 0]);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(1500));
                drop(first);
            });
            take(&both, Duration::from_secs(20), &mut told).unwrap();
        });
        assert_eq!(told, [expected]);
        assert_eq!(
            find_holder(state.path(), &images),
            None,
            "its note went with it"
        );
    }

    #[test]
    fn a_note_of_a_process_that_has_ended_says_nothing() {
        let state = tempfile::tempdir().unwrap();
        let directory = [state.path().to_owned()];
        // No process has this number: it is over the highest that Linux gives.
        let dead = Holder {
            pid: 1 << 30,
            ..holder()
        };
        let note = dead.note(state.path(), &directory);
        assert_eq!(find_holder(state.path(), &directory[0]), None);
        let elsewhere = Holder {
            host: "elsewhere".to_owned(),
            ..dead
        };
        let other = elsewhere.note(state.path(), &directory);
        assert_eq!(find_holder(state.path(), &directory[0]), Some(elsewhere));
        drop((note, other));
        let name = file_name(&directory[0]);
        let file = state
            .path()
            .join(LEDGER)
            .join(name)
            .with_extension("holder");
        write_generated(&file, b"{").unwrap();
        assert_eq!(find_holder(state.path(), &directory[0]), None);
    }
}
