//! Secrets in the settings, on the command line and in the environment: what is refused, and that no message repeats them.

#![allow(
    clippy::disallowed_methods,
    reason = "a test lays out files as somebody else would"
)]

use std::process::Stdio;

use snapbox::str;

use crate::support::sandbox::{Output, Sandbox};

fn with_settings(text: &str) -> Sandbox {
    Sandbox::new()
        .file("config.yaml", text)
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .diamond()
}

#[track_caller]
fn refused(settings: &str, place: &str) -> Output {
    let output = with_settings(settings).pkg(&["list", "--offline", "images"]);
    output.assert_code(1);
    let shown = output.render();
    assert!(
        shown.contains(&format!("--> config.yaml:{place}\n")),
        "{shown}"
    );
    assert!(!shown.contains("hush"), "{shown}");
    output
}

#[test]
fn a_login_in_a_name_or_an_address_is_refused_and_not_repeated() {
    refused("registry: ann:hush@r.example.org\n", "1:11");
    refused("registry: https://ann:hush@r.example.org\n", "1:11");
    refused("base_images:\n  - ann:hush@r.example.org/base:1\n", "2:5");
    refused("apt_only_proxy: http://ann:hush@proxy:3128\n", "1:17");
    refused("secrets:\n  npm: hush\n", "2:8");
    refused("secrets: [hush]\n", "1:10");
    refused("username: ann\npassword: [hush]\n", "2:11");
}

#[test]
fn a_fault_beside_a_password_does_not_show_it() {
    for fault in [
        "password: \"hush\n",
        "password: hush: hush\n",
        "password: {hush\n",
        "password: hush\n\tnamespace: a\n",
    ] {
        let output = with_settings(fault).pkg(&["list", "--offline", "images"]);
        output.assert_code(1);
        assert!(!output.stderr.contains("hush"), "{}", output.stderr);
    }
}

#[test]
fn a_login_of_the_general_proxy_is_in_no_recipe() {
    let sandbox = Sandbox::new()
        .file("config.yaml", "http_proxy: http://ann:hush@proxy:3128\nmirror: http://ann:hush@deb\n")
        .file(
            "images/a/changelog",
            "a (1-1) stable; urgency=medium\n\n  * A.\n\n -- Ann <ann@example.org>  Fri, 20 Nov 2026 10:00:00 +0000\n",
        )
        .file("images/a/Dockerfile.template", "FROM scratch\nRUN {{ 'git' | apt_install }}\n");
    let output = sandbox.pkg(&["render", "a", "images"]);
    output.assert_code(0);
    assert!(!output.stdout.contains("proxy"), "{}", output.stdout);
    for name in ["http_proxy", "mirror"] {
        let recipe = format!("FROM scratch\nRUN echo {{{{ {name} }}}}\n");
        let sandbox_file = sandbox.path().join("images/a/Dockerfile.template");
        std::fs::write(sandbox_file, recipe).expect("a file");
        let output = sandbox.pkg(&["render", "a", "images"]);
        output.assert_code(1);
        let hint = format!("a template never sees an address with a login in it, as `{name}` is");
        assert!(output.stderr.contains(&hint), "{}", output.stderr);
        assert!(!output.stderr.contains("hush"), "{}", output.stderr);
    }
}

#[test]
fn half_of_a_login_in_the_environment_is_told() {
    let settings = "registry: r.example.org\nusername: ann\npassword: p\n";
    with_settings(settings)
        .env("PKG_USERNAME", "bob")
        .pkg(&["plan", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `PKG_USERNAME` is set, and no password
hint: set both, or none: then those of `docker login` are taken
[exit status: 2]
[EOF]

"#]]);
    with_settings("registry: r.example.org\n")
        .env("PKG_PASSWORD", "hush")
        .pkg(&["list", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `PKG_PASSWORD` is set, and no name of an account
hint: set both, or none: then those of `docker login` are taken
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn a_password_from_elsewhere_completes_the_name_of_the_settings_without_a_warning() {
    with_settings("registry: r.example.org\nusername: ann\n")
        .env("PKG_PASSWORD", "hush")
        .pkg(&["plan", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: no Docker engine answers at unix:///nowhere/docker.sock
caused by: Socket not found: /nowhere/docker.sock
hint: start the engine, or name another one with DOCKER_HOST
[exit status: 4]
[EOF]

"#]]);
}

fn pkg_with_input(sandbox: &Sandbox, arguments: &[&str], input: &str) -> (String, Option<i32>) {
    let file = sandbox.path().join("input");
    std::fs::write(&file, input).expect("a file");
    let mut command = sandbox.command(env!("CARGO_BIN_EXE_pkg"));
    let output = command
        .args(arguments)
        .stdin(Stdio::from(std::fs::File::open(file).expect("a file")))
        .output()
        .expect("the program");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    (stderr, output.status.code())
}

#[test]
fn a_password_on_standard_input_is_one_line() {
    let sandbox = with_settings("registry: r.example.org\n");
    let options = ["publish", "--username", "ann", "--password-stdin", "images"];
    for input in ["", "\n", "hush\nhush\n"] {
        let (stderr, code) = pkg_with_input(&sandbox, &options, input);
        assert_eq!(code, Some(2), "{stderr}");
        assert!(
            stderr.contains("standard input is not one line with a password"),
            "{stderr}"
        );
        assert!(!stderr.contains("hush"), "{stderr}");
    }
    for input in ["hush", "hush\n", "hush\r\n"] {
        // It is taken: the next thing that is missing is the engine.
        let (stderr, code) = pkg_with_input(&sandbox, &options, input);
        assert_eq!(code, Some(4), "{stderr}");
        assert!(!stderr.contains("hush"), "{stderr}");
    }
    let (stderr, code) =
        pkg_with_input(&sandbox, &["publish", "--password-stdin", "images"], "hush");
    assert_eq!(code, Some(2), "{stderr}");
    assert!(
        stderr.starts_with("error: `--password-stdin` is set, and no name of an account\n"),
        "{stderr}"
    );
    let (stderr, code) = pkg_with_input(&sandbox, &["publish", "--username", "ann", "images"], "");
    assert_eq!(code, Some(2), "{stderr}");
}
