use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

use super::*;
use crate::host::fs::{read_text, write_atomically};
use crate::oci::Digest;

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
                old: Some("old".to_owned()),
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

    fn workshop(&self, name: &str) -> PathBuf {
        self.root(name).join(WORKSHOP)
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
        Self::new().kill_after(renames)
    }

    fn kill_after(self, renames: usize) -> Self {
        let tree = self;
        let changes = tree.begin();
        let workshops = changes.workshops(&tree.changes).unwrap();
        let roots: Vec<_> = workshops.iter().map(|it| it.root().to_owned()).collect();
        for workshop in &workshops {
            workshop.prepare("3f5c", &roots).unwrap();
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
fn a_lock_that_was_not_there_is_made_with_the_rest_or_not_at_all() {
    let with_lock = || {
        let mut tree = Tree::new();
        let path = tree.directory.path().join("one/a/image.lock.json");
        let (old, new) = (None, "lock".to_owned());
        tree.changes.insert(1, Change { path, old, new });
        tree
    };
    let is_there = |tree: &Tree| tree.changes[1].path.exists();
    let tree = with_lock();
    tree.begin().make(&tree.changes).unwrap();
    assert_eq!(read_text(&tree.changes[1].path).unwrap(), "lock");
    assert!(!tree.workshop("one").exists());
    // There it is now, and nobody has seen it before.
    let error = tree.begin().make(&tree.changes[1..2]).expect_err("a file");
    assert!(matches!(error, ChangeError::Moved(_)), "{error}");
    for renames in 0..=5 {
        let mut tree = with_lock().kill_after(renames);
        assert_eq!(is_there(&tree), renames > 1, "{renames}");
        drop(tree.begin());
        assert!(!is_there(&tree), "{renames}");
        tree.changes.remove(1);
        tree.assert_all("old");
    }
    let failing = |from: &Path, to: &Path| {
        if to.ends_with("two/d/changelog") {
            let fault = std::io::ErrorKind::Other.into();
            return Err(FileError::new("replace", to, fault));
        }
        rename_file(from, to)
    };
    let mut tree = with_lock();
    let made = tree.begin().make_with(&tree.changes, &failing);
    made.expect_err("a fault");
    assert!(!is_there(&tree));
    tree.changes.remove(1);
    tree.assert_all("old");
    // Somebody else's lock in its place stays.
    let tree = with_lock().kill_after(5);
    write_atomically(&tree.changes[1].path, b"mine").unwrap();
    let error = Changes::begin(&tree.roots()).expect_err("an edited file");
    assert!(matches!(error, ChangeError::Edited(_)), "{error}");
    assert_eq!(read_text(&tree.changes[1].path).unwrap(), "mine");
}

#[test]
fn modes_and_links_stay() {
    let tree = Tree::new();
    let real = tree.root("one").join("real");
    write_atomically(&real, b"old").unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::fs::remove_file(&tree.changes[1].path).unwrap();
    symlink("../real", &tree.changes[1].path).unwrap();
    tree.begin().make(&tree.changes).unwrap();
    tree.assert_all("new");
    assert!(tree.changes[1].path.is_symlink());
    let mode = std::fs::metadata(&real).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn a_link_that_leads_out_of_the_roots_is_refused() {
    let tree = Tree::new();
    let outside = tree.directory.path().join("outside");
    write_atomically(&outside, b"old").unwrap();
    std::fs::remove_file(&tree.changes[3].path).unwrap();
    symlink(&outside, &tree.changes[3].path).unwrap();
    let error = tree.begin().make(&tree.changes).expect_err("a link");
    assert!(matches!(error, ChangeError::Outside(_)), "{error}");
    tree.assert_all("old");
}

#[test]
fn a_file_that_has_changed_since_it_was_read_is_left_alone_with_all_others() {
    let mut tree = Tree::new();
    tree.changes[3].old = Some("what somebody else replaced".to_owned());
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
fn a_change_is_done_when_the_journal_of_its_first_root_says_so() {
    let tree = Tree::killed_after(4);
    let workshop = tree.workshop("one");
    rename_file(&workshop.join("journal"), &workshop.join("done")).unwrap();
    for root in tree.roots() {
        assert!(!has_unfinished_changes(&root));
    }
    let first = Changes::begin(&[tree.root("one")]).unwrap();
    assert!(first.undone().is_empty(), "it was done");
    tree.assert_all("new");
}

#[test]
fn once_the_journal_is_gone_no_fault_undoes_a_part() {
    let tree = Tree::new();
    let workshop = tree.workshop("one");
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
fn a_file_that_somebody_has_changed_since_a_kill_is_left_alone_and_all_others_are_put_back() {
    for (edited, name) in [(1, "one"), (3, "two")] {
        let tree = Tree::killed_after(4);
        write_atomically(&tree.changes[edited].path, b"mine").unwrap();
        let error = Changes::begin(&tree.roots()).expect_err("an edited file");
        let ChangeError::Edited(files) = &error else {
            panic!("{error}")
        };
        let old = files[0].old.as_ref().expect("what it held");
        assert_eq!(read_text(old).unwrap(), "old");
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].workshop, tree.workshop(name));
        let expected = [0, 1, 2, 3].map(|file| if file == edited { "mine" } else { "old" });
        assert_eq!(tree.texts(), expected);
        // Nobody takes it for done, until the file is as its owner wants it.
        assert!(has_unfinished_changes(&tree.root("one")));
        Changes::begin(&tree.roots()).expect_err("it is still edited");
        std::fs::remove_dir_all(&files[0].workshop).unwrap();
        drop(tree.begin());
        assert_eq!(tree.texts(), expected);
        assert!(!has_unfinished_changes(&tree.root("one")));
    }
}

#[test]
fn a_file_whose_old_text_is_lost_is_named_and_all_others_are_put_back() {
    let tree = Tree::killed_after(4);
    std::fs::remove_file(tree.workshop("one").join("0.old")).unwrap();
    std::fs::remove_dir_all(tree.changes[2].path.parent().unwrap()).unwrap();
    let error = Changes::begin(&tree.roots()).expect_err("two files");
    let ChangeError::Edited(files) = &error else {
        panic!("{error}")
    };
    let is_kept: Vec<bool> = files.iter().map(|file| file.old.is_some()).collect();
    assert_eq!(is_kept, [true, false], "{error}");
    let texts = [0, 1, 3].map(|file| read_text(&tree.changes[file].path).unwrap());
    assert_eq!(texts, ["new one/a", "old", "old"]);
}

#[test]
fn a_change_that_was_killed_is_noticed_and_undone_wherever_the_tree_is() {
    for renames in 1..=4 {
        let mut tree = Tree::killed_after(renames);
        let elsewhere = tree.directory.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        for name in ["one", "two"] {
            let from = tree.directory.path().join(name);
            rename_directory(&from, &elsewhere.join(name)).unwrap();
        }
        for (change, name) in tree.changes.iter_mut().zip(FILES) {
            change.path = elsewhere.join(name).join("changelog");
        }
        let roots = ["one", "two"].map(|name| elsewhere.join(name));
        for root in &roots {
            assert!(has_unfinished_changes(root));
        }
        assert_eq!(Changes::begin(&roots).unwrap().undone().len(), renames);
        assert_eq!(tree.texts(), ["old"; 4]);
    }
}

#[test]
fn without_its_first_root_nobody_takes_a_change_for_done_or_undoes_it() {
    let tree = Tree::killed_after(3);
    let (one, away) = (tree.root("one"), tree.root("away"));
    rename_directory(&one, &away).unwrap();
    for mount_point in [false, true] {
        if mount_point {
            std::fs::create_dir(&one).unwrap();
        }
        assert!(has_unfinished_changes(&tree.root("two")));
        let error = Changes::begin(&[tree.root("two")]).expect_err("nobody knows");
        assert!(matches!(error, ChangeError::Severed { .. }), "{error}");
        assert!(tree.workshop("two").join("0.old").exists());
    }
    std::fs::remove_dir(&one).unwrap();
    rename_directory(&away, &one).unwrap();
    assert_eq!(tree.begin().undone().len(), 3);
    tree.assert_all("old");
}

/// A tree with a journal as an attacker may write it: `theirs` is to be put into the place of `mine`.
fn forge(path: &str, is_sealed: bool) -> Tree {
    let tree = Tree::new();
    for victim in ["victim", "one/.git/config", "one/a/control"] {
        let victim = tree.directory.path().join(victim);
        std::fs::create_dir_all(victim.parent().unwrap()).unwrap();
        write_atomically(&victim, b"mine").unwrap();
    }
    let workshop = tree.workshop("one");
    std::fs::create_dir(&workshop).unwrap();
    write_atomically(&workshop.join("0.old"), b"theirs").unwrap();
    let [old, new] = [&b"theirs"[..], b"mine"].map(Digest::of);
    let journal = format!("pkg changes 3\0x\x000\x001\0.\0{old}\0{new}\0{path}\0{path}\0");
    write_atomically(&workshop.join("journal"), journal.as_bytes()).unwrap();
    if is_sealed {
        write_atomically(&workshop.join(".git"), b"pkg changes x\n").unwrap();
    }
    tree
}

#[track_caller]
fn assert_untouched(tree: &Tree) {
    for victim in ["victim", "one/.git/config", "one/a/control"] {
        let text = read_text(&tree.directory.path().join(victim)).unwrap();
        assert_eq!(text, "mine", "{victim}");
    }
}

#[test]
fn a_journal_that_comes_with_a_repository_is_refused_whatever_it_names() {
    let tree = forge("a/control", false);
    assert!(has_unfinished_changes(&tree.root("one")));
    let error = Changes::begin(&tree.roots()).expect_err("not begun here");
    assert!(matches!(error, ChangeError::Foreign(_)), "{error}");
    assert_untouched(&tree);
    // The seal of a submodule is git's own.
    write_atomically(&tree.workshop("one").join(".git"), b"gitdir: ../../x\n").unwrap();
    let error = Changes::begin(&tree.roots()).expect_err("not begun here");
    assert!(matches!(error, ChangeError::Foreign(_)), "{error}");
    assert_untouched(&tree);
    // As a run of this machine would have left it, it is believed.
    assert_eq!(forge("a/control", true).begin().undone().len(), 1);
}

#[test]
fn a_journal_reaches_no_file_but_those_of_images() {
    for path in [
        "../victim",
        "/etc/hostname",
        "a/../../victim",
        ".git/config",
        ".GIT/config",
        "a/Makefile",
        ".pkg-changes/control",
    ] {
        let tree = forge(path, true);
        assert!(has_unfinished_changes(&tree.root("one")));
        let error = Changes::begin(&tree.roots()).expect_err("no journal of ours");
        assert!(matches!(error, ChangeError::NoJournal(_)), "{error}");
        assert_untouched(&tree);
    }
    // Through links that the repository brings.
    for (link, target) in [("link", "../one/a"), ("b/control", "../a/control")] {
        let path = if link == "link" { "link/control" } else { link };
        let tree = forge(path, true);
        symlink(target, tree.root("one").join(link)).unwrap();
        let error = Changes::begin(&tree.roots()).expect_err("a link");
        assert!(matches!(error, ChangeError::Edited(_)), "{error}");
        assert_untouched(&tree);
    }
    // The workshop itself is a link.
    let tree = Tree::new();
    symlink("../two", tree.workshop("one")).unwrap();
    let error = Changes::begin(&tree.roots()).expect_err("a link");
    assert!(matches!(error, ChangeError::NoJournal(_)), "{error}");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "git is asked while nothing else runs"
)]
fn git_neither_shows_nor_adds_what_is_under_way() {
    let tree = Tree::new();
    let git = |words: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.arg("-C").arg(tree.directory.path()).args(words);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    let files = git(&["ls-files"]);
    let changes = tree.begin();
    let rename = |from: &Path, to: &Path| {
        assert_eq!(git(&["status", "--porcelain"]).matches('?').count(), 0);
        git(&["add", "--all"]);
        assert_eq!(git(&["ls-files"]), files);
        let seal = from.with_file_name(".git");
        let seal = seal.strip_prefix(tree.directory.path().canonicalize().unwrap());
        let mut forced = std::process::Command::new("git");
        forced.arg("-C").arg(tree.directory.path());
        forced.args(["add", "--force"]).arg(seal.unwrap());
        let _ = forced.output().unwrap();
        assert_eq!(git(&["ls-files"]), files, "git takes no seal");
        rename_file(from, to)
    };
    changes.make_with(&tree.changes, &rename).unwrap();
    tree.assert_all("new");
}

/// Gives a user and a group to which the process may give a file, others than its own where there are any.
fn somebody() -> (u32, u32) {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    if user.is_root() {
        return (65534, 60);
    }
    let groups = rustix::process::getgroups().unwrap();
    let other = groups.into_iter().find(|one| *one != group);
    (user.as_raw(), other.unwrap_or(group).as_raw())
}

#[test]
fn owner_and_group_stay() {
    let tree = Tree::new();
    let path = &tree.changes[0].path;
    let (user, group) = somebody();
    chown(path, Some(user), Some(group)).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o664)).unwrap();
    let looks = || {
        let file = std::fs::metadata(path).unwrap();
        (file.uid(), file.gid(), file.mode() & 0o7777)
    };
    tree.begin().make(&tree.changes).unwrap();
    assert_eq!(looks(), (user, group, 0o664));
    write_atomically(path, b"mine").unwrap();
    assert_eq!(looks(), (user, group, 0o664));
}

#[test]
fn whoever_may_change_files_of_a_root_may_clear_up_after_others() {
    let tree = Tree::new();
    let (_, group) = somebody();
    for root in tree.roots() {
        chown(&root, None, Some(group)).unwrap();
        std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o770)).unwrap();
    }
    let rename = |from: &Path, to: &Path| {
        let workshop = from.parent().unwrap();
        let there = std::fs::metadata(workshop).unwrap();
        assert_eq!((there.gid(), there.mode() & 0o7777), (group, 0o770));
        let journal = std::fs::metadata(workshop.join("journal")).unwrap();
        assert_eq!((journal.gid(), journal.mode() & 0o777), (group, 0o660));
        rename_file(from, to)
    };
    tree.begin().make_with(&tree.changes, &rename).unwrap();
    tree.assert_all("new");
}

#[test]
fn two_names_of_one_file_are_not_given_two_texts() {
    let mut tree = Tree::new();
    std::fs::remove_file(&tree.changes[1].path).unwrap();
    symlink("../a/changelog", &tree.changes[1].path).unwrap();
    let error = tree.begin().make(&tree.changes).expect_err("one file");
    assert!(matches!(error, ChangeError::Twice(_)), "{error}");
    tree.assert_all("old");
    tree.changes[1].new = tree.changes[0].new.clone();
    tree.begin().make(&tree.changes).unwrap();
    assert_eq!(read_text(&tree.changes[1].path).unwrap(), "new one/a");
}

#[test]
fn a_new_directory_is_whole_or_not_there_and_what_a_kill_leaves_of_it_is_swept() {
    let tree = Tree::new();
    let directory = tree.root("one").join("services/web");
    let changes = tree.begin();
    let fill = |beside: &Path| {
        assert!(
            beside.starts_with(tree.workshop("one")),
            "nobody looks there"
        );
        write_atomically(&beside.join("changelog"), b"web (1)")
    };
    let fail = |beside: &Path| {
        fill(beside)?;
        Err(FileError::new(
            "write",
            beside,
            std::io::ErrorKind::StorageFull.into(),
        ))
    };
    changes
        .make_directory(&directory, fail)
        .expect_err("it cannot be filled");
    assert!(!directory.exists());
    tree.assert_all("old");
    changes.make_directory(&directory, fill).unwrap();
    assert_eq!(read_text(&directory.join("changelog")).unwrap(), "web (1)");
    tree.assert_all("old");
    let error = changes.make_directory(tree.directory.path().join("web").as_path(), fill);
    assert!(matches!(error, Err(ChangeError::Outside(_))), "{error:?}");
    drop(changes);
    let killed = workshop::open(&tree.root("one")).unwrap().join("new");
    std::fs::create_dir(&killed).unwrap();
    write_atomically(&killed.join("changelog"), b"web (1)").unwrap();
    assert!(!has_unfinished_changes(&tree.root("one")));
    drop(tree.begin());
    tree.assert_all("old");
}

#[test]
fn two_runs_do_not_change_one_tree_at_once() {
    let tree = Tree::new();
    let first = tree.begin();
    let error = Changes::begin(&tree.roots()).expect_err("the first holds it");
    assert!(matches!(error, ChangeError::Busy(_)), "{error}");
    // One that comes through a directory within, around, or by a link, meets the first as well.
    symlink("one", tree.root("link")).unwrap();
    for other in ["one/a", ".", "link", "link/b"] {
        let error = Changes::begin(&[tree.root(other)]).expect_err("the first holds it");
        assert!(matches!(error, ChangeError::Busy(_)), "{other}: {error}");
    }
    tree.assert_all("old");
    first.make(&tree.changes).unwrap();
    tree.assert_all("new");
    drop(first);
    Changes::begin(&[tree.root("one/a")]).expect("it is free");
}
