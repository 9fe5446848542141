//! Input that nobody means well: names, texts, files, templates, answers. Whatever comes, the program ends soon and with
//! little memory, says what is wrong, sends nothing to the terminal that would control it, and touches nothing outside.

mod answers;
mod files;
mod parents;
mod texts;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::ground::{Ended, Ground};

/// No run may work longer; the program is not optimized where it is tested.
const LONGEST_WORK: Duration = Duration::from_secs(15);
/// No run may take longer, also on a machine that has much else to do.
const SOON: Duration = Duration::from_secs(120);
/// Three times what a usual run takes.
const MOST_MEMORY: u64 = 400 << 20; // bytes
const SETTINGS: &str =
    "build_timeout: 3s\nverify_timeout: 3s\nengine_timeout: 2s\nregistry_timeout: 1s\n";
/// Stands in every file that is outside of all images.
const SECRET: &str = "outside-of-every-image";

/// One input, and what is asked of the program with it.
pub(super) struct Case {
    name: String,
    lay_out: Box<dyn Fn(Ground) -> Ground + Send + Sync>,
    arguments: Vec<String>,
}

impl Case {
    /// A case of `pkg build`.
    pub(super) fn build(
        name: impl Into<String>,
        lay_out: impl Fn(Ground) -> Ground + Send + Sync + 'static,
    ) -> Self {
        Self::of(name, &["build", "--no-pull", "--info", "images"], lay_out)
    }

    /// A case of any command.
    pub(super) fn of(
        name: impl Into<String>,
        arguments: &[&str],
        lay_out: impl Fn(Ground) -> Ground + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            lay_out: Box::new(lay_out),
            arguments: arguments.iter().map(|&it| it.to_owned()).collect(),
        }
    }
}

/// One image that is well, with a secret beside all images.
fn usual() -> Ground {
    let ground = Ground::new().settings(SETTINGS).image(
        "good",
        &[],
        "FROM $BASE\nCOPY . /context\nRUN true",
    );
    ground.write("secret", SECRET.as_bytes());
    ground.write("images/secret", SECRET.as_bytes());
    ground
}

/// Gives what is wrong with how a run ended.
fn faults_of(ground: &Ground, ended: &Ended, before: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    match ended.code().as_str() {
        "0" => (),
        "1" | "2" | "3" | "4" => {
            let talk = ended.talk();
            if !["error: ", "✗ "].iter().any(|sign| talk.contains(sign)) {
                wrong.push("it says no cause".to_owned());
            }
        }
        other => wrong.push(format!("it ended with {other}")),
    }
    if ended.worked > LONGEST_WORK {
        wrong.push(format!("it worked for {:?}", ended.worked));
    }
    if ended.peak_bytes > MOST_MEMORY {
        wrong.push(format!("it took {} MiB", ended.peak_bytes >> 20));
    }
    for (stream, bytes) in [("error", &ended.talk), ("output", &ended.data)] {
        if let Some(control) = find_control(bytes) {
            wrong.push(format!("{control:?} went to standard {stream}"));
        }
    }
    let after = everything(ground);
    let other: Vec<_> = after.symmetric_difference(before).collect();
    if !other.is_empty() {
        wrong.push(format!("files came or went: {other:?}"));
    }
    for context in ground.engine.contexts() {
        wrong.extend(faults_of_context(&context));
    }
    wrong
}

/// Finds what controls a terminal, or is no text at all.
fn find_control(bytes: &[u8]) -> Option<String> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Some("no UTF-8".to_owned());
    };
    let is_harmful = |c: &char| c.is_control() && *c != '\n' && *c != '\t';
    text.chars()
        .find(is_harmful)
        .map(|c| c.escape_default().to_string())
}

fn faults_of_context(context: &[u8]) -> Vec<String> {
    let mut wrong = Vec::new();
    let secret = SECRET.as_bytes();
    if context.windows(secret.len()).any(|window| window == secret) {
        wrong.push("what is outside of the image is in its context".to_owned());
    }
    let mut archive = tar::Archive::new(context);
    // A context that was cut off ends in the middle.
    for entry in archive
        .entries()
        .into_iter()
        .flatten()
        .map_while(Result::ok)
    {
        let name = entry.path_bytes();
        let is_outside =
            name.starts_with(b"/") || name.split(|&it| it == b'/').any(|it| it == b"..");
        if is_outside {
            wrong.push(format!(
                "{} is in a context",
                String::from_utf8_lossy(&name)
            ));
        }
    }
    wrong
}

/// Gives the paths of all files of the sandbox but those that the program keeps for itself.
fn everything(ground: &Ground) -> BTreeSet<String> {
    let top = ground.sandbox.path();
    let top = top.parent().expect("the sandbox");
    let entries = walkdir::WalkDir::new(top).max_depth(6).into_iter();
    let is_own = |path: &Path| path.starts_with(top.join("home"));
    let entries = entries
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path);
    entries
        .filter(|path| !is_own(path))
        .map(|path| path.to_string_lossy().into_owned())
        .collect()
}

#[test]
fn four_hundred_hostile_inputs_do_no_harm() {
    let mut cases = texts::cases();
    cases.extend(files::cases());
    cases.extend(answers::cases());
    let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    let only = std::env::var("CASE").unwrap_or_default();
    assert!(cases.len() >= 400, "{}", cases.len());
    cases.retain(|case| case.name.contains(&only));
    let next = AtomicUsize::new(0);
    let (wrong, ran) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let ground = (case.lay_out)(usual());
                    let before = everything(&ground);
                    let arguments: Vec<_> = case.arguments.iter().map(String::as_str).collect();
                    let ended = ground.start_bounded(&arguments).end(SOON);
                    let faults = faults_of(&ground, &ended, &before);
                    ran.lock().expect("no panic").push((
                        ended.worked,
                        ended.peak_bytes >> 20,
                        ended.code(),
                        &case.name,
                    ));
                    if !faults.is_empty() || !only.is_empty() {
                        let talk: String = ended.talk().escape_debug().take(1500).collect();
                        let told = format!("{}: {faults:?}\n    {talk}", case.name);
                        wrong.lock().expect("no panic").push(told);
                    }
                }
            });
        }
    });
    let mut ran = ran.into_inner().expect("no panic");
    ran.sort_by_key(|(worked, ..)| std::cmp::Reverse(*worked));
    let wrong = wrong.into_inner().expect("no panic");
    let largest = ran.iter().map(|(_, mebibytes, ..)| mebibytes).max();
    let mut out = std::io::stdout().lock();
    for (worked, mebibytes, code, name) in &ran {
        let worked = worked.as_secs_f64();
        writeln!(
            out,
            "| {name} | exit {code} | {worked:.2} s | {mebibytes} MiB |"
        )
        .expect("room");
    }
    writeln!(
        out,
        "{} hostile inputs: {} did harm; none worked longer than {:.1} s, or took more than {} MiB",
        ran.len(),
        wrong.len(),
        ran.first().map_or(0.0, |(worked, ..)| worked.as_secs_f64()),
        largest.copied().unwrap_or_default()
    )
    .expect("room");
    drop(out);
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}
