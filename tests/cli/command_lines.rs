//! Command lines as docker-pkg's users type them.
//!
//! docker-pkg's parser is Python's argparse: a long option may be cut short while no other begins the same, a value may
//! stand behind `=` or right behind a letter, options stand anywhere, and of one that is repeated the last counts.

use snapbox::str;

use crate::support::sandbox::Sandbox;

/// Settings with a name that is not the default one, so that only `-c` finds them.
fn with_x() -> Sandbox {
    Sandbox::new()
        .image("images/a", "a (1.0-1)", "FROM scratch\n")
        .image("images/python3", "python3 (3.11-1)", "FROM scratch\n")
        .file("x.yaml", "namespace: base\n")
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
}

#[track_caller]
fn finds_the_settings(arguments: &[&str]) {
    let output = with_x().pkg(arguments);
    output.assert_code(0);
    assert_eq!(
        output.stdout, "NAME  VERSION  DIRECTORY\na     1.0-1    images/a\n",
        "{arguments:?}"
    );
}

#[test]
fn the_settings_are_named_in_every_way_that_argparse_takes() {
    let rest = ["list", "--offline", "--select", "base/a:*", "images"];
    for named in [
        &["-c", "x.yaml"][..],
        &["-cx.yaml"],
        &["-c=x.yaml"],
        &["--configfile", "x.yaml"],
        &["--configfile=x.yaml"],
        &["--config", "x.yaml"],
        &["--conf=x.yaml"],
        &["--co", "x.yaml"],
        &["--c", "x.yaml"],
        &["-c", "absent.yaml", "-c", "x.yaml"],
    ] {
        finds_the_settings(&[named, &rest].concat());
        finds_the_settings(&[&rest[..], named].concat());
        finds_the_settings(&[&rest[..4], named, &rest[4..]].concat());
    }
}

#[test]
fn options_stand_before_and_behind_directories_and_the_last_one_counts() {
    for select in [
        &["images", "--select", "base/a:*"][..],
        &["images", "--select=base/a:*"],
        &["images", "--sel", "base/a:*"],
        &["--se=base/a:*", "images"],
        &["--select", "nothing", "--select", "base/a:*", "images"],
        &["--select", "base/a:*", "--", "images"],
    ] {
        finds_the_settings(&[&["-c", "x.yaml", "list", "--offline"], select].concat());
    }
}

/// Runs a build up to the engine, where there is none.
#[track_caller]
fn reaches_the_engine(line: &str) {
    let arguments = shlex::split(line).expect("words");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = with_x().pkg(&arguments);
    output.assert_code(4);
    assert!(
        output
            .stderr
            .starts_with("error: no Docker engine answers at unix:///nowhere/docker.sock\n"),
        "{line}: {}",
        output.stderr
    );
}

#[test]
fn builds_are_asked_for_as_with_docker_pkg() {
    for line in [
        "-c x.yaml build images",
        "-c x.yaml --info build --select '*python*' --nightly images",
        "--debug -c x.yaml build --use-cache --no-pull images",
        "--configfile x.yaml --deb build --snap --use --no-pul images",
        "--inf --conf x.yaml build images --night --sel='*python*'",
        "-c x.yaml --info --info build --use-cache --use-cache images",
        "build -c x.yaml --debug images --no-pull",
    ] {
        reaches_the_engine(line);
    }
}

#[test]
fn a_pattern_without_a_match_is_warned_of() {
    with_x()
        .pkg(&["-c", "x.yaml", "build", "--select", "*perl*", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
warning: no image matches `*perl*`
hint: the pattern has to match a whole label: `*/nginx:*`
error: no Docker engine answers at unix:///nowhere/docker.sock
caused by: Socket not found: /nowhere/docker.sock
hint: start the engine, or name another one with DOCKER_HOST
[exit status: 4]
[EOF]

"#]]);
}

#[track_caller]
fn refused(line: &str, message: &str) {
    let arguments = shlex::split(line).expect("words");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = with_x().pkg(&arguments);
    output.assert_code(2);
    assert_eq!(output.stdout, "", "{line}");
    let said = output.stderr.lines().next().unwrap_or_default();
    assert_eq!(said, message, "{line}");
}

#[test]
fn both_log_levels_at_once_are_refused_wherever_they_stand() {
    let message = "error: the argument '--info' cannot be used with '--debug'";
    refused("--info --debug -c x.yaml build images", message);
    refused("--info -c x.yaml build --debug images", message);
    refused("-c x.yaml build --info images --debug", message);
    refused("--inf -c x.yaml list --deb images", message);
    let message = "error: the argument '--debug' cannot be used with '--info'";
    refused("--debug --info -c x.yaml build images", message);
}

#[test]
fn what_argparse_refuses_is_refused() {
    refused(
        "-c x.yaml build --nightly --snapshot images",
        "error: the argument '--nightly' cannot be used with '--snapshot'",
    );
    refused(
        "-c x.yaml build",
        "error: the following required arguments were not provided:",
    );
    refused(
        "-c x.yaml buil images",
        "error: unrecognized subcommand 'buil'",
    );
    refused(
        "-c x.yaml build --select",
        "error: a value is required for '--select <GLOB>' but none was supplied",
    );
    refused(
        "-c x.yaml build --select -x images",
        "error: unexpected argument '-x' found",
    );
    refused(
        "-c x.yaml build --confg x images",
        "error: unexpected argument '--confg' found",
    );
}

#[track_caller]
fn offers(line: &str, tip: &str) {
    let arguments = shlex::split(line).expect("words");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = with_x().pkg(&arguments);
    output.assert_code(2);
    let said = output
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("  tip: "));
    assert_eq!(said.unwrap_or_default(), tip, "{line}");
}

/// What could mean two options is no option.
#[test]
fn an_ambiguous_abbreviation_is_refused_with_all_that_it_may_mean() {
    for (line, message) in [
        (
            "build --no images",
            "`--no` may be `--no-publish` or `--no-pull`",
        ),
        (
            "build --n images",
            "`--n` may be `--nightly`, `--no-publish` or `--no-pull`",
        ),
        (
            "build images --s='*'",
            "`--s` may be `--select`, `--snapshot` or `--stamp`",
        ),
        ("build --d images", "`--d` may be `--debug` or `--dry-run`"),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let output = with_x().pkg(&arguments);
        output.assert_code(2);
        assert_eq!(output.stderr, format!("error: {message}\n"));
    }
}

#[test]
fn a_misspelt_option_is_refused_with_the_one_that_may_be_meant() {
    let one = |name: &str| format!("a similar argument exists: {name}");
    offers("--colr never list images", &one("'--color'"));
    offers("--cofigfile x.yaml list images", &one("'--configfile'"));
    offers("-c x.yaml build --dryrun images", &one("'--dry-run'"));
    offers("-c x.yaml build --nigthly images", &one("'--nightly'"));
    // `--co` is `--configfile`, which is not what this means.
    offers("--cor never list images", "");
}

#[test]
fn settings_that_are_not_there() {
    with_x().pkg(&["build", "images"]).assert_snapshot(str![[r#"
------- stderr -------
error: there are no settings at config.yaml
hint: go to the directory that holds it, or name the file with `-c FILE`
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn named_settings_that_are_not_there() {
    with_x()
        .pkg(&["-c", "conf/absent.yaml", "build", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: there are no settings at conf/absent.yaml
hint: `-c` takes the path of a file, from the current directory
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn a_directory_that_is_not_there() {
    with_x()
        .pkg(&["-c", "x.yaml", "build", "imgaes"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: there is no such directory: imgaes
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn no_command() {
    with_x().pkg(&["-c", "x.yaml"]).assert_snapshot(str![[r#"
------- stderr -------
error: 'pkg' requires a subcommand but one was not provided
  [subcommands: build, plan, publish, verify, list, graph, log, diff, render, new, update, refresh, lock, prune, audit, export, util, help]

Usage: pkg [OPTIONS] <COMMAND>

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}
