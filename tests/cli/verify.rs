//! `pkg verify`, as far as it goes without an engine.

use snapbox::str;

use crate::support::sandbox::Sandbox;

#[test]
fn an_image_without_tests() {
    Sandbox::with_settings()
        .diamond()
        .pkg(&["verify", "app", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
registry.example.org/base/app:4.0-1 has no tests
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn an_unknown_name() {
    Sandbox::with_settings()
        .diamond()
        .pkg(&["verify", "lefd", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: no directory provides an image named `lefd`
hint: the closest name is `left`
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn without_an_engine() {
    Sandbox::with_settings()
        .diamond()
        .executable("images/app/test.sh", "#!/bin/sh\n")
        .env("DOCKER_HOST", "tcp://127.0.0.1:1")
        .pkg(&["verify", "app", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: no Docker engine answers at tcp://127.0.0.1:[PORT]
caused by: Connection refused (os error 111)
hint: start the engine, or name another one with DOCKER_HOST
[exit status: 4]
[EOF]

"#]]);
}
