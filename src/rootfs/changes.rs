//! Applies a layer to a tree (OCI image-spec, "Applying Changesets" and "Whiteouts").

use super::node::Node;
use super::path::RootPath;
use super::read::{Change, Entry};
use super::tree::{LoopError, Tree};

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
    /// The way to it does not end.
    #[error(transparent)]
    Loop(#[from] LoopError),
}

/// Marks what a layer removes: `etc/.wh.motd` removes `etc/motd` of the layers below.
const WHITEOUT: &[u8] = b".wh.";
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

impl Tree {
    /// Applies a layer: its whiteouts first and to what is below it alone, wherever in it they stand, then what it brings.
    pub fn apply_layer(&mut self, entries: Vec<Entry>) -> Result<(), LayerError> {
        for entry in &entries {
            let Some((directory, name)) = entry.path.split() else {
                continue;
            };
            match mark(name) {
                Mark::Removes(removed) => {
                    let path = self.resolve(&directory)?.join(removed);
                    self.remove(&path);
                }
                Mark::Empties => {
                    let directory = self.resolve(&directory)?;
                    self.remove_below(&directory);
                }
                Mark::None | Mark::Ignored => (),
            }
        }
        let brought = entries.into_iter().filter(|entry| {
            let name = entry.path.split();
            name.is_none_or(|(_, name)| matches!(mark(name), Mark::None))
        });
        brought.into_iter().try_for_each(|entry| self.add(entry))
    }

    /// Adds one entry, as unpacking it over what is there would; parents that are missing are made.
    pub fn add(&mut self, entry: Entry) -> Result<(), LayerError> {
        let path = self.resolve_parent(&entry.path)?;
        self.make_parents(&path)?;
        match entry.change {
            Change::Node(node) if path.is_root() => {
                // The root stays a directory, whatever a tar says of it.
                if node.is_directory() {
                    self.put(path, node);
                }
            }
            Change::Node(node) => self.put(path, node),
            Change::HardLink(target) => {
                let found = self.resolve_parent(&target)?;
                let is_directory = self.find(&found).is_none_or(Node::is_directory);
                if is_directory || path.is_root() || !self.link(path, &found) {
                    return Err(LayerError::NoTarget {
                        path: entry.path,
                        target,
                    });
                }
            }
        }
        Ok(())
    }

    fn make_parents(&mut self, path: &RootPath) -> Result<(), LayerError> {
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
            self.put(directory, Node::plain_directory());
        }
        Ok(())
    }
}
