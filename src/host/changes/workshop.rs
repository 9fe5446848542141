//! The directory in a root in which new texts are made ready and old ones kept.
//!
//! ```text
//! images/.pkg-changes/.gitignore      git neither shows nor adds what is here
//! images/.pkg-changes/.git            the seal: `pkg changes 3f5c…`, as the journal names the change
//! images/.pkg-changes/0.old, 0.new    what the first file of the journal held, and what it is to hold
//! images/.pkg-changes/journal         there while the change is under way; `done` in the first root once it is done
//! ```
//!
//! Git takes no file of the name `.git` into a commit and writes none from one: a workshop with a seal was not brought by a
//! repository.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use super::journal::{Journal, JournalFile, way};
use super::{Change, ChangeError};
use crate::host::fs::{FileError, read_bytes, rename_file, take_after};
use crate::oci::Digest;

/// The directory below a root that holds what is under way.
pub const WORKSHOP: &str = ".pkg-changes";
pub(super) const JOURNAL: &str = "journal";
pub(super) const DONE: &str = "done";
const SEAL: &str = ".git";

/// How a file gets its place.
pub(super) type Rename<'a> = &'a dyn Fn(&Path, &Path) -> Result<(), FileError>;

/// A file that is being changed.
#[derive(Debug)]
pub(super) struct Target<'a> {
    /// The file itself, a real path.
    pub(super) real: PathBuf,
    /// The name by which the catalog knows it, in a directory without links; it may be a link itself.
    pub(super) name: PathBuf,
    pub(super) change: &'a Change,
}

/// The files of one root that are being changed.
#[derive(Debug)]
pub(super) struct Workshop<'a> {
    root: &'a Path,
    targets: Vec<Target<'a>>,
}

impl<'a> Workshop<'a> {
    /// Takes files below a root; one that is none of an image's is refused.
    pub(super) fn new(root: &'a Path, targets: Vec<Target<'a>>) -> Result<Self, ChangeError> {
        let workshop = Self { root, targets };
        let mut targets = workshop.targets.iter();
        match targets.find(|target| !workshop.record(target).is_of_image()) {
            Some(target) => Err(ChangeError::Outside(target.change.path.clone())),
            None => Ok(workshop),
        }
    }

    /// Writes everything, and the journal last.
    pub(super) fn prepare(&self, id: &str, roots: &[PathBuf]) -> Result<(), ChangeError> {
        let directory = open(self.root)?;
        let looks = looks_below(self.root)?;
        for (number, target) in self.targets.iter().enumerate() {
            let (real, change) = (&target.real, target.change);
            let Some(old) = &change.old else {
                if real.symlink_metadata().is_ok() {
                    return Err(ChangeError::Moved(change.path.clone()));
                }
                write(&self.new_of(number), change.new.as_bytes(), looks)?;
                continue;
            };
            if read_bytes(real)? != old.as_bytes() {
                return Err(ChangeError::Moved(change.path.clone()));
            }
            let there = std::fs::metadata(real);
            let there = there.map_err(|source| FileError::new("read", real, source))?;
            for (kept, text) in [
                (self.old_of(number), old),
                (self.new_of(number), &change.new),
            ] {
                write(&kept, text.as_bytes(), Looks::Of(&there))?;
            }
        }
        let here = roots.iter().position(|root| root == self.root);
        let journal = Journal {
            id: id.to_owned(),
            number: here.unwrap_or_default(),
            roots: roots.iter().map(|root| way(self.root, root)).collect(),
            files: self.targets.iter().map(|it| self.record(it)).collect(),
        };
        write(&directory.join(SEAL), seal(id).as_bytes(), looks)?;
        let unfinished = directory.join("journal.new");
        write(&unfinished, &journal.render(), looks)?;
        sync(&directory)?;
        rename_file(&unfinished, &directory.join(JOURNAL))?;
        Ok(sync(&directory)?)
    }

    fn record(&self, target: &Target<'_>) -> JournalFile {
        let below = target.real.strip_prefix(self.root);
        JournalFile {
            old: target
                .change
                .old
                .as_ref()
                .map(|old| Digest::of(old.as_bytes())),
            new: Digest::of(target.change.new.as_bytes()),
            path: below.unwrap_or(&target.real).to_owned(),
            name: way(self.root, &target.name),
        }
    }

    /// Gives the files their new texts.
    pub(super) fn replace(&self, rename: Rename<'_>) -> Result<(), FileError> {
        for (number, target) in self.targets.iter().enumerate() {
            rename(&self.new_of(number), &target.real)?;
        }
        self.sync_files()
    }

    /// Gives the files that have their new texts the old ones again.
    pub(super) fn put_back(&self) -> Result<(), (PathBuf, FileError)> {
        for (number, Target { real, change, .. }) in self.targets.iter().enumerate() {
            // What was not replaced yet still has its new text here.
            if !self.new_of(number).exists() {
                let back = match change.old {
                    Some(_) => rename_file(&self.old_of(number), real),
                    None => remove_file(real),
                };
                back.map_err(|error| (real.clone(), error))?;
            }
        }
        self.sync_files()
            .map_err(|error| (self.root.to_owned(), error))
    }

    fn sync_files(&self) -> Result<(), FileError> {
        sync_directories(self.targets.iter().map(|target| target.real.as_path()))
    }

    /// Makes the change one that is done: no fault may undo a part of it then. A disk that does not take this brings the
    /// journal back at worst, and the next change undoes all of it.
    pub(super) fn commit(&self) -> Result<(), FileError> {
        let directory = self.directory();
        match rename_file(&directory.join(JOURNAL), &directory.join(DONE)) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
            _ => {
                let _ = sync(&directory);
                Ok(())
            }
        }
    }

    /// Takes the journal away, of a change of which nothing is left.
    pub(super) fn forget(&self) -> Result<(), FileError> {
        forget(&self.directory())
    }

    /// Takes the journal away and then everything else; what cannot be removed now goes with the next change. Tells whether
    /// the journal is gone.
    pub(super) fn discard(&self) -> bool {
        let is_forgotten = self.forget().is_ok();
        if is_forgotten {
            let _ = std::fs::remove_dir_all(self.directory());
        }
        is_forgotten
    }

    pub(super) fn root(&self) -> &'a Path {
        self.root
    }

    fn directory(&self) -> PathBuf {
        self.root.join(WORKSHOP)
    }

    fn old_of(&self, number: usize) -> PathBuf {
        old_of(&self.directory(), number)
    }

    fn new_of(&self, number: usize) -> PathBuf {
        self.directory().join(format!("{number}.new"))
    }
}

/// Where the old text of a file of the journal is.
pub(super) fn old_of(directory: &Path, number: usize) -> PathBuf {
    directory.join(format!("{number}.old"))
}

/// Makes the workshop of a root. Whoever may change files of the root may clear up here: mode and group are the root's.
pub(super) fn open(root: &Path) -> Result<PathBuf, FileError> {
    let directory = root.join(WORKSHOP);
    std::fs::create_dir(&directory).map_err(|source| FileError::new("write to", root, source))?;
    look_like(root, &directory)?;
    let looks = looks_below(root)?;
    write(&directory.join(".gitignore"), b"*\n", looks)?;
    Ok(directory)
}

/// Gives a new directory the mode and, as far as the process may, the group of another one.
pub(super) fn look_like(root: &Path, directory: &Path) -> Result<(), FileError> {
    let given = (|| {
        let (there, file) = (std::fs::metadata(root)?, File::open(directory)?);
        let here = file.metadata()?;
        if here.gid() != there.gid() {
            // Where it may not, the mode says no less.
            let _ = fchown(&file, None, Some(there.gid()));
        }
        // What somebody else left has to go as well: without the sticky bit.
        let mode = (there.mode() & 0o2777) | 0o700;
        if here.mode() & 0o7777 != mode {
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        Ok(())
    })();
    given.map_err(|source| FileError::new("write to", directory, source))
}

fn looks_below(root: &Path) -> Result<Looks<'static>, FileError> {
    let there = std::fs::metadata(root).map_err(|source| FileError::new("read", root, source))?;
    Ok(Looks::Below {
        group: there.gid(),
        mode: (there.mode() & 0o666) | 0o600,
    })
}

fn seal(id: &str) -> String {
    format!("pkg changes {id}\n")
}

/// Tells whether a workshop was made on this machine, for the change of this journal.
pub(super) fn is_sealed(directory: &Path, journal: &Journal) -> bool {
    let path = directory.join(SEAL);
    let is_plain = path.symlink_metadata().is_ok_and(|it| it.is_file());
    is_plain && read_bytes(&path).is_ok_and(|text| text == seal(&journal.id).as_bytes())
}

/// Takes the journal of a workshop away.
pub(super) fn forget(directory: &Path) -> Result<(), FileError> {
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

/// Whom a new file takes after.
#[derive(Clone, Copy, Debug)]
enum Looks<'a> {
    Of(&'a Metadata),
    /// A directory that has this group.
    Below {
        group: u32,
        mode: u32,
    },
}

fn write(path: &Path, bytes: &[u8], looks: Looks<'_>) -> Result<(), FileError> {
    let written = (|| {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        match looks {
            Looks::Of(there) => take_after(&file, there)?,
            Looks::Below { group, mode } => {
                if file.metadata()?.gid() != group {
                    // Where it may not, the mode says no less.
                    let _ = fchown(&file, None, Some(group));
                }
                file.set_permissions(Permissions::from_mode(mode))?;
            }
        }
        file.sync_all()
    })();
    written.map_err(|source| FileError::new("write", path, source))
}

/// Writes the directories of files to disk.
pub(super) fn sync_directories<'a>(files: impl Iterator<Item = &'a Path>) -> Result<(), FileError> {
    let mut directories: Vec<&Path> = files.filter_map(Path::parent).collect();
    directories.sort_unstable();
    directories.dedup();
    directories.into_iter().try_for_each(sync)
}

/// Takes away a file that was not there before.
pub(super) fn remove_file(path: &Path) -> Result<(), FileError> {
    std::fs::remove_file(path).map_err(|source| FileError::new("remove", path, source))
}

fn sync(directory: &Path) -> Result<(), FileError> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|source| FileError::new("write", directory, source))
}
