//! `latest` follows the newest version, last and only forward, and a run that was cut is gone on with.

use rustix::process::Signal;

use crate::Test;
use crate::publishing::{ANYBODY, is_published, published};
use crate::support::catalog::{Catalog, wait_until};
use crate::support::docker_registry::DockerRegistry;
use crate::support::engine::Engine;
use crate::support::faulty_registry::{ALWAYS, Fault, FaultyRegistry, Operation};

pub(crate) const TESTS: &[Test] = &[
    (
        "latest_goes_to_the_newest_version_and_never_back",
        latest_goes_to_the_newest_version_and_never_back,
    ),
    (
        "a_latest_that_something_else_pushed_is_known_by_the_tags_beside_it",
        a_latest_that_something_else_pushed_is_known_by_the_tags_beside_it,
    ),
    (
        "a_latest_that_did_not_follow_is_planned_and_follows_without_a_pull",
        a_latest_that_did_not_follow_is_planned_and_follows_without_a_pull,
    ),
    (
        "a_publication_that_was_killed_is_gone_on_with",
        a_publication_that_was_killed_is_gone_on_with,
    ),
    (
        "a_push_whose_last_answer_was_lost_is_found_at_the_registry",
        a_push_whose_last_answer_was_lost_is_found_at_the_registry,
    ),
    (
        "what_is_published_over_by_force_is_what_latest_is_then",
        what_is_published_over_by_force_is_what_latest_is_then,
    ),
];

const RECIPE: &str = "FROM scratch\nCOPY payload /payload";

/// Gives the image `a` a version and a content of its own.
fn version(catalog: &Catalog<'_>, version: &str) {
    catalog
        .image("a", version, &[], RECIPE)
        .write("images/a/payload", version.as_bytes());
}

/// Tells which of the versions `latest` is.
#[track_caller]
fn assert_latest(engine: &Engine, catalog: &Catalog<'_>, version: &str) {
    let repository = catalog.repository("a");
    let latest = published(engine, &format!("{repository}:latest"), None);
    let expected = published(engine, &format!("{repository}:{version}"), None);
    assert_eq!(latest, expected, "latest is not {version}");
}

fn latest_goes_to_the_newest_version_and_never_back(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    // Debian sorts the dated rebuild of 1-9 after 1-10.
    for newer in ["1-2", "1-9-20260816", "1-10", "2-1"] {
        version(&catalog, newer);
        let output = catalog.build(&[]);
        output.assert_code(0);
        assert!(!output.stderr.contains("stays at"), "{}", output.stderr);
        assert_latest(engine, &catalog, newer);
    }
    version(&catalog, "1-11");
    let output = catalog.build(&[]);
    output.assert_code(0);
    assert_latest(engine, &catalog, "2-1");
    let warning = "/a:1-11 is published, and `latest` stays at 2-1, which is newer\n";
    assert!(output.stderr.contains(warning), "{}", output.stderr);
    // It is as it should be, and no run after says anything about it.
    let output = catalog.pkg(&["plan", "images"]);
    assert_eq!(output.stderr, "nothing to do: 1 already published\n");
    let output = catalog.pkg(&["publish", "images"]);
    assert_eq!(output.stderr, "nothing to publish: 1 already published\n");
    assert_latest(engine, &catalog, "2-1");
}

/// Pushes an image without this program's labels under tags.
fn push_foreign(engine: &Engine, catalog: &Catalog<'_>, tags: &[&str]) {
    let name = engine.name("foreign:1");
    let recipe = format!(
        "FROM {}\nRUN echo {}\n\
         LABEL org.opencontainers.image.version=0.1 org.opencontainers.image.title=a",
        engine.name("base:1"),
        tags.join(" ")
    );
    engine.build_from(&name, &recipe);
    let repository = catalog.repository("a");
    for tag in tags {
        catalog.tag(&name, &repository, tag);
        engine.push(&format!("{repository}:{tag}"), None);
        catalog.remove(&format!("{repository}:{tag}"));
    }
}

fn a_latest_that_something_else_pushed_is_known_by_the_tags_beside_it(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    push_foreign(engine, &catalog, &["3-1", "latest"]);
    version(&catalog, "2-1");
    let output = catalog.build(&[]);
    output.assert_code(0);
    assert_latest(engine, &catalog, "3-1");
    assert!(
        output.stderr.contains("`latest` stays at 3-1"),
        "{}",
        output.stderr
    );
    version(&catalog, "3-2");
    catalog.build(&[]).assert_code(0);
    assert_latest(engine, &catalog, "3-2");
    // What is no version at all is none to go back from; the log keeps its digest.
    push_foreign(engine, &catalog, &["latest"]);
    let foreign = published(engine, &format!("{}:latest", catalog.repository("a")), None);
    version(&catalog, "3-3");
    catalog.build(&[]).assert_code(0);
    assert_latest(engine, &catalog, "3-3");
    let left = format!("`latest` leaves {foreign}");
    assert!(catalog.everything_kept().contains(&left), "{left}");
}

fn a_latest_that_did_not_follow_is_planned_and_follows_without_a_pull(engine: &Engine) {
    let behind = DockerRegistry::start();
    let registry = FaultyRegistry::start_in_front_of(behind.host(), None);
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    version(&catalog, "1-1");
    catalog.build(&[]).assert_code(0);
    registry.misbehave(Operation::PutLatest, 2..=3, Fault::status(403));
    version(&catalog, "1-2");
    catalog.build(&[]).assert_code(1);
    assert_latest(engine, &catalog, "1-1");
    // Another machine has none of it.
    catalog.remove(&catalog.id("a", "1-2"));
    let repository = catalog.repository("a");
    let output = catalog.pkg(&["plan", "images"]);
    output.assert_code(0);
    let row = format!("{repository}:latest  1-2 is published, and `latest` is 1-1");
    assert!(output.stdout.contains(&row), "{}", output.stdout);
    assert_eq!(output.stderr, "skipped: 1 already published\n");
    let json = catalog.pkg(&["plan", "--json", "images"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    let latest = &json["latest"][0];
    let digest = published(engine, &format!("{repository}:1-2"), None);
    assert_eq!(latest["new"], digest.as_str());
    assert_eq!(latest["old_version"], "1-1");
    let nightly = catalog.pkg(&["plan", "--nightly", "images"]);
    assert!(!nightly.stdout.contains(":latest"), "{}", nightly.stdout);

    let output = catalog.pkg(&["publish", "images"]);
    output.assert_code(1);
    assert!(
        output.stderr.contains("denied with status 403"),
        "{}",
        output.stderr
    );
    assert_latest(engine, &catalog, "1-1");
    let output = catalog.build(&[]);
    output.assert_code(0);
    let summary = output.stderr.lines().last().expect("a summary");
    assert!(
        summary.starts_with("1 tagged `latest`, 1 already published in "),
        "{summary}"
    );
    assert_latest(engine, &catalog, "1-2");
    assert_eq!(catalog.find_id("a", "1-2"), None, "it was not pulled");
}

fn a_publication_that_was_killed_is_gone_on_with(engine: &Engine) {
    for operation in [
        Operation::PutManifest,
        Operation::ReadBack,
        Operation::PutLatest,
    ] {
        let behind = DockerRegistry::start();
        let registry = FaultyRegistry::start_in_front_of(behind.host(), None);
        registry.misbehave(operation, 1..=1, Fault::Silence);
        let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
        version(&catalog, "1-1");
        catalog.build(&["--no-publish"]).assert_code(0);
        let id = catalog.id("a", "1-1");
        let run = catalog.start(&["publish", "images"]);
        wait_until(&format!("the registry hangs at {operation:?}"), || {
            !registry.requests_of(operation).is_empty()
        });
        run.signal(Signal::KILL);
        assert_eq!(run.end().code, None);
        let name = format!("{}:1-1", catalog.repository("a"));
        let was_there = is_published(engine, &name);
        assert_eq!(
            was_there,
            operation != Operation::PutManifest,
            "{operation:?}"
        );

        let output = catalog.pkg(&["publish", "images"]);
        output.assert_code(0);
        let summary = output.stderr.lines().last().expect("a summary");
        let done = if was_there {
            "1 tagged `latest`, 1 already published in "
        } else {
            "1 published in "
        };
        assert!(summary.starts_with(done), "{operation:?}: {summary}");
        assert_latest(engine, &catalog, "1-1");
        assert_eq!(catalog.id("a", "1-1"), id, "nothing was built");
        let taken = registry.requests_of(Operation::PutManifest).len();
        assert_eq!(taken, 1 + usize::from(!was_there), "{operation:?}");
    }
}

fn a_push_whose_last_answer_was_lost_is_found_at_the_registry(engine: &Engine) {
    let behind = DockerRegistry::start();
    let registry = FaultyRegistry::start_in_front_of(behind.host(), None);
    // The registry takes the manifest, and what stands before it answers otherwise.
    let other = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    registry.misbehave(Operation::PutManifest, ALWAYS, Fault::Digest(other));
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    version(&catalog, "1-1");
    catalog.build(&[]).assert_code(0);
    assert_latest(engine, &catalog, "1-1");
}

fn what_is_published_over_by_force_is_what_latest_is_then(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    version(&catalog, "1-1");
    catalog.build(&[]).assert_code(0);
    let name = format!("{}:1-1", catalog.repository("a"));
    let old = published(engine, &name, None);
    catalog.write("images/a/payload", b"something else");
    catalog.build(&["--force"]).assert_code(0);
    assert_ne!(published(engine, &name, None), old);
    assert_latest(engine, &catalog, "1-1");
}
