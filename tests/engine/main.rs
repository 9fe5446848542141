//! Against the real Docker engine.
//!
//! With `PKG_TEST_ENGINE=1` every test runs, and fails where no engine answers. Otherwise the tests run where one
//! answers, and where none does they are ignored, which the run says in one line.
//!
//! With `PKG_TEST_ENGINES=1` a part of them runs on engines of other kinds; see `kinds.rs`.

#![allow(
    clippy::disallowed_methods,
    reason = "tests stand outside the program and look at the machine for it"
)]
#![allow(
    clippy::needless_raw_string_hashes,
    reason = "snapbox writes snapshots with them"
)]

mod building;
mod choosing;
mod contexts;
mod corpus;
mod declared;
mod exporting;
mod ignoring;
mod inputs;
mod kinds;
mod latest;
mod likeness;
mod places;
mod pruning;
mod publishing;
mod refreshing;
mod registry_faults;
mod secrets;
mod stamping;
mod stopping;
mod structure;
#[path = "../support/mod.rs"]
mod support;
mod support_check;
mod surroundings;
mod trying;
mod weekly;

use std::process::ExitCode;
use std::thread::available_parallelism;

use libtest_mimic::{Arguments, Failed, Trial};

use support::engine::Engine;

/// A test: its name, which is a sentence, and what it does with an engine of its own.
type Test = (&'static str, fn(&Engine));

/// So many tests run at once, or as many as there are processors: most of the time they wait for the engine.
const LEAST_THREADS: usize = 5;

/// The tests of all files.
const TESTS: &[&[Test]] = &[
    support_check::TESTS,
    building::TESTS,
    publishing::TESTS,
    latest::TESTS,
    places::TESTS,
    stopping::TESTS,
    structure::TESTS,
    trying::TESTS,
    surroundings::TESTS,
    choosing::TESTS,
    contexts::TESTS,
    declared::TESTS,
    corpus::TESTS,
    exporting::TESTS,
    pruning::TESTS,
    refreshing::TESTS,
    weekly::TESTS,
    ignoring::TESTS,
    inputs::TESTS,
    stamping::TESTS,
    secrets::TESTS,
    likeness::TESTS,
    registry_faults::TESTS,
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let processors = available_parallelism().map_or(1, usize::from);
    arguments
        .test_threads
        .get_or_insert(processors.max(LEAST_THREADS));
    let kind = kinds::Kind::of_this_run();
    if kind.is_none() && is_asked_for("PKG_TEST_ENGINES") {
        return kinds::run_each();
    }
    let missing = if is_asked_for("PKG_TEST_ENGINE") {
        None
    } else {
        Engine::missing()
    };
    let tests = match kind {
        None => TESTS.iter().copied().flatten().copied().collect(),
        Some(kind) => kinds::tests_of(kind, TESTS),
    };
    let trials: Vec<_> = tests
        .into_iter()
        .map(|(name, test)| {
            Trial::test(name, move || run(test)).with_ignored_flag(missing.is_some())
        })
        .collect();
    if let Some(reason) = missing
        && !arguments.list
    {
        tell_what_is_left_out(trials.len(), &reason);
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn is_asked_for(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value == "1")
}

fn run(test: fn(&Engine)) -> Result<(), Failed> {
    let engine = Engine::connect().map_err(|reason| format!("no engine answers: {reason}"))?;
    test(&engine);
    Ok(())
}

#[expect(
    clippy::print_stderr,
    reason = "the harness has no other way to say it"
)]
fn tell_what_is_left_out(count: usize, reason: &str) {
    eprintln!("left out: the {count} tests with the real engine, since none answers ({reason})");
}
