//! Files that are read, and files that are wrong.

use super::super::samples::{SUITE, suite};
use super::*;

#[test]
fn every_key_is_read() {
    let suite = suite(SUITE);
    assert_eq!(suite.variables.len(), 1);
    let [command] = suite.commands.as_slice() else {
        panic!("{suite:?}");
    };
    assert_eq!(command.words, ["sh", "-c", "echo $HOME"]);
    assert_eq!((command.setup.len(), command.teardown.len()), (1, 1));
    assert_eq!((command.exit_code, command.variables.len()), (3, 1));
    let patterns = [
        &command.expected_output,
        &command.excluded_output,
        &command.expected_error,
        &command.excluded_error,
    ];
    let patterns = patterns.map(|patterns| patterns[0].as_str());
    assert_eq!(patterns, ["/root", "oops", "warn.*", "fatal"]);
    let [existence] = suite.existence.as_slice() else {
        panic!("{suite:?}");
    };
    assert!(!existence.is_expected);
    assert_eq!(existence.permissions.as_deref(), Some("-rwxr-xr-x"));
    assert_eq!((existence.uid, existence.gid), (Some(0), Some(42)));
    assert_eq!(existence.executable_by, Some(Execution::Group));
    let [content] = suite.contents.as_slice() else {
        panic!("{suite:?}");
    };
    assert_eq!((content.expected.len(), content.excluded.len()), (1, 1));
    let [license] = suite.licenses.as_slice() else {
        panic!("{suite:?}");
    };
    assert_eq!(
        (license.debian, license.files.join(" ")),
        (true, "/LICENSE".to_owned())
    );
    let titles: Vec<String> = suite.checks().map(|check| check.title()).collect();
    let expected = [
        "Command Test: c",
        "File Content Test: b",
        "File Existence Test: a",
        "License Test #0",
        "Metadata Test",
    ];
    assert_eq!(titles, expected);
}

#[test]
fn every_key_about_containers_is_read() {
    let suite = suite(SUITE);
    let metadata = suite.metadata.as_ref().expect("metadata");
    assert_eq!((metadata.variables.len(), metadata.labels.len()), (2, 1));
    assert_eq!(metadata.unbound, ["DEBUG"]);
    assert_eq!(metadata.entrypoint.as_deref(), Some(&[][..]));
    assert_eq!(metadata.cmd.as_deref(), Some(&["sh".to_owned()][..]));
    assert_eq!(
        (metadata.exposed.join(" "), metadata.unexposed.join(" ")),
        ("8080 53/udp".to_owned(), "22".to_owned())
    );
    assert_eq!(
        (metadata.volumes.join(" "), metadata.unmounted.join(" ")),
        ("/data".to_owned(), "/tmp".to_owned())
    );
    assert_eq!(
        (metadata.workdir.as_deref(), metadata.user.as_deref()),
        (Some("/srv"), Some("app"))
    );
    let run = RunOptions {
        user: Some("app".to_owned()),
        privileged: true,
        allocate_tty: true,
        env_file: Some("a.env".to_owned()),
        env_vars: vec!["CI".to_owned()],
        capabilities: vec!["NET_ADMIN".to_owned()],
        bind_mounts: vec!["/a:/b:ro".to_owned()],
    };
    assert_eq!(suite.run, run);
}

#[test]
fn the_older_schema_has_commands_as_lists() {
    let suite = suite(
        "schemaVersion: 1.0.0\ncommandTests:\n- {name: a, command: [echo, 1]}\nmetadataTest: {env: [{key: A, value: b}]}\n",
    );
    assert_eq!(suite.commands[0].words, ["echo", "1"]);
    assert_eq!(suite.metadata.expect("metadata").variables.len(), 1);
}

#[test]
fn words_that_look_like_something_else_are_texts() {
    let suite = suite(
        "schemaVersion: 2.0.0\ncommandTests:\n- {name: 1, command: true, args: [yes, 0o7, 1.50], setup: [[no, 1]]}\n",
    );
    assert_eq!(suite.commands[0].words, ["true", "yes", "0o7", "1.50"]);
    assert_eq!(suite.commands[0].setup[0], ["no", "1"]);
}

#[test]
fn what_is_not_said_has_defaults() {
    let suite = suite(
        "schemaVersion: '2.0.0'\ncommandTests:\nfileExistenceTests:\n- {name: a, path: /a}\nmetadataTest: {}\n",
    );
    assert!(suite.metadata.is_none() && suite.commands.is_empty());
    assert!(suite.existence[0].is_expected);
    assert_eq!(suite.run, RunOptions::default());
}

/// Each fault as it is printed, with its hint.
#[track_caller]
fn refused(text: &str, expected: &[&str]) {
    let errors = parse_suite(Path::new("t.yaml"), text).expect_err(text);
    let told: Vec<String> = errors
        .iter()
        .map(|error| match error.fault.hint() {
            Some(hint) => format!("{}: {error}; {hint}", error.place),
            None => format!("{}: {error}", error.place),
        })
        .collect();
    assert_eq!(told, expected, "{text}");
}

/// A file of one test of a section.
#[track_caller]
fn refused_in(section: &str, expected: &[&str]) {
    refused(&format!("schemaVersion: 2.0.0\n{section}\n"), expected);
}

#[test]
fn unknown_keys_are_told_with_the_nearest_name() {
    refused_in(
        "commandTest: []",
        &["t.yaml:2:1: there is no key `commandTest` here; the closest key is `commandTests`"],
    );
    refused_in(
        "commandTests:\n- name: a\n  command: b\n  expectedOutputs: [c]",
        &[
            "t.yaml:5:3: there is no key `expectedOutputs` here; the closest key is `expectedOutput`",
        ],
    );
    refused_in(
        "licenseTests:\n- {debian: true, x: 1}",
        &["t.yaml:3:18: there is no key `x` here; the closest keys are `debian`, `files`"],
    );
    for (section, key) in [
        (
            "fileExistenceTests: [{name: a, path: b, KEY: 1}]",
            "shouldExists",
        ),
        (
            "fileContentTests: [{name: a, path: b, KEY: 1}]",
            "expectedContent",
        ),
        ("metadataTest: {KEY: 1}", "exposedPort"),
        ("metadataTest: {labels: [{key: a, KEY: 1}]}", "isRegexp"),
        ("globalEnvVars: [{key: a, KEY: 1}]", "values"),
        ("containerRunOptions: {KEY: 1}", "bindMount"),
    ] {
        let text = format!("schemaVersion: 2.0.0\n{}\n", section.replace("KEY", key));
        let errors = parse_suite(Path::new("t.yaml"), &text).expect_err(&text);
        let [error] = errors.as_slice() else {
            panic!("{errors:?}");
        };
        let Fault::UnknownKey { key: found, near } = &error.fault else {
            panic!("{error:?}");
        };
        assert_eq!(
            (found.as_str(), near.len(), error.place.line_number()),
            (key, 1, Some(2))
        );
    }
}

#[test]
fn versions_are_two() {
    refused(
        "schemaVersion: 3.0.0\n",
        &["t.yaml:1:16: `schemaVersion` is 2.0.0 or 1.0.0, and this is `3.0.0`"],
    );
    refused(
        "commandTests: []\n",
        &["t.yaml:1:1: missing field `schemaVersion`"],
    );
    refused_in(
        "commandTests: [{name: a, command: [b]}]",
        &["t.yaml:2:35: `command` is one text, its arguments are `args`, in schema 2.0.0"],
    );
    refused(
        "schemaVersion: 1.0.0\ncommandTests: [{name: a, command: b}]\n",
        &["t.yaml:2:35: `command` is a list of texts with all arguments in schema 1.0.0"],
    );
    refused_in(
        "metadataTest: {env: [{key: a}]}",
        &["t.yaml:2:21: `env` is called `envVars` in schema 2.0.0"],
    );
    refused(
        "schemaVersion: 1.0.0\ncommandTests: [{name: a, command: [b], args: [c]}]\nmetadataTest: {envVars: []}\n",
        &[
            "t.yaml:2:46: `args` does not exist in schema 1.0.0",
            "t.yaml:3:25: `envVars` is called `env` in schema 1.0.0",
        ],
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once_where_it_stands() {
    refused(
        "schemaVersion: 2.0.0\n\
         commandTests:\n\
         - {name: '', command: '', setup: [[]], teardown: [['']], expectedOutput: ['(']}\n\
         fileExistenceTests:\n\
         - {name: a, path: '', permissions: '0644'}\n\
         fileContentTests:\n\
         - {name: a, path: b, excludedContents: ['[']}\n\
         metadataTest: {labels: [{key: a, value: '*', isRegex: true}], unboundEnvVars: [{key: 'A=B'}]}\n\
         licenseTests: [{}]\n\
         globalEnvVars: [{key: ''}]\n\
         containerRunOptions: {envVars: ['']}\n",
        &[
            "t.yaml:3:10: `name` is empty",
            "t.yaml:3:23: `command` is empty",
            "t.yaml:3:35: `setup` is empty",
            "t.yaml:3:51: `teardown` is empty",
            "t.yaml:3:75: `(` is no regular expression: unclosed group",
            "t.yaml:5:19: `path` is empty",
            "t.yaml:5:36: `0644` is no mode of a file as Go writes it; a kind and nine letters: `-rw-r--r--`, `drwxr-xr-x`, \
             `Lrwxrwxrwx`, with setuid `urwxr-xr-x`, with setgid `grwxr-xr-x`, a sticky directory `dtrwxrwxrwx`",
            "t.yaml:7:41: `[` is no regular expression: unclosed character class",
            "t.yaml:8:41: `*` is no regular expression: repetition operator missing expression",
            "t.yaml:8:86: `A=B` cannot be the name of a variable",
            "t.yaml:9:16: `licenseTests` is empty",
            "t.yaml:10:23: `` cannot be the name of a variable",
            "t.yaml:11:33: `` cannot be the name of a variable",
        ],
    );
}

#[test]
fn what_is_no_yaml_of_tests_is_refused() {
    for text in [
        "",
        "[]",
        "schemaVersion: [2]",
        "schemaVersion: 2.0.0\nschemaVersion: 2.0.0",
        "schemaVersion: 2.0.0\ncommandTests: 1",
        "schemaVersion: 2.0.0\ncommandTests: [{name: a}]",
        "schemaVersion: 2.0.0\ncommandTests: [{name: a, command: b, exitCode: c}]",
        "schemaVersion: 2.0.0\nfileExistenceTests: [{name: a, path: b, isExecutableBy: me}]",
        "schemaVersion: 2.0.0\nfileExistenceTests: [{name: a, path: b, uid: -1}]",
        "schemaVersion: 2.0.0\n---\nschemaVersion: 2.0.0",
        "schemaVersion: 2.0.0\nmetadataTest: {cmd: sh}",
    ] {
        let errors = parse_suite(Path::new("t.yaml"), text).expect_err(text);
        assert!(
            matches!(errors.as_slice(), [StructureError { fault: Fault::Yaml(message), .. }] if !message.contains('\n')),
            "{text}: {errors:?}"
        );
    }
    refused(
        &" ".repeat(LARGEST_BYTES + 1),
        &["t.yaml: this is too large: over 4 MiB"],
    );
}
