//! Several runs on one machine, at once and one after the other: who is kept away by whom, what waits after failures, and
//! that both are told.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown, symlink};
use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta, Timelike as _};
use serde_json::Value;

use crate::ground::Ground;
use crate::support::catalog::wait_until;
use crate::support::fake_engine::{Fault, Operation};
use crate::support::faulty_registry::{self, ALWAYS};
use crate::support::ledger;
use crate::support::sandbox::{NOW, Output};

const FAILS: &str = "FROM $BASE\nRUN false";
const PASSES: &str = "FROM $BASE\nRUN true";

/// Runs the program some minutes after the first time; they pass both for what waits and for the dates of the run.
fn at(ground: &Ground, minutes: u64, arguments: &[&str], more: &[(&str, &str)]) -> Output {
    let now = NOW.parse::<u64>().expect("a number") + minutes * 60;
    let clock = ground.sandbox.home().join("minutes");
    let before = fs::read_to_string(&clock).map_or(0, |text| text.parse().expect("a number"));
    let passed = i64::try_from(minutes).expect("a number") - before;
    ledger::age(&ground.sandbox.home(), passed);
    fs::write(&clock, minutes.to_string()).expect("a file");
    let mut command = ground.sandbox.command(env!("CARGO_BIN_EXE_pkg"));
    command.env("SOURCE_DATE_EPOCH", now.to_string());
    command.args(arguments).envs(more.iter().copied());
    Output::of(&ground.sandbox, command.output().expect("the program"))
}

/// Tells when an image that failed is tried again.
fn next_try(ground: &Ground, name: &str, wait: i64) -> String {
    let next = ledger::find_last_failure(&ground.sandbox.home(), name) + TimeDelta::minutes(wait);
    // A try within the minute that is told is no earlier than that.
    let begun = i64::from(next.second() > 0);
    let next = next + TimeDelta::minutes(begun);
    next.format("%Y-%m-%d %H:%M").to_string()
}

const BUILD: [&str; 3] = ["build", "--no-pull", "images"];

#[track_caller]
fn assert_tells(output: &Output, words: &str) {
    let shown = output.render();
    assert!(shown.contains(words), "{words}\n{shown}");
}

/// What only looks, and what works beside it.
fn what_is_kept_away_by_nobody(ground: &Ground) {
    ground
        .sandbox
        .pkg(&["list", "--offline", "images"])
        .assert_code(0);
    ground
        .sandbox
        .pkg(&["refresh", "--offline", "--dry-run", "."])
        .assert_code(0);
    ground
        .sandbox
        .pkg(&["refresh", "--offline", "other"])
        .assert_code(0);
}

#[test]
fn runs_on_overlapping_directories_meet_and_say_who_is_there() {
    let ground = Ground::new().image("a", &[], PASSES);
    let directory = ground.sandbox.path();
    let gate = directory.join("gate");
    let script = format!("while [ ! -e {} ]; do sleep 0.1; done", gate.display());
    let ground = ground.test("a", &script);
    symlink("images", directory.join("link")).expect("a link");
    ground.write("other/README", b"no image");
    let first = ground.start(&BUILD, &[]);
    let began = || ground.engine.count(Operation::Build) > 0;
    wait_until("the build has begun", began);
    let process = format!("process {} on ", first.pid());
    let known = format!(": `pkg build images`, {process}");
    let elsewhere = ground
        .sandbox
        .path()
        .join("elsewhere")
        .display()
        .to_string();
    for arguments in [
        ["build", "images"].as_slice(),
        &["build", "."],
        &["publish", "link"],
        &["build", "other", "images/a"],
        &["build", "link/a", "other"],
        &["update", "a", "images/a"],
        &["refresh", "--offline", "."],
        &["new", "b", "--from", "a", "link"],
        &["audit", "--fix", "images"],
    ] {
        let output = ground.sandbox.pkg(arguments);
        output.assert_code(4);
        assert_tells(&output, "error: another run is at work in ");
        assert_tells(&output, &known);
        assert_tells(&output, "hint: wait for it, `--wait 2h` does so for you\n");
        // Who has its state elsewhere learns the rest from the kernel.
        let output = at(&ground, 0, arguments, &[("XDG_STATE_HOME", &elsewhere)]);
        output.assert_code(4);
        assert_tells(
            &output,
            &format!(": `pkg build --no-pull images`, {process}"),
        );
    }
    what_is_kept_away_by_nobody(&ground);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(3));
            fs::write(&gate, "").expect("a file");
        });
        let update = ["update", "a", "--version", "1-2", "--wait", "50s", "images"];
        let output = ground.sandbox.pkg(&update);
        output.assert_code(0);
        let told = "waiting: another run is at work in images: `pkg build images`, process ";
        assert!(output.stderr.starts_with(told), "{}", output.stderr);
    });
    let ended = first.end(Duration::from_secs(60));
    assert_eq!(ended.code(), "0", "{}", ended.talk());
    assert!(ground.published("a", "1-1").is_some());
}

#[test]
fn a_lock_that_came_with_the_start_is_told_from_another_run() {
    let ground = Ground::new().image("a", &[], PASSES);
    let program = env!("CARGO_BIN_EXE_pkg");
    let told = "hint: the lock is of who started this run, as `flock DIRECTORY pkg …` takes it: ";
    for more in [[].as_slice(), &["-o"]] {
        let locked = [more, &["images", program, "build", "--no-pull", "images"]].concat();
        let output = ground.sandbox.run("flock", &locked);
        output.assert_code(4);
        assert_tells(&output, told);
        assert!(!output.render().contains("--wait"), "{}", output.render());
    }
    let other = ["lock", program, "build", "--no-pull", "images"];
    ground.sandbox.run("flock", &other).assert_code(0);
}

#[test]
fn a_directory_above_that_cannot_be_read_is_told_unless_it_is_roots() {
    /// As whom the program runs where this is root, from whom nothing is hidden.
    const SOMEBODY: u32 = 65534;
    let ground = Ground::new().image("a", &[], PASSES);
    ground.write("deep/README", b"");
    let path = ground.sandbox.path();
    fs::rename(path.join("images"), path.join("deep/images")).expect("it moves");
    let top = path.parent().expect("the sandbox").to_owned();
    let is_root = fs::metadata(&top).expect("a directory").uid() == 0;
    if is_root {
        for entry in walkdir::WalkDir::new(&top) {
            let entry = entry.expect("an entry");
            lchown(entry.path(), Some(SOMEBODY), Some(SOMEBODY)).expect("an owner");
        }
    }
    // The program is below a directory that may be root's alone.
    let program = top.join("bin/pkg");
    // Copied by another process: while this one has it open, a test beside may begin a process that keeps it open for writing,
    // and what is written cannot be run.
    let mut copy = std::process::Command::new("cp");
    let copied = copy.arg(env!("CARGO_BIN_EXE_pkg")).arg(&program).status();
    assert!(copied.expect("cp").success());
    let set = |mode| {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(path.join("deep"), mode).expect("permissions");
    };
    let refresh = || {
        let somebody = SOMEBODY.to_string();
        let arguments = ["build", "--no-pull", "--no-publish", "deep/images"];
        let mut command = ground.sandbox.command(if is_root {
            "setpriv".into()
        } else {
            program.clone()
        });
        if is_root {
            command.args(["--reuid", &somebody, "--regid", &somebody, "--clear-groups"]);
            command.arg(&program);
        }
        let output = command.args(arguments).output().expect("the program");
        Output::of(&ground.sandbox, output)
    };
    set(0o311);
    let told = "deep: nothing keeps another run away from it\n";
    assert_tells(&refresh(), told);
    if is_root {
        lchown(path.join("deep"), Some(0), Some(0)).expect("an owner");
        assert!(!refresh().render().contains("nothing keeps"));
    }
    set(0o755);
    assert!(!refresh().render().contains("nothing keeps"));
}

fn plan(ground: &Ground, minutes: u64, more: &[&str]) -> Output {
    at(ground, minutes, &[&["plan", "images"], more].concat(), &[])
}

const FAILED: &str = "failed 2 times in a row with the same inputs";

/// Leaves `a` and `c` failed twice, and `c` changed since.
fn failed_twice() -> Ground {
    let ground = Ground::new()
        .image("a", &[], FAILS)
        .image("b", &["a"], "FROM $(a)\nRUN true")
        .image("c", &[], FAILS);
    at(&ground, 0, &BUILD, &[]).assert_code(1);
    let output = plan(&ground, 0, &[]);
    assert_tells(&output, "not published; failed once with the same inputs\n");
    assert!(!output.render().contains("warning"), "{}", output.render());
    at(&ground, 1, &BUILD, &[]).assert_code(1);
    ground.write(
        "images/c/Dockerfile.template",
        b"FROM {{ \"example/base\" | image_tag }}\nRUN exit 2\n",
    );
    ground
}

#[test]
fn a_plan_tells_what_waits_and_what_that_blocks() {
    let ground = failed_twice();
    let output = plan(&ground, 2, &[]);
    output.assert_code(0);
    let rows: Vec<Vec<&str>> = output
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let verbs: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(
        verbs,
        ["WHAT", "wait", "blocked", "build,"],
        "{}",
        output.stdout
    );
    let next = next_try(&ground, "a", 10);
    assert_tells(&output, &format!("{FAILED}, next try {next} (in "));
    assert_tells(
        &output,
        "not published; failed 2 times in a row, with other inputs\n",
    );
    assert_tells(
        &output,
        &format!("a:1-1 {FAILED}, and is not tried before {next} (in "),
    );
    assert_tells(&output, "m); it blocks b\n");
    assert_tells(
        &output,
        "hint: the log of the last try is $HOME/.local/state/pkg/logs/",
    );
    assert_tells(&output, "hint: `pkg build --retry` tries now what waits\n");
    let dry = at(
        &ground,
        2,
        &[BUILD.as_slice(), &["--dry-run"]].concat(),
        &[],
    );
    assert_eq!(dry.render(), output.render(), "one value, printed by both");
}

#[test]
fn a_plan_for_programs_tells_what_waits() {
    let ground = failed_twice();
    let json = plan(&ground, 2, &["--json"]);
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    let step = |name: &str| {
        let steps = json["steps"].as_array().expect("steps");
        steps
            .iter()
            .find(|step| step["name"] == name)
            .expect("a step")
            .clone()
    };
    let waiting = &step("a")["failed"];
    assert_eq!(waiting["failures"], 2);
    assert_eq!(waiting["inputs"], "same");
    let last = ledger::find_last_failure(&ground.sandbox.home(), "a");
    let next = (last + TimeDelta::minutes(10)).to_rfc3339_opts(SecondsFormat::Secs, false);
    assert_eq!(waiting["waits_until"], next);
    assert!(
        waiting["log"]
            .as_str()
            .expect("a path")
            .ends_with("a_1-1.log"),
        "{waiting}"
    );
    assert_eq!(step("b")["blocked_by"], "a");
    assert_eq!(step("c")["failed"]["inputs"], "changed");
    assert_eq!(step("c")["failed"]["waits_until"], Value::Null);
    assert_eq!(json["doubts"], Value::Array(Vec::new()));
}

#[test]
fn a_run_decides_as_its_plan_does() {
    let ground = failed_twice();
    let builds = ground.engine.count(Operation::Build);
    let output = at(&ground, 2, &BUILD, &[]);
    output.assert_code(1);
    assert_eq!(
        ground.engine.count(Operation::Build),
        builds + 1,
        "that of `c`"
    );
    let next = next_try(&ground, "a", 10);
    assert_tells(
        &output,
        &format!(
            "– waiting example/a 1-1: it failed 2 times in a row with the same inputs, and is not tried before {next} (in "
        ),
    );
    assert_tells(&output, "m)\n    its last log: $HOME/");
    assert_tells(&output, "– blocked by example/a 1-1: example/b 1-1\n");
    assert_tells(
        &output,
        "1 failed, 1 waiting, 1 blocked in [TIME]\nhint: `--retry` tries now what waits\n",
    );

    let output = plan(&ground, 2, &["--retry"]);
    assert!(!output.render().contains("next try"), "{}", output.render());
    let output = plan(&ground, 2, &["--explain", "a"]);
    assert_tells(
        &output,
        &format!("  wait       {FAILED}, next try {next} (in "),
    );
    assert_tells(&output, "\n  log        $HOME/.local/state/pkg/logs/");
    assert!(!output.stdout.contains("  past "), "{}", output.stdout);
    at(&ground, 2, &[BUILD.as_slice(), &["--retry"]].concat(), &[]).assert_code(1);
    let next = next_try(&ground, "a", 30);
    assert_tells(
        &plan(&ground, 2, &[]),
        &format!("failed 3 times in a row with the same inputs, next try {next} (in "),
    );
    assert!(
        !plan(&ground, 33, &[]).render().contains("next try"),
        "it is due"
    );
}

#[test]
fn snapshots_wait_as_releases_do() {
    let ground = Ground::new()
        .image("a", &[], PASSES)
        .image("b", &["a"], "FROM $(a)\nRUN false");
    let snapshot = [BUILD.as_slice(), &["--snapshot"]].concat();
    for minute in 0..2 {
        let output = at(&ground, minute, &snapshot, &[]);
        output.assert_code(1);
        assert_tells(&output, "failed to build example/b 1-1-2026");
    }
    let output = at(&ground, 2, &snapshot, &[]);
    output.assert_code(1);
    assert_tells(&output, "– waiting example/b 1-1-2026");
    // Another version of what it is built on is another try.
    ground.write(
        "images/a/changelog",
        crate::ground::changelog("a", "1-2").as_bytes(),
    );
    let output = at(&ground, 3, &snapshot, &[]);
    assert_tells(&output, "failed to build example/b 1-1-2026");
}

#[test]
fn a_test_that_fails_waits_also_when_its_image_is_gone() {
    let ground = Ground::new().image("a", &[], PASSES).test("a", "exit 3");
    for minute in 0..2 {
        let output = at(&ground, minute, &BUILD, &[]);
        output.assert_code(1);
        assert_tells(&output, "failed to verify example/a 1-1");
    }
    assert_tells(&at(&ground, 2, &BUILD, &[]), "– waiting example/a 1-1");
    // Something else has the name now.
    ground.engine.tag("example/base:1", &ground.label("a"));
    assert_tells(
        &at(&ground, 3, &["plan", "images"], &[]),
        &format!("next try {}", next_try(&ground, "a", 10)),
    );
    let builds = ground.engine.count(Operation::Build);
    assert_tells(&at(&ground, 3, &BUILD, &[]), "– waiting example/a 1-1");
    assert_eq!(ground.engine.count(Operation::Build), builds);
}

#[test]
fn another_secret_is_another_try_and_nothing_is_kept_of_it() {
    const STEPS: &str = "FROM $BASE\nRUN --mount=type=secret,id=npm true\nRUN false";
    let ground = Ground::new()
        .image("a", &[], STEPS)
        .settings("secrets: {npm: {env: NPM}}\n");
    let build = |minute, value| at(&ground, minute, &BUILD, &[("NPM", value)]);
    for minute in 0..2 {
        assert_tells(&build(minute, "wr0ng-value"), "failed to build");
    }
    assert_tells(&build(2, "wr0ng-value"), "– waiting example/a 1-1");
    // A plan may be made where there is no secret: then it counts for the same.
    assert_tells(
        &at(&ground, 2, &["plan", "images"], &[]),
        &format!("next try {}", next_try(&ground, "a", 10)),
    );
    assert_tells(&build(3, "r1ght-value"), "failed to build");
    let state = ground.sandbox.home().join(".local/state/pkg");
    for entry in walkdir::WalkDir::new(state) {
        let entry = entry.expect("an entry");
        if entry.file_type().is_file() {
            let bytes = fs::read(entry.path()).expect("a file");
            let text = String::from_utf8_lossy(&bytes);
            assert!(
                !text.contains("-value"),
                "{}: {text}",
                entry.path().display()
            );
        }
    }
}

#[test]
fn a_secret_that_was_missing_and_is_given_is_another_try() {
    const STEPS: &str = "FROM $BASE\nRUN --mount=type=secret,id=npm true\nRUN false";
    let ground = Ground::new().image("a", &[], STEPS);
    let build = |ground: &Ground, minute| at(ground, minute, &BUILD, &[("NPM", "r1ght-value")]);
    for minute in 0..2 {
        assert_tells(&build(&ground, minute), "failed to build");
    }
    assert_tells(&build(&ground, 2), "– waiting example/a 1-1");
    let ground = ground.settings("secrets: {npm: {env: NPM}}\n");
    // Whether it is given stands in the settings, so a plan knows it wherever it is made.
    let output = plan(&ground, 2, &[]);
    assert_tells(&output, "failed 2 times in a row, with other inputs\n");
    assert_tells(&build(&ground, 2), "failed to build");
}

#[test]
fn a_plan_tells_which_secrets_a_build_would_lack() {
    const STEPS: &str = "FROM $BASE\nRUN --mount=type=secret,id=npm,required true";
    let ground = Ground::new().image("a", &[], STEPS);
    let dry = [BUILD.as_slice(), &["--dry-run"]].concat();
    let told =
        "error: a step of `a` needs the secret `npm`, which the settings do not give to it\n";
    for arguments in [["plan", "images"].as_slice(), &dry, &BUILD] {
        let output = at(&ground, 0, arguments, &[]);
        output.assert_code(1);
        assert_tells(&output, told);
    }
    let ground = ground.settings("secrets: {npm: {env: NPM}}\n");
    let told = "`a` needs the secret `npm`: it is in the variable NPM, which is not set";
    for arguments in [["plan", "images"].as_slice(), &dry] {
        let output = at(&ground, 0, arguments, &[]);
        output.assert_code(0);
        assert_tells(&output, &format!("warning: {told}\n"));
        let output = at(&ground, 0, arguments, &[("NPM", "value-that-is-set")]);
        assert!(!output.render().contains("NPM"), "{}", output.render());
    }
    let json = plan(&ground, 0, &["--json"]);
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(json["doubts"][0]["message"], told);
    let output = at(&ground, 0, &BUILD, &[]);
    output.assert_code(1);
    assert_tells(&output, &format!("error: {told}\n"));
}

#[test]
fn a_parent_that_was_repaired_meanwhile_releases_what_is_built_on_it() {
    let ground = Ground::new()
        .image("a", &[], PASSES)
        .image("b", &["a"], "FROM $(a)\nRUN false");
    for minute in 0..2 {
        assert_tells(
            &at(&ground, minute, &BUILD, &[]),
            "failed to build example/b",
        );
    }
    assert_tells(&at(&ground, 2, &BUILD, &[]), "– waiting example/b 1-1");
    // The same recipe and the same version, and another image: somebody else published it.
    let stored = ground.published("a", "1-1").expect("it is published");
    let other = String::from_utf8(stored).expect("JSON") + "\n";
    ground.registry.put_manifest("example/a", "1-1", &other);
    let output = plan(&ground, 2, &[]);
    assert_tells(&output, "failed 2 times in a row, with other inputs\n");
    assert!(!output.render().contains("next try"), "{}", output.render());
}

#[test]
fn a_base_that_the_settings_do_not_list_holds_nothing_back() {
    let ground = Ground::new().image("a", &[], "FROM example/base:1\nRUN false");
    ground.engine.put_image("example/other:1");
    let ground = ground.image("b", &[], "FROM example/other:1\nRUN false");
    for minute in 0..3 {
        let output = at(&ground, minute, &BUILD, &[]);
        assert_tells(&output, "failed to build example/b 1-1");
    }
    assert_tells(
        &plan(&ground, 2, &[]),
        "failed 3 times in a row with the same inputs\n",
    );
}

#[test]
fn what_waits_goes_by_the_machines_clock_whatever_the_date_of_the_runs_is() {
    let ground = failed_twice();
    let again = || at(&ground, 1, &BUILD, &[]);
    assert_tells(&again(), "– waiting example/a 1-1");
    ledger::age(&ground.sandbox.home(), 11);
    let output = again();
    assert!(!output.render().contains("waiting"), "{}", output.render());
    assert_tells(&output, "failed to build example/a 1-1");
}

#[test]
fn what_waits_stops_nothing_but_what_needs_it() {
    let ground = failed_twice();
    let ground = ground
        .image("c", &[], PASSES)
        .image("d", &["c"], "FROM $(c)\nRUN true");
    let fast = [BUILD.as_slice(), &["--fail-fast", "-j1"]].concat();
    let output = at(&ground, 2, &fast, &[]);
    output.assert_code(1);
    assert_tells(&output, "– waiting example/a 1-1");
    assert_tells(&output, "– blocked by example/a 1-1: example/b 1-1\n");
    assert!(
        !output.render().contains("not begun"),
        "{}",
        output.render()
    );
    assert!(ground.engine.find(&ground.label("d")).is_some());
}

#[test]
fn an_image_that_moved_to_another_directory_waits_by_its_failures_there() {
    let ground = Ground::new().image("a", &[], FAILS).image("b", &[], PASSES);
    let path = ground.sandbox.path();
    fs::create_dir(path.join("other")).expect("a directory");
    fs::rename(path.join("images/b"), path.join("other/b")).expect("it moves");
    let both = &["build", "--no-pull", "images", "other"];
    for minute in 0..2 {
        assert_tells(&at(&ground, minute, both, &[]), "failed to build");
    }
    assert_tells(&at(&ground, 2, both, &[]), "– waiting example/a 1-1");
    fs::rename(path.join("images/a"), path.join("other/a")).expect("it moves");
    for minute in 3..5 {
        assert_tells(&at(&ground, minute, both, &[]), "failed to build");
    }
    assert_tells(&at(&ground, 5, both, &[]), "– waiting example/a 1-1");
    // However the directory is written.
    let crooked = ["build", "--no-pull", "other/../images", "./other"];
    assert_tells(&at(&ground, 6, &crooked, &[]), "– waiting example/a 1-1");
}

#[test]
fn a_latest_of_which_nobody_knows_ends_every_form_of_a_plan_alike() {
    let ground = Ground::new().image("a", &[], PASSES);
    at(&ground, 0, &BUILD, &[]).assert_code(0);
    ground
        .registry
        .put_manifest("example/a", "latest", "{\"mediaType\": \"x\"}");
    let fault = faulty_registry::Fault::status(403);
    for operation in [
        faulty_registry::Operation::GetManifest,
        faulty_registry::Operation::ReadBack,
    ] {
        ground.registry.misbehave(operation, ALWAYS, fault.clone());
    }
    let dry = [BUILD.as_slice(), &["--dry-run"]].concat();
    let json = [dry.as_slice(), &["--json"]].concat();
    for arguments in [
        ["plan", "images"].as_slice(),
        &["plan", "--json", "images"],
        &["plan", "--explain", "a", "images"],
        &dry,
        &json,
        &BUILD,
    ] {
        let output = at(&ground, 1, arguments, &[]);
        output.assert_code(4);
        assert_tells(&output, "nobody knows whether `latest` is behind ");
    }
}

#[test]
fn an_engine_that_pulls_for_ever_is_left_when_the_image_has_had_its_time() {
    let ground = Ground::new()
        .image("a", &[], PASSES)
        .settings("build_timeouts: {base: 3s}\n");
    let drip = Fault::Drip(Duration::from_millis(200));
    ground.engine.misbehave((Operation::Pull, ""), ALWAYS, drip);
    let ended = ground.pkg(&["build", "images"]);
    assert_eq!(ended.code(), "4", "{}", ended.talk());
    let told = "the pull took longer than 3s, the time of its build (`build_timeout`)";
    assert!(ended.talk().contains(told), "{}", ended.talk());
    assert!(ended.took < Duration::from_secs(30), "{:?}", ended.took);
}

#[test]
fn a_time_for_an_image_that_is_not_there_is_told() {
    let ground = Ground::new().image("chromium", &[], PASSES).settings(
        "build_timeouts: {chromum: 8h, base: 1h, 'chrom*': 4h}\nverify_timeouts: {base: 1h}\n",
    );
    let output = ground.sandbox.pkg(&["plan", "images"]);
    output.assert_code(0);
    assert_tells(
        &output,
        "warning: no image of these directories is named like `chromum` of `build_timeouts`\n  --> config.yaml:6:18\nhint: the closest name is `chromium`\n\
         warning: no image of these directories is named like `base` of `verify_timeouts`\n  --> config.yaml:7:19\n",
    );
    assert_eq!(
        output.stderr.matches("warning").count(),
        2,
        "{}",
        output.stderr
    );
}

#[test]
fn what_fail_fast_does_not_begin_is_named() {
    let ground = Ground::new()
        .image("a", &[], FAILS)
        .image("b", &["a"], "FROM $(a)\nRUN true")
        .image("c", &["b"], "FROM $(b)\nRUN true")
        .image("d", &[], PASSES);
    let output = at(
        &ground,
        0,
        &[BUILD.as_slice(), &["--fail-fast", "-j1"]].concat(),
        &[],
    );
    output.assert_code(1);
    assert_tells(
        &output,
        "– blocked by example/a 1-1: example/b 1-1, example/c 1-1\n– not begun after the failure: example/d 1-1\n\
         1 failed, 2 blocked, 1 not begun in [TIME]\n",
    );
}
