//! What a `.dockerignore` leaves out, beside the real `docker build`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use pkg::context::write_context;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::Test;
use crate::support::docker_client::{DockerClient, names_in};
use crate::support::engine::Engine;
use cases::{CASES, CASES_OF_BUILDKIT, REFUSED};

#[path = "../../src/dockerfile/ignore/cases.rs"]
mod cases;

pub(crate) const TESTS: &[Test] = &[
    (
        "the_table_of_patterns_is_what_docker_build_does",
        the_table_of_patterns_is_what_docker_build_does,
    ),
    (
        "any_patterns_leave_out_what_docker_build_leaves_out",
        any_patterns_leave_out_what_docker_build_leaves_out,
    ),
];

/// A directory with a Dockerfile, a `.dockerignore` and empty files; a name that others stand below is a directory.
fn directory_of(ignore: &str, names: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let is_file = |name: &&&str| {
        let below = format!("{name}/");
        !names.iter().any(|other| other.starts_with(&below))
    };
    for name in names.iter().filter(is_file) {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(&path, "").unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    fs::write(directory.path().join("Dockerfile"), "FROM scratch\n").expect("a file");
    fs::write(directory.path().join(".dockerignore"), ignore).expect("a file");
    directory
}

fn our_context(directory: &Path) -> Result<BTreeSet<PathBuf>, String> {
    let mut context = Vec::new();
    match write_context(directory, directory, "FROM scratch\n", &mut context) {
        Ok(_) => Ok(names_in(&context)),
        Err(error) => Err(error.to_string()),
    }
}

fn the_table_of_patterns_is_what_docker_build_does(_: &Engine) {
    let docker = DockerClient::new();
    let mut wrong = Vec::new();
    for (ignore, out, within) in CASES {
        let directory = directory_of(ignore, &[*out, within].concat());
        for (who, context) in [
            ("docker", docker.context_of(directory.path())),
            ("pkg", our_context(directory.path())),
        ] {
            match context {
                Err(error) => wrong.push(format!("{who} {ignore:?}: {error}")),
                Ok(context) => {
                    let has = |name: &&&str| {
                        context.contains(Path::new(name)) || directory.path().join(name).is_dir()
                    };
                    wrong.extend(
                        out.iter()
                            .filter(|name| context.contains(Path::new(name)))
                            .map(|name| format!("{who} {ignore:?} sends {name}")),
                    );
                    let lost = within.iter().filter(|name| !has(name));
                    wrong.extend(lost.map(|name| format!("{who} {ignore:?} loses {name}")));
                }
            }
        }
    }
    for (ignore, out, within) in CASES_OF_BUILDKIT {
        let directory = directory_of(ignore, &[*out, within].concat());
        let context = our_context(directory.path()).expect("a context");
        let names: BTreeSet<_> = within
            .iter()
            .chain(&["Dockerfile", ".dockerignore"])
            .map(PathBuf::from)
            .collect();
        assert_eq!(context, names, "{ignore:?}");
    }
    for (ignore, _) in REFUSED {
        let directory = directory_of(ignore, &[]);
        for (who, context) in [
            ("docker", docker.context_of(directory.path())),
            ("pkg", our_context(directory.path())),
        ] {
            if context.is_ok() {
                wrong.push(format!("{who} takes {ignore:?}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0], "{}", wrong.join("\n"));
}

/// Patterns as people write them, and worse. What takes back names directories plainly: below a directory that stays out,
/// the old client of Docker looks for nothing else.
fn lines() -> impl Strategy<Value = String> {
    let before = "(|/|\\./|//| |\t)";
    let name = "([ab]|\\.a|é|\\*|\\?|a\\*|\\*b|\\*\\*|\\*\\*b|a\\*\\*|\\[ab\\]|\\[\\^a\\]|\\[a-é\\]|\\\\\\*|\\.\\.|\\.|)";
    let leave_out = format!("{before}{name}(/{name}){{0,3}}(|/| |\r)");
    let plain = "([ab]|\\.a|é)";
    let take_back = format!("!{before}{plain}(/{plain}){{0,2}}(|/{name})(|/| )");
    let line = prop_oneof![
        4 => proptest::string::string_regex(&leave_out).expect("an expression"),
        2 => proptest::string::string_regex(&take_back).expect("an expression"),
        1 => Just(String::new()),
        1 => Just("# a".to_owned()),
    ];
    proptest::collection::vec(line, 1..6).prop_map(|lines| lines.join("\n"))
}

fn any_patterns_leave_out_what_docker_build_leaves_out(_: &Engine) {
    let docker = DockerClient::new();
    // No `.` or `..` among them.
    let names = "(([ab]|\\.a|é|ab|\\*)/){0,3}f?([ab]|\\.a|é|ab|\\*)";
    let names = proptest::string::string_regex(names).expect("an expression");
    let names = proptest::collection::vec(names, 1..24);
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok());
    let config = Config {
        cases: cases.unwrap_or(100),
        failure_persistence: None,
        max_shrink_iters: 400,
        ..Config::default()
    };
    let compared = TestRunner::new(config).run(&(lines(), names), |(ignore, names)| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let directory = directory_of(&ignore, &names);
        match (
            docker.context_of(directory.path()),
            our_context(directory.path()),
        ) {
            (Ok(docker), Ok(ours)) => prop_assert_eq!(ours, docker),
            (Err(_), Err(_)) => (),
            (docker, ours) => prop_assert!(false, "docker: {docker:?}, pkg: {ours:?}"),
        }
        Ok(())
    });
    if let Err(error) = compared {
        panic!("{error}");
    }
}
