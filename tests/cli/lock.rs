//! `pkg lock`, as far as it asks nobody; `tests/archive` makes locks.

use pkg::lock::checksum_of;
use snapbox::str;

use crate::support::sandbox::Sandbox;

const DECLARATION: &str = "suite: bookworm\ncontents: {packages: [tzdata]}\n";

/// A lock of this declaration.
fn lock_of(declaration: &str) -> String {
    let hash = "d0a0325a97c42fd5f66a8c3e29bcea64b9d5cd6a3c39a2ef3a22be8c4f3b7d9a";
    let lock = serde_json::json!({
        "version": "debian-1",
        "config": {"name": "image.yaml", "checksum": checksum_of(&[declaration.to_owned()])},
        "contents": {
            "architecture": "amd64",
            "archives": [{
                "suite": "bookworm",
                "components": ["main"],
                "release": hash,
                "date": "2026-11-15T10:38:02Z",
            }],
            "packages": [{
                "name": "tzdata",
                "version": "2026b-0+deb12u1",
                "architecture": "all",
                "path": "pool/main/t/tzdata/tzdata_2026b-0+deb12u1_all.deb",
                "size": 298_000,
                "sha256": hash,
                "archive": "bookworm",
            }],
        },
    });
    serde_json::to_string_pretty(&lock).expect("JSON") + "\n"
}

/// Images in all states that a lock can have, and two without packages.
fn catalog() -> Sandbox {
    let mut sandbox = Sandbox::with_settings();
    for name in ["fresh", "missing", "stale", "unreadable"] {
        sandbox = sandbox
            .changelog(&format!("images/{name}"), &format!("{name} (1.0-1)"))
            .file(&format!("images/{name}/image.yaml"), DECLARATION);
    }
    let lock = lock_of(DECLARATION);
    sandbox
        .file("images/fresh/image.lock.json", &lock)
        .file("images/stale/image.lock.json", &lock_of("suite: trixie\n"))
        .file(
            "images/unreadable/image.lock.json",
            &lock.replace("\"size\": 298000", "\"size\": \"298000\""),
        )
        .changelog("images/files", "files (1.0-1)")
        .file(
            "images/files/image.yaml",
            "paths: [{path: /a, type: directory}]\n",
        )
        .image("images/template", "template (1.0-1)", "FROM scratch\n")
}

#[test]
fn a_check_tells_every_lock_that_is_not_that_of_its_declaration() {
    let sandbox = catalog();
    let before = sandbox.files("images");
    sandbox
        .pkg(&["lock", "--check", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `missing` has no lock
  --> images/missing/image.yaml
hint: `pkg lock images missing` makes it
error: the lock of `stale` was made from another declaration
  --> images/stale/image.lock.json
hint: `pkg lock images stale` makes it
error: the lock of `unreadable` cannot be read: it is no lock: invalid type: string "298000", expected u64
  --> images/unreadable/image.lock.json:25
hint: `pkg lock images unreadable` makes it
[exit status: 3]
[EOF]

"#]]);
    assert_eq!(sandbox.files("images"), before);
    sandbox
        .pkg(&["lock", "--check", "images", "fresh"])
        .assert_snapshot(str![[r#"
------- stderr -------
the lock is up to date
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_check_gives_the_states_as_json() {
    catalog()
        .pkg(&["lock", "--check", "--json", "images"])
        .assert_snapshot(str![[r#"
{
  "version": 1,
  "images": [
    {
      "name": "fresh",
      "lock": "images/fresh/image.lock.json",
      "state": "fresh"
    },
    {
      "name": "missing",
      "lock": "images/missing/image.lock.json",
      "state": "missing"
    },
    {
      "name": "stale",
      "lock": "images/stale/image.lock.json",
      "state": "stale"
    },
    {
      "name": "unreadable",
      "lock": "images/unreadable/image.lock.json",
      "state": "unreadable"
    }
  ]
}
[exit status: 3]
[EOF]

"#]]);
}

#[test]
fn a_name_has_to_be_that_of_an_image_of_packages() {
    let sandbox = catalog();
    sandbox
        .pkg(&["lock", "--check", "images", "stales"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: no directory provides an image named `stales`
hint: the closest name is `stale`
[exit status: 2]
[EOF]

"#]]);
    sandbox
        .pkg(&["lock", "--check", "images", "files"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `files` is not made of packages that a lock can pin
hint: a lock is for what an `image.yaml` lists in `contents.packages`, without `bootstrap`
[exit status: 2]
[EOF]

"#]]);
    // A directory in one that is given is the name of its image, and one that is in both places may be either.
    let inside = sandbox.path().join("images");
    let in_images = |words: &[&str]| {
        let mut command = sandbox.command(env!("CARGO_BIN_EXE_pkg"));
        let all = [&["-c", "../config.yaml", "lock", "--check"], words].concat();
        let output = command.args(all).current_dir(&inside).output();
        let output = output.expect("the program");
        let talk = String::from_utf8(output.stdout).expect("text");
        let told = String::from_utf8(output.stderr).expect("text");
        (output.status.code(), talk + &told)
    };
    let (code, told) = in_images(&[".", "fresh"]);
    assert_eq!(code, Some(0), "{told}");
    std::fs::create_dir_all(inside.join("more/fresh")).expect("a directory");
    let (code, told) = in_images(&["more", "fresh"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("`fresh` is a directory here, and one in more"),
        "{told}"
    );
    // A directory that is not there is no name.
    sandbox
        .pkg(&["lock", "--check", "stales"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: there is no such directory: stales
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn where_nothing_is_made_of_packages_nothing_is_locked() {
    Sandbox::with_settings()
        .image("images/template", "template (1.0-1)", "FROM scratch\n")
        .pkg(&["lock", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
nothing to lock: no image here is made of packages
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn locks_that_are_to_be_followed_are_looked_at_before_anybody_is_asked() {
    let sandbox = catalog().env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    sandbox
        .pkg(&["plan", "--locked", "--select", "*/stale:*", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: the lock of `stale` was made from another declaration
  --> images/stale/image.lock.json
hint: `pkg lock images stale` makes it
[exit status: 3]
[EOF]

"#]]);
    sandbox
        .pkg(&["build", "--locked", "--select", "*/missing:*", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `missing` has no lock
  --> images/missing/image.yaml
hint: `pkg lock images missing` makes it
[exit status: 3]
[EOF]

"#]]);
    sandbox
        .pkg(&["plan", "--select", "*/unreadable:*", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: the lock of `unreadable` cannot be read: it is no lock: invalid type: string "298000", expected u64
  --> images/unreadable/image.lock.json:25
hint: `pkg lock images unreadable` makes it
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_lock_that_leads_out_of_the_directories_is_refused() {
    let sandbox = catalog().file("outside/image.lock.json", &lock_of(DECLARATION));
    let link = sandbox.path().join("images/missing/image.lock.json");
    std::os::unix::fs::symlink("../../outside/image.lock.json", link).expect("a link");
    sandbox
        .pkg(&["lock", "--check", "images", "missing"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: the link images/missing/image.lock.json leads to $SANDBOX/outside/image.lock.json, outside of the given directories
hint: copy the file to where the link is, or give the directory that holds it as well
[exit status: 1]
[EOF]

"#]]);
}
