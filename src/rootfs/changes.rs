//! Applies a layer to a tree (OCI image-spec, "Applying Changesets" and "Whiteouts").

use super::node::{Kind, Node};
use super::path::RootPath;
use super::read::{Change, Entry};
use super::tree::{FullError, ResolveError, Tree};

/// Why a layer cannot be applied.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum LayerError {
    /// A hard link to what is not there.
    #[error("{path} is a hard link to {target}, which is not there")]
    NoTarget {
        /// The link.
        path: RootPath,
        /// Where it leads.
        target: RootPath,
    },
    /// Something lies below what is no directory.
    #[error("{path} lies below {above}, which is no directory")]
    NoDirectory {
        /// What lies there.
        path: RootPath,
        /// What is no directory.
        above: RootPath,
    },
    /// The way to it does not end, or is too long.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// There is more than any image has.
    #[error(transparent)]
    Full(#[from] FullError),
}

/// Marks what a layer removes: `etc/.wh.motd` removes `etc/motd` of the layers below.
pub(super) const WHITEOUT: &[u8] = b".wh.";
/// Removes all that the layers below have in its directory.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Other names of aufs's own that some old engines left in layers.
const AUFS: &[u8] = b".wh..wh.";

/// What the name of an entry means.
enum Mark<'a> {
    None,
    Removes(&'a [u8]),
    Empties,
    Ignored,
}

fn mark(name: &[u8]) -> Mark<'_> {
    match name.strip_prefix(WHITEOUT) {
        None => Mark::None,
        Some(_) if name == OPAQUE => Mark::Empties,
        Some(_) if name.starts_with(AUFS) => Mark::Ignored,
        Some(b"" | b"." | b"..") => Mark::Ignored,
        Some(removed) => Mark::Removes(removed),
    }
}

fn is_directory(entry: &Entry) -> bool {
    matches!(&entry.change, Change::Node(node) if node.is_directory())
}

fn no_target(path: RootPath, target: RootPath) -> LayerError {
    LayerError::NoTarget { path, target }
}

/// How entries lie over what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// As a layer of an image.
    Layer,
    /// As a tar that is unpacked over it.
    Overlay,
}

/// One thing that a layer takes away.
enum Removal {
    /// This path.
    Path(RootPath),
    /// All that is in this directory.
    Below(RootPath),
}

impl Removal {
    fn of(entry: &Entry) -> Option<(RootPath, Self)> {
        let (directory, name) = entry.path.split()?;
        match mark(name) {
            Mark::Removes(removed) => {
                let path = directory.join(removed);
                Some((directory, Self::Path(path)))
            }
            Mark::Empties => Some((directory.clone(), Self::Below(directory))),
            Mark::None | Mark::Ignored => None,
        }
    }
}

impl Tree {
    /// Applies a layer: its whiteouts first and to what is below it alone, wherever in it they stand, then what it brings.
    ///
    /// Where the layer has a directory in the place of a link, its whiteouts in there do not go where the link led.
    pub fn apply_layer(&mut self, entries: Vec<Entry>) -> Result<(), LayerError> {
        self.remove_replaced_links(&entries)?;
        self.apply(entries, Manner::Layer)
    }

    /// Applies a tar of files, as `tar --keep-directory-symlink` unpacks it: a directory that lands on a link to one leaves
    /// both as they are, and what it says of the root counts nothing. Its whiteouts are those of a layer.
    pub fn apply_overlay(&mut self, entries: Vec<Entry>) -> Result<(), LayerError> {
        self.apply(entries, Manner::Overlay)
    }

    fn apply(&mut self, entries: Vec<Entry>, manner: Manner) -> Result<(), LayerError> {
        self.remove_marked(&entries)?;
        for entry in entries {
            let is_mark = |(_, name): (_, &[u8])| !matches!(mark(name), Mark::None);
            if entry.path.split().is_some_and(is_mark) {
                continue;
            }
            if manner == Manner::Overlay && self.is_directory_there(&entry)? {
                continue;
            }
            self.add(entry)?;
        }
        Ok(())
    }

    /// Removes the links that become directories, those above others first.
    fn remove_replaced_links(&mut self, entries: &[Entry]) -> Result<(), LayerError> {
        let directories = entries.iter().filter(|entry| is_directory(entry));
        let mut paths: Vec<&RootPath> = directories.map(|entry| &entry.path).collect();
        paths.sort_unstable();
        for path in paths {
            let path = self.resolve_parent(path)?;
            if matches!(self.find(&path), Some(node) if matches!(node.kind, Kind::Link(_))) {
                self.remove(&path);
            }
        }
        Ok(())
    }

    /// Removes what whiteouts say, those above others first: one of a link before those behind it.
    fn remove_marked(&mut self, entries: &[Entry]) -> Result<(), LayerError> {
        let mut marks: Vec<(RootPath, Removal)> = entries.iter().filter_map(Removal::of).collect();
        let order = |(directory, removal): &(RootPath, Removal)| {
            let depth = directory.names().count();
            (depth, matches!(removal, Removal::Below(_)))
        };
        marks.sort_by_cached_key(order);
        for (_, removal) in marks {
            match removal {
                Removal::Path(path) => {
                    let path = self.resolve_parent(&path)?;
                    self.remove(&path);
                }
                Removal::Below(directory) => {
                    let directory = self.resolve(&directory)?;
                    self.remove_below(&directory);
                }
            }
        }
        Ok(())
    }

    /// Tells whether an entry is a directory where the root or a link to a directory is.
    fn is_directory_there(&self, entry: &Entry) -> Result<bool, ResolveError> {
        if !is_directory(entry) {
            return Ok(false);
        }
        let path = self.resolve_parent(&entry.path)?;
        let is_link = |node: &Node| matches!(node.kind, Kind::Link(_));
        if !self.find(&path).is_some_and(is_link) {
            return Ok(path.is_root());
        }
        let behind = self.resolve(&path)?;
        Ok(self.find(&behind).is_some_and(Node::is_directory))
    }

    /// Adds one entry, as unpacking it over what is there would; parents that are missing are made.
    pub fn add(&mut self, entry: Entry) -> Result<(), LayerError> {
        let path = self.resolve_parent(&entry.path)?;
        self.make_parents(&path)?;
        match entry.change {
            Change::Node(node) if path.is_root() => {
                // The root stays a directory, whatever a tar says of it.
                if node.is_directory() {
                    self.put(path, node)?;
                }
            }
            Change::Node(node) => self.put(path, node)?,
            Change::HardLink(target) => {
                let found = self.find_linked(&entry.path, &target)?;
                if path.is_root() || !self.link(path, &found)? {
                    return Err(no_target(entry.path, target));
                }
            }
        }
        Ok(())
    }

    /// Finds what a hard link leads to, which is no directory.
    pub(super) fn find_linked(
        &self,
        path: &RootPath,
        target: &RootPath,
    ) -> Result<RootPath, LayerError> {
        let found = self.resolve_parent(target)?;
        if self.find(&found).is_none_or(Node::is_directory) {
            return Err(no_target(path.clone(), target.clone()));
        }
        Ok(found)
    }

    pub(super) fn make_parents(&mut self, path: &RootPath) -> Result<(), LayerError> {
        let Some((parent, _)) = path.split() else {
            return Ok(());
        };
        let mut missing = Vec::new();
        let mut above = parent;
        loop {
            match self.find(&above) {
                Some(node) if node.is_directory() => break,
                Some(_) => {
                    return Err(LayerError::NoDirectory {
                        path: path.clone(),
                        above,
                    });
                }
                None => {
                    let up = above.split().map(|(up, _)| up).unwrap_or_default();
                    missing.push(std::mem::replace(&mut above, up));
                }
            }
        }
        for directory in missing.into_iter().rev() {
            self.put(directory, Node::plain_directory())?;
        }
        Ok(())
    }
}
