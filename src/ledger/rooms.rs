//! The directory of a run below the state directory: it holds the logs, and its lock says that the run lives.
//!
//! A run that was killed leaves its directory unlocked. Whoever runs next ends what that one had started, removes what it
//! had in the directory for temporary files, and keeps its logs as long as those of others.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta};

use crate::host::fs::{FileError, create_directory, rename_directory};
use crate::host::{Environment, RUN_VARIABLE, kill_marked, lock_directory};

const LOGS: &str = "logs";
/// What the name of a run's directory ends with until it is locked.
const UNBORN: &str = "new";
const MOST_TRIES: usize = 5;
/// The logs of so many runs are kept, however old they are.
const KEPT_RUNS: usize = 30;
/// Those of further runs, up to this age.
const KEPT_AGE: TimeDelta = TimeDelta::days(30);
/// And never more than of so many.
const MOST_RUNS: usize = 1000;

/// The directory of a run that goes on.
#[derive(Debug)]
pub struct RunRoom {
    logs: PathBuf,
    id: String,
    /// Held until the end.
    _lock: Option<File>,
}

impl RunRoom {
    /// Makes the directory of a run below the state directory; where that cannot be written to, among the temporary files.
    pub fn open(state: &Path, id: &str) -> Result<(Self, Option<FileError>), FileError> {
        let logs = state.join(LOGS).join(id);
        let (logs, lock, fault) = match make_locked(&logs) {
            Ok(lock) => (logs, lock, None),
            Err(fault) => {
                let elsewhere = std::env::temp_dir().join(format!("pkg-logs-{id}"));
                create_directory(&elsewhere)?;
                // There nobody looks for runs that are over.
                (elsewhere, None, Some(fault))
            }
        };
        let room = Self {
            _lock: lock,
            id: id.to_owned(),
            logs,
        };
        Ok((room, fault))
    }

    /// Gives the directory for logs.
    #[must_use]
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// Ends and removes what killed runs left on this machine, and the logs that nobody looks for any more; gives the names
    /// of the runs that are over.
    #[must_use]
    pub fn clean_up(
        &self,
        state: &Path,
        environment: &Environment,
        now: DateTime<FixedOffset>,
    ) -> BTreeSet<String> {
        let logs = state.join(LOGS);
        remove_unborn(&logs);
        let mut runs = find_runs(&logs);
        runs.retain(|run| *run != self.id && is_over(&logs.join(run)));
        let over: BTreeSet<String> = runs.iter().cloned().collect();
        // A run that a program of another run started is a part of that one.
        let own = environment.find(RUN_VARIABLE);
        let mut marked = over.clone();
        marked.retain(|run| own.as_ref() != Some(run));
        kill_marked(RUN_VARIABLE, &marked);
        remove_temporary(&std::env::temp_dir(), &over);
        let oldest = now.checked_sub_signed(KEPT_AGE).unwrap_or(now);
        for run in surplus(runs, &oldest.format("%Y%m%d").to_string()) {
            // What cannot be removed is tried again by the next run.
            let _ = std::fs::remove_dir_all(logs.join(run));
        }
        over
    }
}

/// Makes a directory that is locked from the moment on at which anybody can find it: under a name that is no run's, then
/// locked, then renamed.
fn make_locked(directory: &Path) -> Result<Option<File>, FileError> {
    let unborn = directory.with_extension(UNBORN);
    for _ in 0..MOST_TRIES {
        create_directory(&unborn)?;
        let lock = match lock_directory(&unborn, Duration::ZERO) {
            // Who cleans up takes it for one that a killed run left, and removes it.
            Ok(None) => continue,
            Ok(lock) => lock,
            // On a file system without locks the run is as good without one.
            Err(_) => None,
        };
        if rename_directory(&unborn, directory).is_ok() {
            return Ok(lock);
        }
    }
    // Somebody else is quicker each time, or the name is taken: then the error says so.
    create_directory(&unborn)?;
    rename_directory(&unborn, directory)?;
    Ok(None)
}

/// Removes the directories of runs that were killed before they had their names; what is not empty is none of these.
fn remove_unborn(logs: &Path) {
    let Ok(entries) = std::fs::read_dir(logs) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|it| it == UNBORN)
            && let Ok(Some(_lock)) = lock_directory(&path, Duration::ZERO)
        {
            let _ = std::fs::remove_dir(&path);
        }
    }
}

/// Names what a run keeps in the directory for temporary files.
#[must_use]
pub fn temporary_prefix(run: &str) -> String {
    format!("pkg-{run}-")
}

/// Finds the directories of runs: `20261121-073000-3f5c0a1b2c3d4e5f`, and nothing else that may be there.
fn find_runs(logs: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(logs) else {
        return Vec::new();
    };
    let runs = entries.flatten().filter_map(|entry| {
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name().into_string().ok()?;
        (is_directory && is_run(&name)).then_some(name)
    });
    runs.collect()
}

pub(super) fn is_run(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let [day, time, rest] = parts[..] else {
        return false;
    };
    let all = |text: &str, count, is: fn(&u8) -> bool| {
        text.len() == count && text.bytes().all(|it| is(&it))
    };
    all(day, 8, u8::is_ascii_digit)
        && all(time, 6, u8::is_ascii_digit)
        && all(rest, 16, u8::is_ascii_hexdigit)
}

fn is_over(run: &Path) -> bool {
    matches!(lock_directory(run, Duration::ZERO), Ok(Some(_)))
}

/// Chooses the runs whose logs go; names begin with the day, so the newest is the last.
fn surplus(mut runs: Vec<String>, oldest: &str) -> Vec<String> {
    runs.sort_unstable_by(|one, other| other.cmp(one));
    let chosen = runs.into_iter().enumerate().filter(|(index, run)| {
        *index >= MOST_RUNS || (*index >= KEPT_RUNS && run.as_str() < oldest)
    });
    chosen.map(|(_, run)| run).collect()
}

fn remove_temporary(directory: &Path, over: &BTreeSet<String>) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix("pkg-")) else {
            continue;
        };
        let is_left = rest
            .rsplit_once('-')
            .is_some_and(|(run, _)| over.contains(run));
        if is_left && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            // Another user's, or still mounted: the next run tries again.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: usize) -> String {
        format!(
            "2026{:02}{:02}-073000-{number:016x}",
            1 + number / 28 % 12,
            1 + number % 28
        )
    }

    #[test]
    fn the_last_runs_and_those_of_the_last_days_keep_their_logs() {
        let runs: Vec<String> = (0..100).map(run).collect();
        // 100 days up to the 16th of April; the 30 newest are younger than this.
        let gone = surplus(runs.clone(), "20260401");
        assert_eq!(gone.len(), 70);
        let gone = surplus(runs.clone(), "20260201");
        assert_eq!(gone.len(), 28, "January");
        assert!(gone.iter().all(|run| run.starts_with("202601")));
        assert_eq!(surplus(runs[..30].to_vec(), "20270101"), [""; 0]);
        let many = (0..MOST_RUNS + 5).map(|number| format!("20261121-073000-{number:016x}"));
        assert_eq!(surplus(many.collect(), "20260101").len(), 5);
    }

    #[test]
    fn only_the_directories_of_runs_are_taken_for_some() {
        assert!(is_run("20261121-073000-3f5c0a1b2c3d4e5f"));
        for name in [
            "",
            "nginx",
            "20261121-073000",
            "20261121-073000-zz5c0a1b2c3d4e5f",
            "2026112a-073000-3f5c0a1b2c3d4e5f",
        ] {
            assert!(!is_run(name), "{name}");
        }
    }

    #[test]
    fn a_living_run_is_left_alone_and_a_killed_one_is_cleaned_up_after() {
        let state = tempfile::tempdir().unwrap();
        let now = DateTime::parse_from_rfc3339("2026-11-21T07:30:00+00:00").unwrap();
        let ids =
            [1, 2, 3].map(|number| format!("20261121-073000-{:x}{number}", std::process::id()));
        let ids = ids.map(|id| {
            let (start, rest) = id.split_at(16);
            format!("{start}{rest:0>16}")
        });
        let (living, fault) = RunRoom::open(state.path(), &ids[0]).unwrap();
        assert!(fault.is_none());
        drop(RunRoom::open(state.path(), &ids[1]).unwrap());
        let scratch = |id: &str| {
            let prefix = temporary_prefix(id);
            tempfile::Builder::new()
                .prefix(&prefix)
                .tempdir()
                .unwrap()
                .keep()
        };
        let (of_living, of_killed) = (scratch(&ids[0]), scratch(&ids[1]));
        let (own, _) = RunRoom::open(state.path(), &ids[2]).unwrap();
        let over = own.clean_up(state.path(), &Environment::default(), now);
        assert_eq!(over, BTreeSet::from([ids[1].clone()]));
        assert!(of_living.exists() && !of_killed.exists());
        std::fs::remove_dir(of_living).unwrap();
        assert!(living.logs().exists() && state.path().join(LOGS).join(&ids[1]).exists());
        let later = now + TimeDelta::days(60);
        for number in 0..KEPT_RUNS {
            let id = format!("20270101-073000-{number:016x}");
            drop(RunRoom::open(state.path(), &id).unwrap());
        }
        let _ = own.clean_up(state.path(), &Environment::default(), later);
        assert!(living.logs().exists(), "it goes on");
        assert!(!state.path().join(LOGS).join(&ids[1]).exists());
    }

    #[test]
    fn a_run_that_begins_is_never_taken_for_one_that_is_over() {
        let state = tempfile::tempdir().unwrap();
        let now = DateTime::parse_from_rfc3339("2026-11-21T07:30:00+00:00").unwrap();
        let id = |number: usize| {
            let number = number + ((std::process::id() as usize) << 32);
            format!("20261121-073000-{number:016x}")
        };
        let (own, _) = RunRoom::open(state.path(), &id(0)).unwrap();
        let is_over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let cleaning = scope.spawn(|| {
                let mut over = BTreeSet::new();
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    over.extend(own.clean_up(state.path(), &Environment::default(), now));
                }
                over
            });
            let rooms: Vec<RunRoom> = (1..200)
                .map(|number| RunRoom::open(state.path(), &id(number)).unwrap().0)
                .collect();
            is_over.store(true, std::sync::atomic::Ordering::Relaxed);
            let over = cleaning.join().expect("a thread");
            assert_eq!(over, BTreeSet::new(), "all of them live");
            for room in rooms {
                let locked = lock_directory(room.logs(), Duration::ZERO).unwrap();
                assert!(locked.is_none(), "{}", room.logs().display());
            }
        });
        // One that was killed before it had its name goes, unless somebody keeps something there.
        let logs = state.path().join(LOGS);
        for name in ["20261121-073000-0.new", "kept.new/file"] {
            create_directory(&logs.join(name)).unwrap();
        }
        let _ = own.clean_up(state.path(), &Environment::default(), now);
        assert!(!logs.join("20261121-073000-0.new").exists());
        assert!(logs.join("kept.new/file").exists());
    }

    #[test]
    fn where_nothing_can_be_kept_logs_are_temporary_files() {
        let state = tempfile::NamedTempFile::new().unwrap();
        let id = format!(
            "20261121-073000-{:016x}",
            u64::from(std::process::id()) + (1 << 60)
        );
        let (room, fault) = RunRoom::open(state.path(), &id).unwrap();
        assert!(fault.is_some());
        assert!(room.logs().is_dir());
        std::fs::remove_dir(room.logs()).unwrap();
    }
}
