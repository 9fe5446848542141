//! `layers`: files of the image's directory, laid over what packages brought.
//!
//! Git keeps of a file whether it can be executed and nothing more; so modes here are 0755 and 0644 by that alone, and the same
//! commit gives the same layer wherever it is checked out.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek as _, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::filling::{FillError, Filling, parse};
use crate::declared::LayerRule;
use crate::host::Window;
use crate::host::fs::FileError;
use crate::oci::Compression;
use crate::rootfs::{
    Attributes, Change, Content, Entry, Extent, Kind, Node, RootPath, Volume, read_tar,
};

/// Why something of an image's directory cannot be laid over.
#[derive(Debug, thiserror::Error)]
pub enum LayFault {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It cannot be put where it should be.
    #[error(transparent)]
    Fill(#[from] FillError),
    /// A link leads out of the directory of the image.
    #[error("{} leads out of the image's directory", .0.display())]
    Outside(PathBuf),
    /// It is no file, directory or link.
    #[error("{} is no file, directory or link", .0.display())]
    Special(PathBuf),
    /// Another image does not have it.
    #[error("`{path}` is not in `{image}`")]
    Missing {
        /// The path.
        path: String,
        /// The image.
        image: String,
    },
    /// A name cannot be one in an image.
    #[error("{} cannot be in an image", .0.display())]
    Name(PathBuf),
    /// A tar is broken.
    #[error("{} cannot be unpacked", path.display())]
    Tar {
        /// The tar.
        path: PathBuf,
        /// Why.
        source: crate::rootfs::TarError,
    },
}

/// Lays what the rules name over `filling`; `directory` is the image's, and copies of files go to `scratch`.
pub(super) fn lay_over(
    filling: &mut Filling,
    rules: &[LayerRule],
    (directory, scratch): (&Path, &Path),
) -> Result<(), LayFault> {
    for rule in rules {
        if let Some(image) = &rule.from {
            lay_from(filling, rule, image)?;
            continue;
        }
        let path = directory.join(&rule.source);
        let failed = |source| FileError::new("read", &path, source);
        let real = path.canonicalize().map_err(failed)?;
        let inside = directory.canonicalize().map_err(failed)?;
        if !real.starts_with(&inside) {
            return Err(LayFault::Outside(path));
        }
        let mut spool = Spool::new(filling, scratch)?;
        let is_file = real.is_file();
        let entries = if is_file && is_tar(&rule.source) {
            spool.read_tar(&real, rule)?
        } else if is_file && (rule.target.ends_with('/') || rule.target.is_empty()) {
            return Err(FillError::Directory(rule.target.clone()).into());
        } else {
            spool.read_files(&real, rule)?
        };
        let window = spool.finish()?;
        filling.volumes.add(window);
        lay_all(filling, entries)?;
    }
    Ok(())
}

fn lay_all(filling: &mut Filling, entries: Vec<Entry>) -> Result<(), FillError> {
    for entry in entries {
        let is_directory = matches!(&entry.change, Change::Node(node) if node.is_directory());
        if !(entry.path.is_root() && is_directory) {
            filling.lay(entry)?;
        }
    }
    Ok(())
}

/// Lays what another image has at a path, a link followed, with all below it: owners, modes and times are those in it, unless
/// the rule says others.
fn lay_from(filling: &mut Filling, rule: &LayerRule, image: &str) -> Result<(), LayFault> {
    let missing = || LayFault::Missing {
        path: rule.source.clone(),
        image: image.to_owned(),
    };
    let tree = filling.images.get(image).ok_or_else(missing)?;
    let top = tree
        .resolve(&parse(&rule.source)?)
        .map_err(FillError::from)?;
    let is_file = !tree.find(&top).ok_or_else(missing)?.is_directory();
    if is_file && rule.target.ends_with('/') {
        return Err(FillError::Directory(rule.target.clone()).into());
    }
    let target = parse(&rule.target)?;
    let mut first_paths: HashMap<usize, RootPath> = HashMap::new();
    let mut entries = Vec::new();
    let taken = tree.linked();
    let taken = taken.filter(|(path, _, _)| **path == top || path.is_below(&top));
    for (path, number, node) in taken {
        let mut below = path.names().skip(top.names().count());
        let place = below.try_fold(target.clone(), |at, name| at.try_join(name));
        let path = place.map_err(|_| LayFault::Name(rule.target.clone().into()))?;
        let change = if let Some(first) = first_paths.get(&number) {
            Change::HardLink(first.clone())
        } else {
            first_paths.insert(number, path.clone());
            let mut node = node.clone();
            change(&mut node, rule);
            Change::Node(node)
        };
        entries.push(Entry { path, change });
    }
    Ok(lay_all(filling, entries)?)
}

fn is_tar(name: &str) -> bool {
    Compression::of_tar_name(name).is_some()
}

/// A file that keeps the contents of many.
struct Spool {
    file: File,
    path: PathBuf,
    size_bytes: u64,
    volume: Volume,
    modified: i64,
}

impl Spool {
    fn new(filling: &Filling, scratch: &Path) -> Result<Self, FileError> {
        let file = tempfile::tempfile_in(scratch);
        Ok(Self {
            file: file.map_err(|source| FileError::new("create", scratch, source))?,
            path: scratch.to_owned(),
            size_bytes: 0,
            volume: filling.volumes.next(),
            modified: filling.modified,
        })
    }

    fn finish(self) -> Result<Window, FileError> {
        Window::of_file(self.file).map_err(|source| FileError::new("read", &self.path, source))
    }

    /// Reads a file, or a directory with all below it.
    fn read_files(&mut self, top: &Path, rule: &LayerRule) -> Result<Vec<Entry>, LayFault> {
        let target = parse(&rule.target)?;
        let walk = walkdir::WalkDir::new(top)
            .sort_by_file_name()
            .follow_links(false);
        let mut entries = Vec::new();
        for found in walk {
            let found = found.map_err(|error| {
                let path = error.path().unwrap_or(top).to_owned();
                FileError::new("read", &path, error.into())
            })?;
            let below = found.path().strip_prefix(top).unwrap_or(Path::new(""));
            let mut path = target.clone();
            for name in below {
                let joined = path.try_join(name.as_bytes());
                path = joined.map_err(|_| LayFault::Name(found.path().to_owned()))?;
            }
            if let Some(node) = self.read_node(&found, rule)? {
                let change = Change::Node(node);
                entries.push(Entry { path, change });
            }
        }
        Ok(entries)
    }

    fn read_node(
        &mut self,
        found: &walkdir::DirEntry,
        rule: &LayerRule,
    ) -> Result<Option<Node>, LayFault> {
        let failed = |source| FileError::new("read", found.path(), source);
        let kind = found.file_type();
        let (kind, mode) = if kind.is_dir() {
            (Kind::Directory, 0o755)
        } else if kind.is_symlink() {
            let target = std::fs::read_link(found.path()).map_err(failed)?;
            (Kind::Link(target.as_os_str().as_bytes().to_vec()), 0o777)
        } else if kind.is_file() {
            let mut file = File::open(found.path()).map_err(failed)?;
            let mode = file.metadata().map_err(failed)?.permissions().mode();
            let offset = self.size_bytes;
            self.size_bytes += io::copy(&mut file, &mut self.file).map_err(failed)?;
            let extent = Extent {
                volume: self.volume,
                offset,
                size_bytes: self.size_bytes - offset,
            };
            let usual = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
            let content = Content::Stored(extent);
            (Kind::File(content), rule.mode.unwrap_or(usual))
        } else {
            return Err(LayFault::Special(found.path().to_owned()));
        };
        let (uid, gid) = rule.owner.unwrap_or_default();
        let attributes = Attributes {
            mode,
            uid: uid.into(),
            gid: gid.into(),
            modified: self.modified,
            ..Attributes::default()
        };
        Ok(Some(Node { kind, attributes }))
    }

    /// Reads a tar, which may be compressed: owners, modes and times are those in it, unless the rule says others.
    fn read_tar(&mut self, path: &Path, rule: &LayerRule) -> Result<Vec<Entry>, LayFault> {
        let failed = |source| FileError::new("read", path, source);
        let file = File::open(path).map_err(failed)?;
        let compression = Compression::of_tar_name(&path.to_string_lossy());
        let compression = compression.unwrap_or(Compression::None);
        let copied = compression
            .decoder(io::BufReader::new(file))
            .and_then(|mut plain| io::copy(&mut plain, &mut self.file));
        copied.map_err(failed)?;
        self.file.flush().map_err(failed)?;
        self.file.rewind().map_err(failed)?;
        let entries = read_tar(&mut self.file, self.volume).map_err(|source| LayFault::Tar {
            path: path.to_owned(),
            source,
        })?;
        let target = parse(&rule.target)?;
        let place = |path: &RootPath| {
            let mut names = path.names();
            names.try_fold(target.clone(), |at, name| at.try_join(name))
        };
        let entries = entries.into_iter().map(|mut entry| {
            entry.path = place(&entry.path)?;
            match &mut entry.change {
                Change::HardLink(target) => *target = place(target)?,
                Change::Node(node) => change(node, rule),
            }
            Ok(entry)
        });
        let entries: Result<_, crate::rootfs::RootPathError> = entries.collect();
        entries.map_err(|_| LayFault::Name(path.to_owned()))
    }
}

fn change(node: &mut Node, rule: &LayerRule) {
    if let Some((uid, gid)) = rule.owner {
        (node.attributes.uid, node.attributes.gid) = (uid.into(), gid.into());
    }
    if let (Some(mode), Kind::File(_)) = (rule.mode, &node.kind) {
        node.attributes.mode = mode;
    }
}
