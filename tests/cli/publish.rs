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
fn one_login_for_several_places() {
    Sandbox::with_settings()
        .diamond()
        .pkg(&[
            "publish",
            "--password-stdin",
            "--username",
            "ann",
            "--repository",
            "a.example.org",
            "--repository",
            "b.example.org",
            "images",
        ])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `--username` and `--password-stdin` are for one place, and there are several
hint: publish to one after the other, or run `docker login` for each
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn a_candidate_under_the_tag_where_images_come() {
    Sandbox::with_settings()
        .diamond()
        .pkg(&["publish", "--tag", "pkg-incoming", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: invalid value 'pkg-incoming' for '--tag <TAG>': `pkg-incoming` is where an image comes before it gets its tag

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn a_candidate_under_the_version_of_an_old_entry() {
    let entry = |version: &str| {
        format!(
            "nginx ({version}) stable; urgency=low\n\n  * It.\n\n -- Ann <ann@example.org>  Sun, 05 Jul 2026 12:00:00 +0000\n\n"
        )
    };
    Sandbox::with_settings()
        .file("images/nginx/Dockerfile.template", "FROM scratch\n")
        .file(
            "images/nginx/changelog",
            &[entry("v1-2"), entry("v1-1")].concat(),
        )
        .pkg(&["publish", "--tag", "v1-1", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `--tag v1-1` is a version of a changelog, and versions do not move
hint: images/nginx/changelog:7 has it
hint: take a tag that is the version of no entry of a changelog
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn a_version_that_is_a_tag_that_moves() {
    for version in ["latest", "pkg-incoming"] {
        let changelog = format!(
            "nginx ({version}) stable; urgency=low\n\n  * It.\n\n -- Ann <ann@example.org>  Sun, 05 Jul 2026 12:00:00 +0000\n"
        );
        let output = Sandbox::with_settings()
            .file("images/nginx/Dockerfile.template", "FROM scratch\n")
            .file("images/nginx/changelog", &changelog)
            .pkg(&["list", "images"]);
        output.assert_code(1);
        let message = format!("error: version `{version}` is a tag that moves");
        assert!(output.stderr.contains(&message), "{}", output.stderr);
    }
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
