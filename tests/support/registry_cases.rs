//! The faults of registries that are met one by one at each operation, and how such cases are run, judged and told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::faulty_registry::Fault;
use super::sandbox::Sandbox;

/// Which requests meet the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Position {
    First,
    Middle,
    Always,
}

pub(crate) const POSITIONS: [Position; 3] = [Position::First, Position::Middle, Position::Always];

/// Gives the faults by their names; what takes longest comes first.
pub(crate) fn faults() -> Vec<(&'static str, Fault)> {
    let date = vec![
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT".to_owned()),
        ("retry-after", "Sun, 06 Nov 1994 08:49:39 GMT".to_owned()),
    ];
    let other = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    vec![
        ("silence", Fault::Silence),
        ("a byte a second", Fault::Drip(Duration::from_secs(1))),
        ("401", Fault::status(401)),
        ("403", Fault::status(403)),
        ("404", Fault::status(404)),
        ("413", Fault::status(413)),
        ("429, seconds", Fault::header(429, "retry-after", "2")),
        ("429, date", Fault::Status(429, date)),
        ("429", Fault::status(429)),
        ("500", Fault::status(500)),
        ("502", Fault::status(502)),
        ("503", Fault::status(503)),
        ("504", Fault::status(504)),
        ("reset", Fault::Reset),
        ("truncated", Fault::Half),
        ("wrong digest", Fault::Digest(other)),
        ("HTML with 200", Fault::Html),
    ]
}

/// Tells whether all cases are asked for, and not only those that need no long wait.
pub(crate) fn are_all_asked_for() -> bool {
    std::env::var("PKG_TEST_ALL_FAULTS").is_ok_and(|value| value == "1")
}

/// How a case ended that kept all promises.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) code: i32,
    pub(crate) told: String,
    pub(crate) took: Duration,
}

/// Runs so many cases at once, prints their table, and fails with all broken promises.
#[track_caller]
#[expect(clippy::print_stdout, reason = "the table is what is asked for")]
pub(crate) fn run_cases<C: Sync>(
    cases: &[C],
    at_once: usize,
    name: impl Fn(&C) -> String,
    run: impl Fn(&C) -> Result<Verdict, String> + Sync,
) {
    let ended = run_all(cases, at_once, run);
    assert_eq!(ended.len(), cases.len());
    let mut broken = String::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, verdict) in ended {
        let name = name(&cases[number]);
        match verdict {
            Ok(Verdict { code, told, took }) => {
                let kind = match code {
                    0 => "passed, and the digests were confirmed",
                    _ => "refused, with the cause",
                };
                *counts.entry(kind).or_default() += 1;
                println!("{name:44} {code} {:4}s {told}", took.as_secs());
            }
            Err(promise) => {
                println!("{name:44} BROKEN {promise}");
                writeln!(broken, "{name}: {promise}\n").expect("a text");
            }
        }
    }
    println!("{} cases: {counts:?}", cases.len());
    assert!(broken.is_empty(), "{broken}");
}

fn run_all<C: Sync>(
    cases: &[C],
    at_once: usize,
    run: impl Fn(&C) -> Result<Verdict, String> + Sync,
) -> Vec<(usize, Result<Verdict, String>)> {
    let next = AtomicUsize::new(0);
    let ended = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed))
                    && let Some(case) = cases.get(number)
                {
                    let verdict = run(case);
                    let mut ended: std::sync::MutexGuard<'_, Vec<_>> =
                        ended.lock().expect("no thread panics here");
                    ended.push((number, verdict));
                }
            });
        }
    });
    let mut ended = ended.into_inner().expect("no thread panicked");
    ended.sort_by_key(|(number, _)| *number);
    ended
}

/// Runs the program in a sandbox, for no longer than `longest`, and gives its exit code with all that it says.
pub(crate) fn run_program(
    sandbox: &Sandbox,
    arguments: &[&str],
    longest: Duration,
) -> Result<(i32, String), String> {
    let talk = sandbox.home().join("talk");
    let file = std::fs::File::create(&talk).expect("a file");
    let mut command = sandbox.command(env!("CARGO_BIN_EXE_pkg"));
    let child = command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("the same file"))
        .stderr(file)
        .spawn()
        .expect("the program");
    let code = wait(child, longest);
    let talk = std::fs::read_to_string(&talk).expect("its talk");
    match code {
        Some(code) => Ok((code, talk)),
        None => Err(format!("it hangs, or a signal ended it\n{talk}")),
    }
}

fn wait(mut child: Child, longest: Duration) -> Option<i32> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status.code();
        }
        if began.elapsed() > longest {
            child.kill().expect("a child to end");
            child.wait().expect("a child");
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Tells whether a line says that `tag` of the repository that ends with `name` is published.
pub(crate) fn is_claimed(talk: &str, (beginning, name): (&str, &str), tag: &str) -> bool {
    let words = format!("published {beginning}");
    let end = format!("/{name} {tag}");
    talk.lines().any(|line| {
        let claim = line.split(words.as_str()).nth(1);
        claim.is_some_and(|claim| {
            let claim = claim.split(" in ").next();
            claim.is_some_and(|it| format!("/{it}").ends_with(&end))
        })
    })
}

/// An exit code of 0 needs no cause, and any other one does.
pub(crate) fn told(code: i32, talk: &str) -> Result<String, String> {
    let cause = talk.lines().find_map(|line| {
        let (_, cause) = line.split_once("error: ").or_else(|| {
            let (_, failure) = line.split_once("failed to publish ")?;
            failure.split_once(": ")
        })?;
        Some(cause.to_owned())
    });
    match (code, cause) {
        (0, _) => Ok(talk.lines().last().unwrap_or_default().to_owned()),
        (1 | 4, Some(cause)) => Ok(cause),
        (1 | 4, None) => Err("no cause is told".to_owned()),
        _ => Err("an exit code that means something else".to_owned()),
    }
}
