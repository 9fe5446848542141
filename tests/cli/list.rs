//! `pkg list`.

use snapbox::str;

use crate::support::sandbox::Sandbox;
use crate::support::still_engine::StillEngine;

#[test]
fn names_versions_and_directories() {
    Sandbox::with_settings()
        .diamond()
        .declared("images/bases/trixie", "trixie (13-1)")
        .pkg(&["list", "--offline", "images"])
        .assert_snapshot(str![[r#"
NAME    VERSION  DIRECTORY
app     4.0-1    images/app
bottom  1.0-1    images/bottom
left    2.0-1    images/left
right   3.0-1    images/right
trixie  13-1     images/bases/trixie
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_pattern_selects_by_the_whole_label() {
    Sandbox::with_settings()
        .diamond()
        .pkg(&["list", "--offline", "--select", "*/[lr]*:?.0-1", "images"])
        .assert_snapshot(str![[r#"
NAME   VERSION  DIRECTORY
left   2.0-1    images/left
right  3.0-1    images/right
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_pattern_that_selects_nothing() {
    Sandbox::with_settings()
        .diamond()
        .pkg(&["list", "--offline", "--select", "left", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
warning: no image matches `left`
hint: the pattern has to match a whole label: `*/left:*`
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_pattern_that_is_too_large() {
    let pattern = "[a-z]?".repeat(20_000);
    Sandbox::with_settings()
        .diamond()
        .pkg(&["list", "--offline", "--select", &pattern, "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `[a-z]?[a-z]?[a-z]?[a-z]?[a-z]?[a-z]?[a-z…` is too long for a pattern
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn json() {
    Sandbox::with_settings()
        .image("images/bottom", "bottom (1.0-1)", "FROM scratch\n")
        .image(
            "images/app",
            "app (4.0-1)",
            "FROM {{ \"bottom\" | image_tag }}\n",
        )
        .pkg(&["list", "--offline", "--json", "images"])
        .assert_snapshot(str![[r#"
{
  "version": 1,
  "images": [
    {
      "name": "app",
      "version": "4.0-1",
      "label": "registry.example.org/base/app:4.0-1",
      "directory": "images/app",
      "parents": [
        "bottom"
      ]
    },
    {
      "name": "bottom",
      "version": "1.0-1",
      "label": "registry.example.org/base/bottom:1.0-1",
      "directory": "images/bottom",
      "parents": []
    }
  ]
}
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn json_of_no_image() {
    Sandbox::with_settings()
        .file("images/README", "")
        .pkg(&["list", "--offline", "--json", "images"])
        .assert_snapshot(str![[r#"
{
  "version": 1,
  "images": []
}
------- stderr -------
warning: there is no image in these directories
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn an_engine_that_does_not_answer() {
    Sandbox::with_settings()
        .diamond()
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .pkg(&["list", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: no Docker engine answers at unix:///nowhere/docker.sock
caused by: Socket not found: /nowhere/docker.sock
hint: start the engine, or name another one with DOCKER_HOST
[exit status: 4]
[EOF]

"#]]);
}

#[test]
fn one_thing_of_each_image_for_scripts() {
    let sandbox = Sandbox::with_settings().diamond();
    for (what, first) in [
        ("name", "app"),
        ("version", "4.0-1-20261121"),
        ("label", "registry.example.org/base/app:4.0-1-20261121"),
        ("directory", "./images/app"),
        ("changelog", "./images/app/changelog"),
    ] {
        let output = sandbox.pkg(&[
            "list",
            "--offline",
            "--nightly",
            "--print",
            what,
            "./images",
        ]);
        output.assert_code(0);
        assert_eq!(output.stdout.lines().next(), Some(first));
        assert_eq!(output.stdout.lines().count(), 4);
    }
}

#[test]
fn what_is_published_without_a_registry() {
    Sandbox::new()
        .file("config.yaml", "")
        .diamond()
        .pkg(&["list", "--only", "published", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: no registry is set, so nothing is published
hint: set `registry` in the settings
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn a_registry_that_does_not_answer_is_told_with_the_way_to_do_without() {
    let engine = StillEngine::start(|request| match request {
        request if request.contains("/version ") => (200, r#"{"ApiVersion": "1.47"}"#),
        request if request.contains("/info ") => (200, "{}"),
        _ => (200, "[]"),
    });
    Sandbox::new()
        .diamond()
        .file("config.yaml", "registry: 127.0.0.1:1\n")
        .env("DOCKER_HOST", &engine.address())
        .pkg(&["list", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: 127.0.0.1:[PORT] cannot be reached: Connection refused (os error 111)
hint: check that `127.0.0.1:[PORT]` is the registry's address
hint: `--offline` asks nobody
[exit status: 4]
[EOF]

"#]]);
}
