//! Writes the cache, and the links by which libraries are found.

use std::collections::BTreeSet;

use super::super::filling::{FillError, Filling};
use super::library::{Directory, Found};
use super::search::{find_directories, find_system};
use crate::loader::render_cache;
use crate::rootfs::{Change, Entry, Kind, Node, RootPath};

/// Where the cache is.
pub(super) const CACHE: &str = "/etc/ld.so.cache";

/// Writes the cache of an image's libraries, and makes the links by which they are found; an image without a loader of glibc
/// gets none.
///
/// `generator` is what `ldconfig -p` says that it was made by.
pub fn write_loader_cache(filling: &mut Filling, generator: &str) -> Result<(), FillError> {
    let Some(system) = find_system(filling)? else {
        return Ok(());
    };
    let mut seen = BTreeSet::new();
    let mut entries = Vec::new();
    for written in find_directories(filling, system)? {
        let Some(directory) = Directory::find(filling, written, None) else {
            continue;
        };
        let below = directory.find_hwcaps(filling)?;
        for directory in std::iter::once(directory).chain(below) {
            if !seen.insert(directory.path.clone()) {
                continue;
            }
            let found = directory.find_libraries(filling, system)?;
            if directory.hwcaps.is_none() {
                link_names(filling, &directory.path, &found)?;
            }
            entries.extend(found.into_iter().filter_map(|found| directory.entry(found)));
        }
    }
    let cache = render_cache(&entries, generator);
    let cache = cache.map_err(|error| FillError::Clash(error.to_string()))?;
    filling.file(CACHE, &cache, 0o644)
}

/// Makes the links by which libraries are found whose files have other names; a file or a directory in the place stays.
fn link_names(filling: &mut Filling, directory: &RootPath, all: &[Found]) -> Result<(), FillError> {
    for found in all
        .iter()
        .filter(|one| !one.is_link && one.soname != one.file)
    {
        let path = directory.join(&found.soname);
        let is_right = match filling.tree.find(&path).map(|node| &node.kind) {
            None => false,
            Some(Kind::Link(_)) => is_same(filling, &path, &directory.join(&found.file)),
            Some(_) => true,
        };
        if !is_right {
            let change = Change::Node(Node {
                kind: Kind::Link(found.file.clone()),
                attributes: filling.attributes(0o777),
            });
            filling.tree.add(Entry { path, change })?;
        }
    }
    Ok(())
}

/// Tells whether two paths lead to the same file.
fn is_same(filling: &Filling, one: &RootPath, other: &RootPath) -> bool {
    let find = |path| {
        let path = filling.tree.resolve(path).ok()?;
        filling.tree.find(&path)
    };
    match (find(one), find(other)) {
        (Some(one), Some(other)) => std::ptr::eq(one, other),
        _ => false,
    }
}
