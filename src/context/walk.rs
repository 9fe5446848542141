//! Walks an image directory and decides what goes in.

use std::fs::Metadata;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::archive::{Archive, ContextSize};
use super::error::ContextError;
use super::receive::{Attributes, Receive};
use crate::dockerfile::{IgnoreRules, Verdict};
use crate::host::WORKSHOP;
use crate::host::fs::{FileError, find_text};

const DOCKERFILE: &[u8] = b"Dockerfile";
const IGNORE_FILE: &str = ".dockerignore";
/// Links to directories with links can make a small tree endless in practice.
const MOST_ENTRIES: u64 = 1 << 20;

/// Writes the build context of an image directory as a tar stream.
///
/// `dockerfile` is the rendered text, which stands first and takes the place of a file `Dockerfile`. Links are followed
/// within `tree_root`, the directory of all images. The call blocks while files are read and `out` takes bytes. After an
/// error `out` has got a part without the end of an archive: the receiver has to be told, since some take it for a whole.
pub fn write_context(
    directory: &Path,
    tree_root: &Path,
    dockerfile: &str,
    out: impl Write,
) -> Result<ContextSize, ContextError> {
    let mut archive = Archive::new(out);
    let mut walk = Walk::new(directory, tree_root, &mut archive)?;
    let rendered = Attributes {
        mode: 0o644,
        modified: 0,
    };
    walk.receiver
        .append_bytes(DOCKERFILE, dockerfile.as_bytes(), rendered)?;
    walk.run()?;
    archive.finish()
}

fn read_ignore_rules(directory: &Path) -> Result<IgnoreRules, ContextError> {
    let path = directory.join(IGNORE_FILE);
    // A fifo would never end; the walk names what is no file.
    if !path.is_file() {
        return Ok(IgnoreRules::default());
    }
    let text = find_text(&path)?.unwrap_or_default();
    IgnoreRules::parse(&text).map_err(|source| ContextError::Ignore { path, source })
}

pub(super) struct Walk<'a, R: Receive> {
    directory: &'a Path,
    tree_root: &'a Path,
    real_root: PathBuf,
    rules: IgnoreRules,
    /// What the rules say of the directories above, from the root of the context down.
    verdicts: Vec<Verdict>,
    /// Directories that stay out unless something below them goes in, with their depths.
    waiting: Vec<(usize, Vec<u8>, Attributes)>,
    receiver: &'a mut R,
}

impl<'a, R: Receive> Walk<'a, R> {
    pub(super) fn new(
        directory: &'a Path,
        tree_root: &'a Path,
        receiver: &'a mut R,
    ) -> Result<Self, ContextError> {
        let real_root = tree_root
            .canonicalize()
            .map_err(|source| FileError::new("find", tree_root, source))?;
        Ok(Self {
            directory,
            tree_root,
            real_root,
            rules: read_ignore_rules(directory)?,
            verdicts: vec![Verdict::default()],
            waiting: Vec::new(),
            receiver,
        })
    }

    pub(super) fn run(&mut self) -> Result<(), ContextError> {
        let mut entries = WalkDir::new(self.directory)
            .min_depth(1)
            .follow_links(true)
            .sort_by(|one, other| one.file_name().as_bytes().cmp(other.file_name().as_bytes()))
            .into_iter();
        let mut seen = 0;
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => match self.fault_of(&error) {
                    Some(fault) => return Err(fault),
                    None => continue,
                },
            };
            seen += 1;
            if seen > MOST_ENTRIES {
                return Err(ContextError::TooMany {
                    path: self.directory.to_owned(),
                    most: MOST_ENTRIES,
                });
            }
            // What a change of changelogs keeps for a moment, and a killed one for longer.
            if entry.file_name() == WORKSHOP {
                if entry.file_type().is_dir() {
                    entries.skip_current_dir();
                }
                continue;
            }
            let name = self.name_of(entry.path()).to_vec();
            self.waiting.retain(|&(depth, ..)| depth < entry.depth());
            let is_directory = entry.file_type().is_dir();
            if self.judge(&name, entry.depth(), is_directory) {
                if !is_directory {
                    continue;
                }
                if !self.rules.may_include_below(&name) {
                    entries.skip_current_dir();
                    continue;
                }
                self.check_link(&entry)?;
                let attributes = attributes_of(&metadata_of(&entry)?);
                self.waiting.push((entry.depth(), name, attributes));
                continue;
            }
            self.check_link(&entry)?;
            self.send(&entry, &name)?;
        }
        Ok(())
    }

    fn send(&mut self, entry: &DirEntry, name: &[u8]) -> Result<(), ContextError> {
        if name == DOCKERFILE {
            return if entry.file_type().is_dir() {
                Err(ContextError::DockerfileTaken(entry.path().to_owned()))
            } else {
                Ok(())
            };
        }
        for (_, name, attributes) in self.waiting.drain(..) {
            self.receiver.directory(&name, attributes)?;
        }
        let metadata = metadata_of(entry)?;
        let attributes = attributes_of(&metadata);
        if metadata.is_dir() {
            return self.receiver.directory(name, attributes);
        }
        if let Some(kind) = special_kind(&metadata) {
            return Err(ContextError::Kind {
                path: entry.path().to_owned(),
                kind,
            });
        }
        self.receiver
            .file(name, entry.path(), metadata.len(), attributes)
    }

    fn name_of<'p>(&self, path: &'p Path) -> &'p [u8] {
        path.strip_prefix(self.directory)
            .unwrap_or(path)
            .as_os_str()
            .as_bytes()
    }

    /// Tells whether an entry stays out; a directory's verdict is kept for what is below it.
    fn judge(&mut self, name: &[u8], depth: usize, is_directory: bool) -> bool {
        self.verdicts.truncate(depth);
        let nothing = Verdict::default();
        let parent = self.verdicts.last().unwrap_or(&nothing);
        let verdict = self.rules.judge(name, parent);
        let is_out = verdict.is_out && !is_always_sent(name);
        if is_directory {
            self.verdicts.push(verdict);
        }
        is_out
    }

    fn check_link(&self, entry: &DirEntry) -> Result<(), ContextError> {
        if !entry.path_is_symlink() {
            return Ok(());
        }
        let path = entry.path();
        let real = path
            .canonicalize()
            .map_err(|source| FileError::new("read", path, source))?;
        if real.starts_with(&self.real_root) {
            return Ok(());
        }
        Err(ContextError::LinkOutside {
            path: path.to_owned(),
            target: target_of(path),
            tree_root: self.tree_root.to_owned(),
        })
    }

    /// Names what went wrong, unless it is about something that stays out.
    fn fault_of(&self, error: &walkdir::Error) -> Option<ContextError> {
        let path = error.path().unwrap_or(self.directory);
        let name = self.name_of(path);
        let may_matter_below = path.is_dir() && self.rules.may_include_below(name);
        let is_out = self.rules.excludes(name) && !is_always_sent(name);
        if error.depth() > 0 && is_out && !may_matter_below {
            return None;
        }
        let path = path.to_owned();
        let target = target_of(&path);
        let Some(source) = error.io_error() else {
            return Some(ContextError::LinkLoop { path, target });
        };
        let fault = match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory if path.is_symlink() => {
                ContextError::LinkDangling { path, target }
            }
            // The kernel gives a link to itself up after forty steps; that kind has no stable name.
            kind if path.is_symlink() && kind != io::ErrorKind::PermissionDenied => {
                ContextError::LinkLoop { path, target }
            }
            kind => FileError::new("read", &path, copy_of(source, kind)).into(),
        };
        Some(fault)
    }
}

fn is_always_sent(name: &[u8]) -> bool {
    name == DOCKERFILE || name == IGNORE_FILE.as_bytes()
}

fn target_of(link: &Path) -> PathBuf {
    // Only for the message: a link that is gone by now has no target to tell.
    link.read_link().unwrap_or_default()
}

fn copy_of(error: &io::Error, kind: io::ErrorKind) -> io::Error {
    error
        .raw_os_error()
        .map_or_else(|| kind.into(), io::Error::from_raw_os_error)
}

fn metadata_of(entry: &DirEntry) -> Result<Metadata, ContextError> {
    let path = entry.path();
    // Of what a link leads to.
    path.metadata()
        .map_err(|source| FileError::new("read", path, source).into())
}

fn attributes_of(metadata: &Metadata) -> Attributes {
    Attributes {
        mode: metadata.mode() & 0o7777,
        modified: u64::try_from(metadata.mtime()).unwrap_or_default(),
    }
}

fn special_kind(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_file() {
        None
    } else if kind.is_fifo() {
        Some("a named pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}
