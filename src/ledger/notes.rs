//! Times and failures, in a file for each directory of images:
//!
//! ```json
//! {"directory": "/srv/images", "times": {"build example/nginx": 72400}, "attempts": {"example/nginx": {…}}}
//! ```
//!
//! A run holds the claim on its directories, so no two write one file. It is written after each image: a killed run
//! loses nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::attempts::{Attempt, TryKey, later};
use crate::host::fs::{FileError, create_directory, read_text, resolve, write_generated};
use crate::oci::{Digest, Reference};

/// The directory of the ledger below the state directory; the number is the version of its layout.
pub(super) const LEDGER: &str = "ledger-1";

/// What is known of one directory of images.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notes {
    /// For who looks into the file.
    directory: PathBuf,
    /// Milliseconds.
    #[serde(default)]
    times: BTreeMap<String, u64>,
    /// By names: each nightly build has another version.
    #[serde(default)]
    pub(super) attempts: BTreeMap<String, Attempt>,
}

/// What past runs noted on the images of some directories, and where this run notes what it learns.
#[derive(Debug)]
pub struct Ledger {
    /// By the real paths of the directories.
    files: RefCell<BTreeMap<PathBuf, (PathBuf, Notes)>>,
    began: (DateTime<FixedOffset>, Instant),
    fault: RefCell<Option<FileError>>,
}

/// Names the file of a directory: two paths of one directory have the same.
pub(super) fn file_name(directory: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let digest = Digest::of(resolve(directory).as_os_str().as_bytes());
    digest.hex()[..16].to_owned()
}

impl Ledger {
    /// Opens the ledger below a state directory; what cannot be read of it counts as not written.
    #[must_use]
    pub fn open(state: &Path, directories: &[PathBuf], now: DateTime<FixedOffset>) -> Self {
        let place = state.join(LEDGER);
        let files = directories.iter().map(|directory| {
            let path = place.join(file_name(directory)).with_extension("json");
            let read = read_text(&path).ok();
            let notes = read.and_then(|text| serde_json::from_str::<Notes>(&text).ok());
            let mut notes = notes.unwrap_or_default();
            let real = resolve(directory);
            notes.directory.clone_from(&real);
            notes.attempts.retain(|_, it| !it.is_forgotten(now));
            // One that is named twice, in whatever way, is one.
            (real, (path, notes))
        });
        Self {
            files: RefCell::new(files.collect()),
            began: (now, Instant::now()),
            fault: RefCell::new(None),
        }
    }

    /// Gives the time that it is now.
    #[must_use]
    pub fn now(&self) -> DateTime<FixedOffset> {
        later(self.began.0, self.began.1.elapsed())
    }

    /// Finds how long something took the last time that it passed, whatever its version was.
    #[must_use]
    pub fn find_time(&self, root: &Path, what: &str, image: &Reference) -> Option<Duration> {
        let key = time_key(what, image);
        let millis = self.find(root, |notes| notes.times.get(&key).copied())?;
        Some(Duration::from_millis(millis))
    }

    /// Finds the failures in a row of an image of this directory, whatever its version was.
    #[must_use]
    pub fn find_attempt(&self, root: &Path, image: &Reference) -> Option<Attempt> {
        self.find(root, |notes| notes.attempts.get(&image.name()).cloned())
    }

    /// Looks where [`Self::note`] notes.
    fn find<T>(&self, root: &Path, look: impl FnOnce(&Notes) -> Option<T>) -> Option<T> {
        let files = self.files.borrow();
        let of_root = files.get(&resolve(root));
        let (_, notes) = of_root.or_else(|| files.values().next())?;
        look(notes)
    }

    /// Notes that something passed, and how long it took.
    pub fn note_passed(&self, root: &Path, what: &str, (image, took): (&Reference, Duration)) {
        self.note(root, |notes| {
            let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            notes.times.insert(time_key(what, image), millis);
            notes.attempts.remove(&image.name());
        });
    }

    /// Notes that an image failed with these inputs, and where its log is.
    pub fn note_failed(
        &self,
        root: &Path,
        image: &Reference,
        (inputs, log): (TryKey, Option<PathBuf>),
    ) {
        let now = self.now();
        self.note(root, |notes| {
            let before = notes.attempts.get(&image.name());
            let mut attempt = Attempt::after(before, inputs, now);
            attempt.log = log;
            notes.attempts.insert(image.name(), attempt);
        });
    }

    /// Gives why something could not be noted, once.
    #[must_use]
    pub fn take_fault(&self) -> Option<FileError> {
        self.fault.borrow_mut().take()
    }

    fn note(&self, root: &Path, change: impl FnOnce(&mut Notes)) {
        let mut files = self.files.borrow_mut();
        let root = resolve(root);
        let found = if files.contains_key(&root) {
            files.get_mut(&root)
        } else {
            // A base image belongs to no directory.
            files.values_mut().next()
        };
        let Some((path, notes)) = found else {
            return;
        };
        change(notes);
        if let Err(error) = write(path, notes) {
            self.fault.borrow_mut().get_or_insert(error);
        }
    }
}

fn write(path: &Path, notes: &Notes) -> Result<(), FileError> {
    if let Some(directory) = path.parent() {
        create_directory(directory)?;
    }
    let text = serde_json::to_vec_pretty(notes)
        .map_err(|error| FileError::new("write", path, error.into()))?;
    write_generated(path, &text)
}

/// Versions of one image take about as long as each other.
fn time_key(what: &str, image: &Reference) -> String {
    format!("{what} {}", image.name())
}

#[cfg(test)]
mod tests {
    use super::super::attempts::NextTry;
    use super::*;

    fn now() -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339("2026-11-21T07:30:00+00:00").expect("a time")
    }

    fn image(text: &str) -> Reference {
        text.parse().expect("a reference")
    }

    fn inputs() -> TryKey {
        TryKey {
            own: "own".to_owned(),
            on: None,
            parents: BTreeMap::new(),
            secrets: None,
        }
    }

    struct Place {
        state: tempfile::TempDir,
        roots: [PathBuf; 2],
    }

    impl Place {
        fn new() -> Self {
            let state = tempfile::tempdir().unwrap();
            let roots = ["images", "istio"].map(|name| state.path().join(name));
            for root in &roots {
                create_directory(root).unwrap();
            }
            Self { state, roots }
        }

        fn open(&self, roots: &[PathBuf]) -> Ledger {
            Ledger::open(&self.state.path().join("pkg"), roots, now())
        }

        fn file(&self) -> PathBuf {
            let name = file_name(&self.roots[0]);
            self.state
                .path()
                .join("pkg")
                .join(LEDGER)
                .join(name)
                .with_extension("json")
        }
    }

    #[test]
    fn what_one_run_notes_the_next_one_knows_for_each_directory() {
        let place = Place::new();
        let (one, other) = (image("r.example.org/a:1"), image("r.example.org/b:1"));
        let took = Duration::from_millis(1500);
        {
            let ledger = place.open(&place.roots);
            ledger.note_passed(&place.roots[0], "build", (&one, took));
            ledger.note_failed(&place.roots[1], &other, (inputs(), None));
            ledger.note_failed(&place.roots[1], &other, (inputs(), Some("log".into())));
            assert!(ledger.take_fault().is_none());
        }
        let ledger = place.open(&place.roots[..1]);
        assert_eq!(
            ledger.find_time(&place.roots[0], "build", &image("r.example.org/a:2")),
            Some(took)
        );
        assert_eq!(ledger.find_time(&place.roots[0], "verify", &one), None);
        assert_eq!(
            ledger.find_attempt(&place.roots[0], &other),
            None,
            "another catalog"
        );
        let ledger = place.open(&place.roots[1..]);
        let attempt = ledger
            .find_attempt(&place.roots[1], &other)
            .expect("it failed");
        assert_eq!(
            (attempt.failures, attempt.log.clone()),
            (2, Some("log".into()))
        );
        assert!(matches!(
            attempt.next(&inputs(), ledger.now()),
            NextTry::NotBefore(_)
        ));
        assert_eq!(
            ledger.find_time(&place.roots[1], "build", &one),
            None,
            "another catalog"
        );
        ledger.note_passed(&place.roots[1], "build", (&other, took));
        assert_eq!(
            place
                .open(&place.roots)
                .find_attempt(&place.roots[1], &other),
            None
        );
    }

    #[test]
    fn failures_are_of_one_directory_however_it_is_written() {
        let place = Place::new();
        let one = image("r.example.org/a:1");
        let [root, other] = &place.roots;
        let crooked = root.join("../images");
        {
            // What an image left where it was before says nothing of it where it is now.
            let ledger = place.open(&[crooked.clone(), root.clone(), other.clone()]);
            for _ in 0..2 {
                ledger.note_failed(&crooked, &one, (inputs(), None));
            }
            ledger.note_failed(other, &one, (inputs(), None));
            ledger.note_failed(root, &one, (inputs(), None));
        }
        let ledger = place.open(&[other.clone(), root.clone()]);
        let failures = |root: &Path| ledger.find_attempt(root, &one).map(|it| it.failures);
        assert_eq!(
            [root, &crooked, other].map(|it| failures(it)),
            [Some(3), Some(3), Some(1)]
        );
    }

    #[test]
    fn garbage_and_what_is_no_file_count_as_nothing() {
        let place = Place::new();
        let one = image("a:1");
        let took = Duration::from_secs(1);
        let fresh = || {
            let ledger = place.open(&place.roots);
            assert_eq!(ledger.find_time(&place.roots[0], "build", &one), None);
            assert_eq!(ledger.find_attempt(&place.roots[0], &one), None);
            ledger
        };
        fresh().note_passed(&place.roots[0], "build", (&one, took));
        let valid = read_text(&place.file()).unwrap();
        for text in [
            String::new(),
            "{".to_owned(),
            "[1]".to_owned(),
            valid[..valid.len() / 2].to_owned(),
            valid.replace("1000", "\"soon\""),
            "[".repeat(100_000),
        ] {
            write_generated(&place.file(), text.as_bytes()).unwrap();
            fresh();
        }
        let ledger = fresh();
        ledger.note_passed(&place.roots[0], "build", (&one, took));
        assert!(ledger.take_fault().is_none());
        assert_eq!(
            place
                .open(&place.roots)
                .find_time(&place.roots[0], "build", &one),
            Some(took)
        );
        std::fs::remove_file(place.file()).unwrap();
        create_directory(&place.file()).unwrap();
        let ledger = fresh();
        ledger.note_passed(&place.roots[0], "build", (&one, took));
        assert!(ledger.take_fault().is_some(), "a directory is in the way");
        assert_eq!(
            ledger.find_time(&place.roots[0], "build", &one),
            Some(took),
            "for this run"
        );
    }
}
