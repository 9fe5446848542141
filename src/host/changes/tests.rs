use super::*;
use crate::host::fs::{read_text, write_atomically};

/// Two roots with four files; the runs of a test see them in this order.
struct Tree {
    directory: tempfile::TempDir,
    changes: Vec<Change>,
}

const FILES: [&str; 4] = ["one/a", "one/b", "two/c", "two/d"];

impl Tree {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let changes = FILES.map(|name| {
            let path = directory.path().join(name).join("changelog");
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            write_atomically(&path, b"old").unwrap();
            Change {
                path,
                old: "old".to_owned(),
                new: format!("new {name}"),
            }
        });
        Self {
            directory,
            changes: changes.into(),
        }
    }

    fn root(&self, name: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(name)
    }

    fn roots(&self) -> [PathBuf; 2] {
        ["one", "two"].map(|name| self.root(name))
    }

    fn begin(&self) -> Changes {
        Changes::begin(&self.roots()).unwrap()
    }

    fn texts(&self) -> Vec<String> {
        let read = |change: &Change| read_text(&change.path).unwrap();
        self.changes.iter().map(read).collect()
    }

    #[track_caller]
    fn assert_all(&self, word: &str) {
        let expected = FILES.map(|name| match word {
            "old" => "old".to_owned(),
            _ => format!("new {name}"),
        });
        assert_eq!(self.texts(), expected);
        for root in self.roots() {
            assert!(
                !root.join(WORKSHOP).exists(),
                "nothing is left beside the files"
            );
        }
    }

    /// Leaves the tree as a run leaves it that was killed after so many renames.
    fn killed_after(renames: usize) -> Self {
        let tree = Self::new();
        let changes = tree.begin();
        let workshops = changes.workshops(&tree.changes).unwrap();
        for workshop in workshops.iter().rev() {
            workshop.prepare("3f5c", &tree.roots()).unwrap();
        }
        let left = std::cell::Cell::new(renames);
        for workshop in &workshops {
            let _ = workshop.replace(&|from, to| match left.get() {
                0 => Err(FileError::new(
                    "replace",
                    to,
                    std::io::ErrorKind::Other.into(),
                )),
                more => {
                    left.set(more - 1);
                    rename_file(from, to)
                }
            });
        }
        drop(workshops);
        drop(changes);
        tree
    }
}

#[test]
fn all_files_are_changed_and_nothing_is_left_beside_them() {
    let tree = Tree::new();
    tree.begin().make(&tree.changes).unwrap();
    tree.assert_all("new");
}

#[test]
fn modes_owners_and_links_stay() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let tree = Tree::new();
    let real = tree.root("one").join("real");
    write_atomically(&real, b"old").unwrap();
    // Only root can; for everybody else the file stays their own.
    let _ = std::os::unix::fs::chown(&real, Some(65534), Some(65534));
    let owner = std::fs::metadata(&real).unwrap().uid();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::fs::remove_file(&tree.changes[1].path).unwrap();
    std::os::unix::fs::symlink("../real", &tree.changes[1].path).unwrap();
    tree.begin().make(&tree.changes).unwrap();
    tree.assert_all("new");
    assert!(tree.changes[1].path.is_symlink());
    let mode = std::fs::metadata(&real).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(std::fs::metadata(&real).unwrap().uid(), owner);
}

#[test]
fn a_link_that_leads_out_of_the_roots_is_refused() {
    let tree = Tree::new();
    let outside = tree.directory.path().join("outside");
    write_atomically(&outside, b"old").unwrap();
    std::fs::remove_file(&tree.changes[3].path).unwrap();
    std::os::unix::fs::symlink(&outside, &tree.changes[3].path).unwrap();
    let error = tree.begin().make(&tree.changes).expect_err("a link");
    assert!(matches!(error, ChangeError::Outside(_)), "{error}");
    tree.assert_all("old");
}

#[test]
fn a_file_that_has_changed_since_it_was_read_is_left_alone_with_all_others() {
    let mut tree = Tree::new();
    tree.changes[3].old = "what somebody else replaced".to_owned();
    let error = tree.begin().make(&tree.changes).expect_err("another text");
    assert!(matches!(error, ChangeError::Moved(_)), "{error}");
    tree.assert_all("old");
}

#[test]
fn a_change_that_fails_half_way_is_undone() {
    for renames in 0..4 {
        let tree = Tree::new();
        let left = std::cell::Cell::new(renames);
        let rename = |from: &Path, to: &Path| match left.get() {
            0 => Err(FileError::new(
                "replace",
                to,
                std::io::ErrorKind::CrossesDevices.into(),
            )),
            more => {
                left.set(more - 1);
                rename_file(from, to)
            }
        };
        let error = tree.begin().make_with(&tree.changes, &rename);
        let error = error.expect_err("a rename fails");
        assert!(matches!(error, ChangeError::File(_)), "{error}");
        tree.assert_all("old");
    }
}

#[test]
fn what_a_killed_run_changed_is_undone_by_the_next() {
    for renames in 0..=4 {
        let tree = Tree::killed_after(renames);
        for root in tree.roots() {
            assert!(has_unfinished_changes(&root));
        }
        let changes = tree.begin();
        assert_eq!(changes.undone().len(), renames);
        tree.assert_all("old");
        changes.make(&tree.changes).unwrap();
        tree.assert_all("new");
    }
}

#[test]
fn a_change_in_two_roots_is_undone_through_either() {
    let tree = Tree::killed_after(4);
    drop(Changes::begin(&[tree.root("two")]).unwrap());
    assert_eq!(tree.texts(), ["new one/a", "new one/b", "old", "old"]);
    assert!(has_unfinished_changes(&tree.root("one")));
    drop(Changes::begin(&[tree.root("one")]).unwrap());
    tree.assert_all("old");

    let tree = Tree::killed_after(3);
    drop(Changes::begin(&[tree.root("one")]).unwrap());
    tree.assert_all("old");
}

#[test]
fn a_change_is_done_when_the_journal_of_its_first_root_is_gone() {
    let tree = Tree::killed_after(4);
    std::fs::remove_file(tree.root("one").join(WORKSHOP).join("journal")).unwrap();
    assert!(!has_unfinished_changes(&tree.root("two")));
    assert!(tree.begin().undone().is_empty(), "it was done");
    tree.assert_all("new");
}

#[test]
fn once_the_journal_is_gone_no_fault_undoes_a_part() {
    let tree = Tree::new();
    let workshop = tree.root("one").join(WORKSHOP);
    let last = tree.root("two").join("d/changelog");
    let rename = |from: &Path, to: &Path| {
        rename_file(from, to)?;
        if to == last {
            // What is left of the directory cannot be synced.
            std::fs::remove_dir_all(&workshop).unwrap();
        }
        Ok(())
    };
    tree.begin().make_with(&tree.changes, &rename).unwrap();
    tree.assert_all("new");
    assert!(!has_unfinished_changes(&tree.root("two")));
}

#[test]
fn what_somebody_has_changed_since_a_kill_is_left_alone() {
    let tree = Tree::killed_after(4);
    write_atomically(&tree.changes[1].path, b"mine").unwrap();
    let error = Changes::begin(&tree.roots()).expect_err("an edited file");
    assert!(matches!(error, ChangeError::Edited { .. }), "{error}");
    assert_eq!(tree.texts()[..2], ["new one/a", "mine"]);
}

#[test]
fn a_journal_that_comes_with_a_repository_reaches_nothing_outside() {
    let victim = |tree: &Tree| tree.directory.path().join("victim");
    let forge = |paths: &[&[u8]]| {
        let tree = Tree::new();
        write_atomically(&victim(&tree), b"mine").unwrap();
        let workshop = tree.root("one").join(WORKSHOP);
        std::fs::create_dir(&workshop).unwrap();
        write_atomically(&workshop.join("0.old"), b"theirs").unwrap();
        let (old, new) = (
            crate::oci::Digest::of(b"theirs"),
            crate::oci::Digest::of(b"mine"),
        );
        let mut journal =
            format!("pkg changes 2\0x\x001\0{}\0", tree.root("one").display()).into_bytes();
        for path in paths {
            journal.extend_from_slice(format!("{old}\0{new}\0").as_bytes());
            journal.extend_from_slice(path);
            journal.push(0);
        }
        write_atomically(&workshop.join("journal"), &journal).unwrap();
        tree
    };
    for path in [&b"../victim"[..], b"/etc/hostname", b"a/../../victim"] {
        let tree = forge(&[path]);
        assert!(has_unfinished_changes(&tree.root("one")));
        let error = Changes::begin(&tree.roots()).expect_err("no journal of ours");
        assert!(matches!(error, ChangeError::NoJournal(_)), "{error}");
        assert_eq!(read_text(&victim(&tree)).unwrap(), "mine");
    }
    // Through a link that the repository brings.
    let tree = forge(&[b"link/victim"]);
    std::os::unix::fs::symlink("..", tree.root("one").join("link")).unwrap();
    let error = Changes::begin(&tree.roots()).expect_err("a link");
    assert!(matches!(error, ChangeError::Edited { .. }), "{error}");
    assert_eq!(read_text(&victim(&tree)).unwrap(), "mine");
    // The workshop itself is a link.
    let tree = Tree::new();
    std::os::unix::fs::symlink("../two", tree.root("one").join(WORKSHOP)).unwrap();
    let error = Changes::begin(&tree.roots()).expect_err("a link");
    assert!(matches!(error, ChangeError::NoJournal(_)), "{error}");
}

#[test]
fn two_runs_do_not_change_one_tree_at_once() {
    let tree = Tree::new();
    let first = tree.begin();
    let error = Changes::begin(&tree.roots()).expect_err("the first holds it");
    assert!(matches!(error, ChangeError::Busy(_)), "{error}");
    // One that came through another directory meets the first at the files.
    let inner = Changes::begin(&[tree.root("one/a")]).unwrap();
    let error = first
        .make(&tree.changes)
        .expect_err("the second holds a directory");
    assert!(matches!(error, ChangeError::Busy(_)), "{error}");
    tree.assert_all("old");
    drop(inner);
    first.make(&tree.changes).unwrap();
    tree.assert_all("new");
}
