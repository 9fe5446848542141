//! Walks an image directory and decides what goes in.

use std::fs::Metadata;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::archive::{Archive, Attributes, ContextSize};
use super::error::ContextError;
use crate::dockerfile::{IgnoreRules, Verdict};
use crate::host::WORKSHOP;
use crate::host::fs::{FileError, find_text};

const DOCKERFILE: &[u8] = b"Dockerfile";
const IGNORE_FILE: &str = ".dockerignore";
/// Links to directories with links can make a small tree endless in practice.
const MOST_ENTRIES: u64 = 1 << 20;

/// Writes the build context of an image directory as a tar stream.
///
/// `dockerfile` is the rendered text, which stands first and takes the place of a file `Dockerfile`. Links are followed
/// within `tree_root`, the directory of all images. The call blocks while files are read and `out` takes bytes. After an
/// error `out` has got a part without the end of an archive: the receiver has to be told, since some take it for a whole.
pub fn write_context(
    directory: &Path,
    tree_root: &Path,
    dockerfile: &str,
    out: impl Write,
) -> Result<ContextSize, ContextError> {
    let mut archive = Archive::new(out);
    let mut walk = Walk::new(directory, tree_root, &mut archive)?;
    let rendered = Attributes {
        mode: 0o644,
        modified: 0,
    };
    walk.receiver
        .append_bytes(DOCKERFILE, dockerfile.as_bytes(), rendered)?;
    walk.run()?;
    archive.finish()
}

/// Takes what goes into a context, in the order of names, without the rendered Dockerfile.
pub(super) trait Receive {
    /// Takes a directory.
    fn directory(&mut self, name: &[u8], attributes: Attributes) -> Result<(), ContextError>;

    /// Takes a file of so many bytes.
    fn file(
        &mut self,
        name: &[u8],
        path: &Path,
        size: u64,
        attributes: Attributes,
    ) -> Result<(), ContextError>;
}

fn read_ignore_rules(directory: &Path) -> Result<IgnoreRules, ContextError> {
    let path = directory.join(IGNORE_FILE);
    // A fifo would never end; the walk names what is no file.
    if !path.is_file() {
        return Ok(IgnoreRules::default());
    }
    let text = find_text(&path)?.unwrap_or_default();
    IgnoreRules::parse(&text).map_err(|source| ContextError::Ignore { path, source })
}

pub(super) struct Walk<'a, R: Receive> {
    directory: &'a Path,
    tree_root: &'a Path,
    real_root: PathBuf,
    rules: IgnoreRules,
    /// What the rules say of the directories above, from the root of the context down.
    verdicts: Vec<Verdict>,
    /// Directories that stay out unless something below them goes in, with their depths.
    waiting: Vec<(usize, Vec<u8>, Attributes)>,
    receiver: &'a mut R,
}

impl<'a, R: Receive> Walk<'a, R> {
    pub(super) fn new(
        directory: &'a Path,
        tree_root: &'a Path,
        receiver: &'a mut R,
    ) -> Result<Self, ContextError> {
        let real_root = tree_root
            .canonicalize()
            .map_err(|source| FileError::new("find", tree_root, source))?;
        Ok(Self {
            directory,
            tree_root,
            real_root,
            rules: read_ignore_rules(directory)?,
            verdicts: vec![Verdict::default()],
            waiting: Vec::new(),
            receiver,
        })
    }

    pub(super) fn run(&mut self) -> Result<(), ContextError> {
        let mut entries = WalkDir::new(self.directory)
            .min_depth(1)
            .follow_links(true)
            .sort_by(|one, other| one.file_name().as_bytes().cmp(other.file_name().as_bytes()))
            .into_iter();
        let mut seen = 0;
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => match self.fault_of(&error) {
                    Some(fault) => return Err(fault),
                    None => continue,
                },
            };
            seen += 1;
            if seen > MOST_ENTRIES {
                return Err(ContextError::TooMany {
                    path: self.directory.to_owned(),
                    most: MOST_ENTRIES,
                });
            }
            // What a change of changelogs keeps for a moment, and a killed one for longer.
            if entry.file_name() == WORKSHOP {
                if entry.file_type().is_dir() {
                    entries.skip_current_dir();
                }
                continue;
            }
            let name = self.name_of(entry.path()).to_vec();
            self.waiting.retain(|&(depth, ..)| depth < entry.depth());
            let is_directory = entry.file_type().is_dir();
            if self.judge(&name, entry.depth(), is_directory) {
                if !is_directory {
                    continue;
                }
                if !self.rules.may_include_below(&name) {
                    entries.skip_current_dir();
                    continue;
                }
                self.check_link(&entry)?;
                let attributes = attributes_of(&metadata_of(&entry)?);
                self.waiting.push((entry.depth(), name, attributes));
                continue;
            }
            self.check_link(&entry)?;
            self.send(&entry, &name)?;
        }
        Ok(())
    }

    fn send(&mut self, entry: &DirEntry, name: &[u8]) -> Result<(), ContextError> {
        if name == DOCKERFILE {
            return if entry.file_type().is_dir() {
                Err(ContextError::DockerfileTaken(entry.path().to_owned()))
            } else {
                Ok(())
            };
        }
        for (_, name, attributes) in self.waiting.drain(..) {
            self.receiver.directory(&name, attributes)?;
        }
        let metadata = metadata_of(entry)?;
        let attributes = attributes_of(&metadata);
        if metadata.is_dir() {
            return self.receiver.directory(name, attributes);
        }
        if let Some(kind) = special_kind(&metadata) {
            return Err(ContextError::Kind {
                path: entry.path().to_owned(),
                kind,
            });
        }
        self.receiver
            .file(name, entry.path(), metadata.len(), attributes)
    }

    fn name_of<'p>(&self, path: &'p Path) -> &'p [u8] {
        path.strip_prefix(self.directory)
            .unwrap_or(path)
            .as_os_str()
            .as_bytes()
    }

    /// Tells whether an entry stays out; a directory's verdict is kept for what is below it.
    fn judge(&mut self, name: &[u8], depth: usize, is_directory: bool) -> bool {
        self.verdicts.truncate(depth);
        let nothing = Verdict::default();
        let parent = self.verdicts.last().unwrap_or(&nothing);
        let verdict = self.rules.judge(name, parent);
        let is_out = verdict.is_out && !is_always_sent(name);
        if is_directory {
            self.verdicts.push(verdict);
        }
        is_out
    }

    fn check_link(&self, entry: &DirEntry) -> Result<(), ContextError> {
        if !entry.path_is_symlink() {
            return Ok(());
        }
        let path = entry.path();
        let real = path
            .canonicalize()
            .map_err(|source| FileError::new("read", path, source))?;
        if real.starts_with(&self.real_root) {
            return Ok(());
        }
        Err(ContextError::LinkOutside {
            path: path.to_owned(),
            target: target_of(path),
            tree_root: self.tree_root.to_owned(),
        })
    }

    /// Names what went wrong, unless it is about something that stays out.
    fn fault_of(&self, error: &walkdir::Error) -> Option<ContextError> {
        let path = error.path().unwrap_or(self.directory);
        let name = self.name_of(path);
        let may_matter_below = path.is_dir() && self.rules.may_include_below(name);
        let is_out = self.rules.excludes(name) && !is_always_sent(name);
        if error.depth() > 0 && is_out && !may_matter_below {
            return None;
        }
        let path = path.to_owned();
        let target = target_of(&path);
        let Some(source) = error.io_error() else {
            return Some(ContextError::LinkLoop { path, target });
        };
        let fault = match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory if path.is_symlink() => {
                ContextError::LinkDangling { path, target }
            }
            // The kernel gives a link to itself up after forty steps; that kind has no stable name.
            kind if path.is_symlink() && kind != io::ErrorKind::PermissionDenied => {
                ContextError::LinkLoop { path, target }
            }
            kind => FileError::new("read", &path, copy_of(source, kind)).into(),
        };
        Some(fault)
    }
}

fn is_always_sent(name: &[u8]) -> bool {
    name == DOCKERFILE || name == IGNORE_FILE.as_bytes()
}

fn target_of(link: &Path) -> PathBuf {
    // Only for the message: a link that is gone by now has no target to tell.
    link.read_link().unwrap_or_default()
}

fn copy_of(error: &io::Error, kind: io::ErrorKind) -> io::Error {
    error
        .raw_os_error()
        .map_or_else(|| kind.into(), io::Error::from_raw_os_error)
}

fn metadata_of(entry: &DirEntry) -> Result<Metadata, ContextError> {
    let path = entry.path();
    // Of what a link leads to.
    path.metadata()
        .map_err(|source| FileError::new("read", path, source).into())
}

fn attributes_of(metadata: &Metadata) -> Attributes {
    Attributes {
        mode: metadata.mode() & 0o7777,
        modified: u64::try_from(metadata.mtime()).unwrap_or_default(),
    }
}

fn special_kind(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_file() {
        None
    } else if kind.is_fifo() {
        Some("a named pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs::{File, Permissions, create_dir_all, set_permissions};
    use std::io::Read as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
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
}
