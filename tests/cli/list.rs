//! `pkg list`.

use snapbox::str;

use crate::support::faulty_registry::FaultyRegistry;
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

const NOWHERE: &str = "unix:///nowhere/docker.sock";

/// A catalog of templates and a declared image, of which a registry has `left` alone, where no engine answers.
fn without_engine(registry: &FaultyRegistry) -> Sandbox {
    registry.put_manifest("base/left", "2.0-1", r#"{"schemaVersion":2}"#);
    let settings = format!("registry: {}\nnamespace: base\n", registry.host());
    Sandbox::new()
        .file("config.yaml", &settings)
        .diamond()
        .declared("images/trixie", "trixie (13-1)")
        .env("DOCKER_HOST", NOWHERE)
}

#[test]
fn without_an_engine_the_rest_is_listed_and_what_it_would_know_is_told_once() {
    let registry = FaultyRegistry::start();
    let sandbox = without_engine(&registry);
    sandbox.pkg(&["list", "images"]).assert_snapshot(str![[r#"
NAME    VERSION  PRESENCE   DIRECTORY
app     4.0-1    unknown    images/app
bottom  1.0-1    unknown    images/bottom
left    2.0-1    published  images/left
right   3.0-1    unknown    images/right
trixie  13-1     -          images/trixie
------- stderr -------
warning: only an engine knows whether 3 images are built: app, bottom, right
caused by: no Docker engine answers at unix:///nowhere/docker.sock
caused by: Socket not found: /nowhere/docker.sock
hint: start the engine, or name another one with DOCKER_HOST
hint: `--offline` asks nobody
[exit status: 4]
[EOF]

"#]]);
    let output = sandbox.pkg(&["list", "--json", "images"]);
    output.assert_code(4);
    let json: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    let built = |index: usize| json["images"][index].get("built");
    assert_eq!(built(0), None, "nobody knows");
    assert_eq!(built(4), Some(&serde_json::Value::Null));
}

#[test]
fn without_an_engine_nothing_is_told_where_nothing_depends_on_one() {
    let registry = FaultyRegistry::start();
    let sandbox = without_engine(&registry);
    for arguments in [
        &["list", "--select", "*/left:*", "images"][..],
        &["list", "--select", "*/trixie:*", "images"],
        &["list", "--print", "name", "images"],
        &["list", "--only", "unpublished", "images"],
    ] {
        let output = sandbox.pkg(arguments);
        output.assert_code(0);
        assert_eq!(output.stderr, "", "{arguments:?}");
        assert_ne!(output.stdout, "", "{arguments:?}");
    }
}

#[test]
fn an_address_of_no_engine_is_an_error() {
    let registry = FaultyRegistry::start();
    let sandbox = without_engine(&registry).env("DOCKER_HOST", "nonsense://x");
    let output = sandbox.pkg(&["list", "images"]);
    output.assert_code(4);
    assert!(output.stderr.starts_with("error: "), "{}", output.stderr);
    assert_eq!(output.stdout, "");
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
