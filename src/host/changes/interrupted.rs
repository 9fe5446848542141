//! What a run left that was killed while it changed files: noticed by whatever reads them, undone by the next change.
//!
//! A change is under way as long as the first of its roots has a journal, and done once that is named `done`, which stays
//! until all others are cleared up. Where neither can be found, as that root is not mounted or somewhere else, nobody can tell:
//! then it counts as under way, and nothing is undone that may be done.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::journal::{Journal, JournalFile, go};
use super::workshop::{
    DONE, JOURNAL, WORKSHOP, forget, is_sealed, old_of, remove_file, sync_directories,
};
use super::{ChangeError, Edited};
use crate::host::fs::{FileError, read_bytes, rename_file};
use crate::oci::Digest;

/// Tells whether a change below this directory was interrupted, or is under way; a journal that cannot be read counts.
#[must_use]
pub fn has_unfinished_changes(root: &Path) -> bool {
    let journal = root.join(WORKSHOP).join(JOURNAL);
    let is_there = || journal.symlink_metadata().is_ok();
    if !is_there() {
        return false;
    }
    let real = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let is_open = || {
        let journal = find_journal(&real, JOURNAL);
        journal.is_none_or(|journal| stage(&real, &journal) != Stage::Done)
    };
    // A run may end while one looks.
    is_open() && is_there()
}

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    UnderWay,
    Done,
    Unknown,
}

fn stage(root: &Path, journal: &Journal) -> Stage {
    if journal.number == 0 {
        return Stage::UnderWay;
    }
    let first = first_of(root, journal);
    if first.canonicalize().is_ok_and(|real| real != first) {
        return Stage::Unknown;
    }
    let has = |name| find_journal(&first, name).is_some_and(|first| first.id == journal.id);
    match (has(JOURNAL), has(DONE)) {
        (true, _) => Stage::UnderWay,
        (false, true) => Stage::Done,
        (false, false) => Stage::Unknown,
    }
}

fn first_of(root: &Path, journal: &Journal) -> PathBuf {
    let first = journal.roots.first();
    first.map_or_else(|| root.to_owned(), |way| go(root, way))
}

/// Reads a journal that this program wrote on this machine.
fn find_journal(root: &Path, name: &str) -> Option<Journal> {
    let directory = root.join(WORKSHOP);
    let journal = read_journal(&directory, name)?;
    is_sealed(&directory, &journal).then_some(journal)
}

fn read_journal(directory: &Path, name: &str) -> Option<Journal> {
    let journal = directory.join(name);
    let is_plain = |path: &Path| path.symlink_metadata().is_ok_and(|it| !it.is_symlink());
    if !is_plain(directory) || !is_plain(&journal) {
        return None;
    }
    Journal::parse(&read_bytes(&journal).ok()?)
}

/// Finds the other roots of a change that was interrupted, where this root is its first: they are cleared up before it.
pub(super) fn find_others(root: &Path) -> Vec<PathBuf> {
    let journals = [JOURNAL, DONE].into_iter();
    let mut journals = journals.filter_map(|name| find_journal(root, name));
    let Some(journal) = journals.find(|journal| journal.number == 0) else {
        return Vec::new();
    };
    let others = journal.roots.iter().skip(1).map(|way| go(root, way));
    let is_its = |other: &PathBuf| {
        let is_real = other.canonicalize().is_ok_and(|real| real == *other);
        let theirs = find_journal(other, JOURNAL);
        is_real && theirs.is_some_and(|theirs| theirs.id == journal.id)
    };
    others.filter(is_its).collect()
}

/// Undoes what killed runs left below these roots, which are locked; gives the files that they had changed.
///
/// A file that somebody has changed since is left alone, and so is the journal that names it.
pub(super) fn undo(roots: &BTreeSet<PathBuf>) -> Result<Vec<PathBuf>, ChangeError> {
    let mut left = Vec::new();
    for root in roots {
        left.extend(find_left(root)?);
    }
    // Without the journal of its first root nobody can tell how far a change has come.
    left.sort_by_key(|one| std::cmp::Reverse(one.number()));
    let (mut undone, mut edited) = (Vec::new(), Vec::<Edited>::new());
    let mut kept: BTreeSet<String> = BTreeSet::new();
    for one in &left {
        let Some(journal) = &one.journal else {
            one.clear()?;
            continue;
        };
        let found = one.put_back(journal)?;
        undone.extend(found.undone);
        if !found.edited.is_empty() {
            kept.insert(journal.id.clone());
        }
        if !kept.contains(&journal.id) {
            one.clear()?;
        }
        edited.extend(found.edited);
    }
    if edited.is_empty() {
        Ok(undone)
    } else {
        Err(ChangeError::Edited(edited))
    }
}

/// What is left in a root.
struct Left<'a> {
    root: &'a Path,
    directory: PathBuf,
    /// Nothing where no file was changed, and where all of them were.
    journal: Option<Journal>,
}

/// What became of the files of a journal.
struct PutBack {
    undone: Vec<PathBuf>,
    edited: Vec<Edited>,
}

fn find_left(root: &Path) -> Result<Option<Left<'_>>, ChangeError> {
    let directory = root.join(WORKSHOP);
    match directory.symlink_metadata() {
        Err(_) => return Ok(None),
        Ok(found) if !found.is_dir() => return Err(ChangeError::NoJournal(directory)),
        Ok(_) => {}
    }
    let path = directory.join(JOURNAL);
    let journal = if path.symlink_metadata().is_ok() {
        let journal = read_journal(&directory, JOURNAL);
        let journal = journal.ok_or(ChangeError::NoJournal(path))?;
        if !is_sealed(&directory, &journal) {
            return Err(ChangeError::Foreign(directory));
        }
        Some(journal)
    } else {
        None
    };
    Ok(Some(Left {
        root,
        directory,
        journal,
    }))
}

impl Left<'_> {
    /// What is cleared up last has no number, or the first.
    fn number(&self) -> usize {
        self.journal.as_ref().map_or(0, |journal| journal.number)
    }

    fn put_back(&self, journal: &Journal) -> Result<PutBack, ChangeError> {
        let mut found = PutBack {
            undone: Vec::new(),
            edited: Vec::new(),
        };
        let stage = stage(self.root, journal);
        if stage == Stage::Done {
            return Ok(found);
        }
        let mut changed = Vec::new();
        for (number, file) in journal.files.iter().enumerate() {
            let (path, old) = (self.root.join(&file.path), old_of(&self.directory, number));
            match self.state(file, &old) {
                State::Old => {}
                State::New => changed.push((file.old.is_some().then_some(old), path)),
                State::Other => found.edited.push(Edited {
                    old: (file.old.is_some() && is_old(&old, file)).then_some(old),
                    file: path,
                    workshop: self.directory.clone(),
                }),
            }
        }
        if stage == Stage::Unknown && !(changed.is_empty() && found.edited.is_empty()) {
            return Err(ChangeError::Severed {
                root: self.root.to_owned(),
                first: first_of(self.root, journal),
            });
        }
        for (old, file) in &changed {
            match old {
                Some(old) => rename_file(old, file)?,
                None => remove_file(file)?,
            }
        }
        sync_directories(changed.iter().map(|(_, file)| file.as_path()))?;
        found.undone = changed.into_iter().map(|(_, file)| file).collect();
        Ok(found)
    }

    /// Finds out which text a file has; one that is not where it was is somebody else's now.
    fn state(&self, file: &JournalFile, old: &Path) -> State {
        let path = self.root.join(&file.path);
        if file.old.is_none() && is_absent(&path) {
            return State::Old;
        }
        let is_itself = |name: &Path| name.canonicalize().is_ok_and(|real| real == path);
        if !is_itself(&path) || !is_itself(&go(self.root, &file.name)) {
            return State::Other;
        }
        match read_bytes(&path).map(|bytes| Digest::of(&bytes)) {
            Ok(there) if Some(&there) == file.old.as_ref() => State::Old,
            Ok(there) if there == file.new && is_old(old, file) => State::New,
            _ => State::Other,
        }
    }

    /// Takes the journal away, and then everything else.
    fn clear(&self) -> Result<(), FileError> {
        forget(&self.directory)?;
        match std::fs::remove_dir_all(&self.directory) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(FileError::new("remove", &self.directory, source))
            }
            _ => Ok(()),
        }
    }
}

/// Which text a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Old,
    New,
    Other,
}

fn is_absent(path: &Path) -> bool {
    let found = path.symlink_metadata();
    found.is_err_and(|fault| fault.kind() == io::ErrorKind::NotFound)
}

/// Tells whether what the file held is kept, or there was nothing to keep.
fn is_old(kept: &Path, file: &JournalFile) -> bool {
    let Some(old) = &file.old else {
        return true;
    };
    let is_plain = kept.symlink_metadata().is_ok_and(|it| it.is_file());
    is_plain && read_bytes(kept).is_ok_and(|bytes| Digest::of(&bytes) == *old)
}
