//! The tree: paths with their nodes.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use super::node::{Attributes, Content, Kind, Node};
use super::path::RootPath;

/// Which node of a tree; paths with the same one are hard links of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(pub(super) usize);

/// A root file system: each path with its node. The root is always there.
#[derive(Clone, Debug)]
pub struct Tree {
    names: BTreeMap<RootPath, NodeId>,
    nodes: Vec<Node>,
    name_bytes: usize,
    node_bytes: usize,
    room: Room,
}

/// Why the links of a path cannot be followed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ResolveError {
    /// Symbolic links that lead to each other.
    #[error("{0} is one of symbolic links without an end")]
    Loop(RootPath),
    /// `PATH_MAX` and `NAME_MAX` of Linux hold for where links lead, too.
    #[error("{0} leads to a path that is longer than one can be")]
    TooLong(RootPath),
}

impl ResolveError {
    /// Gives the path that was asked for, or whose link has no end.
    #[must_use]
    pub fn path(&self) -> &RootPath {
        match self {
            Self::Loop(path) | Self::TooLong(path) => path,
        }
    }
}

/// There is more than any image has: what was read was made to fill the memory.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum FullError {
    /// Too many paths.
    #[error("there are more than {0} paths")]
    Paths(usize),
    /// Too many bytes of names, targets of links and extended attributes.
    #[error("names, targets of links and attributes take more than {0} bytes")]
    Bytes(usize),
}

/// The most that a tree, or the entries of one tar, may have: some times what the largest images do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) paths: usize,
    pub(super) bytes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            paths: 1 << 21,
            bytes: 256 << 20,
        }
    }
}

impl Room {
    /// Fails where there is more.
    pub(super) fn check(self, paths: usize, bytes: usize) -> Result<(), FullError> {
        if paths > self.paths {
            return Err(FullError::Paths(self.paths));
        }
        if bytes > self.bytes {
            return Err(FullError::Bytes(self.bytes));
        }
        Ok(())
    }
}

/// So many nodes without a path are kept beside as many as have one.
const MOST_UNUSED: usize = 4096;

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
        Self {
            names: [(RootPath::root(), NodeId(0))].into(),
            nodes: vec![Node::plain_directory()],
            name_bytes: 0,
            node_bytes: 0,
            room: Room::default(),
        }
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

    /// Gives how many paths each node has, and the first of them, by its number.
    pub(super) fn links(&self) -> Vec<(usize, Option<&RootPath>)> {
        let mut links = vec![(0, None); self.nodes.len()];
        for (path, id) in &self.names {
            let (count, first) = &mut links[id.0];
            *count += 1;
            first.get_or_insert(path);
        }
        links
    }

    /// Finds the number of a path's node.
    pub(super) fn find_id(&self, path: &RootPath) -> Option<NodeId> {
        self.names.get(path).copied()
    }

    /// Gives all paths with a number of their nodes: paths with the same number are hard links of each other.
    pub fn linked(&self) -> impl Iterator<Item = (&RootPath, usize, &Node)> {
        self.with_ids().map(|(path, id, node)| (path, id.0, node))
    }

    /// Counts the tars that contents lie in from `first` on, where they were counted from 0.
    pub fn move_volumes(&mut self, first: u32) {
        for node in &mut self.nodes {
            if let Kind::File(Content::Stored(extent)) = &mut node.kind {
                extent.volume.0 = extent.volume.0.saturating_add(first);
            }
        }
    }

    /// Gives the same tree below a directory of this one name.
    #[must_use]
    pub fn moved_below(&self, name: &[u8]) -> Self {
        let top = RootPath::root().join(name);
        let place = |path: &RootPath| path.names().fold(top.clone(), |at, name| at.join(name));
        let names = self.names.iter().map(|(path, id)| (place(path), *id));
        let mut moved = Self {
            names: names.collect(),
            nodes: self.nodes.clone(),
            name_bytes: self.name_bytes + self.names.len() * (name.len() + 1),
            ..*self
        };
        moved
            .names
            .insert(RootPath::root(), NodeId(moved.nodes.len()));
        moved.nodes.push(Node::plain_directory());
        moved
    }

    /// Finds what a path holds; no link is followed.
    #[must_use]
    pub fn find(&self, path: &RootPath) -> Option<&Node> {
        self.names.get(path).map(|id| &self.nodes[id.0])
    }

    /// Gives what lies directly in a directory; what lies deeper costs nothing.
    pub fn children<'a>(
        &'a self,
        directory: &'a RootPath,
    ) -> impl Iterator<Item = (&'a RootPath, &'a Node)> {
        let names = &self.names;
        let behind = move |path: &RootPath| {
            names.range::<RootPath, _>((Bound::Excluded(path), Bound::Unbounded))
        };
        let mut rest = behind(directory);
        std::iter::from_fn(move || {
            let (path, id) = rest.next().filter(|(path, _)| path.is_below(directory))?;
            let node = &self.nodes[id.0];
            if node.is_directory() {
                rest = behind(&path.end());
            }
            Some((path, node))
        })
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
    pub fn resolve(&self, path: &RootPath) -> Result<RootPath, ResolveError> {
        self.follow(path, Last::Followed)
    }

    /// Follows the links of a path except one at its end.
    pub fn resolve_parent(&self, path: &RootPath) -> Result<RootPath, ResolveError> {
        self.follow(path, Last::Kept)
    }

    fn follow(&self, path: &RootPath, last: Last) -> Result<RootPath, ResolveError> {
        let mut ahead: VecDeque<Vec<u8>> = path.names().map(<[u8]>::to_vec).collect();
        let mut here = RootPath::root();
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            if name == b".." {
                here = here.split().map(|(parent, _)| parent).unwrap_or_default();
                continue;
            }
            let next = here.try_join(&name);
            let next = next.map_err(|_| ResolveError::TooLong(path.clone()))?;
            let is_last = ahead.is_empty() && last == Last::Kept;
            match self.find(&next).map(|node| &node.kind) {
                Some(Kind::Link(target)) if !is_last => {
                    links += 1;
                    if links > MOST_LINKS {
                        return Err(ResolveError::Loop(path.clone()));
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

    /// Gives the attributes of what a path holds, to be changed where they are; all paths of the node have them.
    pub fn attributes_mut(&mut self, path: &RootPath) -> Option<&mut Attributes> {
        let id = self.names.get(path)?;
        Some(&mut self.nodes[id.0].attributes)
    }

    /// Changes the attributes of a path and of all that lies below it, each where it is: `chmod -R`, `chown -R`.
    ///
    /// A node is changed once for each of its paths there.
    pub fn edit_all(
        &mut self,
        top: &RootPath,
        mut edit: impl FnMut(&RootPath, &Kind, &mut Attributes),
    ) {
        let from = (Bound::Included(top), Bound::Unbounded);
        let named = self.names.range::<RootPath, _>(from);
        for (path, id) in named.take_while(|(path, _)| *path == top || path.is_below(top)) {
            let Node { kind, attributes } = &mut self.nodes[id.0];
            edit(path, kind, attributes);
        }
    }

    /// Puts a node at a path, in the place of what was there; the directories above it have to be there.
    pub(super) fn put(&mut self, path: RootPath, node: Node) -> Result<(), FullError> {
        if !node.is_directory() {
            self.remove_below(&path);
        }
        let id = NodeId(self.nodes.len());
        self.node_bytes += node.bytes();
        self.nodes.push(node);
        self.name(path, id);
        self.keep_room()
    }

    /// Gives a further path to the node at `existing`; tells whether there is one.
    pub(super) fn link(&mut self, path: RootPath, existing: &RootPath) -> Result<bool, FullError> {
        let Some(&id) = self.names.get(existing) else {
            return Ok(false);
        };
        if path != *existing {
            self.remove_below(&path);
            self.name(path, id);
            self.keep_room()?;
        }
        Ok(true)
    }

    fn name(&mut self, path: RootPath, id: NodeId) {
        let bytes = path.as_bytes().len();
        if self.names.insert(path, id).is_none() {
            self.name_bytes += bytes;
        }
    }

    /// Fails where there is more than any image has.
    fn keep_room(&mut self) -> Result<(), FullError> {
        let is_full = self.name_bytes + self.node_bytes > self.room.bytes;
        if is_full || self.nodes.len() > 2 * self.names.len() + MOST_UNUSED {
            self.drop_unused();
        }
        let bytes = self.name_bytes + self.node_bytes;
        self.room.check(self.names.len(), bytes)
    }

    /// Drops the nodes that no path leads to any more.
    fn drop_unused(&mut self) {
        let mut nodes: Vec<Option<Node>> = std::mem::take(&mut self.nodes)
            .into_iter()
            .map(Some)
            .collect();
        let mut numbers = vec![NodeId(0); nodes.len()];
        for id in self.names.values_mut() {
            if let Some(node) = nodes[id.0].take() {
                numbers[id.0] = NodeId(self.nodes.len());
                self.nodes.push(node);
            }
            *id = numbers[id.0];
        }
        self.node_bytes = self.nodes.iter().map(Node::bytes).sum();
    }

    /// Removes a path, and what lies below it.
    pub fn remove(&mut self, path: &RootPath) {
        self.remove_below(path);
        if !path.is_root() {
            self.forget(path);
        }
    }

    /// Removes what lies below a path.
    pub(super) fn remove_below(&mut self, path: &RootPath) {
        let below: Vec<RootPath> = self.below(path).map(|(path, _)| path.clone()).collect();
        for path in below {
            self.forget(&path);
        }
    }

    fn forget(&mut self, path: &RootPath) {
        if self.names.remove(path).is_some() {
            self.name_bytes -= path.as_bytes().len();
        }
    }

    #[cfg(test)]
    pub(super) fn with_room(room: Room) -> Self {
        Self {
            room,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{entry, path};
    use super::*;

    #[test]
    fn children_stand_in_order_and_what_lies_deeper_is_none() {
        let mut tree = Tree::default();
        for line in ["f a/b/c x", "f a/b-c x", "d a/b/d", "l a/c b", "f a-b x"] {
            tree.add(entry(line)).expect("an entry");
        }
        let children = |top: &str| {
            let top = path(top);
            let children = tree.children(&top).map(|(path, _)| path.to_string());
            children.collect::<Vec<_>>()
        };
        assert_eq!(children(""), ["/a", "/a-b"]);
        assert_eq!(children("a"), ["/a/b", "/a/b-c", "/a/c"]);
        assert_eq!(children("a/b"), ["/a/b/c", "/a/b/d"]);
        for none in ["a/b/d", "a/c", "a-b", "none"] {
            assert_eq!(children(none), [""; 0], "{none}");
        }
    }

    proptest! {
        #[test]
        fn children_are_what_is_one_name_deeper(names in prop::collection::vec("[ab.](/[ab.-]{1,2}){0,3}", 0..12)) {
            let mut tree = Tree::default();
            for name in &names {
                // What lies below a file, and names such as `..`, are refused.
                if RootPath::parse(name.as_bytes()).is_ok_and(|path| !path.is_root()) {
                    drop(tree.add(entry(&format!("f {name} x"))));
                }
            }
            for (directory, _) in tree.iter() {
                let depth = directory.names().count() + 1;
                let deeper = tree.below(directory).filter(|(path, _)| path.names().count() == depth);
                let expected: Vec<_> = deeper.collect();
                prop_assert_eq!(tree.children(directory).collect::<Vec<_>>(), expected);
            }
        }
    }
}
