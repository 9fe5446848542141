//! Several files of the user's changed as one: after a fault, a full disk or a kill at any moment, all of them are old, or
//! all of them are new.
//!
//! ```text
//! images/.pkg-changes/0.new, 0.old    what the first file will be, and what it was
//! images/.pkg-changes/journal         the files, each ended by NUL; there from the first rename until after the last
//! ```
//!
//! Everything is written and synced there before the journal is; then the files are renamed into their places; then the
//! journal goes, and with that the change is done. A journal that is there when nobody holds the lock was left by a run
//! that was killed: the next change puts the old files back first, and whatever reads the catalog refuses to, since it
//! would see a part of them. The lock is on the directory itself, so nothing of it stays behind.

use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::fs::{FileError, read_bytes};

/// The directory below a root that holds what is under way.
const WORKSHOP: &str = ".pkg-changes";
const JOURNAL: &str = "journal";

/// A file and what it is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file, which is there already.
    pub path: PathBuf,
    /// What it is to hold.
    pub text: String,
}

/// Why files were not changed; they hold what they held before, unless it is said otherwise.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A file or directory could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Somebody else changes files in this directory at this moment.
    #[error("another run is changing files in {}", .0.display())]
    Busy(PathBuf),
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
    /// Held until the end.
    _locks: Vec<File>,
    workshop: PathBuf,
    undone: Vec<PathBuf>,
}

/// Tells whether a change below this directory was interrupted, or is under way.
#[must_use]
pub fn has_unfinished_changes(root: &Path) -> bool {
    root.join(WORKSHOP).join(JOURNAL).exists()
}

impl Changes {
    /// Takes the right for all directories, and undoes what an interrupted run left there. What is no directory is left to
    /// whoever reads it.
    pub fn begin(roots: &[PathBuf]) -> Result<Self, ChangeError> {
        let mut real: Vec<PathBuf> = Vec::new();
        for root in roots.iter().filter(|root| root.is_dir()) {
            let path = root.canonicalize();
            real.push(path.map_err(|source| FileError::new("read", root, source))?);
        }
        let workshop = real.first().map(|root| root.join(WORKSHOP));
        // In one order for everybody, so that no two runs wait for each other's.
        real.sort();
        real.dedup();
        let locks = real
            .iter()
            .map(|root| lock(root))
            .collect::<Result<_, _>>()?;
        let mut undone = Vec::new();
        for root in &real {
            undone.extend(undo_interrupted(&root.join(WORKSHOP))?);
        }
        Ok(Self {
            _locks: locks,
            workshop: workshop.unwrap_or_else(|| WORKSHOP.into()),
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
        let files = prepare(&self.workshop, changes).inspect_err(|_| {
            // Nothing was changed yet, so this is litter; what cannot be removed now goes with the next change.
            let _ = std::fs::remove_dir_all(&self.workshop);
        })?;
        for (number, file) in files.iter().enumerate() {
            if let Err(failure) = rename(&new_of(&self.workshop, number), file) {
                return Err(match put_back(&self.workshop, &files) {
                    Ok(_) => failure.into(),
                    Err((left, source)) => ChangeError::Stuck {
                        failure,
                        left,
                        source,
                    },
                });
            }
        }
        sync_directories(&files)?;
        finish(&self.workshop)?;
        Ok(())
    }
}

fn lock(root: &Path) -> Result<File, ChangeError> {
    let failed = |source| FileError::new("lock", root, source);
    let directory = File::open(root).map_err(failed)?;
    match directory.try_lock() {
        Ok(()) => Ok(directory),
        Err(TryLockError::WouldBlock) => Err(ChangeError::Busy(root.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source).into()),
    }
}

/// Writes everything beside what is to be changed, and the journal last.
fn prepare(workshop: &Path, changes: &[Change]) -> Result<Vec<PathBuf>, FileError> {
    std::fs::create_dir(workshop).map_err(|source| FileError::new("create", workshop, source))?;
    let mut files = Vec::new();
    let mut journal = Vec::new();
    for (number, change) in changes.iter().enumerate() {
        let real = change.path.canonicalize();
        let real = real.map_err(|source| FileError::new("read", &change.path, source))?;
        keep(&real, &old_of(workshop, number))?;
        let permissions = std::fs::metadata(&real).map(|old| old.permissions());
        write(&new_of(workshop, number), change.text.as_bytes(), |file| {
            file.set_permissions(permissions?)
        })?;
        journal.extend_from_slice(real.as_os_str().as_bytes());
        journal.push(0);
        files.push(real);
    }
    let unfinished = workshop.join("journal.new");
    write(&unfinished, &journal, |_| Ok(()))?;
    sync_directory(workshop)?;
    rename(&unfinished, &workshop.join(JOURNAL))?;
    sync_directory(workshop)?;
    Ok(files)
}

/// Keeps what a file holds, under a second name where the file system has links.
fn keep(file: &Path, second: &Path) -> Result<(), FileError> {
    if std::fs::hard_link(file, second).is_ok() {
        return Ok(());
    }
    write(second, &read_bytes(file)?, |copy| {
        copy.set_permissions(std::fs::metadata(file)?.permissions())
    })
}

fn write(
    path: &Path,
    bytes: &[u8],
    settle: impl FnOnce(&File) -> io::Result<()>,
) -> Result<(), FileError> {
    let written = (|| {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        settle(&file)?;
        file.sync_all()
    })();
    written.map_err(|source| FileError::new("write", path, source))
}

/// Puts the old files back; those that are back already have no second name any more.
fn put_back(workshop: &Path, files: &[PathBuf]) -> Result<Vec<PathBuf>, (PathBuf, FileError)> {
    let mut back = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let old = old_of(workshop, number);
        if old.exists() {
            rename(&old, file).map_err(|failure| (file.clone(), failure))?;
            back.push(file.clone());
        }
    }
    sync_directories(&back)
        .and_then(|()| finish(workshop))
        .map_err(|failure| (workshop.to_owned(), failure))?;
    Ok(back)
}

fn undo_interrupted(workshop: &Path) -> Result<Vec<PathBuf>, ChangeError> {
    if !workshop.exists() {
        return Ok(Vec::new());
    }
    let journal = workshop.join(JOURNAL);
    if !journal.exists() {
        // Left before the first file was changed, or after the last.
        return Ok(finish(workshop).map(|()| Vec::new())?);
    }
    let journal = read_bytes(&journal)?;
    let files = journal
        .split(|&byte| byte == 0)
        .filter(|path| !path.is_empty());
    let files: Vec<PathBuf> = files.map(|path| OsStr::from_bytes(path).into()).collect();
    put_back(workshop, &files).map_err(|(_, failure)| failure.into())
}

/// Takes the journal away, and then all that belonged to it.
fn finish(workshop: &Path) -> Result<(), FileError> {
    let failed = |source| FileError::new("remove", workshop, source);
    match std::fs::remove_file(workshop.join(JOURNAL)) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(failed(source)),
        _ => sync_directory(workshop)?,
    }
    std::fs::remove_dir_all(workshop).map_err(failed)
}

fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where several files are replaced"
    )]
    std::fs::rename(from, to).map_err(|source| FileError::new("replace", to, source))
}

fn sync_directories(files: &[PathBuf]) -> Result<(), FileError> {
    let mut directories: Vec<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    directories.sort_unstable();
    directories.dedup();
    directories.into_iter().try_for_each(sync_directory)
}

fn sync_directory(path: &Path) -> Result<(), FileError> {
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(|source| FileError::new("write", path, source))
}

fn new_of(workshop: &Path, number: usize) -> PathBuf {
    workshop.join(format!("{number}.new"))
}

fn old_of(workshop: &Path, number: usize) -> PathBuf {
    workshop.join(format!("{number}.old"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs::{read_text, write_atomically};

    struct Tree {
        directory: tempfile::TempDir,
        changes: Vec<Change>,
    }

    impl Tree {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let changes = ["a", "b", "c"].map(|name| {
                std::fs::create_dir(directory.path().join(name)).unwrap();
                let path = directory.path().join(name).join("changelog");
                write_atomically(&path, b"old").unwrap();
                let text = format!("new {name}");
                Change { path, text }
            });
            Self {
                directory,
                changes: changes.into(),
            }
        }

        fn roots(&self) -> [PathBuf; 1] {
            [self.directory.path().to_owned()]
        }

        fn workshop(&self) -> PathBuf {
            self.directory.path().canonicalize().unwrap().join(WORKSHOP)
        }

        fn texts(&self) -> Vec<String> {
            let read = |change: &Change| read_text(&change.path).unwrap();
            self.changes.iter().map(read).collect()
        }

        #[track_caller]
        fn assert_all(&self, expected: [&str; 3]) {
            assert_eq!(self.texts(), expected);
            assert!(
                !self.workshop().exists(),
                "nothing is left beside the files"
            );
        }
    }

    #[test]
    fn all_files_are_changed_and_nothing_is_left_beside_them() {
        let tree = Tree::new();
        Changes::begin(&tree.roots())
            .unwrap()
            .make(&tree.changes)
            .unwrap();
        tree.assert_all(["new a", "new b", "new c"]);
    }

    #[test]
    fn modes_and_links_stay() {
        use std::os::unix::fs::PermissionsExt as _;
        let tree = Tree::new();
        let real = tree.directory.path().join("real");
        write_atomically(&real, b"old").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::fs::remove_file(&tree.changes[1].path).unwrap();
        std::os::unix::fs::symlink("../real", &tree.changes[1].path).unwrap();
        Changes::begin(&tree.roots())
            .unwrap()
            .make(&tree.changes)
            .unwrap();
        tree.assert_all(["new a", "new b", "new c"]);
        assert!(tree.changes[1].path.is_symlink());
        let mode = std::fs::metadata(&real).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    #[test]
    fn what_cannot_be_prepared_changes_nothing() {
        let mut tree = Tree::new();
        let all = tree.changes.clone();
        tree.changes[2].path = tree.directory.path().join("c");
        let error = Changes::begin(&tree.roots()).unwrap().make(&tree.changes);
        error.expect_err("a directory is no file");
        tree.changes = all;
        tree.assert_all(["old", "old", "old"]);
    }

    /// Leaves a tree as a run leaves it that was killed after so many renames.
    fn killed_after(renames: usize) -> Tree {
        let tree = Tree::new();
        let files = prepare(&tree.workshop(), &tree.changes).unwrap();
        for (number, file) in files.iter().enumerate().take(renames) {
            rename(&new_of(&tree.workshop(), number), file).unwrap();
        }
        tree
    }

    #[test]
    fn what_a_killed_run_changed_is_undone_by_the_next() {
        for renames in 0..=3 {
            let tree = killed_after(renames);
            assert!(has_unfinished_changes(tree.directory.path()));
            let changes = Changes::begin(&tree.roots()).unwrap();
            assert_eq!(changes.undone().len(), 3);
            tree.assert_all(["old", "old", "old"]);
            changes.make(&tree.changes).unwrap();
            tree.assert_all(["new a", "new b", "new c"]);
        }
    }

    #[test]
    fn undoing_can_itself_be_interrupted() {
        let tree = killed_after(2);
        let first = tree.changes[0].path.canonicalize().unwrap();
        rename(&old_of(&tree.workshop(), 0), &first).unwrap();
        let changes = Changes::begin(&tree.roots()).unwrap();
        assert_eq!(changes.undone().len(), 2);
        tree.assert_all(["old", "old", "old"]);
    }

    #[test]
    fn a_change_is_done_when_its_journal_is_gone() {
        let tree = killed_after(3);
        std::fs::remove_file(tree.workshop().join(JOURNAL)).unwrap();
        assert!(!has_unfinished_changes(tree.directory.path()));
        let changes = Changes::begin(&tree.roots()).unwrap();
        assert!(changes.undone().is_empty(), "it was done");
        tree.assert_all(["new a", "new b", "new c"]);
    }

    #[test]
    fn a_change_that_fails_half_way_is_undone() {
        let tree = Tree::new();
        let changes = Changes::begin(&tree.roots()).unwrap();
        // The last file becomes a directory between preparing and renaming.
        let last = tree.changes[2].path.canonicalize().unwrap();
        let files = prepare(&tree.workshop(), &tree.changes).unwrap();
        std::fs::remove_file(&last).unwrap();
        std::fs::create_dir(&last).unwrap();
        rename(&new_of(&tree.workshop(), 0), &files[0]).unwrap();
        rename(&new_of(&tree.workshop(), 2), &last).expect_err("a directory stands there");
        std::fs::remove_dir(&last).unwrap();
        put_back(&tree.workshop(), &files).unwrap();
        tree.assert_all(["old", "old", "old"]);
        drop(changes);
    }

    #[test]
    fn two_runs_do_not_change_one_tree_at_once() {
        let tree = Tree::new();
        let first = Changes::begin(&tree.roots()).unwrap();
        let error = Changes::begin(&tree.roots()).expect_err("the first holds it");
        assert!(matches!(error, ChangeError::Busy(_)), "{error}");
        drop(first);
        Changes::begin(&tree.roots()).expect("free again");
    }
}
