//! `pkg update`.

#![allow(
    clippy::disallowed_methods,
    reason = "a test lays out files as somebody else would"
)]

use std::fs::File;

use pkg::oci::Digest;
use snapbox::str;

use crate::support::sandbox::Sandbox;

/// A diamond in a catalog whose entries are written by a known author.
fn diamond() -> Sandbox {
    Sandbox::with_settings()
        .diamond()
        .env("DEBFULLNAME", "Ann Example")
        .env("DEBEMAIL", "ann@example.org")
}

fn changelogs(sandbox: &Sandbox) -> Vec<String> {
    let names = ["bottom", "left", "right", "app"];
    let read = |name| sandbox.read(&format!("images/{name}/changelog"));
    names.map(read).into()
}

#[test]
fn an_update_reaches_everything_that_depends_on_the_image() {
    let sandbox = diamond();
    let before = changelogs(&sandbox);
    sandbox
        .pkg(&[
            "update",
            "left",
            "--version",
            "2.1-1",
            "--reason",
            "New upstream",
            "images",
        ])
        .assert_snapshot(str![[r#"
NAME  FROM   TO        CHANGELOG
left  2.0-1  2.1-1     images/left/changelog
app   4.0-1  4.0-1-s1  images/app/changelog
[exit status: 0]
[EOF]

"#]]);
    let after = changelogs(&sandbox);
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
    let left = "left (2.1-1) wikimedia; urgency=high\n\n   New upstream\n\n \
                -- Ann Example <ann@example.org>  Sat, 21 Nov 2026 00:00:00 +0000\n\n";
    assert_eq!(after[1], format!("{left}{}", before[1]));
    let app = "app (4.0-1-s1) wikimedia; urgency=high\n\n   Refresh for update in parent image left:\n   New upstream\n\n \
               -- Ann Example <ann@example.org>  Sat, 21 Nov 2026 00:00:00 +0000\n\n";
    assert_eq!(after[3], format!("{app}{}", before[3]));
    assert_eq!(
        sandbox.files("images/left"),
        ["Dockerfile.template", "changelog"]
    );
    assert!(!sandbox.path().join("images/.pkg-changes").exists());
}

#[test]
fn without_a_version_the_next_rebuild_is_numbered() {
    let sandbox = diamond();
    sandbox.pkg(&["update", "app", "images"]).assert_code(0);
    sandbox
        .pkg(&["update", "app", "images"])
        .assert_snapshot(str![[r#"
NAME  FROM      TO        CHANGELOG
app   4.0-1-s1  4.0-1-s2  images/app/changelog
[exit status: 0]
[EOF]

"#]]);
    let text = sandbox.read("images/app/changelog");
    assert!(text.starts_with("app (4.0-1-s2) wikimedia; urgency=high\n\n   Security update\n\n"));
}

#[test]
fn the_settings_say_distribution_and_suffix() {
    let sandbox = Sandbox::new()
        .file(
            "config.yaml",
            "distribution: stable\nupdate_id: acme\nfallback_author: Nobody\n",
        )
        .diamond();
    sandbox.pkg(&["update", "app", "images"]).assert_code(0);
    let text = sandbox.read("images/app/changelog");
    let (entry, _) = text
        .split_once("\n\napp (4.0-1)")
        .expect("the entry before");
    assert_eq!(
        entry,
        "app (4.0-1-acme1) stable; urgency=high\n\n   Security update\n\n \
         -- Nobody <email@domain>  Sat, 21 Nov 2026 00:00:00 +0000"
    );
}

#[test]
fn git_knows_the_author_where_the_variables_do_not() {
    let sandbox = Sandbox::with_settings().diamond().home_file(
        ".gitconfig",
        "[user]\nname = Git Name\nemail = git@example.org\n",
    );
    sandbox.pkg(&["update", "app", "images"]).assert_code(0);
    let text = sandbox.read("images/app/changelog");
    assert!(
        text.contains("\n -- Git Name <git@example.org>  Sat"),
        "{text}"
    );
}

#[test]
fn an_update_crosses_directories_and_needs_no_declaration() {
    let sandbox = diamond().image(
        "other/tool",
        "tool (1.0-1)",
        "FROM {{ 'left' | image_tag }}\n",
    );
    sandbox
        .pkg(&["update", "left", "-v2.1-1", "images", "other"])
        .assert_snapshot(str![[r#"
NAME  FROM   TO        CHANGELOG
left  2.0-1  2.1-1     images/left/changelog
app   4.0-1  4.0-1-s1  images/app/changelog
tool  1.0-1  1.0-1-s1  other/tool/changelog
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_dry_run_prints_a_patch_and_writes_nothing() {
    let sandbox = diamond();
    let before = changelogs(&sandbox);
    let output = sandbox.pkg(&["update", "right", "--dry-run", "images"]);
    output.assert_snapshot(str![[r#"
--- images/right/changelog
+++ images/right/changelog
@@ -1,3 +1,9 @@
+right (3.0-1-s1) wikimedia; urgency=high
+
+   Security update
+
+ -- Ann Example <ann@example.org>  Sat, 21 Nov 2026 00:00:00 +0000
+
 right (3.0-1) wikimedia; urgency=high
 
   * Change.
--- images/app/changelog
+++ images/app/changelog
@@ -1,3 +1,10 @@
+app (4.0-1-s1) wikimedia; urgency=high
+
+   Refresh for update in parent image right:
+   Security update
+
+ -- Ann Example <ann@example.org>  Sat, 21 Nov 2026 00:00:00 +0000
+
 app (4.0-1) wikimedia; urgency=high
 
   * Change.
[exit status: 0]
[EOF]

"#]]);
    assert_eq!(changelogs(&sandbox), before);
    let sandbox = sandbox.file("patch", &output.stdout);
    sandbox
        .run("git", &["apply", "-p0", "patch"])
        .assert_code(0);
    let patched = changelogs(&sandbox);
    assert_ne!(patched, before);
    let other = diamond();
    other.pkg(&["update", "right", "images"]).assert_code(0);
    assert_eq!(changelogs(&other), patched);
}

#[test]
fn what_changes_as_json() {
    diamond()
        .pkg(&["update", "right", "--dry-run", "--json", "images"])
        .assert_snapshot(str![[r#"
{
  "version": 1,
  "updates": [
    {
      "name": "right",
      "from": "3.0-1",
      "to": "3.0-1-s1",
      "changelog": "images/right/changelog"
    },
    {
      "name": "app",
      "from": "4.0-1",
      "to": "4.0-1-s1",
      "changelog": "images/app/changelog"
    }
  ]
}
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_version_that_is_not_higher() {
    let sandbox = diamond();
    let before = changelogs(&sandbox);
    sandbox
        .pkg(&["update", "left", "-v", "2.0-1", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: version `2.0-1` of `left` does not sort after `2.0-1`, which is there
  --> images/left/changelog:1
hint: `--force` takes it all the same
[exit status: 2]
[EOF]

"#]]);
    assert_eq!(changelogs(&sandbox), before);
    sandbox
        .pkg(&["update", "left", "-v", "1.9-1", "--force", "images"])
        .assert_code(0);
    assert!(
        sandbox
            .read("images/left/changelog")
            .starts_with("left (1.9-1) ")
    );
}

#[test]
fn the_next_version_after_a_dated_rebuild() {
    let sandbox = diamond().image("images/left", "left (2.0-1-20261120)", "FROM scratch\n");
    sandbox
        .pkg(&["update", "left", "-v", "2.0-2", "images"])
        .assert_code(0);
    sandbox
        .pkg(&["update", "left", "-v", "2.0-1-20261121", "images"])
        .assert_code(2);
}

#[test]
fn versions_that_cannot_be() {
    let sandbox = diamond();
    let before = changelogs(&sandbox);
    sandbox
        .pkg(&["update", "left", "-v", "1:2.0-2", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: version `1:2.0-2` cannot be a tag: it holds `:`
hint: a version becomes a tag: leave out the epoch, the number before the `:`
[exit status: 2]
[EOF]

"#]]);
    sandbox
        .pkg(&["update", "left", "-v", "2_0", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: invalid value '2_0' for '--version <VERSION>': `2_0` is no version: it holds `_`, and the upstream part has only letters, digits and .+-:~

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
    let sandbox = sandbox.file("config.yaml", "update_id: s_\n");
    sandbox
        .pkg(&["update", "left", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `update_id` gives no version behind `2.0-1`: `2.0-1-s_1` is no version: it holds `_`, and the revision has only letters, digits and .+~
hint: set `update_id` to letters, as in `update_id: s`
[exit status: 1]
[EOF]

"#]]);
    assert_eq!(changelogs(&sandbox), before);
}

#[test]
fn names_that_are_none_here() {
    let sandbox = diamond().file("config.yaml", "base_images: [elsewhere:12]\n");
    sandbox
        .pkg(&["update", "lefd", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: no directory provides an image named `lefd`
hint: the closest name is `left`
[exit status: 2]
[EOF]

"#]]);
    sandbox
        .pkg(&["update", "*ft", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `*ft` is a pattern, and one name is needed
hint: `--glob` takes patterns of names
[exit status: 2]
[EOF]

"#]]);
    sandbox
        .pkg(&["update", "elsewhere", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `elsewhere` is an image from elsewhere and has no changelog here
hint: name an image of these directories that is built on it
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn a_reason_that_says_nothing() {
    diamond()
        .pkg(&["update", "left", "--reason", " \n", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: a reason is needed
hint: `--reason 'New upstream version'`
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn a_reason_that_no_changelog_can_hold() {
    let sandbox = diamond();
    let before = changelogs(&sandbox);
    sandbox
        .pkg(&["update", "left", "--reason", "a\u{1b}[2Jb", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: the reason holds `\u{1b}`, which cannot stand in a changelog
hint: `--reason 'New upstream version'`
[exit status: 2]
[EOF]

"#]]);
    assert_eq!(changelogs(&sandbox), before);
}

#[test]
fn what_a_killed_run_left_stops_every_other_command_and_is_undone_by_the_next_update() {
    let sandbox = diamond();
    let before = changelogs(&sandbox);
    // The first of two files was changed already.
    let half = "left (9) half; urgency=low\n";
    let mut journal = "pkg changes 3\0id\x000\x001\0.\0".to_owned();
    for (name, old, new) in [("left", &before[1], half), ("app", &before[3], "app (9)")] {
        let digest = |text: &str| Digest::of(text.as_bytes());
        journal.extend([digest(old), digest(new)].map(|digest| format!("{digest}\0")));
        journal.push_str(&format!("{name}/changelog\0").repeat(2));
    }
    let sandbox = sandbox
        .file("images/.pkg-changes/0.old", &before[1])
        .file("images/.pkg-changes/1.old", &before[3])
        .file("images/.pkg-changes/1.new", "app (9)")
        .file("images/.pkg-changes/.git", "pkg changes id\n")
        .file("images/.pkg-changes/journal", &journal)
        .file("images/left/changelog", half);
    for directory in ["images", ".", "images/right"] {
        let output = sandbox.pkg(&["list", "--offline", directory]);
        output.assert_code(1);
        assert!(
            output.stderr.contains("are being changed"),
            "{}",
            output.stderr
        );
    }
    sandbox.pkg(&["log", "images"]).assert_code(1);
    sandbox
        .pkg(&["list", "--offline", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: changelogs below images are being changed, or a run was killed while it changed them
hint: when no other run is at work, the next `pkg update` of this directory begins with undoing what is half done
[exit status: 1]
[EOF]

"#]]);
    sandbox
        .pkg(&["update", "right", "images"])
        .assert_snapshot(str![[r#"
NAME   FROM   TO        CHANGELOG
right  3.0-1  3.0-1-s1  images/right/changelog
app    4.0-1  4.0-1-s1  images/app/changelog
------- stderr -------
undone: what a run that was killed had changed (1 changelogs)
[exit status: 0]
[EOF]

"#]]);
    let after = changelogs(&sandbox);
    assert_eq!(after[..2], before[..2]);
    assert!(after[3].ends_with(&before[3]), "{}", after[3]);
    assert!(!sandbox.path().join("images/.pkg-changes").exists());
}

#[test]
fn a_change_that_comes_with_a_repository_is_not_undone() {
    let sandbox = diamond();
    let git = |words: &[&str]| sandbox.run("git", words).assert_code(0).stdout.clone();
    let theirs = "left (9) theirs; urgency=low\n";
    let digest = |text: &str| Digest::of(text.as_bytes());
    let (old, new) = (
        digest(theirs),
        digest(&sandbox.read("images/left/changelog")),
    );
    let journal =
        format!("pkg changes 3\0id\x000\x001\0.\0{old}\0{new}\0left/changelog\0left/changelog\0");
    let workshop = sandbox.path().join("images/.pkg-changes");
    std::fs::create_dir(&workshop).expect("a workshop");
    for (name, text) in [
        ("journal", journal.as_str()),
        ("0.old", theirs),
        (".git", "pkg changes id\n"),
    ] {
        std::fs::write(workshop.join(name), text).expect("a file");
    }
    git(&["init", "--quiet"]);
    git(&["add", "--all", "--force"]);
    let name = "user.name=Ann Example";
    git(&[
        "-c",
        name,
        "-c",
        "user.email=ann@example.org",
        "commit",
        "--quiet",
        "-m",
        "x",
    ]);
    git(&["clone", "--quiet", ".", "clone"]);
    let before = sandbox.read("clone/images/left/changelog");
    sandbox
        .pkg(&["update", "right", "clone/images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: what is under way in $SANDBOX/clone/images/.pkg-changes was not begun on this machine
hint: it came with the repository or with a copy: look at the changelogs (`git diff`), and remove $SANDBOX/clone/images/.pkg-changes once they are as you want them
[exit status: 1]
[EOF]

"#]]);
    assert_eq!(sandbox.read("clone/images/left/changelog"), before);
}

#[test]
fn what_somebody_has_changed_since_a_kill_is_named_with_what_it_held() {
    let sandbox = diamond();
    let before = changelogs(&sandbox);
    let mut journal = "pkg changes 3\0id\x000\x001\0.\0".to_owned();
    for (name, old, new) in [("left", &before[1], "half"), ("app", &before[3], "app (9)")] {
        let digest = |text: &str| Digest::of(text.as_bytes());
        journal.extend([digest(old), digest(new)].map(|digest| format!("{digest}\0")));
        journal.push_str(&format!("{name}/changelog\0").repeat(2));
    }
    let mine = format!("left (9) mine; urgency=low\n\n{}", before[1]);
    let sandbox = sandbox
        .file("images/.pkg-changes/0.old", &before[1])
        .file("images/.pkg-changes/1.old", &before[3])
        .file("images/.pkg-changes/.git", "pkg changes id\n")
        .file("images/.pkg-changes/journal", &journal)
        .file("images/left/changelog", &mine)
        .file("images/app/changelog", "app (9)");
    sandbox
        .pkg(&["update", "right", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: a run was killed while it changed $SANDBOX/images/left/changelog, which somebody else has changed since; the rest is as before
hint: what $SANDBOX/images/left/changelog held before is $SANDBOX/images/.pkg-changes/0.old
hint: remove $SANDBOX/images/.pkg-changes once what was changed there is as you want it
[exit status: 1]
[EOF]

"#]]);
    assert_eq!(changelogs(&sandbox)[3], before[3]);
    sandbox.pkg(&["list", "--offline", "images"]).assert_code(1);
}

#[test]
fn two_updates_at_once() {
    let sandbox = diamond();
    let held = File::open(sandbox.path().join("images")).expect("a directory");
    held.try_lock().expect("nobody holds it");
    let output = sandbox.pkg(&["update", "right", "images"]);
    output.assert_code(4);
    let who = format!(", process {} on ", std::process::id());
    let told = "error: another run is at work in images: `cli-";
    assert!(output.stderr.starts_with(told), "{}", output.stderr);
    assert!(output.stderr.contains(&who), "{}", output.stderr);
    let hint = "\nhint: wait for it, `--wait 2h` does so for you\n";
    assert!(output.stderr.ends_with(hint), "{}", output.stderr);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_secs(3));
            drop(held);
        });
        let output = sandbox.pkg(&["update", "--wait", "50s", "right", "images"]);
        output.assert_code(0);
        let told = "waiting: another run is at work in images: `cli-";
        assert!(output.stderr.starts_with(told), "{}", output.stderr);
    });
}

#[test]
fn a_catalog_with_a_fault_is_not_touched() {
    let sandbox = diamond().image("images/broken", "broken (1)", "FROM {{ nothing }}\n");
    let before = changelogs(&sandbox);
    sandbox.pkg(&["update", "right", "images"]).assert_code(1);
    assert_eq!(changelogs(&sandbox), before);
}

#[test]
fn a_part_of_the_version_goes_up() {
    let sandbox = diamond();
    for (part, version) in [
        ("debian", "left (2.0-2) "),
        ("patch", "left (2.0.1-1) "),
        ("minor", "left (2.1.0-1) "),
        ("major", "left (3.0.0-1) "),
    ] {
        sandbox
            .pkg(&["update", "left", "--bump", part, "images"])
            .assert_code(0);
        let text = sandbox.read("images/left/changelog");
        assert!(text.starts_with(version), "{part}: {text}");
    }
    sandbox
        .image("images/odd", "odd (2.1.2rocm5.6-3)", "FROM scratch\n")
        .pkg(&["update", "odd", "--bump", "minor", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: the version of `odd` cannot go up by itself: `2.1.2rocm5.6` is not one to three numbers without leading zeros, and only of such is one raised by its name
  --> images/odd/changelog:1
hint: name one with `--version`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_name_between_commas_is_needed() {
    diamond()
        .pkg(&["update", "left,", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: a name is empty: `left,`
hint: names of images stand with one comma between them: `nginx,redis`
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn the_number_at_the_end_goes_up_once_a_date_behind_it_is_gone() {
    for (old, new) in [
        ("1.2-3", "1.2-4"),
        ("1.2-3-20261121", "1.2-4"),
        ("1.2-3-20261121.1", "1.2-4"),
        ("1.2-3-s1", "1.2-3-s2"),
        ("2023.07.17.00-2-20260816", "2023.07.17.00-3"),
    ] {
        let sandbox = diamond().changelog("images/app", &format!("app ({old})"));
        sandbox
            .pkg(&["update", "app", "--bump=debian", "images"])
            .assert_code(0);
        let text = sandbox.read("images/app/changelog");
        assert!(text.starts_with(&format!("app ({new}) ")), "{old}: {text}");
    }
}

#[test]
fn several_images_at_once() {
    let sandbox = diamond();
    sandbox
        .pkg(&[
            "update",
            "left,right",
            "--bump=debian",
            "--reason=For both.",
            "images",
        ])
        .assert_snapshot(str![[r#"
NAME   FROM   TO        CHANGELOG
left   2.0-1  2.0-2     images/left/changelog
right  3.0-1  3.0-2     images/right/changelog
app    4.0-1  4.0-1-s1  images/app/changelog
[exit status: 0]
[EOF]

"#]]);
    let text = sandbox.read("images/app/changelog");
    let reason = "\n   Refresh for update in parent image left, right:\n   For both.\n";
    assert!(text.contains(reason), "{text}");
    sandbox
        .pkg(&["update", "*ght", "--glob", "--dry-run", "--json", "images"])
        .assert_snapshot(str![[r#"
{
  "version": 1,
  "updates": [
    {
      "name": "right",
      "from": "3.0-2",
      "to": "3.0-2-s1",
      "changelog": "images/right/changelog"
    },
    {
      "name": "app",
      "from": "4.0-1-s1",
      "to": "4.0-1-s2",
      "changelog": "images/app/changelog"
    }
  ]
}
[exit status: 0]
[EOF]

"#]]);
    sandbox
        .pkg(&["update", "php*", "--glob", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: no image is named like `php*`
hint: `pkg list --offline DIR` shows the names
[exit status: 2]
[EOF]

"#]]);
}
