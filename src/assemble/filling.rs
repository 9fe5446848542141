//! A root file system in the making: files of packages and of image directories, and those that are written here.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use crate::host::{Volumes, Window};
use crate::rootfs::{
    Attributes, Change, Content, Entry, Kind, LayerError, Node, ResolveError, RootPath,
    RootPathError, Tree,
};

/// What is made, and where the contents of its files lie.
#[derive(Debug, Default)]
pub struct Filling {
    /// The paths.
    pub tree: Tree,
    /// The contents.
    pub volumes: Volumes,
    /// The time of what is made here: seconds since 1970.
    pub modified: i64,
    /// The images that files may be taken from, by their names; the contents of their files lie in `volumes`, too.
    pub images: BTreeMap<String, Tree>,
}

/// Why a root file system cannot be as it is declared.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// A path is none.
    #[error("`{path}` cannot be a path: {source}")]
    Path {
        /// As it is declared.
        path: String,
        /// Why.
        source: RootPathError,
    },
    /// Links of a path do not end.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// Something cannot be put where it should be.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// There is nothing where something has to be.
    #[error("`{0}` is not in the image")]
    Missing(String),
    /// There is something where nothing may be.
    #[error("`{0}` is in the image already")]
    Exists(String),
    /// A directory would give way to something else, with all that is in it.
    #[error("`{0}` is a directory in the image")]
    Directory(String),
    /// Something else would give way to a directory.
    #[error("`{0}` is in the image, and no directory")]
    NoDirectory(String),
    /// A file that is extended here cannot be read.
    #[error("`{path}` cannot be read")]
    Read {
        /// Its path in the image.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A text of the image holds what it cannot, such as a second user of a name.
    #[error("{0}")]
    Clash(String),
}

/// Files that are extended here are small.
const LARGEST_TEXT_BYTES: u64 = 16 << 20;

impl Filling {
    /// Begins with nothing but a root directory.
    #[must_use]
    pub fn new(modified: i64) -> Self {
        let mut filling = Self {
            modified,
            ..Self::default()
        };
        if let Some(root) = filling.tree.attributes_mut(&RootPath::root()) {
            root.modified = modified;
        }
        filling
    }

    /// Gives attributes of root's with this mode.
    #[must_use]
    pub fn attributes(&self, mode: u32) -> Attributes {
        Attributes {
            mode,
            modified: self.modified,
            ..Attributes::default()
        }
    }

    /// Puts a node at a path, whose links above it are followed; parents are made.
    pub fn put(&mut self, path: &str, node: Node) -> Result<(), FillError> {
        self.put_at(parse(path)?, node)
    }

    fn put_at(&mut self, path: RootPath, node: Node) -> Result<(), FillError> {
        self.make_parents(&path)?;
        let change = Change::Node(node);
        Ok(self.tree.add(Entry { path, change })?)
    }

    /// Makes the directories above a path with the time of the rest.
    fn make_parents(&mut self, path: &RootPath) -> Result<(), FillError> {
        let mut missing = Vec::new();
        let mut above = path.split().map(|(parent, _)| parent);
        while let Some(parent) = above {
            if self.tree.find(&self.tree.resolve(&parent)?).is_some() {
                break;
            }
            above = parent.split().map(|(parent, _)| parent);
            missing.push(parent);
        }
        for path in missing.into_iter().rev() {
            let change = Change::Node(Node {
                kind: Kind::Directory,
                attributes: self.attributes(0o755),
            });
            self.tree.add(Entry { path, change })?;
        }
        Ok(())
    }

    /// Makes a directory, unless there is one.
    pub fn directory(&mut self, path: &str, mode: u32) -> Result<(), FillError> {
        let resolved = self.tree.resolve(&parse(path)?)?;
        match self.tree.find(&resolved) {
            Some(node) if node.is_directory() => return Ok(()),
            Some(_) => return Err(FillError::NoDirectory(path.to_owned())),
            None => {}
        }
        let attributes = self.attributes(mode);
        let kind = Kind::Directory;
        self.put(path, Node { kind, attributes })
    }

    /// Writes a file in place of what is there; a link to a file is followed.
    pub fn file(&mut self, path: &str, bytes: &[u8], mode: u32) -> Result<(), FillError> {
        let node = Node {
            kind: Kind::File(Content::Held(Arc::from(bytes))),
            attributes: self.attributes(mode),
        };
        let resolved = self.tree.resolve(&parse(path)?)?;
        self.put_at(resolved, node)
    }

    /// Writes a file; one that is there keeps its owner and permissions, and all else that is not its content or time.
    pub fn extend(&mut self, path: &str, bytes: &[u8], mode: u32) -> Result<(), FillError> {
        let resolved = self.tree.resolve(&parse(path)?)?;
        let there = self.tree.find(&resolved);
        let there = there.filter(|node| matches!(node.kind, Kind::File(_)));
        let attributes = match there {
            Some(node) => Attributes {
                modified: self.modified,
                ..node.attributes.clone()
            },
            None => self.attributes(mode),
        };
        let kind = Kind::File(Content::Held(Arc::from(bytes)));
        self.put_at(resolved, Node { kind, attributes })
    }

    /// Makes a symbolic link, unless something is there.
    pub fn link(&mut self, path: &str, target: &str) -> Result<(), FillError> {
        if self.find(path)?.is_some() {
            return Ok(());
        }
        let node = Node {
            kind: Kind::Link(target.as_bytes().to_vec()),
            attributes: self.attributes(0o777),
        };
        self.put(path, node)
    }

    /// Fails where a directory is, which something else must not replace.
    pub fn check_no_directory(&self, path: &RootPath) -> Result<(), FillError> {
        let path = self.tree.resolve_parent(path)?;
        match self.tree.find(&path) {
            Some(node) if node.is_directory() => Err(FillError::Directory(path.to_string())),
            _ => Ok(()),
        }
    }

    /// Puts an entry of what is laid over the rest: a directory that is there stays as it is, with its own owner and mode.
    pub fn lay(&mut self, entry: Entry) -> Result<(), FillError> {
        let is_directory = matches!(&entry.change, Change::Node(node) if node.is_directory());
        if !is_directory {
            self.check_no_directory(&entry.path)?;
            self.make_parents(&entry.path)?;
            return Ok(self.tree.add(entry)?);
        }
        let resolved = self.tree.resolve(&entry.path)?;
        match self.tree.find(&resolved) {
            Some(node) if node.is_directory() => Ok(()),
            Some(_) => Err(FillError::NoDirectory(resolved.to_string())),
            None => {
                self.make_parents(&entry.path)?;
                Ok(self.tree.add(entry)?)
            }
        }
    }

    /// Finds what is at a path, whose links above it are followed.
    pub fn find(&self, path: &str) -> Result<Option<&Node>, FillError> {
        let path = self.tree.resolve_parent(&parse(path)?)?;
        Ok(self.tree.find(&path))
    }

    /// Reads a small file, and nothing where there is none.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, FillError> {
        self.read_at(&parse(path)?)
    }

    /// Reads a small file whose name may be no text.
    pub fn read_at(&self, path: &RootPath) -> Result<Option<Vec<u8>>, FillError> {
        let failed = |source| FillError::Read {
            path: path.to_string(),
            source,
        };
        let resolved = self.tree.resolve(path)?;
        match self.tree.find(&resolved).map(|node| &node.kind) {
            None => Ok(None),
            Some(Kind::File(content)) if content.size_bytes() > LARGEST_TEXT_BYTES => {
                Err(failed(std::io::ErrorKind::FileTooLarge.into()))
            }
            Some(Kind::File(Content::Held(bytes))) => Ok(Some(bytes.to_vec())),
            Some(Kind::File(Content::Stored(extent))) => {
                let mut bytes = Vec::new();
                let opened = self.volumes.open(extent);
                let read = opened.and_then(|mut file: Window| file.read_to_end(&mut bytes));
                read.map_err(failed)?;
                Ok(Some(bytes))
            }
            Some(_) => Err(failed(std::io::ErrorKind::InvalidData.into())),
        }
    }
}

/// Reads a path as it is declared.
pub(super) fn parse(path: &str) -> Result<RootPath, FillError> {
    RootPath::parse(path.as_bytes()).map_err(|source| FillError::Path {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_above_a_path_are_followed_and_parents_have_the_time_of_the_rest() {
        let mut filling = Filling::new(7);
        filling.directory("/usr/lib", 0o755).expect("a directory");
        filling.link("/lib", "usr/lib").expect("a link");
        filling.file("/lib/a/b", b"b", 0o644).expect("a file");
        let text = filling.read("/usr/lib/a/b").expect("a file");
        assert_eq!(text.as_deref(), Some(&b"b"[..]));
        for (path, node) in filling.tree.iter() {
            assert_eq!(node.attributes.modified, 7, "{path}");
        }
        filling.link("/etc/a", "/lib/a/b").expect("a link");
        filling
            .file("/etc/a", b"c", 0o600)
            .expect("behind the link");
        let text = filling.read("/usr/lib/a/b").expect("a file");
        assert_eq!(text.as_deref(), Some(&b"c"[..]));
        assert!(filling.read("/nowhere").expect("nothing").is_none());
        filling.read("/usr").expect_err("a directory");
    }
}
