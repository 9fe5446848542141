//! What is there before the first package: directories that each image has, and devices.

use std::sync::Arc;

use crate::rootfs::{Attributes, Change, Content, Entry, Kind, LayerError, Node, RootPath, Tree};

const DIRECTORIES: [(&str, u32); 16] = [
    ("tmp", 0o1777),
    ("dev", 0o755),
    ("etc", 0o755),
    ("etc/apk", 0o755),
    ("etc/apk/keys", 0o755),
    ("opt", 0o755),
    ("proc", 0o555),
    ("usr", 0o755),
    ("usr/lib", 0o755),
    ("usr/lib/apk", 0o755),
    ("usr/lib/apk/db", 0o755),
    ("usr/lib/apk/exec", 0o755),
    ("var", 0o755),
    ("var/cache", 0o755),
    ("var/cache/apk", 0o755),
    ("var/cache/misc", 0o755),
];

/// Path, major, minor and mode.
const DEVICES: [(&str, u32, u32, u32); 5] = [
    ("dev/zero", 1, 5, 0o666),
    ("dev/urandom", 1, 9, 0o666),
    ("dev/null", 1, 3, 0o666),
    ("dev/random", 1, 8, 0o666),
    ("dev/console", 5, 1, 0o620),
];

/// Makes a node of root's, from 1970.
pub(super) fn node(kind: Kind, mode: u32) -> Node {
    let attributes = Attributes {
        mode,
        ..Attributes::default()
    };
    Node { kind, attributes }
}

/// Makes a file of root's, from 1970.
pub(super) fn file(bytes: impl Into<Arc<[u8]>>, mode: u32) -> Node {
    node(Kind::File(Content::Held(bytes.into())), mode)
}

/// Puts a node at a path.
pub(super) fn put(tree: &mut Tree, path: RootPath, node: Node) -> Result<(), LayerError> {
    let change = Change::Node(node);
    tree.add(Entry { path, change })
}

/// Makes what is there before the first package.
pub(super) fn make() -> Result<Tree, LayerError> {
    let mut tree = Tree::default();
    for (path, mode) in DIRECTORIES {
        put(&mut tree, path_of(path), node(Kind::Directory, mode))?;
    }
    for (path, major, minor, mode) in DEVICES {
        let kind = Kind::CharacterDevice { major, minor };
        put(&mut tree, path_of(path), node(kind, mode))?;
    }
    Ok(tree)
}

/// A path of this program's own; the root where it could not be read.
pub(super) fn path_of(path: &str) -> RootPath {
    path.split('/')
        .filter(|name| !matches!(*name, "" | "."))
        .fold(RootPath::root(), |at, name| at.join(name.as_bytes()))
}
