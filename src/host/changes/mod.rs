//! Several files of the user's changed as one: after a fault, a full disk or a kill at any moment, all of them are old, or
//! all of them are new.
//!
//! ```text
//! images/.pkg-changes/0.new, 0.old    what a file below images/ will be, and what it was
//! images/.pkg-changes/journal         which files these are; there from before the first rename until after the last
//! ```
//!
//! Everything is written and synced there before the journals are, one in each root that has changes; then the files are renamed
//! into their places; then the journal of the first root goes, and with that the change is done. A journal of the first
//! root that is there when nobody holds the lock was left by a run that was killed: the next change below that root puts the
//! old files back first, and whatever reads the catalog refuses to, since it would see a part of them. A file that somebody
//! else has changed meanwhile is left alone, and named.
//!
//! The locks are on the directories themselves, so nothing of them stays behind.

mod journal;
mod workshop;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::workshop::{Rename, Workshop};
pub use self::workshop::{WORKSHOP, has_unfinished_changes};
use super::fs::{FileError, rename_file};
use super::{lock_directory, unique_hex};

/// A program that was started and killed at once holds a lock for a moment longer.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);

/// A file and what it is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file, which is there already.
    pub path: PathBuf,
    /// What it held when the change was thought of.
    pub old: String,
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
    /// What stands in the place of the journal was not written by this program.
    #[error("{} is no journal of changes", .0.display())]
    NoJournal(PathBuf),
    /// A run was killed while it changed a file, and somebody has changed the same file since.
    #[error("a run was killed while it changed {}, and somebody else has changed it since", file.display())]
    Edited {
        /// The file.
        file: PathBuf,
        /// Where the old and the new text are.
        workshop: PathBuf,
    },
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

/// The right to change files below some directories, held by one run at a time.
#[derive(Debug)]
pub struct Changes {
    /// The directories, real paths in order.
    roots: Vec<PathBuf>,
    /// Held until the end.
    _locks: Vec<File>,
    undone: Vec<PathBuf>,
}

impl Changes {
    /// Takes the right for all directories, and undoes what an interrupted run left there. What is no directory is left to
    /// whoever reads it.
    pub fn begin(roots: &[PathBuf]) -> Result<Self, ChangeError> {
        let mut real: BTreeSet<PathBuf> = BTreeSet::new();
        for root in roots.iter().filter(|root| root.is_dir()) {
            let path = root.canonicalize();
            real.insert(path.map_err(|source| FileError::new("read", root, source))?);
        }
        // In one order for everybody, so that no two runs wait for each other's.
        let roots: Vec<PathBuf> = real.iter().cloned().collect();
        let others = roots.iter().flat_map(|root| workshop::find_others(root));
        real.extend(others);
        let locks = real.iter().map(|root| lock(root));
        let locks = locks.collect::<Result<_, _>>()?;
        // The first root of a change is the first in this order, and is undone last.
        let mut undone = Vec::new();
        for root in real.iter().rev() {
            undone.extend(workshop::undo_interrupted(root)?);
        }
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
        let Some((first, others)) = workshops.split_first() else {
            return Ok(());
        };
        let _directories = self.lock_directories(changes)?;
        let id = unique_hex();
        // The journal of the first root is written last: from then on the change is one that can be undone.
        let prepared = others.iter().chain([first]);
        let roots: Vec<PathBuf> = workshops.iter().map(|it| it.root().to_owned()).collect();
        let prepared = prepared.map(|workshop| workshop.prepare(&id, &roots));
        if let Err(error) = prepared.collect::<Result<(), _>>() {
            workshops.iter().for_each(Workshop::discard);
            return Err(error);
        }
        let mut replaced = workshops.iter().map(|workshop| workshop.replace(rename));
        replaced
            .try_for_each(|replaced| replaced)
            .and_then(|()| first.commit())
            .map_err(|failure| undo(&workshops, failure))?;
        workshops.iter().for_each(Workshop::discard);
        Ok(())
    }

    /// Puts each change into the root that holds its file.
    fn workshops<'a>(&'a self, changes: &'a [Change]) -> Result<Vec<Workshop<'a>>, ChangeError> {
        let mut of_roots: BTreeMap<&Path, Vec<(PathBuf, &Change)>> = BTreeMap::new();
        for change in changes {
            let real = real_path(&change.path)?;
            let above = self.roots.iter().filter(|root| real.starts_with(root));
            let root = above.max_by_key(|root| root.as_os_str().len());
            let root = root.ok_or_else(|| ChangeError::Outside(change.path.clone()))?;
            of_roots.entry(root).or_default().push((real, change));
        }
        let workshops = of_roots.into_iter();
        Ok(workshops
            .map(|(root, files)| Workshop::new(root, files))
            .collect())
    }

    /// Locks the directories of the files: another run may have come through another root.
    fn lock_directories(&self, changes: &[Change]) -> Result<Vec<File>, ChangeError> {
        let mut directories = BTreeSet::new();
        for change in changes {
            directories.extend(real_path(&change.path)?.parent().map(Path::to_owned));
        }
        let others = directories.iter().filter(|it| !self.roots.contains(it));
        others.map(|directory| lock(directory)).collect()
    }
}

fn real_path(path: &Path) -> Result<PathBuf, FileError> {
    path.canonicalize()
        .map_err(|source| FileError::new("read", path, source))
}

fn undo(workshops: &[Workshop<'_>], failure: FileError) -> ChangeError {
    let back = workshops.iter().try_for_each(Workshop::put_back);
    let ended = back.and_then(|()| {
        let committed = workshops.first().map_or(Ok(()), Workshop::commit);
        committed.map_err(|error| (workshops[0].root().to_owned(), error))
    });
    match ended {
        Ok(()) => {
            workshops.iter().for_each(Workshop::discard);
            failure.into()
        }
        Err((left, source)) => ChangeError::Stuck {
            failure,
            left,
            source,
        },
    }
}

fn lock(directory: &Path) -> Result<File, ChangeError> {
    lock_directory(directory, LOCK_PATIENCE)?.ok_or_else(|| ChangeError::Busy(directory.to_owned()))
}

#[cfg(test)]
mod tests;
