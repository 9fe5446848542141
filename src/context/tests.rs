//! Directories as contexts.

use std::ffi::OsStr;
use std::fs::{File, Permissions, create_dir_all, set_permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;

use super::*;

/// A tree of images with the image directory `image` in it.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        create_dir_all(tree.image()).unwrap();
        tree
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn image(&self) -> PathBuf {
        self.root().join("image")
    }

    fn file(&self, path: impl AsRef<Path>, content: &str) -> PathBuf {
        let path = self.image().join(path);
        create_dir_all(path.parent().unwrap()).unwrap();
        File::create(&path)
            .unwrap()
            .write_all(content.as_bytes())
            .unwrap();
        path
    }

    fn link(&self, path: &str, target: &str) -> PathBuf {
        let path = self.image().join(path);
        symlink(target, &path).unwrap();
        path
    }

    fn write(&self) -> Result<Vec<u8>, ContextError> {
        let mut bytes = Vec::new();
        let size = write_context(&self.image(), self.root(), "FROM a\n", &mut bytes)?;
        assert_eq!(size.size_bytes, bytes.len() as u64);
        Ok(bytes)
    }

    /// Reads back: modes, names and contents.
    fn entries(&self) -> Vec<(u32, Vec<u8>, Vec<u8>)> {
        let bytes = self.write().expect("a context");
        let mut archive = tar::Archive::new(&bytes[..]);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            assert_eq!(
                (entry.header().uid().unwrap(), entry.header().gid().unwrap()),
                (0, 0)
            );
            (
                entry.header().mode().unwrap(),
                entry.path_bytes().into_owned(),
                content,
            )
        });
        entries.collect()
    }

    fn names(&self) -> Vec<String> {
        let names = self.entries().into_iter();
        names
            .map(|(_, name, _)| String::from_utf8(name).unwrap())
            .collect()
    }

    #[track_caller]
    fn refused(&self, message: &str) {
        let error = self.write().expect_err("no context").to_string();
        let root = self.root().display().to_string();
        assert_eq!(error.replace(&root, "ROOT"), message);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test uses programs that the crate never runs"
)]
fn run(program: &str, arguments: &[&OsStr]) -> Output {
    let output = std::process::Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs `{program}`: {error}"));
    assert!(output.status.success(), "{output:?}");
    output
}

#[test]
fn the_whole_directory_goes_in_by_name_with_the_rendered_dockerfile() {
    let tree = Tree::new();
    tree.file("b/Dockerfile.template", "x");
    tree.file("b/Dockerfile", "nested");
    tree.file("changelog", "c");
    tree.file("Dockerfile", "old");
    tree.file(".git/a", "");
    tree.file("a-b", "");
    let entries = tree.entries();
    assert_eq!(
        entries[0],
        (0o644, b"Dockerfile".to_vec(), b"FROM a\n".to_vec())
    );
    assert_eq!(
        tree.names(),
        [
            "Dockerfile",
            ".git/",
            ".git/a",
            "a-b",
            "b/",
            "b/Dockerfile",
            "b/Dockerfile.template",
            "changelog"
        ]
    );
    assert_eq!(entries[5].2, b"nested");
    assert_eq!(tree.write().unwrap(), tree.write().unwrap());
}

#[test]
fn what_a_change_of_changelogs_keeps_stays_out() {
    let tree = Tree::new();
    tree.file(".pkg-changes/0.old", "old");
    tree.file("nested/.pkg-changes/journal", "");
    tree.file("nested/kept", "");
    assert_eq!(tree.names(), ["Dockerfile", "nested/", "nested/kept"]);
}

#[test]
fn modes_and_whole_seconds_are_kept() {
    let tree = Tree::new();
    for (name, mode) in [("a", 0o4755), ("b", 0o600), ("c", 0o2711), ("d", 0o444)] {
        let path = tree.file(name, "");
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_700_000_000_900);
        File::open(&path).unwrap().set_modified(time).unwrap();
    }
    create_dir_all(tree.image().join("e")).unwrap();
    set_permissions(tree.image().join("e"), Permissions::from_mode(0o1777)).unwrap();
    let modes: Vec<u32> = tree.entries()[1..].iter().map(|entry| entry.0).collect();
    assert_eq!(modes, [0o4755, 0o600, 0o2711, 0o444, 0o1777]);
    let bytes = tree.write().unwrap();
    let mut archive = tar::Archive::new(&bytes[..]);
    let second = archive.entries().unwrap().nth(1).unwrap().unwrap();
    assert_eq!(second.header().mtime().unwrap(), 1_700_000_000);
}

#[test]
fn long_names_and_names_that_are_no_text_go_in_as_bytes() {
    let tree = Tree::new();
    let long = format!("{}/{}", "d".repeat(150), "f".repeat(200));
    tree.file(&long, "long");
    tree.file(OsStr::from_bytes(b"z\xff"), "bytes");
    tree.file("é".repeat(60), "text");
    let names: Vec<Vec<u8>> = tree.entries().into_iter().map(|entry| entry.1).collect();
    assert!(names.contains(&long.into_bytes()), "{names:?}");
    assert!(names.contains(&b"z\xff".to_vec()), "{names:?}");
    assert!(names.contains(&"é".repeat(60).into_bytes()), "{names:?}");
}

#[test]
fn the_program_tar_lists_the_same_names() {
    let tree = Tree::new();
    tree.file("d/e", "x");
    tree.file("f".repeat(120), &"y".repeat(100_000));
    tree.link("g", "d/e");
    let archive = tree.root().join("context.tar");
    File::create(&archive)
        .unwrap()
        .write_all(&tree.write().unwrap())
        .unwrap();
    let output = run("tar", &["-tf".as_ref(), archive.as_os_str()]);
    let listed: Vec<&str> = std::str::from_utf8(&output.stdout)
        .unwrap()
        .lines()
        .collect();
    assert_eq!(listed, tree.names());
    assert_eq!(output.stderr, b"");
}

#[test]
fn links_inside_of_the_tree_are_sent_as_what_they_lead_to() {
    let tree = Tree::new();
    tree.file("../common/test/run.sh", "run");
    tree.file("a", "content");
    tree.link("b", "a");
    tree.link("test", "../common/test");
    let absolute = tree.root().join("common/test/run.sh");
    tree.link("run.sh", absolute.to_str().unwrap());
    assert_eq!(
        tree.names(),
        ["Dockerfile", "a", "b", "run.sh", "test/", "test/run.sh"]
    );
    assert_eq!(tree.entries()[2].2, b"content");
    assert_eq!(tree.entries()[5].2, b"run");
}

#[test]
fn a_link_that_leaves_the_tree_is_an_error() {
    for target in [
        "/etc/hostname",
        "/etc",
        "../../../../../../../etc",
        "../chain",
    ] {
        let tree = Tree::new();
        symlink("/etc", tree.root().join("chain")).unwrap();
        tree.link("a", target);
        tree.refused(&format!(
            "ROOT/image/a is a link to `{target}`, outside of ROOT"
        ));
    }
    let tree = Tree::new();
    create_dir_all(tree.root().join("common")).unwrap();
    symlink("/etc", tree.root().join("common/etc")).unwrap();
    tree.link("a", "../common");
    tree.refused("ROOT/image/a/etc is a link to `/etc`, outside of ROOT");
}

#[test]
fn links_to_nothing_and_in_circles_are_errors() {
    for (target, message) in [
        (
            "nowhere",
            "ROOT/image/a is a link to `nowhere`, which is not there",
        ),
        (
            "file/x",
            "ROOT/image/a is a link to `file/x`, which is not there",
        ),
        (
            "a",
            "ROOT/image/a is a link to `a`, which leads back to the link",
        ),
        (
            ".",
            "ROOT/image/a is a link to `.`, which leads back to the link",
        ),
        (
            "..",
            "ROOT/image/a/image/a is a link to `..`, which leads back to the link",
        ),
    ] {
        let tree = Tree::new();
        tree.file("file", "");
        tree.link("a", target);
        tree.refused(message);
        tree.file(".dockerignore", "a");
        assert_eq!(
            tree.names(),
            ["Dockerfile", ".dockerignore", "file"],
            "what stays out is no error"
        );
    }
}

#[test]
fn what_is_no_file_is_an_error() {
    let tree = Tree::new();
    let _socket = std::os::unix::net::UnixListener::bind(tree.image().join("s")).unwrap();
    tree.refused("ROOT/image/s is a socket, which cannot be sent to a build");
    let tree = Tree::new();
    run("mkfifo", &[tree.image().join(".dockerignore").as_os_str()]);
    tree.refused("ROOT/image/.dockerignore is a named pipe, which cannot be sent to a build");
    let tree = Tree::new();
    tree.file("Dockerfile/x", "");
    tree.refused(
        "ROOT/image/Dockerfile is a directory, and the rendered Dockerfile has to stand there",
    );
}

#[test]
fn the_ignore_file_decides_and_is_sent_itself() {
    let tree = Tree::new();
    for name in [
        "a/b/keep",
        "a/b/drop",
        "a/c/drop",
        "d/keep",
        "e",
        "Dockerfile.template",
    ] {
        tree.file(name, "");
    }
    tree.file(".dockerignore", "*\n!a/**/keep\n!e\n");
    assert_eq!(
        tree.names(),
        ["Dockerfile", ".dockerignore", "a/", "a/b/", "a/b/keep", "e"]
    );
    tree.file(".dockerignore", "a/**\n!a\nd\n!d/keep\nd\nDockerfile*\n");
    assert_eq!(
        tree.names(),
        ["Dockerfile", ".dockerignore", "a/", "d/", "d/keep", "e"],
        "a pattern decides below a directory only where it decided there"
    );
    tree.file(".dockerignore", "e\n[\n");
    tree.refused(
        "ROOT/image/.dockerignore:2: `[` is no pattern: after `[` follow characters or ranges and `]`",
    );
}
