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
        "a_tag_that_is_no_release_does_not_keep_latest_from_being_made",
        a_tag_that_is_no_release_does_not_keep_latest_from_being_made,
    ),
    (
        "where_latest_is_missing_a_newer_release_keeps_it_from_being_made",
        where_latest_is_missing_a_newer_release_keeps_it_from_being_made,
    ),
    (
        "a_registry_that_lists_no_tags_gets_a_latest",
        a_registry_that_lists_no_tags_gets_a_latest,
    ),
    (
        "a_latest_that_somebody_else_gave_the_same_version_is_told",
        a_latest_that_somebody_else_gave_the_same_version_is_told,
    ),
    (
        "a_version_that_somebody_else_publishes_after_it_was_confirmed_is_told",
        a_version_that_somebody_else_publishes_after_it_was_confirmed_is_told,
    ),
    (
        "a_version_of_the_night_that_somebody_else_publishes_too_is_told",
        a_version_of_the_night_that_somebody_else_publishes_too_is_told,
    ),
    (
        "a_latest_that_goes_forward_between_two_tries_is_not_moved_back",
        a_latest_that_goes_forward_between_two_tries_is_not_moved_back,
    ),
    (
        "a_release_whose_tag_a_nightly_build_has_is_told",
        a_release_whose_tag_a_nightly_build_has_is_told,
    ),
    (
        "a_latest_of_something_else_stays_where_the_tags_may_not_be_listed",
        a_latest_of_something_else_stays_where_the_tags_may_not_be_listed,
    ),
    (
        "where_more_tags_are_newer_than_are_compared_latest_is_not_made",
        where_more_tags_are_newer_than_are_compared_latest_is_not_made,
    ),
    (
        "a_page_in_the_place_of_an_image_does_not_hide_that_latest_is_behind",
        a_page_in_the_place_of_an_image_does_not_hide_that_latest_is_behind,
    ),
    (
        "a_latest_that_did_not_follow_is_planned_and_follows_without_a_pull",
        a_latest_that_did_not_follow_is_planned_and_follows_without_a_pull,
    ),
    (
        "an_image_whose_latest_nobody_knows_keeps_none_of_the_others",
        an_image_whose_latest_nobody_knows_keeps_none_of_the_others,
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

/// A manifest that this program did not make.
const NO_IMAGE: &str = r#"{"schemaVersion": 2}"#;

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

fn a_tag_that_is_no_release_does_not_keep_latest_from_being_made(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    push_foreign(engine, &catalog, &["9f3c01d", "20261121", "v2-1"]);
    version(&catalog, "1-1");
    catalog.build(&["--nightly"]).assert_code(0);
    let latest = format!("{}:latest", catalog.repository("a"));
    assert!(!is_published(engine, &latest));
    let output = catalog.build(&[]);
    output.assert_code(0);
    assert!(!output.stderr.contains("`latest` "), "{}", output.stderr);
    assert_latest(engine, &catalog, "1-1");
}

fn where_latest_is_missing_a_newer_release_keeps_it_from_being_made(engine: &Engine) {
    for (newer, older) in [
        ("2-1", "1-1"),
        ("v2-1", "v1-1"),
        // As the weekly rebuild has it.
        ("1-1-20261120", "1-1"),
    ] {
        let registry = FaultyRegistry::start();
        // Signatures are no versions, and nightly builds are many.
        for number in 0..250 {
            let signature = format!("sha256-{number:064x}.sig");
            registry.put_manifest(&engine.name("a"), &signature, NO_IMAGE);
            let nightly = format!("2-0-2025{:02}{:02}", 1 + number / 25, 1 + number % 25);
            registry.put_manifest(&engine.name("a"), &nightly, NO_IMAGE);
        }
        registry.misbehave(Operation::PutLatest, 1..=1, Fault::status(403));
        let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
        version(&catalog, newer);
        catalog.build(&[]).assert_code(1);
        version(&catalog, older);
        let output = catalog.build(&[]);
        output.assert_code(0);
        let warning = format!(
            "/a:{older} is published, and `latest` is not made, since {newer} is there, which is newer\n"
        );
        assert!(output.stderr.contains(&warning), "{}", output.stderr);
        let latest = format!("{}:latest", catalog.repository("a"));
        assert!(!is_published(engine, &latest));
        version(&catalog, newer);
        catalog.pkg(&["publish", "images"]).assert_code(0);
        assert_latest(engine, &catalog, newer);
    }
}

fn a_registry_that_lists_no_tags_gets_a_latest(engine: &Engine) {
    // Who may not list them gets one as well.
    for status in [405, 501, 403] {
        let registry = FaultyRegistry::start();
        registry.misbehave(Operation::ListTags, ALWAYS, Fault::status(status));
        let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
        version(&catalog, "1-1");
        catalog.build(&[]).assert_code(0);
        assert_latest(engine, &catalog, "1-1");
    }
}

fn a_latest_that_somebody_else_gave_the_same_version_is_told(engine: &Engine) {
    let registry = FaultyRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    version(&catalog, "1-1");
    catalog.build(&[]).assert_code(0);
    let theirs = published(engine, &format!("{}:1-1", catalog.repository("a")), None);
    // The second one asks for the version before the first one's is there.
    for (operation, times) in [(Operation::HeadManifest, 1), (Operation::GetManifest, 2)] {
        let next = registry.requests_of(operation).len() + 1;
        let absent = Fault::header(404, "docker-distribution-api-version", "registry/2.0");
        registry.misbehave(operation, next..=next + times - 1, absent);
    }
    catalog.write("images/a/payload", b"something else");
    let output = catalog.build(&[]);
    output.assert_code(1);
    let cause = format!("and as {theirs} by somebody else, which is `latest` now");
    assert!(output.stderr.contains(&cause), "{}", output.stderr);
}

fn a_version_that_somebody_else_publishes_after_it_was_confirmed_is_told(engine: &Engine) {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::PutLatest, 1..=1, in_a_second());
    let catalog = Catalog::new(engine).with_registry(registry.host(), PATIENT);
    version(&catalog, "1-1");
    let run = catalog.start_build(&[]);
    wait_until("the version was confirmed", || {
        !registry.requests_of(Operation::PutLatest).is_empty()
    });
    let theirs = registry.put_manifest(&engine.name("a"), "1-1", NO_IMAGE);
    let ended = run.end();
    assert_eq!(ended.code, Some(1), "{}", ended.talk);
    let cause = format!("/a:1-1 as {theirs} from somebody else meanwhile");
    assert!(ended.talk.contains(&cause), "{}", ended.talk);
}

/// Gives the others a second.
fn in_a_second() -> Fault {
    Fault::header(503, "retry-after", "1")
}

const PATIENT: &str = "username: ann\npassword: none\nregistry_timeout: 20s\n";

fn a_version_of_the_night_that_somebody_else_publishes_too_is_told(engine: &Engine) {
    let registry = FaultyRegistry::start();
    // It is asked for when the plan is made, confirmed, and asked for once more.
    registry.misbehave(Operation::HeadManifest, 3..=3, in_a_second());
    let catalog = Catalog::new(engine).with_registry(registry.host(), PATIENT);
    version(&catalog, "1-1");
    let run = catalog.start_build(&["--nightly"]);
    wait_until("the version was confirmed", || {
        registry.requests_of(Operation::HeadManifest).len() == 3
    });
    let put = registry.requests_of(Operation::PutManifest);
    let (_, tag) = put[0].path.rsplit_once('/').expect("a tag");
    let theirs = registry.put_manifest(&engine.name("a"), tag, NO_IMAGE);
    let ended = run.end();
    assert_eq!(ended.code, Some(1), "{}", ended.talk);
    let cause = format!("/a:{tag} as {theirs} from somebody else meanwhile");
    assert!(ended.talk.contains(&cause), "{}", ended.talk);
}

fn a_latest_that_goes_forward_between_two_tries_is_not_moved_back(engine: &Engine) {
    let behind = DockerRegistry::start();
    let registry = FaultyRegistry::start_in_front_of(behind.host(), None);
    registry.misbehave(Operation::PutLatest, 1..=1, in_a_second());
    let catalog = Catalog::new(engine).with_registry(registry.host(), PATIENT);
    version(&catalog, "1-1");
    let run = catalog.start_build(&[]);
    wait_until("`latest` was to move", || {
        !registry.requests_of(Operation::PutLatest).is_empty()
    });
    let labels = [
        ("pkg.parents", ""),
        ("org.opencontainers.image.title", "a"),
        ("org.opencontainers.image.version", "2-1"),
    ];
    let name = engine.name("a");
    let theirs = engine.wait(behind.push_labelled((&name, "latest"), &labels));
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{}", ended.talk);
    let warning = "/a:1-1 is published, and `latest` stays at 2-1, which is newer\n";
    assert!(ended.talk.contains(warning), "{}", ended.talk);
    let latest = published(engine, &format!("{}:latest", catalog.repository("a")), None);
    assert_eq!(latest, theirs);
    assert_eq!(registry.requests_of(Operation::PutLatest).len(), 1);
}

fn a_release_whose_tag_a_nightly_build_has_is_told(engine: &Engine) {
    let registry = FaultyRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    version(&catalog, "1-1");
    catalog.build(&[]).assert_code(0);
    catalog.build(&["--nightly"]).assert_code(0);
    let nightly = registry.requests_of(Operation::PutManifest).pop();
    let nightly = nightly.expect("a nightly build").path;
    let (_, tag) = nightly.rsplit_once('/').expect("a tag");
    // The weekly rebuild of that day.
    catalog.version("a", tag);
    let told = format!(
        "warning: {}:{tag} is published as ",
        catalog.repository("a")
    );
    for arguments in [
        &["build", "--no-pull", "images"][..],
        &["publish", "images"],
    ] {
        let output = catalog.pkg(arguments);
        output.assert_code(3);
        assert!(output.stderr.contains(&told), "{}", output.stderr);
        let what = "a nightly build of 1-1, and not as a release; `latest` does not follow it\n";
        assert!(output.stderr.contains(what), "{}", output.stderr);
        assert!(
            output.stderr.contains("add a changelog entry"),
            "{}",
            output.stderr
        );
        assert_latest(engine, &catalog, "1-1");
    }
    // The way out.
    catalog.version("a", &format!("{tag}.1"));
    catalog.build(&[]).assert_code(0);
    assert_latest(engine, &catalog, &format!("{tag}.1"));
}

fn a_latest_of_something_else_stays_where_the_tags_may_not_be_listed(engine: &Engine) {
    let registry = FaultyRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    push_foreign(engine, &catalog, &["3-1", "latest"]);
    registry.misbehave(Operation::ListTags, ALWAYS, Fault::status(403));
    version(&catalog, "2-1");
    let output = catalog.build(&[]);
    output.assert_code(1);
    let cause = "/a:2-1 is published, and `latest` is not moved to it: asking ";
    assert!(output.stderr.contains(cause), "{}", output.stderr);
    assert_latest(engine, &catalog, "3-1");
    let output = catalog.pkg(&["publish", "images"]);
    output.assert_code(4);
    let doubt = "error: nobody knows whether `latest` is behind ";
    assert!(output.stderr.contains(doubt), "{}", output.stderr);
    assert_latest(engine, &catalog, "3-1");
}

fn where_more_tags_are_newer_than_are_compared_latest_is_not_made(engine: &Engine) {
    let registry = FaultyRegistry::start();
    for number in 0..=500 {
        registry.put_manifest(&engine.name("a"), &format!("2-{number}"), NO_IMAGE);
    }
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    version(&catalog, "1-1");
    let output = catalog.build(&[]);
    output.assert_code(1);
    let cause = "gave more than 500 that may be newer versions";
    assert!(output.stderr.contains(cause), "{}", output.stderr);
    let latest = format!("{}:latest", catalog.repository("a"));
    assert!(!is_published(engine, &latest));
}

fn a_page_in_the_place_of_an_image_does_not_hide_that_latest_is_behind(engine: &Engine) {
    let registry = FaultyRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    version(&catalog, "1-1");
    catalog.build(&[]).assert_code(0);
    registry.misbehave(Operation::PutLatest, 2..=2, Fault::status(403));
    version(&catalog, "1-2");
    catalog.build(&[]).assert_code(1);
    // Another machine has none of it.
    catalog.remove(&catalog.id("a", "1-2"));
    let next = registry.requests_of(Operation::ReadBack).len() + 1;
    registry.misbehave(Operation::ReadBack, next..=usize::MAX, Fault::Html);
    let output = catalog.pkg(&["publish", "images"]);
    output.assert_code(4);
    let doubt = "error: nobody knows whether `latest` is behind ";
    assert!(output.stderr.contains(doubt), "{}", output.stderr);
    assert!(
        output.stderr.contains("a body that is no manifest"),
        "{}",
        output.stderr
    );
    assert_latest(engine, &catalog, "1-1");
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

fn an_image_whose_latest_nobody_knows_keeps_none_of_the_others(engine: &Engine) {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::PutLatest, 1..=2, Fault::status(403));
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    for name in ["a", "b"] {
        catalog
            .image(name, "1-1", &[], RECIPE)
            .write(&format!("images/{name}/payload"), name.as_bytes());
    }
    catalog.build(&[]).assert_code(1);
    let latest = ["a", "b"].map(|name| format!("{}:latest", catalog.repository(name)));
    let moved = || latest.iter().filter(|it| is_published(engine, it)).count();
    assert_eq!(moved(), 0);
    // Two ask for the versions, and the third for a `latest`.
    let third = registry.requests_of(Operation::HeadManifest).len() + 3;
    registry.misbehave(Operation::HeadManifest, third..=third, Fault::status(403));
    let output = catalog.pkg(&["publish", "images"]);
    output.assert_code(4);
    let doubt = "error: nobody knows whether `latest` is behind ";
    assert!(output.stderr.contains(doubt), "{}", output.stderr);
    assert!(output.stderr.contains("status 403"), "{}", output.stderr);
    assert!(
        output.stderr.contains("1 tagged `latest`"),
        "{}",
        output.stderr
    );
    assert_eq!(moved(), 1);
    catalog.pkg(&["publish", "images"]).assert_code(0);
    assert_eq!(moved(), 2);
}

fn a_publication_that_was_killed_is_gone_on_with(engine: &Engine) {
    for operation in [
        Operation::PutIncoming,
        Operation::ReadBack,
        Operation::PutManifest,
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
            operation == Operation::PutLatest,
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
        let lost = usize::from(operation == Operation::PutManifest);
        assert_eq!(taken, 1 + lost, "{operation:?}");
    }
}

fn a_push_whose_last_answer_was_lost_is_found_at_the_registry(engine: &Engine) {
    let behind = DockerRegistry::start();
    let registry = FaultyRegistry::start_in_front_of(behind.host(), None);
    // The registry takes the manifest, and what stands before it answers otherwise.
    let other = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    registry.misbehave(Operation::PutIncoming, ALWAYS, Fault::Digest(other));
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
