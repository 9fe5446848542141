//! apk's own record of what is installed: `usr/lib/apk/db` and `etc/apk`.
//!
//! ```text
//! P:busybox            name, version … in a fixed order
//! V:1.36.1-r5
//! …
//! F:bin                a directory, M:uid:gid:mode behind it where that is not 0:0:0755
//! R:busybox            a file in it, a:uid:gid:mode where that is not 0:0:0644
//! a:0:0:0755
//! Z:Q1…                its sum
//! ```
//!
//! The bytes are those that apko writes, also where it prints what has no value (`i:[]`).

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt::{Display, Write as _};
use std::io;

use super::super::requirement::{Provide, Requirement};
use super::place::InstallError;
use super::root::{Installed, Listed, ListedKind, Setup};
use super::skeleton::{file, node, path_of, put};
use crate::rootfs::{Content, Fetch, Kind, Node, RootPath, Tree};

/// Of a name in a header of USTAR, in bytes.
const LONGEST_NAME: usize = 100;

/// Writes all files of apk's.
pub(super) fn write(
    tree: &mut Tree,
    installed: &[Installed],
    setup: &Setup<'_>,
    fetch: &Fetch<'_>,
) -> Result<(), InstallError> {
    let scripts = render_scripts(installed, setup.epoch);
    let scripts = scripts.map_err(|error| InstallError::Scripts(error.to_string()))?;
    let entries: String = installed.iter().map(render_entry).collect();
    for (name, bytes, mode) in [
        ("usr/lib/apk/db/installed", entries.into_bytes(), 0o644),
        ("usr/lib/apk/db/lock", Vec::new(), 0o600),
        ("usr/lib/apk/db/scripts.tar", scripts, 0o644),
        (
            "usr/lib/apk/db/triggers",
            render_triggers(installed).into_bytes(),
            0o644,
        ),
        (
            "etc/apk/arch",
            format!("{}\n", setup.architecture).into_bytes(),
            0o644,
        ),
        (
            "etc/apk/world",
            render_lines(setup.world).into_bytes(),
            0o644,
        ),
        (
            "etc/apk/repositories",
            render_lines(setup.repositories).into_bytes(),
            0o644,
        ),
    ] {
        own(tree, path_of(name), file(bytes, mode))?;
    }
    for key in setup.keys {
        let path = path_of("etc/apk/keys").join(key.file_name().as_bytes());
        give(tree, &path, key.pem().as_bytes(), fetch)?;
    }
    link_database(tree)
}

fn own(tree: &mut Tree, path: RootPath, node: Node) -> Result<(), InstallError> {
    put(tree, path.clone(), node).map_err(|source| InstallError::Own { path, source })
}

/// Puts a file where it may already be, as long as that is the same.
fn give(
    tree: &mut Tree,
    path: &RootPath,
    bytes: &[u8],
    fetch: &Fetch<'_>,
) -> Result<(), InstallError> {
    let place = tree.resolve(path)?;
    let given = || InstallError::Given { path: path.clone() };
    let content = match tree.find(&place).map(|node| &node.kind) {
        None => return own(tree, place, file(bytes, 0o644)),
        Some(Kind::File(content)) => content,
        Some(_) => return Err(given()),
    };
    if content.size_bytes() != bytes.len() as u64 {
        return Err(given());
    }
    let mut there = Vec::new();
    match content {
        Content::Held(held) => there.extend_from_slice(held),
        Content::Stored(extent) => {
            fetch(extent, &mut there).map_err(|error| InstallError::Read {
                path: place,
                message: error.to_string(),
            })?;
        }
    }
    if there == bytes { Ok(()) } else { Err(given()) }
}

/// Where apk looked for its database before: `lib/apk` leads to `usr/lib/apk`, unless `lib` does so itself.
fn link_database(tree: &mut Tree) -> Result<(), InstallError> {
    let path = path_of("lib/apk");
    if tree.resolve(&path)? == path_of("usr/lib/apk") || tree.find(&path).is_some() {
        return Ok(());
    }
    let link = node(Kind::Link(b"../usr/lib/apk".to_vec()), 0o777);
    own(tree, path, link)
}

/// Gives sorted lines, each once.
fn render_lines(lines: &[String]) -> String {
    let mut sorted: Vec<&str> = lines.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted.dedup();
    format!("{}\n", sorted.join("\n"))
}

fn render_triggers(installed: &[Installed]) -> String {
    let mut text = String::new();
    for one in installed {
        for trigger in &one.triggers {
            let _ = writeln!(text, "{} {trigger}", one.record.checksum);
        }
    }
    text
}

/// Gives the tar of all scripts; it ends with two blocks of zeros, also where there is none.
fn render_scripts(installed: &[Installed], epoch: i64) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for one in installed {
        for script in &one.scripts {
            let record = &one.record;
            let name = format!("{}.{}{}", record.id(), record.checksum, script.name);
            let mut header = tar::Header::new_ustar();
            header.set_mode(script.mode);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(u64::try_from(epoch).unwrap_or(0));
            header.set_size(script.bytes.len() as u64);
            // The base64 of a sum may hold slashes, and the name is no path: it stays as it is.
            let name = name.as_bytes();
            let short = &name[..name.len().min(LONGEST_NAME)];
            if let Some(ustar) = header.as_ustar_mut() {
                ustar.name[..short.len()].copy_from_slice(short);
            }
            if short.len() < name.len() {
                builder.append_pax_extensions([("path", name)])?;
            }
            header.set_cksum();
            builder.append(&header, script.bytes.as_slice())?;
        }
    }
    builder.into_inner()
}

/// Gives the record of one package, with a blank line behind it.
pub(super) fn render_entry(installed: &Installed) -> String {
    let record = &installed.record;
    let requirements = |list: &[Requirement]| words(list.iter().map(Requirement::as_str));
    let mut text = String::new();
    let mut line = |letter: char, value: &dyn Display| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{letter}:{value}");
    };
    line('P', &record.name);
    line('V', &record.version);
    line('A', &record.architecture);
    line('L', &record.license);
    line('T', &record.description);
    line('o', &record.origin);
    line('m', &record.maintainer);
    line('U', &record.url);
    line('D', &requirements(&record.depends));
    line('p', &words(record.provides.iter().map(Provide::as_str)));
    if !record.replaces.is_empty() {
        line('r', &requirements(&record.replaces));
    }
    line('c', &record.commit);
    line('i', &format!("[{}]", requirements(&record.install_if)));
    line('t', &record.built);
    line('S', &record.size_bytes);
    line('I', &record.installed_bytes);
    line('k', &record.provider_priority);
    line('C', &record.checksum);
    render_files(&installed.listed, &mut text);
    text.push('\n');
    text
}

fn words<'a>(list: impl Iterator<Item = &'a str>) -> String {
    list.collect::<Vec<_>>().join(" ")
}

fn render_files(listed: &[Listed], text: &mut String) {
    let mut sorted: Vec<&Listed> = listed.iter().collect();
    sorted.sort_by(|one, other| compare(one, other));
    let directories = sorted
        .iter()
        .filter(|one| one.kind == ListedKind::Directory);
    let directories: HashSet<&RootPath> = directories.map(|one| &one.path).collect();
    sorted.retain(|one| has_parents(&one.path, &directories));
    let mut is_below_directory = false;
    for one in sorted {
        let attributes = &one.attributes;
        let owner = (attributes.uid, attributes.gid, attributes.mode);
        let path = String::from_utf8_lossy(one.path.as_bytes());
        let (letter, name, usual) = match one.kind {
            ListedKind::Directory => ('M', path, 0o755),
            ListedKind::File => (
                'a',
                path.rsplit('/')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
                    .into(),
                0o644,
            ),
        };
        if one.kind == ListedKind::Directory {
            let _ = writeln!(text, "F:{name}");
        } else {
            if !is_below_directory {
                text.push_str("F:\n");
            }
            let _ = writeln!(text, "R:{name}");
        }
        is_below_directory = true;
        // The root has no line for its owner.
        if owner != (0, 0, usual) && !one.path.is_root() {
            let (uid, gid, mode) = owner;
            let _ = writeln!(text, "{letter}:{uid}:{gid}:{mode:04o}");
        }
        if let (ListedKind::File, Some(sum)) = (one.kind, one.checksum) {
            let _ = writeln!(text, "Z:{sum}");
        }
    }
}

/// Files come before the directories beside them.
fn compare(one: &Listed, other: &Listed) -> Ordering {
    let mut names = one.path.names().peekable();
    let mut others = other.path.names().peekable();
    loop {
        let (Some(name), Some(other_name)) = (names.next(), others.next()) else {
            return one.path.cmp(&other.path);
        };
        let is_directory =
            |rest: bool, listed: &Listed| rest || listed.kind == ListedKind::Directory;
        let first = is_directory(names.peek().is_some(), one);
        let second = is_directory(others.peek().is_some(), other);
        let order = first.cmp(&second).then_with(|| name.cmp(other_name));
        if order.is_ne() {
            return order;
        }
    }
}

/// Tells whether the package has all directories above a path; apko leaves others out.
fn has_parents(path: &RootPath, directories: &HashSet<&RootPath>) -> bool {
    let mut above = path.split().map(|(parent, _)| parent);
    while let Some(parent) = above {
        if parent.is_root() {
            return true;
        }
        if !directories.contains(&parent) {
            return false;
        }
        above = parent.split().map(|(parent, _)| parent);
    }
    true
}
