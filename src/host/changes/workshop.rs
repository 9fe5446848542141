//! The directory in a root in which new texts are made ready and old ones kept.

use std::fs::{File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

use super::journal::{Journal, JournalFile};
use super::{Change, ChangeError};
use crate::host::fs::{FileError, read_bytes, rename_file};
use crate::oci::Digest;

/// The directory below a root that holds what is under way.
pub const WORKSHOP: &str = ".pkg-changes";
const JOURNAL: &str = "journal";

/// How a file gets its place.
pub(super) type Rename<'a> = &'a dyn Fn(&Path, &Path) -> Result<(), FileError>;

/// The files of one root that are being changed.
#[derive(Debug)]
pub(super) struct Workshop<'a> {
    root: &'a Path,
    /// Real paths below the root, each with its change.
    files: Vec<(PathBuf, &'a Change)>,
}

/// Tells whether a change below this directory was interrupted, or is under way; a journal that cannot be read counts.
#[must_use]
pub fn has_unfinished_changes(root: &Path) -> bool {
    let journal = root.join(WORKSHOP).join(JOURNAL);
    if journal.symlink_metadata().is_err() {
        return false;
    }
    let real = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    find_journal(&real).is_none_or(|journal| is_open(&real, &journal))
}

fn find_journal(root: &Path) -> Option<Journal> {
    let directory = root.join(WORKSHOP);
    let journal = directory.join(JOURNAL);
    let is_plain = |path: &Path| path.symlink_metadata().is_ok_and(|it| !it.is_symlink());
    if !is_plain(&directory) || !is_plain(&journal) {
        return None;
    }
    Journal::parse(&read_bytes(&journal).ok()?)
}

/// A change is done when the journal of its first root is gone, whatever the others hold.
fn is_open(root: &Path, journal: &Journal) -> bool {
    let Some(first) = journal.roots.first() else {
        return false;
    };
    first == root || find_journal(first).is_some_and(|first| first.id == journal.id)
}

impl<'a> Workshop<'a> {
    pub(super) fn new(root: &'a Path, files: Vec<(PathBuf, &'a Change)>) -> Self {
        Self { root, files }
    }

    /// Writes everything, and the journal last.
    pub(super) fn prepare(&self, id: &str, roots: &[PathBuf]) -> Result<(), ChangeError> {
        let directory = self.directory();
        std::fs::create_dir(&directory)
            .map_err(|source| FileError::new("write to", self.root, source))?;
        let mut files = Vec::new();
        for (number, (real, change)) in self.files.iter().enumerate() {
            let there = read_bytes(real)?;
            if there != change.old.as_bytes() {
                return Err(ChangeError::Moved(change.path.clone()));
            }
            let metadata =
                std::fs::metadata(real).map_err(|source| FileError::new("read", real, source))?;
            for (kept, bytes) in [
                (self.old_of(number), change.old.as_bytes()),
                (self.new_of(number), change.new.as_bytes()),
            ] {
                write(&kept, bytes, Some(&metadata))?;
            }
            let below = real.strip_prefix(self.root).unwrap_or(real);
            files.push(JournalFile {
                path: below.to_owned(),
                old: Digest::of(change.old.as_bytes()),
                new: Digest::of(change.new.as_bytes()),
            });
        }
        let (id, roots) = (id.to_owned(), roots.to_vec());
        let unfinished = directory.join("journal.new");
        write(&unfinished, &Journal { id, roots, files }.render(), None)?;
        sync(&directory)?;
        rename_file(&unfinished, &directory.join(JOURNAL))?;
        Ok(sync(&directory)?)
    }

    /// Gives the files their new texts.
    pub(super) fn replace(&self, rename: Rename<'_>) -> Result<(), FileError> {
        for (number, (real, _)) in self.files.iter().enumerate() {
            rename(&self.new_of(number), real)?;
        }
        sync_directories(self.files.iter().map(|(real, _)| real.as_path()))
    }

    /// Gives the files that have their new texts the old ones again.
    pub(super) fn put_back(&self) -> Result<(), (PathBuf, FileError)> {
        for (number, (real, _)) in self.files.iter().enumerate() {
            // What was not replaced yet still has its new text here.
            if !self.new_of(number).exists() {
                rename_file(&self.old_of(number), real).map_err(|error| (real.clone(), error))?;
            }
        }
        sync_directories(self.files.iter().map(|(real, _)| real.as_path()))
            .map_err(|error| (self.root.to_owned(), error))
    }

    /// Takes the journal away.
    pub(super) fn commit(&self) -> Result<(), FileError> {
        commit(&self.directory())
    }

    /// Takes everything else away; what cannot be removed now goes with the next change.
    pub(super) fn discard(&self) {
        let _ = std::fs::remove_dir_all(self.directory());
    }

    pub(super) fn root(&self) -> &'a Path {
        self.root
    }

    fn directory(&self) -> PathBuf {
        self.root.join(WORKSHOP)
    }

    fn old_of(&self, number: usize) -> PathBuf {
        self.directory().join(format!("{number}.old"))
    }

    fn new_of(&self, number: usize) -> PathBuf {
        self.directory().join(format!("{number}.new"))
    }
}

/// Finds the other roots of a change that was interrupted, where this root is its first: they are undone before it, since
/// without its journal they count as done.
pub(super) fn find_others(root: &Path) -> Vec<PathBuf> {
    match find_journal(root) {
        Some(journal) if journal.roots.first().is_some_and(|first| first == root) => {
            let others = journal.roots.into_iter().skip(1);
            others.filter(|other| other.is_dir()).collect()
        }
        _ => Vec::new(),
    }
}

/// Undoes what a killed run left below a root; gives the files that it had changed.
pub(super) fn undo_interrupted(root: &Path) -> Result<Vec<PathBuf>, ChangeError> {
    let directory = root.join(WORKSHOP);
    match directory.symlink_metadata() {
        Err(_) => return Ok(Vec::new()),
        Ok(found) if !found.is_dir() => return Err(ChangeError::NoJournal(directory)),
        Ok(_) => {}
    }
    let path = directory.join(JOURNAL);
    if path.symlink_metadata().is_err() {
        // Left before the first file was changed, or after the last.
        std::fs::remove_dir_all(&directory)
            .map_err(|source| FileError::new("remove", &directory, source))?;
        return Ok(Vec::new());
    }
    let journal = find_journal(root).ok_or(ChangeError::NoJournal(path))?;
    let mut undone = Vec::new();
    if is_open(root, &journal) {
        for (number, file) in journal.files.iter().enumerate() {
            let old = directory.join(format!("{number}.old"));
            if is_changed(root, file, &old)? {
                undone.push((old, root.join(&file.path)));
            }
        }
        for (old, file) in &undone {
            rename_file(old, file)?;
        }
        sync_directories(undone.iter().map(|(_, file)| file.as_path()))?;
    }
    commit(&directory)?;
    std::fs::remove_dir_all(&directory)
        .map_err(|source| FileError::new("remove", &directory, source))?;
    Ok(undone.into_iter().map(|(_, file)| file).collect())
}

/// Tells whether a file has the new text of an interrupted change; one that has neither text is somebody else's now.
fn is_changed(root: &Path, file: &JournalFile, old: &Path) -> Result<bool, ChangeError> {
    let path = root.join(&file.path);
    let is_itself = path.canonicalize().is_ok_and(|real| real == path);
    let there = is_itself.then(|| read_bytes(&path).map(|bytes| Digest::of(&bytes)));
    match there {
        Some(Ok(there)) if there == file.old => return Ok(false),
        Some(Ok(there)) if there == file.new => {}
        _ => {
            return Err(ChangeError::Edited {
                file: path,
                workshop: root.join(WORKSHOP),
            });
        }
    }
    let is_plain = old.symlink_metadata().is_ok_and(|it| it.is_file());
    if !is_plain || Digest::of(&read_bytes(old)?) != file.old {
        return Err(ChangeError::NoJournal(root.join(WORKSHOP).join(JOURNAL)));
    }
    Ok(true)
}

/// Takes the journal of a directory away. When it is gone the change is done, and no fault may undo a part of it then: a disk
/// that does not take this brings the journal back at worst, and the next change undoes all of it.
fn commit(directory: &Path) -> Result<(), FileError> {
    match std::fs::remove_file(directory.join(JOURNAL)) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(FileError::new("remove", directory, source))
        }
        _ => {
            let _ = sync(directory);
            Ok(())
        }
    }
}

/// Writes a file, with the owner and the mode of the one whose place it takes.
fn write(path: &Path, bytes: &[u8], like: Option<&Metadata>) -> Result<(), FileError> {
    let written = (|| {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        if let Some(like) = like {
            let mine = file.metadata()?;
            if (mine.uid(), mine.gid()) != (like.uid(), like.gid()) {
                // Who is not root can give nothing away, and the file is theirs then, as with every editor.
                let _ = fchown(&file, Some(like.uid()), Some(like.gid()));
            }
            file.set_permissions(like.permissions())?;
        }
        file.sync_all()
    })();
    written.map_err(|source| FileError::new("write", path, source))
}

fn sync_directories<'a>(files: impl Iterator<Item = &'a Path>) -> Result<(), FileError> {
    let mut directories: Vec<&Path> = files.filter_map(Path::parent).collect();
    directories.sort_unstable();
    directories.dedup();
    directories.into_iter().try_for_each(sync)
}

fn sync(directory: &Path) -> Result<(), FileError> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|source| FileError::new("write", directory, source))
}
