//! A tree as directories and files on disk, with owners, modes, times, attributes and devices: root's work.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, lsetxattr, makedev, mknodat,
    utimensat,
};

use super::error::ExportError;
use crate::host::Watch;
use crate::host::fs::FileError;
use crate::rootfs::{Attributes, Content, Fetch, Kind, Node, RootPath, Tree};

/// Makes a directory with all that a tree holds.
///
/// In a tree, what is above a path is a directory and no link, and the directory is new: nothing lands outside of it.
pub(super) fn write_tree(
    tree: &Tree,
    directory: &Path,
    fetch: &Fetch<'_>,
    watch: &Watch,
) -> Result<(), ExportError> {
    check_rights()?;
    let mut first_paths: HashMap<usize, PathBuf> = HashMap::new();
    let mut directories = Vec::new();
    for (path, link, node) in tree.linked() {
        let target = place(directory, path);
        let failed = |source| {
            if watch.is_ended() {
                return ExportError::Interrupted;
            }
            ExportError::from(FileError::new("write", &target, source))
        };
        watch.check().map_err(failed)?;
        match first_paths.get(&link) {
            Some(first) if !node.is_directory() => {
                std::fs::hard_link(first, &target).map_err(failed)?;
                continue;
            }
            _ => make(node, &target, fetch, watch).map_err(failed)?,
        }
        if node.is_directory() {
            directories.push((target.clone(), &node.attributes));
        }
        first_paths.insert(link, target);
    }
    // What is made in a directory changes its time, and its mode may forbid to make anything.
    for (path, attributes) in directories.into_iter().rev() {
        dress(&path, attributes, true).map_err(|source| FileError::new("write", &path, source))?;
    }
    Ok(())
}

/// Fails for those who cannot give files away.
pub(super) fn check_rights() -> Result<(), ExportError> {
    if rustix::process::geteuid().is_root() {
        Ok(())
    } else {
        Err(ExportError::NotRoot)
    }
}

fn place(directory: &Path, path: &RootPath) -> PathBuf {
    directory.join(OsStr::from_bytes(path.as_bytes()))
}

fn make(node: &Node, path: &Path, fetch: &Fetch<'_>, watch: &Watch) -> io::Result<()> {
    let device = |kind, major, minor| {
        mknodat(CWD, path, kind, Mode::empty(), makedev(major, minor)).map_err(io::Error::from)
    };
    match &node.kind {
        Kind::Directory => return std::fs::create_dir(path),
        Kind::File(content) => {
            let file = File::create_new(path)?;
            let mut out = BufWriter::new(watch.watch(file));
            match content {
                Content::Held(bytes) => out.write_all(bytes)?,
                Content::Stored(extent) => fetch(extent, &mut out)?,
            }
            out.flush()?;
        }
        Kind::Link(target) => symlink(OsStr::from_bytes(target), path)?,
        Kind::CharacterDevice { major, minor } => {
            device(FileType::CharacterDevice, *major, *minor)?;
        }
        Kind::BlockDevice { major, minor } => device(FileType::BlockDevice, *major, *minor)?,
        Kind::Pipe => device(FileType::Fifo, 0, 0)?,
    }
    dress(path, &node.attributes, !matches!(node.kind, Kind::Link(_)))
}

/// Gives owner, mode, attributes and time, in the order in which the later do not undo the earlier.
fn dress(path: &Path, attributes: &Attributes, has_mode: bool) -> io::Result<()> {
    let id = |number: u64| u32::try_from(number).map_err(io::Error::other);
    lchown(path, Some(id(attributes.uid)?), Some(id(attributes.gid)?))?;
    if has_mode {
        std::fs::set_permissions(path, Permissions::from_mode(attributes.mode))?;
    }
    for (name, value) in &attributes.extended {
        lsetxattr(path, name.as_slice(), value, XattrFlags::empty())?;
    }
    let time = Timespec {
        tv_sec: attributes.modified,
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}
