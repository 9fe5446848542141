//! What a declared image takes of its directory: all that its `layers` name, links as links, whatever `.dockerignore` says.

use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::ContextFile;
use crate::host::fs::FileError;
use crate::oci::{Digest, Hasher};

/// Lists files, directories and links below `sources`, which are paths in the image's directory, each with a digest over all of it
/// that gets into a layer: what it is, whether it can be executed, and its bytes or where it leads.
pub fn list_laid(directory: &Path, sources: &[String]) -> Result<Vec<ContextFile>, FileError> {
    let mut files = Vec::new();
    for source in sources {
        let top = directory.join(source);
        let walk = walkdir::WalkDir::new(&top)
            .sort_by_file_name()
            .follow_links(false)
            .follow_root_links(true);
        for found in walk {
            let found = found.map_err(|error| {
                let path = error.path().unwrap_or(&top).to_owned();
                FileError::new("read", &path, error.into())
            })?;
            let below = found.path().strip_prefix(directory);
            files.push(ContextFile {
                name: below
                    .unwrap_or(found.path())
                    .as_os_str()
                    .as_bytes()
                    .to_vec(),
                digest: digest(&found)?,
            });
        }
    }
    Ok(files)
}

fn digest(found: &walkdir::DirEntry) -> Result<Digest, FileError> {
    let path = found.path();
    let failed = |source| FileError::new("read", path, source);
    let kind = found.file_type();
    let mut hasher = Hasher::alone();
    if kind.is_file() {
        let mut file = std::fs::File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode();
        let kind = if mode & 0o111 == 0 { b"f" } else { b"x" };
        hasher.write_all(kind).map_err(failed)?;
        io::copy(&mut file, &mut hasher).map_err(failed)?;
    } else if kind.is_symlink() {
        let target = std::fs::read_link(path).map_err(failed)?;
        hasher.write_all(b"l").map_err(failed)?;
        let target = target.as_os_str().as_bytes();
        hasher.write_all(target).map_err(failed)?;
    } else {
        hasher.write_all(b"d").map_err(failed)?;
    }
    Ok(hasher.finish().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "files that change")]
    fn whatever_gets_into_a_layer_changes_its_digest() {
        let place = tempfile::tempdir().expect("a directory");
        let root = place.path();
        std::fs::create_dir(root.join("files")).expect("a directory");
        std::fs::write(root.join("files/a"), "a").expect("a file");
        std::fs::write(root.join(".dockerignore"), "*").expect("a file");
        std::os::unix::fs::symlink("/nowhere", root.join("files/link")).expect("a link");
        let list = || list_laid(root, &["files".to_owned()]).expect("a list");
        let mut before = list();
        let names: Vec<_> = before.iter().map(|file| file.name.clone()).collect();
        assert_eq!(
            names,
            [
                b"files".to_vec(),
                b"files/a".to_vec(),
                b"files/link".to_vec()
            ]
        );
        let changes: [&dyn Fn(); 3] = [
            &|| std::fs::write(root.join("files/a"), "b").expect("a file"),
            &|| {
                let mode = std::fs::Permissions::from_mode(0o755);
                std::fs::set_permissions(root.join("files/a"), mode).expect("a mode");
            },
            &|| {
                std::fs::remove_file(root.join("files/link")).expect("a link");
                std::os::unix::fs::symlink("/other", root.join("files/link")).expect("a link");
            },
        ];
        for change in changes {
            change();
            let after = list();
            assert_ne!(after, before);
            before = after;
        }
        list_laid(root, &["missing".to_owned()]).expect_err("nothing there");
    }
}
