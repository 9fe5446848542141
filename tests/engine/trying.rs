//! Trying again: at once what may pass, later what fails each time; and one run at a time.

use std::fs;
use std::time::{Duration, SystemTime};

use rustix::process::Signal;

use crate::Test;
use crate::support::catalog::{Catalog, wait_until};
use crate::support::engine::Engine;
use crate::support::ledger;
use crate::support::sandbox::{Output, Sandbox};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_step_that_cannot_reach_a_server_is_tried_again_and_a_wrong_one_is_not",
        a_step_that_cannot_reach_a_server_is_tried_again_and_a_wrong_one_is_not,
    ),
    (
        "a_server_that_stays_away_is_the_environments_fault",
        a_server_that_stays_away_is_the_environments_fault,
    ),
    (
        "an_image_that_fails_each_time_waits_until_its_inputs_change",
        an_image_that_fails_each_time_waits_until_its_inputs_change,
    ),
    (
        "tests_that_fail_each_time_wait_too",
        tests_that_fail_each_time_wait_too,
    ),
    (
        "without_a_state_directory_nothing_but_speed_is_lost",
        without_a_state_directory_nothing_but_speed_is_lost,
    ),
    (
        "a_second_run_is_told_of_the_first_or_waits_for_it",
        a_second_run_is_told_of_the_first_or_waits_for_it,
    ),
    (
        "tests_run_again_when_a_file_changes_that_they_source",
        tests_run_again_when_a_file_changes_that_they_source,
    ),
];

/// busybox's words at a port where nobody listens.
const REFUSED: &str = "wget: can't connect to remote host (127.0.0.1): Connection refused";

fn a_step_that_cannot_reach_a_server_is_tried_again_and_a_wrong_one_is_not(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let back = now.expect("a time").as_secs() + 8;
    // The server is back when the second try comes.
    let step = format!("[ $(busybox date +%s) -ge {back} ] || busybox wget -q http://127.0.0.1:9/");
    catalog
        .image("mirrored", "1-1", &[], &format!("FROM $BASE\nRUN {step}"))
        .image(
            "wrong",
            "1-1",
            &[],
            "FROM $BASE\nRUN echo 'a.c:1:19: error: no such thing'; false",
        );
    let output = catalog.build(&["-j2"]);
    output.assert_code(1);
    let namespace = engine.namespace();
    let again = format!("{namespace}/mirrored 1-1: again in 10s, try 2 of 3: {REFUSED}\n");
    assert!(output.stderr.contains(&again), "{}", output.stderr);
    assert_eq!(
        output.stderr.matches("again in").count(),
        1,
        "{}",
        output.stderr
    );
    let last = output
        .stderr
        .lines()
        .rfind(|line| line.contains(" built"))
        .expect("a summary");
    assert!(
        last.starts_with("1 built, 1 failed in "),
        "{}",
        output.stderr
    );
    let log = catalog.runs()[0].join("mirrored_1-1.log");
    let log = fs::read_to_string(log).expect("a log");
    let (first, second) = log
        .split_once("== again in 10s, try 2 of 3: ")
        .expect("both tries");
    assert!(
        first.contains(REFUSED) && second.contains("== built sha256:"),
        "{log}"
    );
}

fn a_server_that_stays_away_is_the_environments_fault(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let step = "busybox wget -q http://127.0.0.1:9/";
    catalog.image("a", "1-1", &[], &format!("FROM $BASE\nRUN {step}"));
    let output = catalog.build(&[]);
    output.assert_code(4);
    for wait in ["10s, try 2 of 3", "30s, try 3 of 3"] {
        let again = format!("again in {wait}: {REFUSED}\n");
        assert!(output.stderr.contains(&again), "{}", output.stderr);
    }
    let cause = format!("`{step}` ended with exit code 1: {REFUSED}");
    assert!(output.stderr.contains(&cause), "{}", output.stderr);
}

/// Runs a build some minutes after the first one.
fn at(catalog: &Catalog<'_>, minutes: i64, more: &[&str]) -> Output {
    let home = catalog.sandbox().home();
    let clock = home.join("minutes");
    let before = fs::read_to_string(&clock).map_or(0, |text| text.parse().expect("a number"));
    ledger::age(&home, minutes - before);
    fs::write(&clock, minutes.to_string()).expect("a file");
    catalog.build(more)
}

const HELD: &str = "times in a row with the same inputs, and is not tried before 20";

#[track_caller]
fn assert_tried(output: &Output) {
    output.assert_code(1);
    assert!(!output.stderr.contains(HELD), "{}", output.stderr);
    assert!(
        output.stderr.contains("ended with exit code"),
        "{}",
        output.stderr
    );
}

#[track_caller]
fn assert_held(output: &Output, times: usize) {
    output.assert_code(1);
    let told = format!("it failed {times} {HELD}");
    assert!(output.stderr.contains(&told), "{}", output.stderr);
    assert!(
        output
            .stderr
            .contains("hint: `--retry` tries now what waits\n"),
        "{}",
        output.stderr
    );
    assert!(
        !output.stderr.contains("ended with exit code"),
        "{}",
        output.stderr
    );
}

fn an_image_that_fails_each_time_waits_until_its_inputs_change(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nCOPY file /\nRUN false")
        .image("b", "1-1", &["a"], "FROM $(a)\nRUN true")
        .image("c", "1-1", &[], "FROM $BASE\nRUN true")
        .write("images/a/file", b"one");
    assert_tried(&at(&catalog, 0, &[]));
    assert_tried(&at(&catalog, 1, &[]));
    let output = at(&catalog, 2, &["--dry-run"]);
    output.assert_code(0);
    let told = "failed 2 times in a row with the same inputs, and is not tried before 20";
    assert!(output.stderr.contains(told), "{}", output.stderr);
    let output = at(&catalog, 2, &[]);
    assert_held(&output, 2);
    let namespace = engine.namespace();
    let blocked = format!("blocked by {namespace}/a 1-1: {namespace}/b 1-1\n");
    assert!(output.stderr.contains(&blocked), "{}", output.stderr);
    assert!(
        output.stderr.contains("a_1-1.log"),
        "the log of the last try: {}",
        output.stderr
    );
    // Who asks for it gets it.
    assert_tried(&at(&catalog, 2, &["--retry"]));
    assert_held(&at(&catalog, 25, &[]), 3);
    assert_tried(&at(&catalog, 25, &["--select", "*/a:*"]));
    assert_held(&at(&catalog, 26, &["--select", "*/[ab]:*"]), 4);
    // A file of the context, the recipe, more time: each is another try, and the first of its kind.
    catalog.write("images/a/file", b"two");
    assert_tried(&at(&catalog, 27, &[]));
    catalog.image(
        "a",
        "1-1",
        &[],
        "FROM $BASE\nCOPY file /\nRUN false # again",
    );
    assert_tried(&at(&catalog, 28, &[]));
    catalog.settings("build_timeouts: {a: 3h}\n");
    assert_tried(&at(&catalog, 29, &[]));
    assert_tried(&at(&catalog, 29, &[]));
    assert_held(&at(&catalog, 30, &[]), 2);
    // The time is over, and then it works.
    assert_tried(&at(&catalog, 45, &[]));
    catalog.write("images/a/file", b"three").image(
        "a",
        "1-1",
        &[],
        "FROM $BASE\nCOPY file /\nRUN true",
    );
    at(&catalog, 46, &[]).assert_code(0);
    let kept = catalog.everything_kept();
    assert!(kept.contains("\"attempts\": {}"), "{kept}");
    // Touching a file or losing the state is no reason for anything but one more try.
    assert_eq!(catalog.output_of("a", "cat /file"), "three");
}

fn tests_that_fail_each_time_wait_too(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN true")
        .write("images/a/functions", b"check() { exit 3; }\n")
        .test("a", ". ${0%/*}/functions; check");
    // Built and tested, then only tested.
    for minute in 0..2 {
        assert_tried(&at(&catalog, minute, &[]));
    }
    assert_held(&at(&catalog, 3, &[]), 2);
    catalog.write("images/a/functions", b"check() { exit 4; }\n");
    assert_tried(&at(&catalog, 4, &[]));
    catalog.write("images/a/functions", b"check() { exit 0; }\n");
    at(&catalog, 5, &[]).assert_code(0);
}

fn without_a_state_directory_nothing_but_speed_is_lost(engine: &Engine) {
    let sandbox = Sandbox::new();
    let state = sandbox.path().join("state");
    let temporary = sandbox.path().join("temporary");
    fs::create_dir(&temporary).expect("a directory");
    let sandbox = sandbox
        .env("XDG_STATE_HOME", &state.display().to_string())
        .env("TMPDIR", &temporary.display().to_string());
    let catalog = Catalog::in_sandbox(engine, sandbox);
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN true")
        .image("b", "1-1", &["a"], "FROM $(a)\nRUN true")
        .test("b", "true");
    fs::write(&state, "no directory").expect("a file");
    let output = catalog.build(&[]);
    output.assert_code(0);
    let told = "warning: nothing of this run is remembered: the next one tests again\n";
    assert_eq!(output.stderr.matches(told).count(), 1, "{}", output.stderr);
    let log = format!(
        "the logs of this run are in {}/pkg-logs-",
        temporary.display()
    );
    assert!(output.stderr.contains(&log), "{}", output.stderr);
    let output = catalog.build(&[]);
    output.assert_code(0);
    assert!(
        output.stderr.contains("1 verified, 1 already built in "),
        "{}",
        output.stderr
    );

    // Whatever is in there, and when all of it is gone.
    fs::remove_file(&state).expect("a file");
    catalog.build(&[]).assert_code(0);
    let mut garbled = 0;
    for entry in walkdir::WalkDir::new(&state) {
        let entry = entry.expect("an entry");
        if entry.file_type().is_file() {
            fs::write(entry.path(), b"\xff\0{{{[[[").expect("a file");
            garbled += 1;
        }
    }
    assert!(garbled >= 3, "a log, a record and a ledger: {garbled}");
    catalog.version("a", "1-2");
    let output = catalog.build(&[]);
    output.assert_code(0);
    assert!(!output.stderr.contains("warning"), "{}", output.stderr);
    fs::remove_dir_all(&state).expect("a directory");
    catalog.version("a", "1-3");
    catalog.build(&[]).assert_code(0);
}

fn a_second_run_is_told_of_the_first_or_waits_for_it(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let gate = catalog.sandbox().path().join("gate");
    let script = format!(
        "echo begun; while [ ! -e {} ]; do sleep 0.1; done",
        gate.display()
    );
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN true")
        .test("a", &script);
    let first = catalog.start_build(&["--debug"]);
    first.wait_for("begun");
    let output = catalog.build(&[]);
    output.assert_code(4);
    let told = format!(
        "error: another run is at work in images: `pkg build images`, process {} on ",
        first.pid()
    );
    assert!(output.stderr.starts_with(&told), "{}", output.stderr);
    assert!(
        output.stderr.contains(" since 2026-11-21 "),
        "{}",
        output.stderr
    );
    // What changes changelogs keeps away as well, and what only looks does not.
    let output = catalog.pkg(&["update", "a", "--version", "1-2", "--reason", "x", "images"]);
    output.assert_code(4);
    let told = format!("process {} on ", first.pid());
    assert!(output.stderr.contains(&told), "{}", output.stderr);
    catalog.pkg(&["plan", "images"]).assert_code(0);
    catalog.build(&["--dry-run"]).assert_code(0);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| catalog.build(&["--wait", "50s"]));
        std::thread::sleep(Duration::from_secs(3));
        fs::write(&gate, "").expect("a file");
        let output = waiting.join().expect("an output");
        output.assert_code(0);
        let told = format!(
            "waiting: another run is at work in images: `pkg build images`, process {} ",
            first.pid()
        );
        assert!(output.stderr.starts_with(&told), "{}", output.stderr);
        assert!(
            output.stderr.contains("1 already built"),
            "{}",
            output.stderr
        );
    });
    assert_eq!(first.end().code, Some(0));

    // Who was killed keeps nobody away.
    fs::remove_file(&gate).expect("a file");
    catalog.version("a", "1-2");
    let killed = catalog.start_build(&["--debug"]);
    killed.wait_for("begun");
    killed.signal(Signal::KILL);
    wait_until("it is dead", || {
        !std::path::Path::new("/proc")
            .join(killed.pid().to_string())
            .join("exe")
            .exists()
    });
    fs::write(&gate, "").expect("a file");
    catalog.build(&[]).assert_code(0);
}

fn tests_run_again_when_a_file_changes_that_they_source(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN true")
        .write("images/a/functions", b"check() { true; }\n")
        .test("a", ". ${0%/*}/functions; check");
    catalog.build(&[]).assert_code(0);
    let output = catalog.build(&[]);
    output.assert_code(0);
    assert!(
        output.stderr.contains("1 already built"),
        "{}",
        output.stderr
    );
    catalog.write("images/a/functions", b"check() { false; }\n");
    let output = catalog.build(&[]);
    output.assert_code(1);
    assert!(
        output.stderr.contains("failed to verify"),
        "{}",
        output.stderr
    );
}
