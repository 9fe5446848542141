//! The settings: where they come from, and what is wrong with them.

use snapbox::str;

use crate::support::sandbox::Sandbox;

/// Shows what the settings are, as a template sees them.
const SHOW: &str =
    "FROM scratch\nLABEL registry={{ registry }} namespace={{ namespace }} mine={{ mine }}\n";

const RENDER: [&str; 3] = ["render", "a", "images"];

fn with_image() -> Sandbox {
    Sandbox::new().image("images/a", "a (1.0-1)", SHOW)
}

#[test]
fn no_file() {
    with_image().pkg(&RENDER).assert_snapshot(str![[r#"
------- stderr -------
error: there are no settings at config.yaml
hint: go to the directory that holds it, or name the file with `-c FILE`
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn another_file() {
    with_image()
        .file(
            "config/images.yaml",
            "registry: registry.example.org\nmine: 1\n",
        )
        .pkg(&["-c", "config/images.yaml", "render", "a", "images"])
        .assert_snapshot(str![[r#"
FROM scratch
LABEL registry=registry.example.org namespace= mine=1[no newline]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_directory_in_place_of_the_file() {
    with_image()
        .file("config.yaml/file", "")
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: cannot read config.yaml
caused by: it is a directory
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn broken_yaml() {
    with_image()
        .file(
            "config.yaml",
            "registry: registry.example.org\nbase_images: [a\n",
        )
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: the settings cannot be read
  --> config.yaml:2:14
caused by: unclosed bracket '['
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn all_wrong_values_at_once() {
    with_image()
        .file(
            "config.yaml",
            "registry: 5\nnamespace: Big\nscan_workers: none\nbase_images:\n  - a:1\n  - a:2\n  - A\ncontainer_limits: memory=much\n",
        )
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: `registry` has to be a text (in quotes where it looks like something else), and this is a whole number
  --> config.yaml:1:11
error: `namespace` cannot be part of an image's name
  --> config.yaml:2:12
caused by: `Big/name` is no image reference: `Big` has to be lower-case letters and digits, parted by `.`, `_`, `__` or `-`
error: `scan_workers` has to be a whole number over 0
  --> config.yaml:3:15
error: `base_images` lists `a` twice, as `a:1` and as `a:2`
  --> config.yaml:6:5
error: `base_images` holds a name that cannot be read
  --> config.yaml:7:5
caused by: `A` is no image reference: `A` has to be lower-case letters and digits, parted by `.`, `_`, `__` or `-`
error: `container_limits` cannot be read
  --> config.yaml:8:19
caused by: `memory` cannot be `much`: a number of bytes such as `4294967296` or `4g` is expected
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_setting_that_is_almost_one() {
    with_image()
        .file(
            "config.yaml",
            "registry: r.example.org\nnamspace: base\nmine: 1\n",
        )
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
FROM scratch
LABEL registry=r.example.org namespace= mine=1[no newline]
------- stderr -------
warning: there is no setting `namspace`; `namespace` may be meant
  --> config.yaml:2:1
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn half_of_the_credentials_and_an_unknown_driver() {
    with_image()
        .file("config.yaml", "username: ann\ndriver: kaniko\nmine: 1\n")
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
FROM scratch
LABEL registry= namespace= mine=1[no newline]
------- stderr -------
warning: credentials need `password` too, so nobody logs in
  --> config.yaml:1:1
warning: there is no driver `kaniko`, so images are built with `docker`
  --> config.yaml:2:9
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn the_users_own_settings_are_below_those_of_the_repository() {
    with_image()
        .home_file(
            ".config/docker-pkg.yaml",
            "registry: home.example.org\nmine: home\n",
        )
        .file("config.yaml", "registry: r.example.org\n")
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
FROM scratch
LABEL registry=r.example.org namespace= mine=home[no newline]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn the_users_own_settings_may_be_elsewhere() {
    let sandbox = with_image()
        .home_file(".config/docker-pkg.yaml", "mine: home\n")
        .home_file("elsewhere/docker-pkg.yaml", "mine: elsewhere\n")
        .file("config.yaml", "registry: r.example.org\n");
    let elsewhere = sandbox.home().join("elsewhere");
    let elsewhere = elsewhere.to_str().expect("a path in UTF-8").to_owned();
    sandbox
        .env("XDG_CONFIG_HOME", &elsewhere)
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
FROM scratch
LABEL registry=r.example.org namespace= mine=elsewhere[no newline]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_fault_of_the_users_own_settings_names_their_file() {
    with_image()
        .home_file(".config/docker-pkg.yaml", "scan_workers: 0\n")
        .file("config.yaml", "namespace: 7\n")
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: `scan_workers` has to be a whole number over 0
  --> $HOME/.config/docker-pkg.yaml:1:15
error: `namespace` has to be a text (in quotes where it looks like something else), and this is a whole number
  --> config.yaml:1:12
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn the_password_is_never_printed() {
    let sandbox = with_image()
        .home_file(
            ".config/docker-pkg.yaml",
            "username: ann\npassword: hush-hush\n",
        )
        .file("config.yaml", "registry: r.example.org\nmine: 1\n")
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    for arguments in [
        &["--debug", "render", "a", "images"][..],
        &["--debug", "list", "--offline", "--json", "images"],
        &["--debug", "plan", "images"],
        &["--debug", "build", "images"],
        &["--debug", "publish", "images"],
    ] {
        let shown = sandbox.pkg(arguments).render();
        assert!(!shown.contains("hush"), "{arguments:?}:\n{shown}");
    }
    for wrong in [
        "password: [hush-hush]",
        "password: {hush: hush}",
        "password: hush: hush",
    ] {
        let shown = with_image()
            .file("config.yaml", &format!("username: ann\n{wrong}\n"))
            .pkg(&RENDER);
        shown.assert_code(1);
        assert!(!shown.render().contains("hush"), "{}", shown.render());
    }
}

#[test]
fn a_clock_that_cannot_be_read() {
    with_image()
        .file("config.yaml", "mine: 1\n")
        .env("SOURCE_DATE_EPOCH", "yesterday")
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: SOURCE_DATE_EPOCH is no number of seconds since 1970: `yesterday`
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn certificates_that_cannot_be_used() {
    let sandbox = Sandbox::new().diamond().file(
        "config.yaml",
        "registry: r.example.org\nca_bundle: certificates/ca.pem\n",
    );
    sandbox.pkg(&["list", "images"]).assert_snapshot(str![[r#"
------- stderr -------
error: `ca_bundle` names no file of certificates that can be used
  --> config.yaml:2:12
caused by: cannot read the trusted certificates
caused by: cannot read certificates/ca.pem
caused by: No such file or directory (os error 2)
[exit status: 1]
[EOF]

"#]]);
    sandbox
        .file("certificates/ca.pem", "no certificate\n")
        .pkg(&["list", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `ca_bundle` names no file of certificates that can be used
  --> config.yaml:2:12
caused by: there are no valid PEM certificates in certificates/ca.pem
[exit status: 1]
[EOF]

"#]]);
}
