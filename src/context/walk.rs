//! Walks an image directory and decides what goes in.

use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::error::ContextError;
use super::receive::{Attributes, Receive};
use super::tree::{Fault, Met, Tree};
use crate::dockerfile::{IgnoreRules, Verdict};
use crate::host::WORKSHOP;
use crate::host::fs::{FileError, find_text};
use crate::lock::LOCK_FILE;

pub(super) const DOCKERFILE: &[u8] = b"Dockerfile";
const IGNORE_FILE: &str = ".dockerignore";
/// Links to directories with links can make a small tree endless in practice.
const MOST_ENTRIES: u64 = 1 << 20;

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
    pub(super) receiver: &'a mut R,
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
        let mut tree = Tree::new(self.directory, MOST_ENTRIES);
        let mut seen = 0;
        while let Some(met) = tree.next() {
            let met = match met {
                Ok(met) => met,
                Err(fault) => match self.fault_of(fault, tree.path()) {
                    Some(fault) => return Err(fault),
                    None => continue,
                },
            };
            seen += 1;
            if seen > MOST_ENTRIES {
                return Err(self.too_many());
            }
            // What a change of changelogs keeps for a moment, and a killed one for longer.
            if tree.path().file_name() == Some(WORKSHOP.as_ref()) {
                tree.skip();
                continue;
            }
            let name = self.name_of(tree.path()).to_vec();
            self.waiting.retain(|&(depth, ..)| depth < met.depth);
            if self.judge(&name, met) {
                if !met.is_directory {
                    continue;
                }
                if !self.rules.may_include_below(&name) {
                    tree.skip();
                    continue;
                }
                self.check_link(tree.path(), met)?;
                let attributes = attributes_of(&metadata_of(tree.path())?);
                self.waiting.push((met.depth, name, attributes));
                continue;
            }
            self.check_link(tree.path(), met)?;
            self.send(tree.path(), &name, met)?;
        }
        Ok(())
    }

    fn too_many(&self) -> ContextError {
        ContextError::TooMany {
            path: self.directory.to_owned(),
            most: MOST_ENTRIES,
        }
    }

    fn send(&mut self, path: &Path, name: &[u8], met: Met) -> Result<(), ContextError> {
        if name == DOCKERFILE {
            return if met.is_directory {
                Err(ContextError::DockerfileTaken(path.to_owned()))
            } else {
                Ok(())
            };
        }
        // The lock of a declared image says nothing to a Dockerfile.
        if name == LOCK_FILE.as_bytes() && !met.is_directory {
            return Ok(());
        }
        for (_, name, attributes) in self.waiting.drain(..) {
            self.receiver.directory(&name, attributes)?;
        }
        let metadata = metadata_of(path)?;
        let attributes = attributes_of(&metadata);
        if metadata.is_dir() {
            return self.receiver.directory(name, attributes);
        }
        if let Some(kind) = special_kind(&metadata) {
            return Err(ContextError::Kind {
                path: path.to_owned(),
                kind,
            });
        }
        self.receiver.file(name, path, metadata.len(), attributes)
    }

    fn name_of<'p>(&self, path: &'p Path) -> &'p [u8] {
        path.strip_prefix(self.directory)
            .unwrap_or(path)
            .as_os_str()
            .as_bytes()
    }

    /// Tells whether an entry stays out; a directory's verdict is kept for what is below it.
    fn judge(&mut self, name: &[u8], met: Met) -> bool {
        self.verdicts.truncate(met.depth);
        let nothing = Verdict::default();
        let parent = self.verdicts.last().unwrap_or(&nothing);
        let verdict = self.rules.judge(name, parent);
        let is_out = verdict.is_out && !is_always_sent(name);
        if met.is_directory {
            self.verdicts.push(verdict);
        }
        is_out
    }

    fn check_link(&self, path: &Path, met: Met) -> Result<(), ContextError> {
        if !met.is_link {
            return Ok(());
        }
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
    fn fault_of(&self, fault: Fault, path: &Path) -> Option<ContextError> {
        let (depth, source) = match fault {
            Fault::TooMany => return Some(self.too_many()),
            Fault::Loop { depth } => (depth, None),
            Fault::Read { depth, source } => (depth, Some(source)),
        };
        let name = self.name_of(path);
        let may_matter_below = path.is_dir() && self.rules.may_include_below(name);
        let is_out = self.rules.excludes(name) && !is_always_sent(name);
        if depth > 0 && is_out && !may_matter_below {
            return None;
        }
        let path = path.to_owned();
        let target = target_of(&path);
        let Some(source) = source else {
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
            _ => FileError::new("read", &path, source).into(),
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

fn metadata_of(path: &Path) -> Result<Metadata, ContextError> {
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
