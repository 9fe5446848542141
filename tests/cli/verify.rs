//! `pkg verify`, as far as it goes without an engine.

use snapbox::str;

use crate::support::sandbox::Sandbox;
use crate::support::still_engine::{Answers, StillEngine};

/// An engine that has one image.
const WITH_AN_IMAGE: Answers = |request| match request {
    request if request.contains("/version ") => (200, r#"{"ApiVersion": "1.47"}"#),
    request if request.contains("/info ") => (200, "{}"),
    request if request.contains("/base/app:4.0-1/json ") => (
        200,
        r#"{"Id": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}"#,
    ),
    _ => (404, r#"{"message": "not here"}"#),
};

#[test]
fn an_image_that_is_not_built() {
    let engine = StillEngine::start(WITH_AN_IMAGE);
    let sandbox = Sandbox::with_settings()
        .diamond()
        .executable("images/left/test.sh", "#!/bin/sh\n")
        .env("DOCKER_HOST", &engine.address());
    sandbox
        .pkg(&["verify", "left", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: registry.example.org/base/left:2.0-1 is not built
hint: build it with `pkg build --select '*/left:*' images`
[exit status: 1]
[EOF]

"#]]);
    // Without tests it is not built either.
    sandbox
        .pkg(&["verify", "right", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: registry.example.org/base/right:3.0-1 is not built
hint: build it with `pkg build --select '*/right:*' images`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_test_that_fails_and_one_that_cannot_be_run() {
    let engine = StillEngine::start(WITH_AN_IMAGE);
    let sandbox = || {
        let sandbox = Sandbox::with_settings().diamond();
        sandbox.env("DOCKER_HOST", &engine.address())
    };
    sandbox()
        .executable("images/app/test.sh", "#!/bin/sh\nexit 1\n")
        .pkg(&["verify", "app", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: registry.example.org/base/app:4.0-1 did not pass its tests
caused by: its test images/app/test.sh ended with exit code 1
[exit status: 1]
[EOF]

"#]]);
    let output = sandbox()
        .file("images/app/test.sh", "#!/bin/sh\nexit 1\n")
        .pkg(&["verify", "app", "images"]);
    output.assert_code(1);
    let said = "ended with exit code 126, as it is not executable: `chmod +x images/app/test.sh`\n";
    assert!(output.stderr.ends_with(said), "{}", output.stderr);
}

#[test]
fn an_image_without_tests() {
    let engine = StillEngine::start(WITH_AN_IMAGE);
    Sandbox::with_settings()
        .diamond()
        .env("DOCKER_HOST", &engine.address())
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
