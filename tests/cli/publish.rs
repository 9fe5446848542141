//! `pkg publish`, as far as it goes without an engine.

use snapbox::str;

use crate::support::sandbox::Sandbox;

#[test]
fn without_a_registry() {
    Sandbox::new()
        .file("config.yaml", "namespace: base\n")
        .diamond()
        .pkg(&["publish", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: the settings name no registry to publish to
hint: set `registry`
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn without_an_engine() {
    Sandbox::with_settings()
        .diamond()
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .pkg(&["publish", "images"])
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
fn half_of_the_credentials() {
    Sandbox::new()
        .file(
            "config.yaml",
            "registry: registry.example.org\npassword: p\n",
        )
        .diamond()
        .pkg(&["publish", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `password` is set, and no name of an account
  --> config.yaml:2:1
hint: set both, or none: then those of `docker login` are taken
[exit status: 2]
[EOF]

"#]]);
}
