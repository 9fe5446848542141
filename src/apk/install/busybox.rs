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

/// Links the names that are free, where there is a busybox.
pub(super) fn link(
    tree: &mut Tree,
    installed: &[Installed],
    fetch: &Fetch<'_>,
) -> Result<(), InstallError> {
    let program = tree.resolve(&path_of(BUSYBOX))?;
    let Some(found) = tree.find(&program) else {
        return Ok(());
    };
    let modified = found.attributes.modified;
    let is_it = |one: &&Installed| {
        let provides = |provide: &Provide| provide.name() == "busybox";
        *one.record.name == *"busybox" || one.record.provides.iter().any(provides)
    };
    let package = installed
        .iter()
        .find(is_it)
        .ok_or(InstallError::NoBusybox)?;
    for path in names(tree, &package.record.name, fetch)? {
        let place = tree.resolve_parent(&path)?;
        if place.is_root() || place == program || tree.find(&place).is_some() {
            continue;
        }
        let mut link = node(Kind::Link(BUSYBOX.into()), 0o777);
        link.attributes.modified = modified;
        put(tree, place, link).map_err(|source| InstallError::Own { path, source })?;
    }
    Ok(())
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
