//! `--stamp`: the status command, the constants of the settings, and where stamps are seen.

use snapbox::str;

use crate::support::sandbox::Sandbox;

const SETTINGS: &str = "\
registry: registry.example.org
status_command: ./status.sh main
stamp_defaults:
  STABLE_COMMIT: unknown
  BRANCH: local
";

/// Prints its argument as the branch.
const STATUS: &str = "#!/bin/sh
echo STABLE_COMMIT 4f2a91c0
echo \"BRANCH $1 \\\"x\\\"\"
echo OTHER is for another tool
";

const TEMPLATE: &str = "FROM scratch
LABEL revision={{ stamp.STABLE_COMMIT }} branch={{ stamp.BRANCH | tojson }} built={{ stamp.BUILD_TIMESTAMP }}
";

fn with_template(template: &str) -> Sandbox {
    Sandbox::new()
        .file("config.yaml", SETTINGS)
        .executable("status.sh", STATUS)
        .image("images/a", "a (1.0-1)", template)
}

/// Renders with another status command.
fn with_status(script: &str) -> Sandbox {
    with_template(TEMPLATE).executable("status.sh", &format!("#!/bin/sh\n{script}\n"))
}

const RENDER: [&str; 4] = ["render", "--stamp", "a", "images"];

#[test]
fn without_the_option_stamps_are_their_constants_and_no_command_runs() {
    with_template(TEMPLATE)
        .executable("status.sh", "#!/bin/sh\ntouch ran\n")
        .pkg(&["render", "a", "images"])
        .assert_snapshot(str![[r#"
FROM scratch
LABEL revision=unknown branch="local" built=0[no newline]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn with_the_option_they_are_what_the_command_prints() {
    with_template(TEMPLATE)
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
FROM scratch
LABEL revision=4f2a91c0 branch="main \"x\"" built=1795219200[no newline]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn the_command_runs_once_in_the_directory_of_the_settings() {
    let status = "#!/bin/sh\necho run >> runs\necho STABLE_COMMIT $(pwd | sed 's,.*/,,')\necho BRANCH $CI_BRANCH\n";
    let sandbox = Sandbox::new()
        .file("sub/config.yaml", SETTINGS)
        .executable("sub/status.sh", status)
        .image("images/a", "a (1.0-1)", TEMPLATE)
        .image("images/b", "b (1.0-1)", TEMPLATE)
        .env("CI_BRANCH", "of-the-environment");
    let arguments = ["render", "--stamp", "--all", "--out", "out", "images"];
    sandbox
        .pkg(&[&["-c", "sub/config.yaml"], &arguments[..]].concat())
        .assert_code(0);
    assert_eq!(sandbox.read("sub/runs"), "run\n");
    assert_eq!(
        sandbox.read("out/b/Dockerfile"),
        "FROM scratch\nLABEL revision=sub branch=\"of-the-environment\" built=1795219200"
    );
}

#[test]
fn a_setting_named_stamp_stays_the_users() {
    with_template("FROM scratch\nLABEL a={{ stamp }}\n")
        .file("config.yaml", "stamp: mine\n")
        .pkg(&["render", "a", "images"])
        .assert_snapshot(str![[r#"
FROM scratch
LABEL a=mine[no newline]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn keys_that_the_command_does_not_print_keep_their_constants_and_are_told() {
    with_status("echo BUILD_TIMESTAMP 7")
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
FROM scratch
LABEL revision=unknown branch="local" built=7[no newline]
------- stderr -------
warning: the status command says nothing of `BRANCH` and `STABLE_COMMIT`, which keep their constants
  --> config.yaml:2:17
[exit status: 0]
[EOF]

"#]]);
    with_template(TEMPLATE)
        .file(
            "config.yaml",
            "stamp_defaults: {STABLE_COMMIT: none, BRANCH: x}\n",
        )
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
FROM scratch
LABEL revision=none branch="x" built=1795219200[no newline]
------- stderr -------
warning: no setting `status_command` tells values for `--stamp`: `BRANCH` and `STABLE_COMMIT` keep their constants
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_key_that_nobody_defines_is_told_where_it_stands() {
    with_template("FROM scratch\nLABEL a={{ stamp.STABLE_COMIT }} b={{ stamp['OTHER'] }}\n")
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: `stamp.STABLE_COMIT` has no value
  --> images/a/Dockerfile.template:2:12
   | LABEL a={{ stamp.STABLE_COMIT }} b={{ stamp['OTHER'] }}
   |            ^^^^^^^^^^^^^^^^^^
hint: the closest key is `STABLE_COMMIT`
[exit status: 1]
[EOF]

"#]]);
    with_template("FROM scratch\nLABEL b={{ stamp.OTHER }}\n")
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: `stamp.OTHER` has no value
  --> images/a/Dockerfile.template:2:12
   | LABEL b={{ stamp.OTHER }}
   |            ^^^^^^^^^^^
hint: the settings name each key with what it is without `--stamp`: `stamp_defaults: {OTHER: "…"}`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_stamp_that_has_no_value_has_a_default_in_the_template() {
    let output =
        with_template("FROM scratch\nLABEL a={{ stamp.OTHER | default('x') }}\n").pkg(&RENDER);
    output.assert_code(0);
    assert!(output.stdout.contains("a=x"), "{}", output.stdout);
}

#[test]
fn a_command_that_fails_or_is_not_there() {
    with_status("echo STABLE_COMMIT 1; echo 'fatal: not a git repository' >&2; exit 128")
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: the status command failed: `$SANDBOX/status.sh` ended with exit code 128: fatal: not a git repository
  --> config.yaml:2:17
[exit status: 1]
[EOF]

"#]]);
    with_template(TEMPLATE)
        .file(
            "config.yaml",
            "status_command: [./status, a b]\nstamp_defaults: {STABLE_COMMIT: '', BRANCH: ''}\n",
        )
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: the status command failed: cannot find the program `$SANDBOX/status`
  --> config.yaml:1:17
hint: a name is looked for in PATH, and a path with a `/` from the directory of the settings
[exit status: 1]
[EOF]

"#]]);
    with_template(TEMPLATE)
        .file(
            "config.yaml",
            "status_command: no-such-status\nstamp_defaults: {STABLE_COMMIT: '', BRANCH: ''}\n",
        )
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: the status command failed: cannot find the program `no-such-status`
  --> config.yaml:1:17
hint: a name is looked for in PATH, and a path with a `/` from the directory of the settings
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn lines_that_are_none_of_a_status() {
    with_status("echo STABLE_COMMIT 1; echo GIT-BRANCH main")
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: what the status command prints is no status: line 2: a line is `KEY value`, and a key is letters, digits and `_`, the first no digit
  --> config.yaml:2:17
hint: the line is `GIT-BRANCH main`
[exit status: 1]
[EOF]

"#]]);
    with_status("echo BRANCH main; echo BRANCH other")
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: what the status command prints is no status: line 2: `BRANCH` stands in line 1 already
  --> config.yaml:2:17
hint: the line is `BRANCH other`
[exit status: 1]
[EOF]

"#]]);
    with_status("printf 'BRANCH a\\rb\\n'")
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: what the status command prints is no status: line 1: the value holds a control character
  --> config.yaml:2:17
hint: the line is `BRANCH a b`
[exit status: 1]
[EOF]

"#]]);
    with_status("echo 'BRANCH a\\'")
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: what the status command prints is no status: line 1: the value ends in `\`, which joins the next line of a Dockerfile to its own
  --> config.yaml:2:17
hint: the line is `BRANCH a\`
[exit status: 1]
[EOF]

"#]]);
    with_status("yes BRANCH main")
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: the status command prints more than 64 KiB
  --> config.yaml:2:17
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn settings_that_name_no_command_and_no_constants() {
    with_template(TEMPLATE)
        .file(
            "config.yaml",
            "status_command: {sh: a}\nstamp_defaults:\n  STABLE-COMMIT: x\n  BRANCH: 1.10\n  A: \"x\\ny\"\n  B: x\\\n",
        )
        .pkg(&RENDER)
        .assert_snapshot(str![[r#"
------- stderr -------
error: `status_command` has to be a command as a shell has it, with no quote left open, or a list of its words, and this is a mapping
  --> config.yaml:1:17
error: `stamp_defaults` has to be a mapping of keys, which are letters, digits and `_` and begin with no digit
  --> config.yaml:3:3
error: `stamp_defaults` has to be a mapping of keys to texts (in quotes where they look like something else), and this is a number
  --> config.yaml:4:11
error: `stamp_defaults` has to be a mapping to texts of one line, of 4096 bytes at most, that do not end in `\`
  --> config.yaml:5:6
error: `stamp_defaults` has to be a mapping to texts of one line, of 4096 bytes at most, that do not end in `\`
  --> config.yaml:6:6
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn the_words_of_a_command_that_fails_hold_no_secret() {
    let output = with_status("echo $TOKEN >&2; exit 1")
        .file(
            "config.yaml",
            "status_command: ./status.sh\nsecrets: {t: {env: TOKEN}}\n",
        )
        .env("TOKEN", "hush-hush-hush")
        .pkg(&RENDER);
    output.assert_code(1);
    assert!(
        output.stderr.contains("exit code 1: ***"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("hush"), "{}", output.stderr);
}

#[test]
fn a_tag_that_cannot_be_is_told_without_a_secret_in_it() {
    let output = with_status("echo STABLE_COMMIT x; echo \"BRANCH $TOKEN y\"")
        .file(
            "config.yaml",
            &format!("{SETTINGS}secrets: {{t: {{env: TOKEN}}}}\n"),
        )
        .env("TOKEN", "hush-hush-hush")
        .pkg(&[
            "publish",
            "--stamp",
            "--tag",
            "ci-{{ stamp.BRANCH }}",
            "images",
        ]);
    output.assert_snapshot(str![[r#"
------- stderr -------
error: `--tag ci-{{ stamp.BRANCH }}` is `ci-*** y`: `ci-*** y` cannot be a tag: it holds ` `
[exit status: 2]
[EOF]

"#]]);
}

const DECLARED: &str = "paths: [{path: /a, type: directory}]
vcs-url: https://git.example.org/a@{{ stamp.STABLE_COMIT }}
labels:
  pipeline: \"{{ stamp.CI_PIPELINE }}\"
";

#[test]
fn a_stamp_in_a_declared_image_that_nobody_defines() {
    with_template(TEMPLATE)
        .declared("images/b", "b (1.0-1)")
        .file("images/b/image.yaml", DECLARED)
        .pkg(&["list", "--offline", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `stamp.STABLE_COMIT` has no value
  --> images/b/image.yaml:2
hint: the closest key is `STABLE_COMMIT`
error: `stamp.CI_PIPELINE` has no value
  --> images/b/image.yaml:4
hint: the settings name each key with what it is without `--stamp`: `stamp_defaults: {CI_PIPELINE: "…"}`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn tags_that_cannot_be_after_stamping() {
    let publish =
        |tag: &str| with_template(TEMPLATE).pkg(&["publish", "--stamp", "--tag", tag, "images"]);
    publish("ci-{{ stamp.PIPELINE }}").assert_snapshot(str![[r#"
------- stderr -------
error: `--tag ci-{{ stamp.PIPELINE }}`: `stamp.PIPELINE` has no value
hint: the settings name each key with what it is without `--stamp`: `stamp_defaults: {PIPELINE: "…"}`
[exit status: 2]
[EOF]

"#]]);
    publish("ci-{{ stamp.BRANCH | lower }}").assert_snapshot(str![[r#"
------- stderr -------
error: `--tag ci-{{ stamp.BRANCH | lower }}`: a stamp is `{{ stamp.KEY }}` and nothing more: `{{ stamp.BRANCH | lower }}`
hint: what is more than a value is for the status command to print
[exit status: 2]
[EOF]

"#]]);
    publish("ci-{{ stamp.BRANCH }}").assert_snapshot(str![[r#"
------- stderr -------
error: `--tag ci-{{ stamp.BRANCH }}` is `ci-main "x"`: `ci-main "x"` cannot be a tag: it holds ` `
[exit status: 2]
[EOF]

"#]]);
    publish("{{stamp.STABLE_COMMIT}}").assert_snapshot(str![[r#"
------- stderr -------
error: `--tag {{stamp.STABLE_COMMIT}}` is `4f2a91c0`: a tag that begins with a digit may be a version, and versions do not move
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn an_audit_tells_of_stamps_that_nobody_defines() {
    let output = with_template(TEMPLATE)
        .declared("images/b", "b (1.0-1)")
        .file("images/b/image.yaml", DECLARED)
        .pkg(&[
            "audit",
            "--stamp",
            "--rule",
            "image-file-unreadable",
            "images",
        ]);
    output.assert_code(3);
    for told in ["images/b/image.yaml:2", "images/b/image.yaml:4"] {
        assert!(output.stdout.contains(told), "{}", output.stdout);
    }
}
