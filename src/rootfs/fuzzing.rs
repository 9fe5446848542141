//! Tars of anybody's.

use std::io::{Cursor, Write};

use super::{Change, Content, Entry, Extent, Kind, Node, RootPath, Tree, Volume};
use super::{Owners, read_tar, write_difference, write_tar};

/// The function by name.
pub(crate) const TARGET: crate::FuzzTarget = ("rootfs_tar", tar);

/// Contents lie in the tar; what can be applied comes back from a tar of our own, and nothing climbs out.
fn tar(bytes: &[u8]) {
    let Ok(entries) = read_tar(&mut Cursor::new(bytes), Volume(0)) else {
        return;
    };
    let mut tree = Tree::default();
    for entry in &entries {
        if let Some(extent) = extent_of(entry) {
            let end = extent
                .offset
                .checked_add(extent.size_bytes)
                .expect("a place");
            assert!(end <= bytes.len() as u64);
        }
    }
    let lower = tree.clone();
    let _ = tree.clone().apply_overlay(entries.clone());
    if tree.apply_layer(entries).is_err() {
        return;
    }
    for (path, _) in tree.iter() {
        assert!(path.names().all(|name| !matches!(name, b"" | b"." | b"..")));
        assert!(
            path.split()
                .is_none_or(|(parent, _)| tree.find(&parent).is_some_and(Node::is_directory))
        );
    }
    let fetch = |extent: &Extent, out: &mut dyn Write| {
        let start = usize::try_from(extent.offset).expect("in memory");
        let end = start + usize::try_from(extent.size_bytes).expect("in memory");
        out.write_all(&bytes[start..end])
    };
    let mut written = Vec::new();
    write_tar(&tree, &RootPath::root(), &mut written, &fetch).expect("memory");
    let again = read_tar(&mut Cursor::new(&written), Volume(0)).expect("our own tar");
    let mut back = Tree::default();
    for entry in again {
        back.add(entry).expect("our own entry");
    }
    let paths = |tree: &Tree| {
        tree.iter()
            .map(|(path, _)| path.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(paths(&tree), paths(&back));
    let mut layer = Vec::new();
    let trees = (&lower, &tree);
    // Nothing is removed, and whiteouts were applied.
    write_difference(trees, Owners::Named, &mut layer, &fetch).expect("a layer");
    let entries = read_tar(&mut Cursor::new(&layer), Volume(0)).expect("our own layer");
    let mut made = lower;
    made.apply_layer(entries).expect("our own layer");
    assert_eq!(paths(&tree), paths(&made));
}

fn extent_of(entry: &Entry) -> Option<&Extent> {
    match &entry.change {
        Change::Node(Node {
            kind: Kind::File(Content::Stored(extent)),
            ..
        }) => Some(extent),
        _ => None,
    }
}
