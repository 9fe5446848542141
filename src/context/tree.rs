//! Goes through a directory in the order of names, links followed, with no more in memory than the names of the directories
//! that are open: a hundred thousand files in one take a megabyte or two.

use std::ffi::OsStr;
use std::fs::{FileType, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A directory on the way.
pub(super) struct Tree {
    /// What was met last, or the directory that is to be opened.
    path: PathBuf,
    open: Vec<Names>,
    is_to_open: bool,
    /// Whether the path ends with a name of the directory that was opened last.
    is_at_name: bool,
    most_names: u64,
}

/// What was met; its path is that of the tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Met {
    /// One in the directory itself.
    pub(super) depth: usize,
    pub(super) is_link: bool,
    /// Whether it, or what the link leads to, is a directory.
    pub(super) is_directory: bool,
}

/// Why something cannot be gone into; its path is that of the tree.
#[derive(Debug)]
pub(super) enum Fault {
    Read {
        /// None where it is the directory itself.
        depth: usize,
        source: io::Error,
    },
    /// A link leads to a directory that holds it.
    Loop { depth: usize },
    /// There are so many names that nobody means them.
    TooMany,
}

impl Tree {
    /// Prepares; a directory with more than so many names is given up.
    pub(super) fn new(directory: &Path, most_names: u64) -> Self {
        Self {
            path: directory.to_owned(),
            open: Vec::new(),
            is_to_open: true,
            is_at_name: false,
            most_names,
        }
    }

    /// Gives the path of what was met, or could not be read, last.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Does not go into the directory that was met last.
    pub(super) fn skip(&mut self) {
        self.is_to_open = false;
    }

    /// Gives the next one; a directory stands before what is in it.
    pub(super) fn next(&mut self) -> Option<Result<Met, Fault>> {
        if std::mem::take(&mut self.is_to_open) {
            let depth = self.open.len();
            match Names::read(&self.path, self.most_names) {
                Ok(Some(names)) => {
                    self.open.push(names);
                    self.is_at_name = false;
                }
                Ok(None) => return Some(Err(Fault::TooMany)),
                Err(source) => return Some(Err(Fault::Read { depth, source })),
            }
        }
        loop {
            if std::mem::replace(&mut self.is_at_name, true) {
                self.path.pop();
            }
            let Some((name, kind)) = self.open.last_mut()?.next() else {
                // The path is now that of the directory, a name of the one above.
                self.open.pop();
                continue;
            };
            self.path.push(name);
            return Some(self.meet(kind));
        }
    }

    fn meet(&mut self, kind: Kind) -> Result<Met, Fault> {
        let depth = self.open.len();
        let is_link = kind == Kind::Link;
        let mut is_directory = kind == Kind::Directory;
        if is_link {
            let there = self.path.metadata();
            let there = there.map_err(|source| Fault::Read { depth, source })?;
            is_directory = there.is_dir();
            if is_directory && self.is_above(&there) {
                return Err(Fault::Loop { depth });
            }
        }
        self.is_to_open = is_directory;
        Ok(Met {
            depth,
            is_link,
            is_directory,
        })
    }

    /// Tells whether a directory is one of those on the way.
    fn is_above(&self, there: &Metadata) -> bool {
        let above = self.path.ancestors().skip(1).take(self.open.len());
        let mut above = above.filter_map(|path| path.metadata().ok());
        above.any(|one| (one.dev(), one.ino()) == (there.dev(), there.ino()))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Directory,
    Link,
    Other,
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        if kind.is_dir() {
            Self::Directory
        } else if kind.is_symlink() {
            Self::Link
        } else {
            Self::Other
        }
    }
}

/// The names of a directory, in order.
struct Names {
    bytes: Vec<u8>,
    /// Where each begins, how long it is, and what it is.
    places: Vec<(usize, u16, Kind)>,
    next: usize,
}

impl Names {
    /// Reads them; nothing where there are too many.
    fn read(directory: &Path, most: u64) -> io::Result<Option<Self>> {
        let (mut bytes, mut places) = (Vec::new(), Vec::new());
        for entry in directory.read_dir()? {
            let entry = entry?;
            if places.len() as u64 == most {
                return Ok(None);
            }
            let name = entry.file_name();
            let length = u16::try_from(name.len()).map_err(|_| io::ErrorKind::InvalidFilename)?;
            places.push((bytes.len(), length, entry.file_type()?.into()));
            bytes.extend_from_slice(name.as_bytes());
        }
        let name =
            |&(start, length, _): &(usize, u16, Kind)| &bytes[start..][..usize::from(length)];
        places.sort_unstable_by(|one, other| name(one).cmp(name(other)));
        Ok(Some(Self {
            bytes,
            places,
            next: 0,
        }))
    }

    fn next(&mut self) -> Option<(&OsStr, Kind)> {
        let &(start, length, kind) = self.places.get(self.next)?;
        self.next += 1;
        let name = &self.bytes[start..][..usize::from(length)];
        Some((OsStr::from_bytes(name), kind))
    }
}
