//! What maintainer scripts would have made, made here.

use std::fmt::Write as _;

use super::super::certificates::write_bundle;
use super::super::filling::{FillError, Filling};

/// The directories that were apart once, and are links since (usr-merge): the links of every Debian from bookworm on.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// Directories that every system has, with their modes (Filesystem Hierarchy Standard).
const DIRECTORIES: [(&str, u32); 17] = [
    ("/dev", 0o755),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/mnt", 0o755),
    ("/opt", 0o755),
    ("/proc", 0o555),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/srv", 0o755),
    ("/sys", 0o555),
    ("/tmp", 0o1777),
    ("/usr", 0o755),
    ("/var", 0o755),
    ("/var/cache", 0o755),
    ("/var/lib", 0o755),
    ("/var/log", 0o755),
    ("/var/tmp", 0o1777),
];

/// Makes what has to be there before the files of packages come: links that files go through.
pub(super) fn begin(filling: &mut Filling) -> Result<(), FillError> {
    for (path, mode) in DIRECTORIES {
        filling.directory(path, mode)?;
    }
    for name in MERGED {
        filling.directory(&format!("/usr/{name}"), 0o755)?;
        filling.link(&format!("/{name}"), &format!("usr/{name}"))?;
    }
    Ok(())
}

/// Writes the files that scripts write, where the packages did not bring them.
pub(super) fn finish(filling: &mut Filling) -> Result<(), FillError> {
    // An architecture without such libraries has no such directory.
    let lib64 = super::super::filling::parse("/usr/lib64")?;
    if filling.tree.children(&lib64).next().is_none() {
        filling.tree.remove(&lib64);
        filling
            .tree
            .remove(&super::super::filling::parse("/lib64")?);
    }
    copy(
        filling,
        "/usr/share/base-passwd/passwd.master",
        "/etc/passwd",
        PASSWD,
    )?;
    copy(
        filling,
        "/usr/share/base-passwd/group.master",
        "/etc/group",
        GROUP,
    )?;
    if filling.find("/etc/shadow")?.is_none() {
        let passwd = filling.read("/etc/passwd")?.unwrap_or_default();
        let mut shadow = String::new();
        for line in String::from_utf8_lossy(&passwd).lines() {
            let name = line.split(':').next().unwrap_or_default();
            let _ = writeln!(shadow, "{name}:*:::::::");
        }
        filling.file("/etc/shadow", shadow.as_bytes(), 0o640)?;
    }
    copy(
        filling,
        "/usr/share/libc-bin/nsswitch.conf",
        "/etc/nsswitch.conf",
        NSSWITCH,
    )?;
    if filling.find("/usr/share/zoneinfo/Etc/UTC")?.is_some() {
        filling.link("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC")?;
        if filling.find("/etc/timezone")?.is_none() {
            filling.file("/etc/timezone", b"Etc/UTC\n", 0o644)?;
        }
    }
    // Alternatives of which there is one.
    for (name, program) in [("awk", "mawk"), ("which", "which.debianutils")] {
        if filling.find(&format!("/usr/bin/{program}"))?.is_some() {
            filling.link(&format!("/usr/bin/{name}"), program)?;
        }
    }
    filling.link("/var/run", "/run")?;
    filling.link("/var/lock", "/run/lock")?;
    filling.directory("/run/lock", 0o1777)?;
    write_bundle(filling)
}

const PASSWD: &str = "root:x:0:0:root:/root:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnogroup:x:65534:\n";
const NSSWITCH: &str = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nprotocols: files\nservices: files\n";

/// Copies a file of a package to where its script does, or writes what is usual where there is none.
fn copy(filling: &mut Filling, from: &str, to: &str, usual: &str) -> Result<(), FillError> {
    if filling.find(to)?.is_some() {
        return Ok(());
    }
    let text = filling.read(from)?.unwrap_or_else(|| usual.into());
    // The masters of base-passwd have `*` for "no password"; pwconv(8) turns it into `x`.
    let text = match to {
        "/etc/passwd" => String::from_utf8_lossy(&text)
            .replace(":*:", ":x:")
            .into_bytes(),
        _ => text,
    };
    filling.file(to, &text, 0o644)
}
