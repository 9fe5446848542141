//! `pkg build` is killed at any moment of building, testing and publishing, and the next run ends as if nothing had been.
//!
//! `scripts/torture-runs [PKG [COUNT]]` does it as often as it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pkg::oci::Digest;
use rustix::process::{Pid, Signal, kill_process};

use crate::ground::{Ended, Ground};
use crate::support::fake_engine::Operation as Asked;
use crate::support::faulty_registry::Operation;

/// Each image that can be built, with what its last stage is built on.
const GOOD: [(&str, Option<&str>); 6] = [
    ("declared", None),
    ("root", None),
    ("left", Some("root")),
    ("right", Some("root")),
    ("join", Some("right")),
    ("alone", Some("declared")),
];
/// What fails, and what needs that.
const BAD: [&str; 2] = ["failing", "behind"];
const TESTED: [&str; 3] = ["root", "join", "alone"];
/// Eight days after the run that is killed: what it left of pins is removed by then.
const LATER: &str = "1795910400";
const PINS: &str = "127.0.0.1:1/";
/// The name that an image has at the engine while it is pushed.
const INCOMING: &str = ":pkg-incoming";

/// When a run is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after so many requests have come to the engine and the registry.
    Request(usize, Duration),
    /// So long after it began.
    Time(Duration),
}

fn lay_out() -> Ground {
    let mirrors =
        "mirror: http://m.example.org/debian\nsecurity_mirror: http://m.example.org/security\n";
    let ground = Ground::new().settings(mirrors);
    let base = "bootstrap: mmdebstrap\nsuite: bookworm\ncontents: {packages: [tzdata]}\n";
    ground.write("images/declared/image.yaml", base.as_bytes());
    let changelog = crate::ground::changelog("declared", "1-1");
    ground.write("images/declared/changelog", changelog.as_bytes());
    let tested = ground.sandbox.home().join("tested");
    let note = format!("echo \"$1\" >> {}", tested.display());
    let ground = ground
        .image("root", &[], "FROM $BASE\nRUN sleep 0.004")
        .image("left", &["root"], "FROM $(root)\nRUN echo left")
        .image("right", &["root"], "FROM $(root)\nRUN echo right")
        .image(
            "join",
            &["left", "right"],
            "FROM $(left) AS one\nFROM $(right)\nCOPY --from=one /a /a",
        )
        .image("alone", &["declared"], "FROM $(declared)\nRUN true")
        .image("failing", &["left"], "FROM $(left)\nRUN exit 3")
        .image("behind", &["failing"], "FROM $(failing)\nRUN true");
    let ground = TESTED
        .iter()
        .fold(ground, |ground, name| ground.test(name, &note));
    Ground {
        // A root file system of nothing.
        sandbox: ground
            .sandbox
            .program("mmdebstrap", "#!/bin/sh\nexec head -c 1024 /dev/zero\n"),
        ..ground
    }
}

/// Kills the run at a moment, or tells that it ended before.
fn run_and_kill(ground: &Ground, moment: Moment) -> bool {
    let killer = Arc::new((AtomicUsize::new(0), Mutex::new(None::<Pid>)));
    let kill = |killer: &(AtomicUsize, Mutex<Option<Pid>>)| {
        if let Some(pid) = *killer.1.lock().expect("no panic") {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
    };
    let count = |killer: &Arc<(AtomicUsize, Mutex<Option<Pid>>)>| {
        let killer = Arc::clone(killer);
        move || {
            let number = killer.0.fetch_add(1, Ordering::Relaxed) + 1;
            match moment {
                Moment::Request(at, Duration::ZERO) if at == number => kill(&killer),
                Moment::Request(at, wait) if at == number => {
                    let killer = Arc::clone(&killer);
                    std::thread::spawn(move || {
                        std::thread::sleep(wait);
                        kill(&killer);
                    });
                }
                _ => (),
            }
        }
    };
    let (engine, registry) = (count(&killer), count(&killer));
    ground.engine.watch(move |_| engine());
    ground.registry.watch(move |_| registry());
    let run = ground.start(&["build", "--no-pull", "images"], &[]);
    let pid = Pid::from_raw(i32::try_from(run.pid()).expect("a pid"));
    *killer.1.lock().expect("no panic") = pid;
    if let Moment::Time(wait) = moment {
        std::thread::sleep(wait);
        kill(&killer);
    }
    let ended = run.end(Duration::from_secs(60));
    *killer.1.lock().expect("no panic") = None;
    ended.code() == "signal 9"
}

/// Gives the manifests that were put under each name, in their order.
fn puts(ground: &Ground) -> Vec<(String, String, Digest)> {
    let mut requests = ground.registry.requests();
    requests.retain(|it| matches!(it.operation, Operation::PutManifest | Operation::PutLatest));
    let put = |path: &str, body: &[u8]| {
        let (repository, tag) = path
            .strip_prefix("/v2/example/")?
            .split_once("/manifests/")?;
        Some((repository.to_owned(), tag.to_owned(), Digest::of(body)))
    };
    requests
        .iter()
        .filter_map(|request| put(&request.path, &request.body))
        .collect()
}

/// Gives what is wrong with what there is when all is done.
fn faults_of(ground: &Ground) -> Vec<String> {
    let mut wrong = Vec::new();
    let puts = puts(ground);
    let mut ids = BTreeMap::new();
    for (name, _) in GOOD {
        let manifest = ground.published(name, "1-1").unwrap_or_default();
        let digest = Digest::of(&manifest);
        let parsed: serde_json::Value = serde_json::from_slice(&manifest).unwrap_or_default();
        let id = parsed["config"]["digest"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if id.is_empty() {
            wrong.push(format!("{name} is not published"));
            continue;
        }
        if ground.published(name, "latest") != Some(manifest) {
            wrong.push(format!("`latest` of {name} is not the version"));
        }
        let others = puts
            .iter()
            .filter(|(it, _, put)| it == name && *put != digest);
        for (_, tag, put) in others {
            wrong.push(format!("{name}:{tag} was {put} as well"));
        }
        if ground
            .engine
            .find(&ground.label(name))
            .map(|image| image.id)
            != Some(id.clone())
        {
            wrong.push(format!("the engine has another {name} than the registry"));
        }
        ids.insert(name, id);
    }
    wrong.extend(faults_of_parents(ground, &puts, &ids));
    for name in BAD {
        let is_there = |tag| ground.published(name, tag).is_some();
        if is_there("1-1")
            || is_there("latest")
            || ground.engine.find(&ground.label(name)).is_some()
        {
            wrong.push(format!("{name} is there"));
        }
    }
    wrong.extend(faults_of_state(ground, &ids));
    wrong
}

/// Gives the images that are not on the parents that are published, or were published before them.
fn faults_of_parents(
    ground: &Ground,
    puts: &[(String, String, Digest)],
    ids: &BTreeMap<&str, String>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, parent) in GOOD {
        let layers = |name: &str| {
            let image = ids.get(name).and_then(|id| ground.engine.find(id));
            image.map(|image| image.layer_ids()).unwrap_or_default()
        };
        let Some(parent) = parent else { continue };
        if !layers(name).starts_with(&layers(parent)) {
            wrong.push(format!(
                "{name} is not built on the {parent} that is published"
            ));
        }
        let first = |name: &str| puts.iter().position(|(it, ..)| it == name);
        if first(name) < first(parent) {
            wrong.push(format!("{name} was published before {parent}"));
        }
    }
    wrong
}

/// Gives what is wrong with what the program noted for itself.
fn faults_of_state(ground: &Ground, ids: &BTreeMap<&str, String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let state = ground.sandbox.home().join(".local/state/pkg");
    let tested = std::fs::read_to_string(ground.sandbox.home().join("tested")).unwrap_or_default();
    for name in TESTED {
        let hex = ids
            .get(name)
            .map_or("", |id| id.trim_start_matches("sha256:"));
        let record = std::fs::read_to_string(state.join("verified-1").join(hex));
        if !record.is_ok_and(|text| text.starts_with("sha256:") && text.len() == 72) {
            wrong.push(format!("that {name} passed its tests is not noted"));
        }
        if !tested.contains(&format!("/{name}:1-1")) {
            wrong.push(format!("{name} was never tested"));
        }
    }
    wrong
}

/// Kills one run, and gives what is wrong after the next one; nothing where the run was over before.
fn torture(moment: Moment) -> Option<Vec<String>> {
    let ground = lay_out();
    if !run_and_kill(&ground, moment) {
        return None;
    }
    let again = ground.build(&[]);
    let mut wrong = faults_of(&ground);
    if again.code() != "1" || !again.talk().contains("1 failed, 1 blocked") {
        wrong.push(format!(
            "the next run ended with {}: {}",
            again.code(),
            again.talk()
        ));
    }
    let (put, pushed) = (puts(&ground).len(), ground.engine.count(Asked::Push));
    let third = ground.start(
        &["build", "--no-pull", "images"],
        &[("SOURCE_DATE_EPOCH", LATER)],
    );
    let third: Ended = third.end(Duration::from_secs(60));
    if third.code() != "1"
        || (puts(&ground).len(), ground.engine.count(Asked::Push)) != (put, pushed)
    {
        wrong.push(format!("a third run did more: {}", third.talk()));
    }
    let left: BTreeSet<String> = ground.engine.names().into_iter().collect();
    let is_left = |name: &String| name.starts_with(PINS) || name.ends_with(INCOMING);
    if left.iter().any(is_left) {
        wrong.push(format!("names of a run are left: {left:?}"));
    }
    wrong.extend(faults_of(&ground));
    Some(wrong)
}

/// Gives the moment of a trial; the trials go through all requests, each time with another wait.
fn moment(trial: usize, requests: usize, usual: Duration) -> Moment {
    let chance = Digest::of(&trial.to_le_bytes());
    let chance = u32::from_str_radix(&chance.hex()[..6], 16).expect("hex digits");
    let share = f64::from(chance) / f64::from(1 << 24);
    if trial % 5 == 4 {
        return Moment::Time(usual.mul_f64(share));
    }
    let number = trial - trial / 5;
    let wait = match number / requests {
        0 => Duration::ZERO,
        1 => Duration::from_micros(300),
        _ => Duration::from_millis(8).mul_f64(share * share),
    };
    Moment::Request(1 + number % requests, wait)
}

#[test]
fn a_run_that_was_killed_is_put_right_by_the_next_one() {
    let count = std::env::var("KILLS").map_or(Ok(60), |text| text.parse());
    let count: usize = count.expect("KILLS is a number");
    let ground = lay_out();
    let requests = Arc::new(AtomicUsize::new(0));
    for counted in [Arc::clone(&requests), Arc::clone(&requests)] {
        let add = move || {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        let again = add.clone();
        ground.engine.watch(move |_| add());
        ground.registry.watch(move |_| again());
    }
    let whole = ground.build(&[]);
    assert_eq!(faults_of(&ground), [""; 0], "{}", whole.talk());
    let requests = requests.load(Ordering::Relaxed);
    // The small form goes through the run in as many steps as it has kills.
    let stride = (requests * 5 / 4 / count.max(1)).max(1);
    let (next, kills) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while kills.load(Ordering::Relaxed) < count {
                    let trial = next.fetch_add(1, Ordering::Relaxed) * stride;
                    let moment = moment(trial, requests, whole.took);
                    let Some(faults) = torture(moment) else {
                        continue;
                    };
                    let done = kills.fetch_add(1, Ordering::Relaxed) + 1;
                    if done % 100 == 0 {
                        let wrong = wrong.lock().expect("no panic").len();
                        writeln!(std::io::stdout(), "{done} kills, {wrong} not put right")
                            .expect("room");
                    }
                    if !faults.is_empty() {
                        wrong.lock().expect("no panic").push((moment, faults));
                    }
                }
            });
        }
    });
    let (kills, wrong) = (kills.into_inner(), wrong.into_inner().expect("no panic"));
    writeln!(
        std::io::stdout(),
        "{kills} kills over a run with {requests} requests to engine and registry: {} not put right",
        wrong.len()
    )
    .expect("room");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
