//! `pkg prune`, as far as it goes without an engine.

use snapbox::str;

use crate::support::sandbox::Sandbox;

fn without_engine() -> Sandbox {
    Sandbox::with_settings().env("DOCKER_HOST", "unix:///nowhere/docker.sock")
}

#[test]
fn without_an_engine() {
    let sandbox = without_engine().diamond();
    for more in [&[][..], &["--dry-run"]] {
        sandbox
            .pkg(&[&["prune", "images"], more].concat())
            .assert_snapshot(str![[r#"
------- stderr -------
error: no Docker engine answers at unix:///nowhere/docker.sock
caused by: Socket not found: /nowhere/docker.sock
hint: start the engine, or name another one with DOCKER_HOST
[exit status: 4]
[EOF]

"#]]);
    }
}

#[test]
fn faults_of_the_catalog_come_before_the_engine() {
    without_engine()
        .dependent("images/app", "app (1.0-1)", "nothing")
        .pkg(&["prune", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: image `app` needs `nothing`, which no directory provides
  --> images/app/control:2
hint: give the directory that holds it as well, or list it in `base_images`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn without_directories() {
    without_engine().pkg(&["prune"]).assert_snapshot(str![[r#"
------- stderr -------
error: the following required arguments were not provided:
  <DIR>...

Usage: pkg prune <DIR>...

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn nightlies_that_no_tag_can_hold() {
    let sandbox = without_engine().diamond();
    let pkg = |id: &str| sandbox.pkg(&["prune", "--nightly", id, "images"]);
    pkg("2026/11").assert_snapshot(str![[r#"
------- stderr -------
error: invalid value '2026/11' for '--nightly <ID>': no tag holds a `/`

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
    pkg("").assert_snapshot(str![[r#"
------- stderr -------
error: invalid value '' for '--nightly <ID>': an ID is needed, such as 20261121

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
    let long = "1".repeat(127);
    let output = pkg(&long);
    output.assert_code(2);
    assert!(
        output.stderr.contains("it is too long for a tag"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_nightly_that_is_too_long_behind_one_version() {
    let id = "1".repeat(120);
    let output = without_engine()
        .image("images/a", "a (1.0-1)", "FROM scratch\n")
        .image("images/b", "b (1.0-1.long-version)", "FROM scratch\n")
        .pkg(&["prune", "--nightly", &id, "images"]);
    let shown = output.render().replace(&id, "ID");
    snapbox::assert_data_eq!(
        shown,
        str![[r#"
------- stderr -------
error: `registry.example.org/base/b:1.0-1.long-version-ID` is no image reference
  --> images/b/changelog:1
caused by: `1.0-1.long-version-ID` is too long for a tag: 128 characters at most
[exit status: 1]
[EOF]

"#]]
    );
}

#[test]
fn json_without_a_dry_run() {
    without_engine()
        .diamond()
        .pkg(&["prune", "--json", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: the following required arguments were not provided:
  --dry-run

Usage: pkg prune --dry-run --json <DIR>...

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}
