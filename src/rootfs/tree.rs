//! The tree: paths with their nodes.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use super::node::{Kind, Node};
use super::path::RootPath;

/// Which node of a tree; paths with the same one are hard links of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(pub(super) usize);

/// A root file system: each path with its node. The root is always there.
#[derive(Clone, Debug)]
pub struct Tree {
    names: BTreeMap<RootPath, NodeId>,
    nodes: Vec<Node>,
}

/// Symbolic links that lead to each other.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0} is one of symbolic links without an end")]
pub struct LoopError(pub RootPath);

/// So many links are followed for one path (Linux, `MAXSYMLINKS`).
const MOST_LINKS: usize = 40;

/// Whether a link at the end of a path is followed, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Followed,
    Kept,
}

impl Default for Tree {
    fn default() -> Self {
        let mut tree = Self {
            names: BTreeMap::new(),
            nodes: Vec::new(),
        };
        tree.put(RootPath::root(), Node::plain_directory());
        tree
    }
}

impl Tree {
    /// Gives all paths with their nodes; a directory comes before what is in it.
    pub fn iter(&self) -> impl Iterator<Item = (&RootPath, &Node)> {
        self.names
            .iter()
            .map(|(path, id)| (path, &self.nodes[id.0]))
    }

    pub(super) fn with_ids(&self) -> impl Iterator<Item = (&RootPath, NodeId, &Node)> {
        self.names
            .iter()
            .map(|(path, id)| (path, *id, &self.nodes[id.0]))
    }

    /// Gives all paths with a number of their nodes: paths with the same number are hard links of each other.
    pub fn linked(&self) -> impl Iterator<Item = (&RootPath, usize, &Node)> {
        self.with_ids().map(|(path, id, node)| (path, id.0, node))
    }

    /// Gives the same tree below a directory of this one name.
    #[must_use]
    pub fn moved_below(&self, name: &[u8]) -> Self {
        let top = RootPath::root().join(name);
        let mut moved = Self::default();
        moved.nodes.clone_from(&self.nodes);
        let place = |path: &RootPath| path.names().fold(top.clone(), |at, name| at.join(name));
        let names = self.names.iter().map(|(path, id)| (place(path), *id));
        moved.names = names.collect();
        moved.put(RootPath::root(), Node::plain_directory());
        moved
    }

    /// Finds what a path holds; no link is followed.
    #[must_use]
    pub fn find(&self, path: &RootPath) -> Option<&Node> {
        self.names.get(path).map(|id| &self.nodes[id.0])
    }

    /// Gives what lies directly in a directory.
    pub fn children<'a>(
        &'a self,
        directory: &'a RootPath,
    ) -> impl Iterator<Item = (&'a RootPath, &'a Node)> {
        let depth = directory.names().count() + 1;
        self.below(directory)
            .filter(move |(path, _)| path.names().count() == depth)
    }

    /// Gives what lies in a directory at any depth.
    pub fn below<'a>(
        &'a self,
        directory: &'a RootPath,
    ) -> impl Iterator<Item = (&'a RootPath, &'a Node)> {
        let behind = (Bound::Excluded(directory), Bound::Unbounded);
        self.names
            .range::<RootPath, _>(behind)
            .take_while(move |(path, _)| path.is_below(directory))
            .map(|(path, id)| (path, &self.nodes[id.0]))
    }

    /// Follows the links of a path as a process does whose root is this tree: what climbs stays at the root. What is not
    /// there is taken as it is written.
    pub fn resolve(&self, path: &RootPath) -> Result<RootPath, LoopError> {
        self.follow(path, Last::Followed)
    }

    /// Follows the links of a path except one at its end.
    pub fn resolve_parent(&self, path: &RootPath) -> Result<RootPath, LoopError> {
        self.follow(path, Last::Kept)
    }

    fn follow(&self, path: &RootPath, last: Last) -> Result<RootPath, LoopError> {
        let mut ahead: VecDeque<Vec<u8>> = path.names().map(<[u8]>::to_vec).collect();
        let mut here = RootPath::root();
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            if name == b".." {
                here = here.split().map(|(parent, _)| parent).unwrap_or_default();
                continue;
            }
            let next = here.join(&name);
            let is_last = ahead.is_empty() && last == Last::Kept;
            match self.find(&next).map(|node| &node.kind) {
                Some(Kind::Link(target)) if !is_last => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(LoopError(path.clone()));
                    }
                    if target.first() == Some(&b'/') {
                        here = RootPath::root();
                    }
                    let names = target.split(|byte| *byte == b'/');
                    let names = names.filter(|name| !matches!(*name, b"" | b"."));
                    for name in names.rev() {
                        ahead.push_front(name.to_vec());
                    }
                }
                _ => here = next,
            }
        }
        Ok(here)
    }

    /// Puts a node at a path, in the place of what was there; the directories above it have to be there.
    pub(super) fn put(&mut self, path: RootPath, node: Node) {
        if !node.is_directory() {
            self.remove_below(&path);
        }
        let id = NodeId(self.nodes.len());
        self.nodes.push(node);
        self.names.insert(path, id);
    }

    /// Gives a further path to the node at `existing`; tells whether there is one.
    pub(super) fn link(&mut self, path: RootPath, existing: &RootPath) -> bool {
        let Some(&id) = self.names.get(existing) else {
            return false;
        };
        if path != *existing {
            self.remove_below(&path);
            self.names.insert(path, id);
        }
        true
    }

    /// Removes a path, and what lies below it.
    pub(super) fn remove(&mut self, path: &RootPath) {
        self.remove_below(path);
        if !path.is_root() {
            self.names.remove(path);
        }
    }

    /// Removes what lies below a path.
    pub(super) fn remove_below(&mut self, path: &RootPath) {
        let below: Vec<RootPath> = self.below(path).map(|(path, _)| path.clone()).collect();
        for path in below {
            self.names.remove(&path);
        }
    }
}
