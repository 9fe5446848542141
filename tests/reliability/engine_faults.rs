//! Ten faults of an engine, each while an image is built, tested and pushed: the cause is named, the deadline kept, the
//! exit code right, and nothing is called built or published that is not.
//!
//! `scripts/engine-faults` prints the table.

use std::io::Write as _;
use std::time::Duration;

use crate::ground::{Ended, Ground};
use crate::support::fake_engine::{Dialect, Fault, Operation};
use crate::support::faulty_registry::ALWAYS;

/// What the engine is asked for when the fault comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum During {
    Build,
    Verify,
    Push,
}

/// How the fault is made.
enum Cause {
    /// The engine misbehaves at what it is asked for the image.
    Engine(Fault),
    /// The engine is of another kind.
    Dialect(&'static str),
    /// The engine is not there at all.
    Absent,
    /// The step of the recipe is this one.
    Step(&'static str),
    /// The test is this script.
    Test(&'static str),
}

struct Case {
    fault: &'static str,
    during: During,
    cause: Cause,
    code: &'static str,
    /// What has to be said of the image, or of the run.
    words: &'static str,
    /// Whether the engine goes on with what does not need the image.
    goes_on: bool,
}

/// Longer than the deadlines of the settings, and what a busy machine adds.
const SOON: Duration = Duration::from_secs(25);
const SETTINGS: &str =
    "build_timeout: 2s\nverify_timeout: 5s\nengine_timeout: 1s\nregistry_timeout: 1s\n";
const FULL: &str = "write /var/lib/docker/tmp/layer: no space left on device";
const SLOW: Duration = Duration::from_millis(60);

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn cases() -> Vec<Case> {
    use During::{Build, Push, Verify};
    let mut cases = Vec::new();
    let mut add = |fault, during, cause, code, words, goes_on| {
        cases.push(Case {
            fault,
            during,
            cause,
            code,
            words,
            goes_on,
        });
    };
    let absent = "no Docker engine answers at ";
    for during in [Build, Verify, Push] {
        let gone = match during {
            Build => Cause::Absent,
            _ => Cause::Engine(Fault::Gone),
        };
        let words = match during {
            Build => absent,
            _ => "the engine broke off: it was asked to ",
        };
        add("gone before", during, gone, "4", words, false);
    }
    add(
        "gone in the middle",
        Build,
        Cause::Engine(Fault::GoneInTheMiddle),
        "4",
        "the engine broke off: it was asked to build an image",
        false,
    );
    add(
        "gone in the middle",
        Verify,
        Cause::Engine(Fault::GoneInTheMiddle),
        "4",
        "the engine broke off: it was asked to look up ",
        false,
    );
    add(
        "gone in the middle",
        Push,
        Cause::Engine(Fault::GoneInTheMiddle),
        "4",
        "the engine broke off: it was asked to push ",
        false,
    );
    let status = || Cause::Engine(Fault::Status(500, "something is wrong here"));
    add(
        "status 500",
        Build,
        status(),
        "1",
        "the engine cannot build an image: something is wrong here",
        true,
    );
    add(
        "status 500",
        Verify,
        status(),
        "4",
        "something is wrong here",
        true,
    );
    add(
        "status 500",
        Push,
        status(),
        "1",
        "something is wrong here",
        true,
    );
    let silence = || Cause::Engine(Fault::Silence);
    add(
        "silence",
        Build,
        silence(),
        "1",
        "the build took longer than 2s",
        true,
    );
    add(
        "silence",
        Verify,
        silence(),
        "4",
        "the engine did not look up ",
        true,
    );
    add(
        "silence",
        Push,
        silence(),
        "4",
        "the engine did not push ",
        true,
    );
    let truncated = || Cause::Engine(Fault::Truncated);
    add(
        "truncated answer",
        Build,
        truncated(),
        "4",
        "the engine broke off: it was asked to build an image",
        true,
    );
    add(
        "truncated answer",
        Verify,
        truncated(),
        "4",
        "the engine broke off: it was asked to look up ",
        true,
    );
    add(
        "truncated answer",
        Push,
        truncated(),
        "4",
        "the engine broke off: it was asked to push ",
        true,
    );
    add(
        "full disk",
        Build,
        Cause::Engine(Fault::Words(FULL)),
        "4",
        FULL,
        true,
    );
    add(
        "full disk",
        Verify,
        Cause::Engine(Fault::Status(500, FULL)),
        "4",
        FULL,
        true,
    );
    add(
        "full disk",
        Push,
        Cause::Engine(Fault::Words(FULL)),
        "4",
        FULL,
        true,
    );
    add(
        "killed step",
        Build,
        Cause::Step("exit 137"),
        "1",
        "`exit 137` ended with exit code 137: it was killed, as happens when memory runs out",
        true,
    );
    add(
        "killed step",
        Verify,
        Cause::Test("kill -9 $$"),
        "1",
        "was killed by signal 9",
        true,
    );
    add(
        "killed step",
        Push,
        Cause::Engine(Fault::Words("signal: killed")),
        "1",
        "signal: killed",
        true,
    );
    add(
        "wrong id",
        Build,
        Cause::Engine(Fault::WrongId),
        "1",
        "was given to another image meanwhile",
        true,
    );
    add(
        "wrong id",
        Verify,
        Cause::Engine(Fault::WrongId),
        "1",
        "was given to another image meanwhile",
        true,
    );
    add(
        "wrong id",
        Push,
        Cause::Engine(Fault::WrongId),
        "1",
        "the registry does not confirm ",
        true,
    );
    let slow = || Cause::Engine(Fault::Drip(SLOW));
    add(
        "slow",
        Build,
        slow(),
        "1",
        "the build took longer than 2s",
        true,
    );
    add(
        "slow",
        Verify,
        slow(),
        "4",
        "the engine did not look up ",
        true,
    );
    add("slow", Push, slow(), "4", "the engine did not push ", true);
    for during in [Build, Verify, Push] {
        let words = "is too old: its API is 1.24, and 1.30 is needed";
        add(
            "API too old",
            during,
            Cause::Dialect("1.24"),
            "4",
            words,
            false,
        );
    }
    cases
}

/// The image that is hit has a test, one image needs it, and one has nothing to do with it.
fn lay_out(case: &Case) -> Ground {
    let dialect = match case.cause {
        Cause::Dialect(api) => Dialect { api },
        _ => Dialect::default(),
    };
    let step = match case.cause {
        Cause::Step(step) => step,
        _ => "true",
    };
    let test = match case.cause {
        Cause::Test(test) => test,
        _ => "true",
    };
    let ground = Ground::with_dialect(dialect)
        .settings(SETTINGS)
        .image("hit", &[], &format!("FROM $BASE\nRUN {step}"))
        .test("hit", test)
        .image("behind", &["hit"], "FROM $(hit)\nRUN true")
        .image("beside", &[], "FROM $BASE\nRUN true");
    let operation = match case.during {
        During::Build => (Operation::Build, "example/hit:"),
        During::Verify => (Operation::Inspect, "example/hit:"),
        During::Push => (Operation::Push, "example/hit/"),
    };
    match &case.cause {
        Cause::Engine(fault) => {
            ground.engine.misbehave(operation, ALWAYS, fault.clone());
        }
        Cause::Absent => ground.engine.end(),
        _ => (),
    }
    ground
}

/// Gives what is wrong with how a run ended.
fn faults_of(case: &Case, ground: &Ground, ended: &Ended) -> Vec<String> {
    let talk = ended.talk();
    let mut wrong = Vec::new();
    let mut expect = |is_so: bool, what: &str| {
        if !is_so {
            wrong.push(what.to_owned());
        }
    };
    expect(
        ended.code() == case.code,
        &format!("it ended with {}", ended.code()),
    );
    expect(talk.contains(case.words), "the cause is not named");
    expect(ended.took < SOON, "it took too long");
    let last = talk
        .lines()
        .rev()
        .find(|line| line.contains(" in ") || line.contains("error"));
    let summary = last.unwrap_or_default();
    for name in ["hit", "behind"] {
        expect(
            !talk.contains(&format!("✓ published example/{name} ")),
            "it calls published what is not",
        );
        expect(
            ground.published(name, "latest").is_none(),
            "`latest` is moved",
        );
    }
    expect(
        ground.published("behind", "1-1").is_none(),
        "what needs it is published",
    );
    if case.during == During::Push {
        expect(
            matches!(case.cause, Cause::Dialect(_)) || talk.contains("✓ built example/behind"),
            "what needs it is not built",
        );
    } else {
        expect(
            ground.engine.find(&ground.label("behind")).is_none(),
            "what needs it is built",
        );
        expect(
            !talk.contains("✓ built example/behind"),
            "it calls built what is not",
        );
    }
    if case.goes_on {
        let done = ground.published("beside", "1-1").is_some()
            && ground.published("beside", "latest").is_some();
        expect(done, "what has nothing to do with it is not published");
        expect(talk.contains("– blocked"), "what is blocked is not told");
        expect(
            summary.contains("1 failed, 1 blocked"),
            "the summary counts otherwise",
        );
    }
    wrong
}

#[test]
fn thirty_faults_of_the_engine_are_named_and_nothing_false_is_said() {
    let cases = cases();
    assert_eq!(cases.len(), 30);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let results = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(case) = cases.get(i) else { return };
                    let ground = lay_out(case);
                    let ended = ground.build(&["--info"]);
                    let wrong = faults_of(case, &ground, &ended);
                    results.lock().expect("no panic").push((i, ended, wrong));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no panic");
    results.sort_by_key(|(i, ..)| *i);
    let mut table = std::io::stdout().lock();
    let mut wrong_ones = String::new();
    for (i, ended, wrong) in &results {
        let case = &cases[*i];
        let during = format!("{:?}", case.during).to_lowercase();
        writeln!(
            table,
            "| {} | {during} | exit {} | {:.1} s | {} |",
            case.fault,
            ended.code(),
            ended.took.as_secs_f64(),
            if wrong.is_empty() { "right" } else { "WRONG" }
        )
        .expect("a table");
        if !wrong.is_empty() {
            let (fault, talk) = (case.fault, ended.talk());
            wrong_ones.extend([
                format!(
                    "
{fault} during {during}: {wrong:?}
"
                ),
                talk,
            ]);
        }
    }
    assert!(wrong_ones.is_empty(), "{wrong_ones}");
}
