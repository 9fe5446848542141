//! What a test may read beside its own file: everything in the directory of the image, such as functions that it sources and
//! answers that it compares with.
//!
//! Files of more than a mebibyte count by their sizes and times, as make does it: a directory may hold gigabytes, and a plan
//! looks at all of them. What a test reads from elsewhere is not known.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use sha2::Digest as _;
use walkdir::{DirEntry, WalkDir};

use crate::host::WORKSHOP;
use crate::host::fs::read_bytes;
use crate::oci::Digest;

const LARGEST_READ_BYTES: u64 = 1 << 20;
/// Links to directories with links can make a small tree endless in practice.
const MOST_ENTRIES: usize = 1 << 16;

/// Gives the digest of names, modes and contents below a directory, links followed.
pub(super) fn digest_beside(directory: &Path) -> Digest {
    let mut hasher = sha2::Sha256::new();
    let is_kept = |entry: &DirEntry| entry.file_name() != WORKSHOP && entry.file_name() != ".git";
    let entries = WalkDir::new(directory)
        .min_depth(1)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(is_kept);
    for entry in entries.take(MOST_ENTRIES) {
        let (path, word) = match &entry {
            Ok(entry) => (entry.path(), describe(entry)),
            // A link that leads nowhere may lead somewhere the next time.
            Err(error) => (error.path().unwrap_or(directory), "unreadable".to_owned()),
        };
        let name = path.strip_prefix(directory).unwrap_or(path).as_os_str();
        hasher.update(format!("{} {word}\n", name.len()));
        hasher.update(name.as_bytes());
    }
    Digest::from_sha256(&hasher.finalize().into())
}

fn describe(entry: &DirEntry) -> String {
    let Ok(metadata) = entry.metadata() else {
        return "unreadable".to_owned();
    };
    let (mode, size) = (metadata.mode(), metadata.len());
    if metadata.is_file() && size <= LARGEST_READ_BYTES {
        return match read_bytes(entry.path()) {
            Ok(bytes) => format!("{mode:o} {}", Digest::of(&bytes)),
            Err(_) => "unreadable".to_owned(),
        };
    }
    if metadata.is_file() {
        let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
        return format!("{mode:o} {size} {seconds}.{nanoseconds}");
    }
    format!("{mode:o}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::host::fs::write_generated;

    #[test]
    fn whatever_a_test_may_source_counts() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let mut seen = vec![digest_beside(directory.path())];
        let mut changed = |what: &str| {
            let digest = digest_beside(directory.path());
            assert!(!seen.contains(&digest), "{what}");
            assert_eq!(digest_beside(directory.path()), digest, "{what}");
            seen.push(digest);
        };
        write_generated(&path("functions.sh"), b"one").unwrap();
        changed("a new file");
        write_generated(&path("functions.sh"), b"two").unwrap();
        changed("other bytes");
        std::fs::set_permissions(path("functions.sh"), std::fs::Permissions::from_mode(0o755))
            .unwrap();
        changed("another mode");
        std::fs::create_dir(path("expected")).unwrap();
        changed("a new directory");
        write_generated(&path("expected/a"), b"").unwrap();
        changed("a file in it");
        symlink("../functions.sh", path("expected/b")).unwrap();
        changed("a link");
        symlink("nowhere", path("c")).unwrap();
        changed("a link to nothing");
        symlink(".", path("expected/loop")).unwrap();
        changed("a link to a directory above itself");
        let large = std::fs::File::create(path("large")).unwrap();
        large.set_len(LARGEST_READ_BYTES + 1).unwrap();
        changed("a large file");
        large.set_modified(std::time::UNIX_EPOCH).unwrap();
        changed("a large file of another time");
    }
}
