//! What a test may read beside its own file: everything in the directory of the image, such as functions that it sources and
//! answers that it compares with.
//!
//! Files of more than a mebibyte count by their sizes and times, as make does it: a directory may hold gigabytes, and a plan
//! looks at all of them. What a test reads from elsewhere is not known. A link is gone into as far as its repository goes:
//! where it leads out of that, what it says counts, and size and time of what it leads to.
//!
//! What a test writes beside itself counts as well, since nothing tells it from what somebody put there: a test that writes
//! something else each time is run each time. Such a file belongs into the directory for temporary files.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::Digest as _;
use walkdir::{DirEntry, WalkDir};

use crate::host::WORKSHOP;
use crate::host::fs::{FileError, read_bytes};
use crate::oci::Digest;

const LARGEST_READ_BYTES: u64 = 1 << 20;
/// What is read of one directory in all.
const MOST_READ_BYTES: u64 = 1 << 30;
/// Links to directories with links can make a small tree endless in practice.
const MOST_ENTRIES: usize = 1 << 20;

/// Gives the digest of names, modes and contents below a directory, links followed within the repository.
///
/// Fails where there is more than anybody tests with.
pub(super) fn digest_beside(directory: &Path) -> Result<Digest, FileError> {
    let mut hasher = sha2::Sha256::new();
    let tree = find_tree(directory)?;
    let is_kept = |entry: &DirEntry| entry.file_name() != WORKSHOP && entry.file_name() != ".git";
    let mut entries = WalkDir::new(directory)
        .min_depth(1)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(is_kept);
    let (mut count, mut left) = (0, MOST_READ_BYTES);
    while let Some(entry) = entries.next() {
        count += 1;
        if count > MOST_ENTRIES {
            return Err(too_much(directory, "more files than a test can need"));
        }
        let (path, word) = match &entry {
            Ok(entry) if entry.path_is_symlink() && !is_within(entry.path(), &tree) => {
                if entry.file_type().is_dir() {
                    entries.skip_current_dir();
                }
                (entry.path(), describe_outside(entry.path()))
            }
            Ok(entry) => (entry.path(), describe(entry, &mut left)?),
            // A link that leads nowhere may lead somewhere the next time.
            Err(error) => (error.path().unwrap_or(directory), "unreadable".to_owned()),
        };
        let name = path.strip_prefix(directory).unwrap_or(path).as_os_str();
        hasher.update(format!("{} {word}\n", name.len()));
        hasher.update(name.as_bytes());
    }
    Ok(Digest::from_sha256(&hasher.finalize().into()))
}

/// Finds how far links are followed: the repository that the directory is in, or else the directory with those beside it.
fn find_tree(directory: &Path) -> Result<PathBuf, FileError> {
    let real = directory
        .canonicalize()
        .map_err(|source| FileError::new("find", directory, source))?;
    let mut above = real.ancestors();
    let repository = above.find(|path| path.join(".git").exists());
    let tree = repository.or(real.parent()).unwrap_or(&real);
    Ok(tree.to_owned())
}

fn is_within(link: &Path, tree: &Path) -> bool {
    link.canonicalize().is_ok_and(|real| real.starts_with(tree))
}

fn describe_outside(link: &Path) -> String {
    let target = link.read_link().unwrap_or_default();
    let target = Digest::of(target.as_os_str().as_bytes());
    match link.metadata() {
        Ok(there) if there.is_file() => {
            let (mode, size) = (there.mode(), there.len());
            let (seconds, nanoseconds) = (there.mtime(), there.mtime_nsec());
            format!("{target} {mode:o} {size} {seconds}.{nanoseconds}")
        }
        // A directory such as `/tmp` has another time each moment.
        _ => target.to_string(),
    }
}

fn too_much(path: &Path, what: &str) -> FileError {
    FileError::new("read", path, io::Error::other(what))
}

fn describe(entry: &DirEntry, left: &mut u64) -> Result<String, FileError> {
    let Ok(metadata) = entry.metadata() else {
        return Ok("unreadable".to_owned());
    };
    let (mode, size) = (metadata.mode(), metadata.len());
    if metadata.is_file() && size <= LARGEST_READ_BYTES {
        let what = "more bytes beside a test than it can need";
        let rest = left.checked_sub(size);
        *left = rest.ok_or_else(|| too_much(entry.path(), what))?;
        return Ok(match read_bytes(entry.path()) {
            Ok(bytes) => format!("{mode:o} {}", Digest::of(&bytes)),
            Err(_) => "unreadable".to_owned(),
        });
    }
    if metadata.is_file() {
        let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
        return Ok(format!("{mode:o} {size} {seconds}.{nanoseconds}"));
    }
    Ok(format!("{mode:o}"))
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
        let mut seen = vec![digest_beside(directory.path()).unwrap()];
        let mut changed = |what: &str| {
            let digest = digest_beside(directory.path()).unwrap();
            assert!(!seen.contains(&digest), "{what}");
            assert_eq!(digest_beside(directory.path()).unwrap(), digest, "{what}");
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

    #[test]
    fn a_link_is_followed_within_the_repository_and_no_farther() {
        let outside = tempfile::tempdir().unwrap();
        let repository = tempfile::tempdir().unwrap();
        let image = repository.path().join("images/a");
        for directory in [&image, &repository.path().join("common")] {
            std::fs::create_dir_all(directory).unwrap();
        }
        std::fs::create_dir(repository.path().join(".git")).unwrap();
        std::fs::create_dir(outside.path().join("d")).unwrap();
        symlink("../../common", image.join("common")).unwrap();
        symlink(outside.path(), image.join("outside")).unwrap();
        symlink("/", image.join("root")).unwrap();
        let before = digest_beside(&image).unwrap();
        for name in ["a", "d/b"] {
            write_generated(&outside.path().join(name), b"x").unwrap();
        }
        assert_eq!(digest_beside(&image).unwrap(), before);
        write_generated(&repository.path().join("common/a"), b"x").unwrap();
        assert_ne!(digest_beside(&image).unwrap(), before);
    }

    #[test]
    fn more_bytes_than_a_test_can_need_are_refused_with_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(directory.path().join("a")).unwrap();
        file.set_len(10).unwrap();
        let entry = WalkDir::new(directory.path())
            .min_depth(1)
            .into_iter()
            .next();
        let entry = entry.unwrap().unwrap();
        let mut left = 15;
        describe(&entry, &mut left).unwrap();
        let error = describe(&entry, &mut left).unwrap_err();
        assert!(
            error.to_string().contains(entry.path().to_str().unwrap()),
            "{error}"
        );
    }
}
