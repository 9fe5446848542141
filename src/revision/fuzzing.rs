//! What git may say of a repository of somebody else's.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use super::repository::parse_changes;
use super::tree::{parse_tree, resolve_link};

/// The functions by name.
pub(crate) const TARGETS: &[crate::FuzzTarget] = &[
    ("revision_changes", changes),
    ("revision_link", link),
    ("revision_tree", tree),
];

/// The changed files are no more than git wrote.
fn changes(bytes: &[u8]) {
    let Some(changed) = parse_changes(bytes) else {
        return;
    };
    let size: usize = changed.iter().map(|file| file.path.as_os_str().len()).sum();
    assert!(size <= bytes.len(), "{size} bytes");
}

/// A link, and what it points at: the place is below the top.
fn link(bytes: &[u8]) {
    let (at, target) = match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (&b"a/b"[..], bytes),
    };
    let path = |bytes| Path::new(OsStr::from_bytes(bytes));
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    // A link stands at a path of a tree.
    if !path(at).components().all(is_plain) {
        return;
    }
    if let Some(resolved) = resolve_link(path(at), path(target)) {
        assert!(
            resolved.components().all(is_plain),
            "{}",
            resolved.display()
        );
    }
}

/// No file of a tree is outside of it, and each is found at its path.
fn tree(bytes: &[u8]) {
    let Some(tree) = parse_tree(bytes) else {
        return;
    };
    for (path, node) in tree.below(Path::new("")) {
        let mut parts = path.components();
        assert!(parts.all(|part| matches!(part, Component::Normal(_))));
        assert_eq!(tree.find(path), Some(node));
        assert!(tree.has(path));
    }
}
