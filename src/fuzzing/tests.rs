//! The short run: each target over its inputs in `fuzz/corpus/`, among them all that ever broke a rule, and over a fixed
//! number of changed ones. `make fuzz` is the long run.

#![allow(
    clippy::disallowed_methods,
    reason = "the corpus is no file of a user's"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::mutation::{Dice, mutate};
use super::{Target, targets};
use crate::render::STACK_BYTES;

/// Changed inputs for each target.
const CHANGED: u64 = 250;
/// As long as no input may take, by far; for what it takes in a build with optimization see `docs/reliability.md`.
const LONGEST: Duration = Duration::from_secs(60);

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn inputs(name: &str) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(corpus().join(name)).expect("a directory of inputs");
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{name} has no inputs");
    let read = |path: PathBuf| std::fs::read(path).expect("an input");
    paths.into_iter().map(read).collect()
}

/// Runs a target over inputs, and tells which one broke a rule.
fn run((name, run): Target, inputs: impl IntoIterator<Item = Vec<u8>>) {
    for input in inputs {
        let began = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| run(&input)));
        let shown = input.escape_ascii();
        assert!(ended.is_ok(), "`{name}` breaks a rule with: {shown}");
        assert!(began.elapsed() < LONGEST, "`{name}` is slow with: {shown}");
    }
}

/// Threads have the stack that rendering threads have.
fn on_a_large_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
    let ended = thread.spawn(work).expect("a thread").join();
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn every_parser_keeps_its_rules_over_its_inputs_and_changed_ones() {
    on_a_large_stack(|| {
        for (seed, target) in (1..).zip(targets()) {
            let inputs = inputs(target.0);
            let mut dice = Dice::new(seed);
            let changed = (0..CHANGED).map(|_| {
                let one = &inputs[dice.below(inputs.len())];
                let other = &inputs[dice.below(inputs.len())];
                mutate(one, other, &mut dice)
            });
            run(target, inputs.iter().cloned().chain(changed));
        }
    });
}

#[test]
fn every_target_has_a_name_of_its_own_and_every_input_has_a_target() {
    let mut names: Vec<&str> = targets().into_iter().map(|(name, _)| name).collect();
    let mut directories: Vec<String> = std::fs::read_dir(corpus())
        .expect("the corpus")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    directories.sort();
    assert_eq!(names, directories);
    names.dedup();
    assert_eq!(names.len(), directories.len());
}

#[test]
fn a_broken_rule_is_told_with_its_input() {
    let target: Target = ("sample", |bytes| assert!(bytes.len() < 3, "too long"));
    let told = catch_unwind(|| run(target, [b"ab".to_vec(), b"a\0c".to_vec()]))
        .expect_err("a broken rule");
    let told = told.downcast_ref::<String>().expect("words");
    assert!(
        told.contains("`sample` breaks a rule with: a\\x00c"),
        "{told}"
    );
}
