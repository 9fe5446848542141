//! Signals and deadlines: a run ends soon, says what was left, and leaves nothing behind.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::building::assert_no_pins;
use crate::Test;
use crate::support::catalog::{Catalog, wait_until};
use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;

pub(crate) const TESTS: &[Test] = &[
    (
        "an_interrupted_build_ends_soon_and_can_be_run_again",
        an_interrupted_build_ends_soon_and_can_be_run_again,
    ),
    (
        "an_interrupted_build_of_the_classic_builder_leaves_no_container",
        an_interrupted_build_of_the_classic_builder_leaves_no_container,
    ),
    (
        "a_terminated_build_ends_with_the_signal_in_its_exit_code",
        a_terminated_build_ends_with_the_signal_in_its_exit_code,
    ),
    (
        "an_interruption_does_not_wait_for_files_that_are_read",
        an_interruption_does_not_wait_for_files_that_are_read,
    ),
    (
        "an_interrupted_test_is_ended_and_a_second_signal_does_not_wait_for_it",
        an_interrupted_test_is_ended_and_a_second_signal_does_not_wait_for_it,
    ),
    (
        "after_a_kill_the_next_run_goes_on_and_nothing_is_left",
        after_a_kill_the_next_run_goes_on_and_nothing_is_left,
    ),
    (
        "a_second_signal_takes_a_bootstrap_along",
        a_second_signal_takes_a_bootstrap_along,
    ),
    (
        "an_interrupted_bootstrap_leaves_nothing_behind",
        an_interrupted_bootstrap_leaves_nothing_behind,
    ),
    (
        "a_build_that_takes_too_long_is_cancelled",
        a_build_that_takes_too_long_is_cancelled,
    ),
    (
        "a_test_that_takes_too_long_is_ended_with_all_that_it_started",
        a_test_that_takes_too_long_is_ended_with_all_that_it_started,
    ),
];

/// Longer than any of these runs may take, and shorter than what they have to end.
const SOON: Duration = Duration::from_secs(20);

/// Gives a number of seconds to sleep, far too long, by which a process is known among all of the machine.
fn unique_seconds() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("7{:07}{number}", std::process::id())
}

/// Tells whether a process of this machine, in a container or not, has these words among its arguments.
fn is_running(words: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("the processes");
    processes.flatten().any(|process| {
        // A process may be gone in between.
        let arguments = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&arguments).contains(words)
    })
}

/// A sandbox in which temporary files go to `temporary`.
pub(crate) fn with_temporary_directory() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    let temporary = sandbox.path().join("temporary");
    std::fs::create_dir(&temporary).expect("a directory");
    let sandbox = sandbox.env("TMPDIR", &temporary.display().to_string());
    (sandbox, temporary)
}

/// One image that never ends, one behind it, and one that is done before.
fn endless(catalog: &Catalog<'_>, seconds: &str) {
    catalog
        .image(
            "endless",
            "1-1",
            &["quick"],
            &format!("FROM $(quick)\nRUN sleep {seconds}"),
        )
        .image("behind", "1-1", &["endless"], "FROM $(endless)\nRUN true")
        .image("quick", "1-1", &[], "FROM $BASE\nRUN true");
}

fn an_interrupted_build_ends_soon_and_can_be_run_again(engine: &Engine) {
    let (sandbox, _) = with_temporary_directory();
    let catalog = Catalog::in_sandbox(engine, sandbox);
    let seconds = unique_seconds();
    endless(&catalog, &seconds);
    let run = catalog.start_build(&["--info"]);
    wait_until("the step runs", || is_running(&seconds));
    let since = Instant::now();
    run.signal(Signal::INT);
    let ended = run.end();
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert_eq!(ended.code, Some(130), "{}", ended.talk);
    let namespace = engine.namespace();
    let talk = &ended.talk;
    assert!(
        talk.contains("stopping what runs; once more to stop at once\n"),
        "{talk}"
    );
    assert!(
        talk.contains(&format!("– interrupted: {namespace}/endless 1-1\n")),
        "{talk}"
    );
    assert!(!talk.contains("failed"), "{talk}");
    let mut last = talk.lines().rev();
    let hint = last.next().expect("a hint");
    assert_eq!(hint, "hint: run the same command again to go on");
    let counts = last.next().expect("a summary");
    assert!(
        counts.starts_with("1 built, 1 interrupted, 1 not begun in "),
        "{talk}"
    );
    wait_until("the engine ends the step", || !is_running(&seconds));
    assert_no_pins(engine);
    assert_eq!(catalog.sandbox().files("temporary"), [""; 0]);
    assert_eq!(catalog.find_id("endless", "1-1"), None);

    endless(&catalog, "0");
    let output = catalog.build(&[]);
    output.assert_code(0);
    let last = output.stderr.lines().last().expect("a summary");
    assert!(last.starts_with("2 built, 1 already built in "), "{last}");
}

fn an_interrupted_build_of_the_classic_builder_leaves_no_container(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let seconds = unique_seconds();
    catalog
        .image("a", "1-1", &[], &format!("FROM $BASE\nRUN sleep {seconds}"))
        .settings("container_limits: \"cpushares=512\"\n");
    let run = catalog.start_build(&[]);
    wait_until("the step runs", || is_running(&seconds));
    assert_eq!(engine.containers().len(), 1, "{}", run.talk());
    run.signal(Signal::INT);
    let ended = run.end();
    assert_eq!(ended.code, Some(130), "{}", ended.talk);
    wait_until("the engine ends the step", || !is_running(&seconds));
    wait_until("the container goes", || engine.containers().is_empty());
    assert_no_pins(engine);
}

fn a_terminated_build_ends_with_the_signal_in_its_exit_code(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let seconds = unique_seconds();
    endless(&catalog, &seconds);
    let run = catalog.start_build(&[]);
    wait_until("the step runs", || is_running(&seconds));
    run.signal(Signal::TERM);
    let ended = run.end();
    assert_eq!(ended.code, Some(143), "{}", ended.talk);
    wait_until("the engine ends the step", || !is_running(&seconds));
}

fn an_interrupted_test_is_ended_and_a_second_signal_does_not_wait_for_it(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let seconds = unique_seconds();
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN true")
        .test("a", &format!("sleep {seconds}"));
    let run = catalog.start_build(&[]);
    wait_until("the test runs", || is_running(&seconds));
    run.signal(Signal::INT);
    let ended = run.end();
    assert_eq!(ended.code, Some(130), "{}", ended.talk);
    assert!(!is_running(&seconds), "{}", ended.talk);

    // This one does not let itself be ended, nor what it starts.
    let deaf = unique_seconds();
    let script = format!(
        "trap '' TERM INT\nsleep {deaf} &\necho deaf\ni=0; while [ $i -lt 300 ]; do sleep 0.2; i=$((i+1)); done"
    );
    catalog.test("a", &script);
    let run = catalog.start_build(&["--debug"]);
    run.wait_for("deaf");
    run.signal(Signal::INT);
    run.wait_for("once more to stop at once");
    run.signal(Signal::INT);
    let ended = run.end();
    assert_eq!(ended.code, Some(130), "{}", ended.talk);
    assert!(
        !ended.talk.contains("interrupted"),
        "no summary: {}",
        ended.talk
    );
    wait_until("the deaf test is killed", || !is_running(&deaf));
}

fn after_a_kill_the_next_run_goes_on_and_nothing_is_left(engine: &Engine) {
    let (sandbox, temporary) = with_temporary_directory();
    let catalog = Catalog::in_sandbox(engine, sandbox);
    let seconds = unique_seconds();
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN true")
        .image("b", "1-1", &["a"], "FROM $(a)\nRUN true")
        .test(
            "b",
            &format!("trap '' TERM\nsetsid sleep {seconds} &\nsleep {seconds}"),
        );
    let run = catalog.start_build(&[]);
    wait_until("the test runs", || is_running(&seconds));
    let [killed] = &catalog.runs()[..] else {
        panic!("one run: {:?}", catalog.runs())
    };
    let killed = killed
        .file_name()
        .expect("a name")
        .to_str()
        .expect("a text");
    let scratch = temporary.join(format!("pkg-{killed}-x"));
    std::fs::create_dir(&scratch).expect("what a killed bootstrap leaves");
    let others = temporary.join("pkg-of-somebody-else");
    std::fs::create_dir(&others).expect("a directory");
    run.signal(Signal::KILL);
    run.end();
    assert!(is_running(&seconds), "nobody was there to end the test");
    let pins = |names: Vec<String>| names.iter().any(|name| name.starts_with("127.0.0.1:1/"));
    assert!(pins(engine.all_names_of_its_images()), "nor to remove pins");

    catalog.test("b", "true");
    let output = catalog.build(&[]);
    output.assert_code(0);
    // `b` is built already, and only its tests never passed.
    let last = output.stderr.lines().last().expect("a summary");
    assert!(
        last.starts_with("1 verified, 1 already built in "),
        "{last}"
    );
    wait_until("the old test is killed", || !is_running(&seconds));
    assert_no_pins(engine);
    assert!(!scratch.exists() && others.exists());
}

fn a_second_signal_takes_a_bootstrap_along(engine: &Engine) {
    let (sandbox, temporary) = with_temporary_directory();
    let catalog = Catalog::in_sandbox(engine, sandbox);
    let image = b"bootstrap: mmdebstrap\nsuite: bookworm\nvariant: apt\n";
    catalog
        .version("debian", "12-1")
        .write("images/debian/image.yaml", image)
        .settings("base_images: []\n");
    let run = catalog.start_build(&["--info"]);
    run.wait_for("running apt-get update");
    run.signal(Signal::INT);
    run.wait_for("once more to stop at once");
    run.signal(Signal::INT);
    let since = Instant::now();
    let ended = run.end();
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert_eq!(ended.code, Some(130), "{}", ended.talk);
    let place = temporary.display().to_string();
    wait_until("all processes end", || !is_running(&place));
    // What a process wrote while everything was removed goes with the next run.
    catalog.image("a", "1-1", &[], "FROM scratch\nCOPY changelog /");
    std::fs::remove_dir_all(catalog.sandbox().path().join("images/debian")).expect("an image");
    catalog.build(&[]).assert_code(0);
    assert_eq!(catalog.sandbox().files("temporary"), [""; 0]);
    let left = std::fs::read_dir(&temporary).expect("a directory").count();
    assert_eq!(left, 0);
}

fn an_interrupted_bootstrap_leaves_nothing_behind(engine: &Engine) {
    let (sandbox, temporary) = with_temporary_directory();
    let catalog = Catalog::in_sandbox(engine, sandbox);
    let image = b"bootstrap: mmdebstrap\nsuite: bookworm\nvariant: apt\n";
    catalog
        .version("debian", "12-1")
        .write("images/debian/image.yaml", image)
        .settings("base_images: []\n");
    let run = catalog.start_build(&["--info"]);
    run.wait_for("running apt-get update");
    run.signal(Signal::INT);
    let ended = run.end();
    assert_eq!(ended.code, Some(130), "{}", ended.talk);
    let interrupted = format!("– interrupted: {}/debian 12-1\n", engine.namespace());
    assert!(ended.talk.contains(&interrupted), "{}", ended.talk);
    assert_eq!(catalog.sandbox().files("temporary"), [""; 0]);
    let place = temporary.display().to_string();
    wait_until("all processes end", || !is_running(&place));
    let mounts = std::fs::read_to_string("/proc/mounts").expect("the mounts");
    assert!(!mounts.contains(&place), "{mounts}");
}

fn a_build_that_takes_too_long_is_cancelled(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let seconds = unique_seconds();
    catalog
        .image("a", "1-1", &[], &format!("FROM $BASE\nRUN sleep {seconds}"))
        .settings("build_timeout: 4s\n");
    let mut run = catalog.start_build(&[]);
    wait_until("the step runs, or its time is over", || {
        is_running(&seconds) || run.has_ended()
    });
    let ended = run.end();
    assert_eq!(ended.code, Some(1), "{}", ended.talk);
    let cause = "/a 1-1: the build took longer than 4s\n";
    assert!(ended.talk.contains(cause), "{}", ended.talk);
    wait_until("the engine ends the step", || !is_running(&seconds));
    assert_no_pins(engine);

    // The name of the image counts before the time of all others.
    catalog.settings("build_timeout: 2h\nbuild_timeouts: {\"[a]\": 3s}\n");
    let output = catalog.build(&[]);
    output.assert_code(1);
    let cause = "/a 1-1: the build took longer than 3s\n";
    assert!(output.stderr.contains(cause), "{}", output.stderr);
}

fn a_test_that_takes_too_long_is_ended_with_all_that_it_started(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let seconds = unique_seconds();
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN true")
        .test("a", &format!("sleep {seconds} &\nsleep {seconds}"))
        .settings("verify_timeout: 2s\n");
    let output = catalog.build(&[]);
    output.assert_code(1);
    let cause = "was ended after 2 seconds, which is the most it may take";
    assert!(output.stderr.contains(cause), "{}", output.stderr);
    assert!(
        output.stderr.contains("failed to verify"),
        "{}",
        output.stderr
    );
    wait_until("all processes end", || !is_running(&seconds));
}

fn an_interruption_does_not_wait_for_files_that_are_read(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog.image("a", "1-1", &[], "FROM $BASE\nCOPY holes /holes");
    // They take no room, and minutes to be read.
    for number in 0..500 {
        let path = format!("images/a/holes/{number}");
        catalog.write(&path, b"");
        let path = catalog.sandbox().path().join(path);
        let file = std::fs::File::options().write(true).open(path);
        file.expect("a file").set_len(128 << 20).expect("a hole");
    }
    let run = catalog.start_build(&["--info"]);
    run.wait_for("a 1-1");
    let since = Instant::now();
    run.signal(Signal::INT);
    let ended = run.end();
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    assert_eq!(ended.code, Some(130), "{}", ended.talk);
}
