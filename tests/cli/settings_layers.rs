//! Every setting with its default, as templates see it, and how the user's file and the repository's lie over each other.
//!
//! What is printed was read off docker-pkg 4.0.4, but for the password, which templates do not see here.

use std::fmt::Write as _;

use snapbox::str;

use crate::support::sandbox::{Output, Sandbox};

/// A setting; what a template prints by default; another value; what it prints then.
const SETTINGS: [(&str, &str, &str, &str); 29] = [
    ("apt_only_proxy", "None", "off", "False"),
    ("apt_options", "", "'-o A=B'", "-o A=B"),
    (
        "base_images",
        "[]",
        "[r.example.org/b:1]",
        "['r.example.org/b:1']",
    ),
    ("build_timeout", "-", "1h30m", "1h30m"),
    ("build_timeouts", "-", "{a: 4h}", "{'a': '4h'}"),
    ("ca_bundle", "None", "/etc/ca.pem", "/etc/ca.pem"),
    (
        "container_limits",
        "-",
        "{memory: 4g, cpushares: 5}",
        "{'memory': '4g', 'cpushares': 5}",
    ),
    ("distribution", "wikimedia", "trixie", "trixie"),
    ("driver", "-", "docker", "docker"),
    ("engine_timeout", "-", "5s", "5s"),
    ("fallback_author", "Author", "Ann", "Ann"),
    (
        "fallback_email",
        "email@domain",
        "ann@example.org",
        "ann@example.org",
    ),
    ("force_numeric_user", "False", "on", "True"),
    ("http_proxy", "None", "http://p:1", "http://p:1"),
    (
        "known_uid_mappings",
        "{'root': 0, 'www-data': 33, 'nobody': 65534}",
        "{b: 02}",
        "{'b': 2}",
    ),
    (
        "mirror",
        "-",
        "https://deb.example.org/debian/",
        "https://deb.example.org/debian/",
    ),
    ("namespace", "", "base", "base"),
    ("password", "None", "hush", "-"),
    ("registry", "", "r.example.org", "r.example.org"),
    ("registry_timeout", "-", "5s", "5s"),
    ("scan_workers", "8", "0x10", "16"),
    (
        "security_mirror",
        "-",
        "http://deb.example.org/s",
        "http://deb.example.org/s",
    ),
    ("seed_image", "-", "r.example.org/b:1", "r.example.org/b:1"),
    ("update_id", "s", "u", "u"),
    ("username", "None", "ann", "ann"),
    (
        "verify_args",
        "['-c', '{path}/test.sh {image}']",
        "[-c, 'x {image}']",
        "['-c', 'x {image}']",
    ),
    ("verify_command", "/bin/bash", "/bin/sh", "/bin/sh"),
    ("verify_timeout", "-", "90", "90"),
    ("verify_timeouts", "-", "{a: 4h}", "{'a': '4h'}"),
];

fn with_all() -> Sandbox {
    let lines = SETTINGS
        .map(|(name, ..)| format!("# {name}={{{{ {name} if {name} is defined else '-' }}}}\n"));
    Sandbox::new().image(
        "images/a",
        "a (1.0-1)",
        &format!("FROM scratch\n{}", lines.concat()),
    )
}

#[track_caller]
fn shown(sandbox: &Sandbox, expected: impl Fn(&str) -> String) {
    let output = sandbox.pkg(&["render", "a", "images"]);
    output.assert_code(0);
    assert_eq!(output.stderr, "");
    let lines: Vec<&str> = output.stdout.lines().skip(1).collect();
    let expected = SETTINGS.map(|(name, ..)| format!("# {name}={}", expected(name)));
    assert_eq!(lines, expected);
}

fn find(name: &str) -> (&'static str, &'static str, &'static str) {
    let found = SETTINGS.into_iter().find(|setting| setting.0 == name);
    let (_, default, value, printed) = found.expect("a setting");
    (default, value, printed)
}

#[test]
fn every_setting_has_docker_pkgs_default_in_templates() {
    for text in ["", "# nothing\n", "{}\n", "null\n", "---\n...\n"] {
        let sandbox = with_all().file("config.yaml", text);
        shown(&sandbox, |name| find(name).0.to_owned());
    }
}

#[test]
fn every_setting_is_seen_in_templates_as_it_is_written() {
    let lines = SETTINGS.map(|(name, _, value, _)| format!("{name}: {value}\n"));
    let sandbox = with_all().file("config.yaml", &lines.concat());
    shown(&sandbox, |name| find(name).2.to_owned());
}

#[test]
fn each_setting_of_the_repository_replaces_the_whole_one_of_the_user() {
    for (name, default, value, printed) in SETTINGS {
        let own = match name {
            // Alone it would be warned of.
            "password" | "username" => "username: ann\npassword: hush\n".to_owned(),
            _ => format!("{name}: {value}\n"),
        };
        let nulled = "# nothing\n";
        let with = |user: &str, repository: &str| {
            with_all()
                .home_file(".config/docker-pkg.yaml", user)
                .file("config.yaml", repository)
        };
        let expected = |this: &str| match (name, this) {
            ("password" | "username", "username") => "ann".to_owned(),
            ("password" | "username", "password") => "-".to_owned(),
            ("http_proxy", "apt_only_proxy") => printed.to_owned(),
            _ if this == name => printed.to_owned(),
            _ => find(this).0.to_owned(),
        };
        shown(&with(&own, nulled), expected);
        shown(&with(nulled, &own), expected);
        // What is `null` above hides what is below, and means the default.
        if default != "-" && name != "password" && name != "username" {
            let hidden = with(&own, &format!("{name}: ~\n"));
            shown(&hidden, |this| match this {
                _ if this == name => "None".to_owned(),
                _ => find(this).0.to_owned(),
            });
        }
    }
}

#[test]
fn mappings_and_lists_are_replaced_and_not_joined() {
    Sandbox::new()
        .image(
            "images/a",
            "a (1.0-1)",
            "FROM scratch\n# {{ mine }} {{ theirs }} {{ known_uid_mappings }} {{ base_images }} {{ 'www-data' | uid }}",
        )
        .home_file(
            ".config/docker-pkg.yaml",
            "mine: {a: 1, b: 2}\ntheirs: {c: 3}\nknown_uid_mappings: {x: 1}\nbase_images: [r.example.org/a:1]\n",
        )
        .file("config.yaml", "mine: {a: 9}\nknown_uid_mappings: {y: 2}\nbase_images: [r.example.org/b:1]\n")
        .pkg(&["render", "a", "images"])
        .assert_snapshot(str![[r#"
FROM scratch
# {'a': 9} {'c': 3} {'y': 2} ['r.example.org/b:1'] www-data[no newline]
------- stderr -------
warning: the user `www-data` has no number in `known_uid_mappings`, so its name is used
  --> images/a/Dockerfile.template:2
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_setting_that_is_nothing_means_the_default_where_the_program_uses_it() {
    Sandbox::new()
        .image(
            "images/a",
            "a (1.0-1)",
            "FROM scratch\n# {{ 'a' | image_tag }} {{ 'nobody' | uid }} {{ namespace }}",
        )
        .home_file(
            ".config/docker-pkg.yaml",
            "namespace: home\nknown_uid_mappings: {x: 1}\n",
        )
        .file("config.yaml", "namespace: ~\nknown_uid_mappings: ~\n")
        .pkg(&["render", "a", "images"])
        .assert_snapshot(str![[r#"
FROM scratch
# a:1.0-1 65534 None[no newline]
[exit status: 0]
[EOF]

"#]]);
}

const MINE: &str = "FROM scratch\n# {{ mine }}";

#[track_caller]
fn with_user_file(text: &str, expected: impl snapbox::IntoData) {
    Sandbox::new()
        .image("images/a", "a (1.0-1)", MINE)
        .home_file(".config/docker-pkg.yaml", text)
        .file("config.yaml", "mine: 1\n")
        .pkg(&["render", "a", "images"])
        .assert_snapshot(expected);
}

#[test]
fn an_empty_file_of_the_user() {
    for text in ["", "# nothing\n", "~\n"] {
        with_user_file(
            text,
            str![[r#"
FROM scratch
# 1[no newline]
[exit status: 0]
[EOF]

"#]],
        );
    }
}

#[test]
fn a_list_in_the_users_file() {
    with_user_file(
        "- a\n",
        str![[r#"
------- stderr -------
error: settings are `name: value` pairs, and this is a list
  --> $HOME/.config/docker-pkg.yaml:1:1
[exit status: 1]
[EOF]

"#]],
    );
}

#[test]
fn broken_yaml_in_the_users_file() {
    with_user_file(
        "a: [\n",
        str![[r#"
------- stderr -------
error: the settings cannot be read
  --> $HOME/.config/docker-pkg.yaml:1:4
caused by: unclosed bracket '['
[exit status: 1]
[EOF]

"#]],
    );
}

#[test]
fn a_tag_of_python_in_the_users_file() {
    with_user_file(
        "a: !!python/object/apply:os.getcwd []\n",
        str![[r#"
------- stderr -------
error: the settings cannot be read
  --> $HOME/.config/docker-pkg.yaml:1:36
caused by: the tag `!!python/object/apply:os.getcwd` is not supported
[exit status: 1]
[EOF]

"#]],
    );
}

#[test]
fn a_directory_in_place_of_the_users_file() {
    Sandbox::new()
        .image("images/a", "a (1.0-1)", MINE)
        .home_file(".config/docker-pkg.yaml/file", "")
        .file("config.yaml", "mine: 1\n")
        .pkg(&["render", "a", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: cannot read $HOME/.config/docker-pkg.yaml
caused by: it is a directory
[exit status: 1]
[EOF]

"#]]);
}

/// Makes something else than a file of what would be the user's settings.
fn with_user_entry(command: &str) -> Output {
    let sandbox = Sandbox::new()
        .image("images/a", "a (1.0-1)", MINE)
        .home_file(".config/other", "")
        .file("config.yaml", "mine: 1\n");
    let script = format!("cd \"$HOME/.config\" && {command}");
    sandbox.run("sh", &["-c", &script]).assert_code(0);
    sandbox.pkg(&["render", "a", "images"])
}

#[test]
fn a_users_file_that_cannot_be_read() {
    with_user_entry("ln -s docker-pkg.yaml docker-pkg.yaml").assert_snapshot(str![[r#"
------- stderr -------
error: cannot read $HOME/.config/docker-pkg.yaml
caused by: Too many levels of symbolic links (os error 40)
[exit status: 1]
[EOF]

"#]]);
    // Nobody writes to the pipe, and nobody waits for it.
    with_user_entry("mkfifo docker-pkg.yaml").assert_snapshot(str![[r#"
------- stderr -------
error: cannot read $HOME/.config/docker-pkg.yaml
caused by: it is no regular file
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_link_to_nothing_in_place_of_the_users_file_counts_as_none() {
    with_user_entry("ln -s absent docker-pkg.yaml").assert_snapshot(str![[r#"
FROM scratch
# 1[no newline]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn the_users_file_alone_is_not_enough() {
    Sandbox::new()
        .image("images/a", "a (1.0-1)", MINE)
        .home_file(".config/docker-pkg.yaml", "mine: 1\n")
        .pkg(&["render", "a", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: there are no settings at config.yaml
hint: go to the directory that holds it, or name the file with `-c FILE`
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn a_config_home_that_is_empty_or_relative_is_passed_over() {
    for place in ["", "elsewhere"] {
        let output = Sandbox::new()
            .image("images/a", "a (1.0-1)", MINE)
            .home_file(".config/docker-pkg.yaml", "mine: home\n")
            .file("docker-pkg.yaml", "mine: here\n")
            .file("elsewhere/docker-pkg.yaml", "mine: elsewhere\n")
            .file("config.yaml", "registry: r.example.org\n")
            .env("XDG_CONFIG_HOME", place)
            .pkg(&["render", "a", "images"]);
        output.assert_code(0);
        assert_eq!(output.stdout, "FROM scratch\n# home");
    }
}

#[test]
fn two_words_of_the_user_are_no_near_miss() {
    let output = Sandbox::new()
        .image("images/a", "a (1.0-1)", MINE)
        .file(
            "config.yaml",
            "mine: 1\nregistries: 2\nverify: 3\nproxy: 4\nmirrors_of_ours: 5\nseed_image: 6\n",
        )
        .pkg(&["render", "a", "images"]);
    output.assert_code(0);
    assert_eq!(output.stderr, "");
}

#[test]
fn a_near_miss_of_every_setting_is_warned_of() {
    let mut settings = "mine: 1\n".to_owned();
    let mut expected = String::new();
    for (i, (name, ..)) in SETTINGS.into_iter().enumerate() {
        let wrong = name.to_uppercase().replace('_', "-");
        writeln!(settings, "{wrong}: 1").expect("room");
        let line = i + 2;
        writeln!(
            expected,
            "warning: there is no setting `{wrong}`; `{name}` may be meant\n  --> config.yaml:{line}:1"
        )
        .expect("room");
    }
    let output = Sandbox::new()
        .image("images/a", "a (1.0-1)", MINE)
        .file("config.yaml", &settings)
        .pkg(&["render", "a", "images"]);
    output.assert_code(0);
    assert_eq!(output.stderr, expected);
}
