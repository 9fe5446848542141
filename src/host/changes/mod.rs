//! Several files of the user's changed as one: after a fault, a full disk or a kill at any moment, all of them are old, or
//! all of them are new.
//!
//! ```text
//! images/.pkg-changes/0.new, 0.old    what a file below images/ will be, and what it was
//! images/.pkg-changes/journal         which files these are; there from before the first rename until after the last
//! ```
//!
//! Everything is written and synced there, with a journal in each root that has changes, the first root's first; then the files
//! are renamed into their places; then the journal of the first root is renamed, and with that the change is done. A journal of
//! the first root that is there when nobody holds the lock was left by a run that was killed: the next change below that root
//! puts the old files back first, and whatever reads the catalog refuses to, since it would see a part of them. A file that
//! somebody else has changed meanwhile is left alone, and named; all others are put back.
//!
//! The locks are on the directories themselves ([`lock_trees`]), so nothing of them stays behind, and whoever changes files
//! below a root waits for a build there: that reads files of its images until the last context is sent, changelogs among
//! them, and would put that of the next version into an image of this one. They hold among the processes of one machine:
//! Linux hands `flock` of a regular file on to an NFS server, and of a directory it does not. A run on another machine that
//! shares the directories finds a change under way there and takes it for one that was killed, so one machine at a time
//! changes a tree.

mod interrupted;
mod journal;
mod workshop;

#[cfg(any(test, feature = "fuzzing"))]
pub(super) use journal::Journal;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::interrupted::has_unfinished_changes;
pub use self::workshop::WORKSHOP;
use self::workshop::{Rename, Target, Workshop};
use super::fs::{FileError, create_directory, rename_directory, rename_file};
use super::{HeldDirectory, TreeLocks, lock_trees, unique_hex};

/// A program that was started and killed at once holds a lock for a moment longer.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// A file and what it is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub path: PathBuf,
    /// What it held when the change was thought of; nothing for a lock that is not there yet.
    pub old: Option<String>,
    /// What it is to hold.
    pub new: String,
}

/// Why files were not changed; they hold what they held before, unless it is said otherwise.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A file or directory could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Somebody else changes files in this directory at this moment.
    #[error("another run is at work in {}", .0.display())]
    Busy(PathBuf),
    /// A file is another one than when it was read.
    #[error("{} has changed since it was read", .0.display())]
    Moved(PathBuf),
    /// A link leads to a file that is in none of the directories.
    #[error("{} is a link that leads out of the directories", .0.display())]
    Outside(PathBuf),
    /// Two files are one by a link, and were to hold different texts.
    #[error("{} and {} are one file, and were to hold different texts", .0[0].display(), .0[1].display())]
    Twice([PathBuf; 2]),
    /// What stands in the place of the journal was not written by this program.
    #[error("{} is no journal of changes", .0.display())]
    NoJournal(PathBuf),
    /// A journal was not written here: it came with a repository.
    #[error("what is under way in {} was not begun on this machine", .0.display())]
    Foreign(PathBuf),
    /// Whether a change was done stands in a root that is not there.
    #[error(
        "a run was killed while it changed files below {}, and whether it was done stands in {}, where nothing is found of it",
        root.display(), first.display()
    )]
    Severed {
        /// The root with the change.
        root: PathBuf,
        /// The root that tells.
        first: PathBuf,
    },
    /// A run was killed while it changed files, and somebody has changed some of them since; the others are as before.
    #[error("a run was killed while it changed {}, which somebody else has changed since; the rest is as before", list(.0))]
    Edited(Vec<Edited>),
    /// A change failed, and so did putting back what it had changed.
    #[error("{failure}, and {} could not be put back", .left.display())]
    Stuck {
        /// Why the change failed.
        failure: FileError,
        /// The first file that is not as it was.
        left: PathBuf,
        /// Why it could not be put back.
        source: FileError,
    },
}

/// A file that somebody has changed since a run was killed that had changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The file.
    pub file: PathBuf,
    /// Where the text is that it had before, if it is still there.
    pub old: Option<PathBuf>,
    /// What has to go for the file to stay as it is.
    pub workshop: PathBuf,
}

fn list(edited: &[Edited]) -> String {
    let files: Vec<_> = edited
        .iter()
        .map(|it| it.file.display().to_string())
        .collect();
    files.join(" and ")
}

/// The right to change files below some directories, held by one run at a time.
#[derive(Debug)]
pub struct Changes {
    /// The directories, real paths in order.
    roots: Vec<PathBuf>,
    /// Held until the end.
    _locks: TreeLocks,
    undone: Vec<PathBuf>,
}

impl Changes {
    /// Takes the right for all directories, and undoes what an interrupted run left there. What is no directory is left to
    /// whoever reads it.
    pub fn begin(roots: &[PathBuf]) -> Result<Self, ChangeError> {
        Self::begin_within(roots, LOCK_PATIENCE)
    }

    /// Does so, trying for some time as long as another run has the right.
    pub fn begin_within(roots: &[PathBuf], patience: Duration) -> Result<Self, ChangeError> {
        let mut real: BTreeSet<PathBuf> = BTreeSet::new();
        for root in roots.iter().filter(|root| root.is_dir()) {
            let path = root.canonicalize();
            real.insert(path.map_err(|source| FileError::new("read", root, source))?);
        }
        let roots = real.iter().cloned().collect();
        let (locked, locks) = lock_with_others(real, patience)?;
        let undone = interrupted::undo(&locked)?;
        Ok(Self {
            roots,
            _locks: locks,
            undone,
        })
    }

    /// Gives the files that an interrupted run had changed and that are as before again.
    #[must_use]
    pub fn undone(&self) -> &[PathBuf] {
        &self.undone
    }

    /// Changes all files, or none. A file that is a link is changed where it is.
    pub fn make(&self, changes: &[Change]) -> Result<(), ChangeError> {
        self.make_with(changes, &rename_file)
    }

    fn make_with(&self, changes: &[Change], rename: Rename<'_>) -> Result<(), ChangeError> {
        let workshops = self.workshops(changes)?;
        let Some(first) = workshops.first() else {
            return Ok(());
        };
        let id = unique_hex();
        let roots: Vec<PathBuf> = workshops.iter().map(|it| it.root().to_owned()).collect();
        // No file is touched before all journals are there, and without the first one nobody could tell about the others.
        let mut prepared = workshops
            .iter()
            .map(|workshop| workshop.prepare(&id, &roots));
        if let Err(error) = prepared.try_for_each(|prepared| prepared) {
            clear_up(&workshops);
            return Err(error);
        }
        let mut replaced = workshops.iter().map(|workshop| workshop.replace(rename));
        replaced
            .try_for_each(|replaced| replaced)
            .and_then(|()| first.commit())
            .map_err(|failure| undo(&workshops, failure))?;
        clear_up(&workshops);
        Ok(())
    }

    /// Makes a directory below the roots, whole or not at all: it is filled where nobody looks, and then gets its name.
    pub fn make_directory(
        &self,
        directory: &Path,
        fill: impl FnOnce(&Path) -> Result<(), FileError>,
    ) -> Result<(), ChangeError> {
        let parent = directory.parent().unwrap_or(directory);
        create_directory(parent)?;
        let root = self.find_root(&real_path(parent)?);
        let root = root.ok_or_else(|| ChangeError::Outside(directory.to_owned()))?;
        let beside = workshop::open(root)?.join("new");
        let made = create_directory(&beside)
            .and_then(|()| workshop::look_like(root, &beside))
            .and_then(|()| fill(&beside))
            .and_then(|()| rename_directory(&beside, directory));
        // What cannot be removed now goes with the next change.
        let _ = std::fs::remove_dir_all(root.join(WORKSHOP));
        Ok(made?)
    }

    /// Puts each change into the root that holds its file.
    fn workshops<'a>(&'a self, changes: &'a [Change]) -> Result<Vec<Workshop<'a>>, ChangeError> {
        let mut by_file: BTreeMap<PathBuf, Target<'a>> = BTreeMap::new();
        for change in changes {
            let target = find_target(change)?;
            let name = target.change.path.clone();
            match by_file.insert(target.real.clone(), target) {
                Some(other) if other.change.new != change.new => {
                    return Err(ChangeError::Twice([other.change.path.clone(), name]));
                }
                _ => {}
            }
        }
        let mut of_roots: BTreeMap<&Path, Vec<Target<'a>>> = BTreeMap::new();
        for (real, target) in by_file {
            let root = self.find_root(&real);
            let root = root.ok_or_else(|| ChangeError::Outside(target.change.path.clone()))?;
            of_roots.entry(root).or_default().push(target);
        }
        let workshops = of_roots.into_iter();
        workshops
            .map(|(root, targets)| Workshop::new(root, targets))
            .collect()
    }

    /// Finds the innermost root that holds a real path.
    fn find_root(&self, real: &Path) -> Option<&Path> {
        let above = self.roots.iter().filter(|root| real.starts_with(root));
        above
            .max_by_key(|root| root.as_os_str().len())
            .map(PathBuf::as_path)
    }
}

fn real_path(path: &Path) -> Result<PathBuf, FileError> {
    path.canonicalize()
        .map_err(|source| FileError::new("read", path, source))
}

fn place_of(path: &Path) -> Result<PathBuf, FileError> {
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let parent = real_path(parent.unwrap_or(Path::new(".")))?;
    Ok(path
        .file_name()
        .map_or_else(|| parent.clone(), |name| parent.join(name)))
}

fn find_target(change: &Change) -> Result<Target<'_>, FileError> {
    let real = match &change.old {
        Some(_) => real_path(&change.path)?,
        // Nothing is there, and what it would lie in has to be.
        None => place_of(&change.path)?,
    };
    let name = match (change.path.parent(), change.path.file_name()) {
        (Some(parent), Some(last)) if parent.as_os_str().is_empty() => {
            real_path(Path::new("."))?.join(last)
        }
        (Some(parent), Some(last)) => real_path(parent)?.join(last),
        _ => real.clone(),
    };
    Ok(Target { real, name, change })
}

/// Clears up after a change of which nothing is left to do; the first root tells about the others, and so goes last.
fn clear_up(workshops: &[Workshop<'_>]) {
    let mut others_first = workshops.iter().rev();
    let _ = others_first.all(Workshop::discard);
}

fn undo(workshops: &[Workshop<'_>], failure: FileError) -> ChangeError {
    let back = workshops.iter().try_for_each(Workshop::put_back);
    let forgotten = back.and_then(|()| {
        let mut others_first = workshops.iter().rev();
        others_first.try_for_each(|workshop| {
            let forgotten = workshop.forget();
            forgotten.map_err(|error| (workshop.root().to_owned(), error))
        })
    });
    match forgotten {
        Ok(()) => {
            clear_up(workshops);
            failure.into()
        }
        Err((left, source)) => ChangeError::Stuck {
            failure,
            left,
            source,
        },
    }
}

/// Locks roots, and with them the other roots of a change that was interrupted there.
fn lock_with_others(
    roots: BTreeSet<PathBuf>,
    patience: Duration,
) -> Result<(BTreeSet<PathBuf>, TreeLocks), ChangeError> {
    let mut wanted = roots;
    loop {
        let held = |HeldDirectory(directory)| ChangeError::Busy(directory);
        let mut locks = lock_trees(&wanted, patience).map_err(held)?;
        // Without locks nobody could tell a change that is under way from one that was cut.
        if let Some(error) = locks.take_unlocked().into_iter().next() {
            return Err(error.into());
        }
        let others = wanted
            .iter()
            .flat_map(|root| interrupted::find_others(root));
        let others: Vec<PathBuf> = others.filter(|other| !wanted.contains(other)).collect();
        if others.is_empty() {
            return Ok((wanted, locks));
        }
        wanted.extend(others);
    }
}

/// Tells whether somebody holds the right to change files of a directory, or takes a look at it, at this moment.
#[must_use]
pub fn is_being_changed(directory: &Path) -> bool {
    let locked = std::fs::File::open(directory).map(|file| file.try_lock_shared());
    matches!(locked, Ok(Err(TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests;
