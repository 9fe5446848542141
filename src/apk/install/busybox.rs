//! The names of busybox, which its package would link with a script: absolute links to `/bin/busybox`.

use super::super::requirement::Provide;
use super::names::LINKS;
use super::place::InstallError;
use super::root::Installed;
use super::skeleton::{node, path_of, put};
use crate::rootfs::{Content, Fetch, Kind, RootPath, Tree};

const BUSYBOX: &str = "/bin/busybox";
const LISTS: &str = "etc/busybox-paths.d";
const LARGEST_LIST_BYTES: u64 = 1 << 20;

/// Finds the package that is busybox, or provides it.
pub(super) fn find(installed: &[Installed]) -> Option<&str> {
    let is_it = |one: &&Installed| {
        let provides = |provide: &Provide| provide.name() == "busybox";
        *one.record.name == *"busybox" || one.record.provides.iter().any(provides)
    };
    installed.iter().find(is_it).map(|one| &*one.record.name)
}

/// Links the names that are free, where there is a busybox; `package` is the one that it is of. Where no package is busybox,
/// a file of that name is somebody's own, and stays alone. `fetch` reads the contents of packages' files.
///
/// What else is done to an image comes before: a name that is taken then stays what it is.
pub fn link_busybox(
    tree: &mut Tree,
    package: Option<&str>,
    fetch: &Fetch<'_>,
) -> Result<(), InstallError> {
    let Some(package) = package else {
        return Ok(());
    };
    let program = tree.resolve(&path_of(BUSYBOX))?;
    let Some(found) = tree.find(&program) else {
        return Ok(());
    };
    let modified = found.attributes.modified;
    for path in names(tree, package, fetch)? {
        let place = tree.resolve_parent(&path)?;
        if place.is_root() || place == program || tree.find(&place).is_some() {
            continue;
        }
        let missing = find_missing(tree, &place);
        let mut add = |place: RootPath, kind: Kind, mode: u32| {
            let mut new = node(kind, mode);
            new.attributes.modified = modified;
            let put = put(tree, place, new);
            put.map_err(|source| InstallError::Own {
                path: path.clone(),
                source,
            })
        };
        for directory in missing {
            add(directory, Kind::Directory, 0o755)?;
        }
        add(place, Kind::Link(BUSYBOX.into()), 0o777)?;
    }
    Ok(())
}

/// Finds the directories above a place that are not there, the highest first.
fn find_missing(tree: &Tree, place: &RootPath) -> Vec<RootPath> {
    let mut missing = Vec::new();
    let mut above = place.split().map(|(parent, _)| parent);
    while let Some(parent) = above.filter(|parent| tree.find(parent).is_none()) {
        above = parent.split().map(|(parent, _)| parent);
        missing.push(parent);
    }
    missing.reverse();
    missing
}

/// Gives the names that the package lists, or those that are known.
fn names(tree: &Tree, package: &str, fetch: &Fetch<'_>) -> Result<Vec<RootPath>, InstallError> {
    let path = path_of(LISTS).join(package.as_bytes());
    let list = tree.resolve(&path)?;
    let Some(Kind::File(content)) = tree.find(&list).map(|node| &node.kind) else {
        let known = LINKS.iter().flat_map(|(directory, names)| {
            let names = names.split_whitespace();
            names.map(|name| path_of(directory).join(name.as_bytes()))
        });
        return Ok(known.collect());
    };
    let unread = |message: String| InstallError::Read {
        path: list.clone(),
        message,
    };
    if content.size_bytes() > LARGEST_LIST_BYTES {
        let message = format!("it has more than {LARGEST_LIST_BYTES} bytes");
        return Err(unread(message));
    }
    let mut bytes = Vec::new();
    match content {
        Content::Held(held) => bytes.extend_from_slice(held),
        Content::Stored(extent) => {
            fetch(extent, &mut bytes).map_err(|error| unread(error.to_string()))?;
        }
    }
    let lines = bytes.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| line.contains(&b'/'));
    let paths = lines.map(|line| RootPath::parse(line).map_err(|error| unread(error.to_string())));
    paths.collect()
}
