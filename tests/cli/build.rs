//! `pkg build` and `pkg plan`, as far as they go without an engine.

use snapbox::str;

use crate::support::sandbox::Sandbox;
use crate::support::still_engine::StillEngine;

fn without_engine() -> Sandbox {
    Sandbox::with_settings().env("DOCKER_HOST", "unix:///nowhere/docker.sock")
}

#[test]
fn an_engine_that_does_not_answer() {
    let sandbox = without_engine().diamond();
    sandbox.pkg(&["build", "images"]).assert_snapshot(str![[r#"
------- stderr -------
error: no Docker engine answers at unix:///nowhere/docker.sock
caused by: Socket not found: /nowhere/docker.sock
hint: start the engine, or name another one with DOCKER_HOST
[exit status: 4]
[EOF]

"#]]);
    assert_eq!(
        sandbox
            .run(
                "find",
                &[&sandbox.home().display().to_string(), "-type", "f"]
            )
            .stdout,
        ""
    );
}

#[test]
fn an_address_that_is_none() {
    Sandbox::with_settings()
        .diamond()
        .env("DOCKER_HOST", "ssh://ann@example.org")
        .pkg(&["plan", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `ssh://ann@example.org` is no address of a Docker engine that can be used: DOCKER_HOST has to begin with unix:// or tcp://
[exit status: 4]
[EOF]

"#]]);
}

#[test]
fn faults_of_the_catalog_come_before_the_engine() {
    without_engine()
        .dependent("images/app", "app (1.0-1)", "nothing")
        .pkg(&["build", "images"])
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
fn a_nightly_version_that_no_tag_can_hold() {
    let version = "1".repeat(121);
    let output = without_engine()
        .image("images/a", &format!("a ({version})"), "FROM scratch\n")
        .pkg(&["plan", "--nightly", "images"]);
    output.assert_code(1);
    let shown = output.render().replace(&version, "VERSION");
    snapbox::assert_data_eq!(
        shown,
        str![[r#"
------- stderr -------
error: `registry.example.org/base/a:VERSION-20261121` is no image reference
  --> images/a/changelog:1
caused by: `VERSION-20261121` is too long for a tag: 128 characters at most
[exit status: 1]
[EOF]

"#]]
    );
}

#[test]
fn limits_that_an_engine_with_the_containerd_store_cannot_keep() {
    let engine = StillEngine::start(|request| match request {
        request if request.contains("/version ") => (200, r#"{"ApiVersion": "1.47"}"#),
        request if request.contains("/info ") => (
            200,
            r#"{"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}"#,
        ),
        request if request.contains("/images/json") => (200, "[]"),
        _ => (404, r#"{"message": "not here"}"#),
    });
    let sandbox = Sandbox::new()
        .diamond()
        .file("config.yaml", "container_limits: memory=4g\n")
        .env("DOCKER_HOST", &engine.address());
    sandbox
        .pkg(&["build", "--dry-run", "images"])
        .assert_snapshot(str![[r#"
WHAT   IMAGE         WHY
build  bottom:1.0-1  not built
build  left:2.0-1    not built
build  right:3.0-1   not built
build  app:4.0-1     not built
------- stderr -------
warning: `container_limits` have no effect: this engine keeps images in containerd, where only BuildKit builds, which ignores them
hint: limit the engine itself, or leave the setting out
[exit status: 0]
[EOF]

"#]]);
    sandbox
        .file("config.yaml", "")
        .pkg(&["build", "--dry-run", "--select", "*bottom:*", "images"])
        .assert_snapshot(str![[r#"
WHAT   IMAGE         WHY
build  bottom:1.0-1  not built
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn the_containerd_store_of_an_old_docker_is_refused() {
    let engine = StillEngine::start(|request| match request {
        request if request.contains("/version ") => {
            (200, r#"{"ApiVersion": "1.45", "Version": "26.1.5+dfsg1"}"#)
        }
        request if request.contains("/info ") => (
            200,
            r#"{"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}"#,
        ),
        request if request.contains("/images/json") => (200, "[]"),
        _ => (404, r#"{"message": "not here"}"#),
    });
    Sandbox::new()
        .diamond()
        .file("config.yaml", "")
        .env("DOCKER_HOST", &engine.address())
        .pkg(&["build", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: Docker 26.1.5+dfsg1 can build from no context that it is sent, while it keeps images in containerd: 27.5 is needed
hint: take a newer engine, or turn `containerd-snapshotter` off in its daemon.json
[exit status: 4]
[EOF]

"#]]);
}

#[test]
fn a_directory_that_another_run_works_on() {
    let sandbox = without_engine().diamond();
    let held = std::fs::File::open(sandbox.path().join("images")).expect("a directory");
    held.try_lock().expect("nobody holds it");
    for command in ["build", "publish"] {
        let output = sandbox.pkg(&[command, "--wait", "2s", "images"]);
        output.assert_code(4);
        let lines: Vec<&str> = output.stderr.lines().collect();
        // This process is no other run, and the kernel knows it all the same.
        let who = format!(", process {} on ", std::process::id());
        for (line, begins) in lines.iter().zip(["waiting", "error"]) {
            let begins = format!("{begins}: another run is at work in images: `cli-");
            assert!(line.starts_with(&begins) && line.contains(&who), "{line}");
        }
        assert_eq!(
            lines[2..],
            ["hint: wait for it, `--wait 2h` does so for you"]
        );
    }
    // What only looks comes as far as without the lock.
    let talk = sandbox.pkg(&["build", "--dry-run", "images"]).stderr;
    assert!(
        talk.starts_with("error: no Docker engine answers"),
        "{talk}"
    );
    drop(held);
    let talk = sandbox.pkg(&["build", "images"]).stderr;
    assert!(
        talk.starts_with("error: no Docker engine answers"),
        "{talk}"
    );
    sandbox
        .pkg(&["build", "--wait", "soon", "images"])
        .assert_code(2);
}
