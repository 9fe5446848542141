//! Publishing to real registries, and to one that misbehaves: nothing is called published that is not.

use base64::Engine as _;
use bollard::query_parameters::TagImageOptionsBuilder;
use pkg::oci::{Digest, Reference, Tag};
use pkg::registry::{self, Presence};
use rustix::process::Signal;

use crate::Test;
use crate::support::catalog::{Catalog, wait_until};
use crate::support::docker_registry::DockerRegistry;
use crate::support::engine::Engine;
use crate::support::faulty_registry::{ALWAYS, Fault, FaultyRegistry, Operation};
use crate::support::sandbox::Sandbox;

pub(crate) const TESTS: &[Test] = &[
    (
        "a_child_is_not_published_while_the_tests_of_its_parent_fail",
        a_child_is_not_published_while_the_tests_of_its_parent_fail,
    ),
    (
        "what_something_else_built_under_a_label_is_not_published",
        what_something_else_built_under_a_label_is_not_published,
    ),
    (
        "what_is_built_is_published_and_can_be_pulled_back_by_digest",
        what_is_built_is_published_and_can_be_pulled_back_by_digest,
    ),
    (
        "a_wrong_password_is_told_before_anything_is_built",
        a_wrong_password_is_told_before_anything_is_built,
    ),
    (
        "of_a_broken_branch_nothing_is_published",
        of_a_broken_branch_nothing_is_published,
    ),
    (
        "an_image_that_fails_its_test_is_not_published_until_the_test_passes",
        an_image_that_fails_its_test_is_not_published_until_the_test_passes,
    ),
    (
        "a_child_is_built_on_the_parent_that_the_registry_has_and_not_on_a_stale_local_one",
        a_child_is_built_on_the_parent_that_the_registry_has_and_not_on_a_stale_local_one,
    ),
    (
        "nothing_is_built_on_a_version_that_somebody_else_took",
        nothing_is_built_on_a_version_that_somebody_else_took,
    ),
    (
        "what_is_built_and_would_be_built_anew_is_named_by_publish",
        what_is_built_and_would_be_built_anew_is_named_by_publish,
    ),
    (
        "an_upload_that_is_denied_is_no_publication",
        an_upload_that_is_denied_is_no_publication,
    ),
    (
        "a_manifest_that_is_refused_is_no_publication",
        a_manifest_that_is_refused_is_no_publication,
    ),
    (
        "a_version_that_somebody_else_published_between_two_pushes_stays_theirs",
        a_version_that_somebody_else_published_between_two_pushes_stays_theirs,
    ),
    (
        "a_push_that_fails_for_a_moment_is_repeated",
        a_push_that_fails_for_a_moment_is_repeated,
    ),
    (
        "a_digest_that_is_not_confirmed_is_no_publication",
        a_digest_that_is_not_confirmed_is_no_publication,
    ),
    (
        "a_version_that_somebody_else_published_meanwhile_stays",
        a_version_that_somebody_else_published_meanwhile_stays,
    ),
    (
        "a_version_that_somebody_else_published_during_the_push_stays",
        a_version_that_somebody_else_published_during_the_push_stays,
    ),
    (
        "a_version_that_somebody_else_took_is_told_and_latest_stays",
        a_version_that_somebody_else_took_is_told_and_latest_stays,
    ),
    (
        "an_image_gets_its_version_after_its_digest_and_leaves_one_tag_behind",
        an_image_gets_its_version_after_its_digest_and_leaves_one_tag_behind,
    ),
    (
        "a_name_that_a_killed_run_left_at_the_engine_is_removed_by_the_next_one",
        a_name_that_a_killed_run_left_at_the_engine_is_removed_by_the_next_one,
    ),
    (
        "a_refused_latest_is_told_from_a_refused_version",
        a_refused_latest_is_told_from_a_refused_version,
    ),
    (
        "a_push_that_does_not_end_is_ended_after_the_time_of_a_build",
        a_push_that_does_not_end_is_ended_after_the_time_of_a_build,
    ),
    (
        "an_interrupted_push_ends_soon",
        an_interrupted_push_ends_soon,
    ),
    (
        "without_credentials_in_the_settings_build_publishes_nothing_and_publish_takes_the_users_login",
        without_credentials_in_the_settings_build_publishes_nothing_and_publish_takes_the_users_login,
    ),
    (
        "a_registry_that_does_not_answer_is_never_taken_for_an_empty_one",
        a_registry_that_does_not_answer_is_never_taken_for_an_empty_one,
    ),
];

pub(crate) const PASSWORD: &str = "correct-horse-battery";
const LOGIN: &str = "username: ann\npassword: correct-horse-battery\n";
/// For a registry that asks nobody for a name.
pub(crate) const ANYBODY: &str = "username: ann\npassword: none\nregistry_timeout: 2s\n";

fn parent_and_child(catalog: &Catalog<'_>) {
    catalog
        .image("parent", "1-1", &[], "FROM $BASE\nRUN echo new > /parent")
        .image(
            "child",
            "1-1",
            &["parent"],
            "FROM $(parent)\nRUN cp /parent /child || cat /parent > /child",
        );
}

/// Asks a registry what it holds.
fn presence(engine: &Engine, name: &str, login: Option<(&str, &str)>) -> Presence {
    let reference: Reference = name.parse().expect("a reference");
    let mut credentials = registry::Credentials::default();
    if let Some((username, password)) = login {
        let login = registry::Login {
            username: username.to_owned(),
            password: pkg::settings::Secret::new(password),
        };
        credentials = credentials.with_login(reference.registry().expect("a registry"), login);
    }
    let options = registry::Options {
        credentials,
        ..registry::Options::default()
    };
    let client = registry::Client::new(options).expect("a client");
    let presence = engine.wait(client.presence(&reference));
    presence.unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[track_caller]
pub(crate) fn published(engine: &Engine, name: &str, login: Option<(&str, &str)>) -> Digest {
    match presence(engine, name, login) {
        Presence::Present(digest) => digest,
        Presence::Absent => panic!("{name} is not at the registry"),
    }
}

/// Tells whether a registry without a login has an image.
pub(crate) fn is_published(engine: &Engine, name: &str) -> bool {
    presence(engine, name, None) != Presence::Absent
}

#[track_caller]
fn assert_never_published(talk: &str, kept: &str) {
    assert!(!talk.contains("published"), "{talk}");
    assert!(!talk.contains("sent "), "{talk}");
    assert!(!kept.contains("published"), "{kept}");
}

fn what_is_built_is_published_and_can_be_pulled_back_by_digest(engine: &Engine) {
    let registry = DockerRegistry::start_for("ann", PASSWORD);
    let catalog = Catalog::new(engine).with_registry(registry.host(), LOGIN);
    parent_and_child(&catalog);
    let output = catalog.build(&["--debug"]);
    output.assert_code(0);
    let last = output.stderr.lines().last().expect("a summary");
    assert!(last.starts_with("2 built, 2 published in "), "{last}");
    let login = Some(("ann", PASSWORD));
    let mut digests = Vec::new();
    for name in ["parent", "child"] {
        let repository = catalog.repository(name);
        let digest = published(engine, &format!("{repository}:1-1"), login);
        assert_eq!(
            published(engine, &format!("{repository}:latest"), login),
            digest
        );
        digests.push(digest);
    }
    let ids = ["parent", "child"].map(|name| catalog.id(name, "1-1"));
    for id in [&ids[1], &ids[0]] {
        catalog.remove(id);
    }
    for (name, (digest, id)) in ["parent", "child"].iter().zip(digests.iter().zip(&ids)) {
        let image = format!("{}@{digest}", catalog.repository(name));
        engine.pull(&image, login);
        let pulled = catalog.find(&image).expect("it is here");
        assert_eq!(pulled.id.as_ref(), Some(id));
    }
    let output = catalog.build(&[]);
    output.assert_code(0);
    assert_eq!(output.stderr, "nothing to build: 2 already published\n");

    // A new child is built on the parent that only the registry has.
    for id in [&ids[1], &ids[0]] {
        catalog.remove(id);
    }
    catalog.version("child", "1-2");
    let output = catalog.build(&["--debug"]);
    output.assert_code(0);
    let last = output.stderr.lines().last().expect("a summary");
    assert!(last.starts_with("1 built, 1 published"), "{last}");
    assert_eq!(catalog.id("parent", "1-1"), ids[0]);
    let child = catalog.repository("child");
    let digest = published(engine, &format!("{child}:1-2"), login);
    assert_eq!(published(engine, &format!("{child}:latest"), login), digest);
    assert!(!catalog.everything_kept().contains(PASSWORD));
    assert!(!output.stderr.contains(PASSWORD));
}

fn a_wrong_password_is_told_before_anything_is_built(engine: &Engine) {
    let registry = DockerRegistry::start_for("ann", PASSWORD);
    let login = "username: ann\npassword: tr0ub4dor\nregistry_timeout: 2s\n";
    let catalog = Catalog::new(engine).with_registry(registry.host(), login);
    parent_and_child(&catalog);
    let output = catalog.build(&["--debug"]);
    output.assert_code(4);
    assert!(output.stderr.contains("status 401"), "{}", output.stderr);
    assert!(output.stderr.contains("hint: "), "{}", output.stderr);
    let kept = catalog.everything_kept();
    assert_never_published(&output.stderr, &kept);
    for text in [&output.stdout, &output.stderr, &kept] {
        assert!(!text.contains("tr0ub4dor"), "{text}");
    }
    assert_eq!(catalog.find_id("parent", "1-1"), None);
}

fn of_a_broken_branch_nothing_is_published(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    catalog
        .image("root", "1-1", &[], "FROM $BASE\nRUN true")
        .image("broken", "1-1", &["root"], "FROM $(root)\nRUN false")
        .image("behind", "1-1", &["broken"], "FROM $(broken)\nRUN true")
        .image("sibling", "1-1", &["root"], "FROM $(root)\nRUN true");
    let output = catalog.build(&[]);
    output.assert_code(1);
    let at_registry = ["root", "broken", "behind", "sibling"]
        .map(|name| is_published(engine, &format!("{}:1-1", catalog.repository(name))));
    assert_eq!(at_registry, [true, false, false, true]);
    let last = output.stderr.lines().last().expect("a summary");
    assert!(
        last.starts_with("2 built, 2 published, 1 failed, 1 blocked in "),
        "{last}"
    );
}

fn a_child_is_not_published_while_the_tests_of_its_parent_fail(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    parent_and_child(&catalog);
    catalog.build(&["--no-publish"]).assert_code(0);
    catalog.test("parent", "exit 5");
    let child = format!("{}:1-1", catalog.repository("child"));
    for select in [&[][..], &["--select", &child]] {
        let output = catalog.build(select);
        output.assert_code(1);
        let blocked = format!("blocked {}/child 1-1 by", engine.namespace());
        assert!(output.stderr.contains(&blocked), "{}", output.stderr);
        assert!(!is_published(engine, &child));
    }
}

fn what_something_else_built_under_a_label_is_not_published(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN echo ours > /whose");
    let repository = catalog.repository("a");
    let options = TagImageOptionsBuilder::new().repo(&repository).tag("1-1");
    let base = engine.base_image();
    let tagging = engine.docker().tag_image(&base, Some(options.build()));
    engine.wait(tagging).expect("a tag");
    catalog.build(&[]).assert_code(0);
    assert_eq!(catalog.output_of("a", "cat /whose"), "ours\n");
    published(engine, &format!("{repository}:1-1"), None);
}

fn an_image_that_fails_its_test_is_not_published_until_the_test_passes(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    parent_and_child(&catalog);
    catalog.test("parent", "echo it does not work; exit 5");
    let output = catalog.build(&[]);
    output.assert_code(1);
    let talk = &output.stderr;
    let namespace = engine.namespace();
    let failed = format!("✗ failed to verify {namespace}/parent 1-1: ");
    assert!(talk.contains(&failed), "{talk}");
    assert!(talk.contains("│ it does not work\n"), "{talk}");
    let blocked = format!("– blocked by {namespace}/parent 1-1: {namespace}/child 1-1\n");
    assert!(talk.contains(&blocked), "{talk}");
    let parent = format!("{}:1-1", catalog.repository("parent"));
    assert!(!is_published(engine, &parent));
    let built = catalog.id("parent", "1-1");

    let output = catalog.build(&[]);
    output.assert_code(1);
    assert!(!is_published(engine, &parent));

    catalog.test("parent", "exit 0");
    let output = catalog.build(&[]);
    output.assert_code(0);
    assert_eq!(catalog.id("parent", "1-1"), built, "it is not built again");
    published(engine, &parent, None);
    let child = format!("{}:1-1", catalog.repository("child"));
    published(engine, &child, None);
    let last = output.stderr.lines().last().expect("a summary");
    assert!(
        last.starts_with("1 built, 1 verified, 2 published in "),
        "{last}"
    );
}

/// Publishes an image as `parent:1-1` that this catalog never built, and gives its digest.
fn publish_foreign_parent(engine: &Engine, catalog: &Catalog<'_>) -> Digest {
    let name = catalog.repository("parent");
    let foreign = engine.name("foreign:1");
    let dockerfile = format!(
        "FROM {}\nRUN echo foreign > /parent\n",
        engine.name("base:1")
    );
    engine.build_from(&foreign, &dockerfile);
    catalog.tag(&foreign, &name, "1-1");
    let digest = engine.push(&format!("{name}:1-1"), None);
    catalog.remove(&format!("{name}:1-1"));
    catalog.remove(&catalog.find(&foreign).and_then(|it| it.id).expect("an id"));
    digest
}

fn a_child_is_built_on_the_parent_that_the_registry_has_and_not_on_a_stale_local_one(
    engine: &Engine,
) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    parent_and_child(&catalog);
    let digest = publish_foreign_parent(engine, &catalog);
    // What somebody built here before.
    engine.build_from(
        &format!("{}:1-1", catalog.repository("parent")),
        &format!("FROM {}\nRUN echo stale > /parent\n", engine.name("base:1")),
    );
    let plan = catalog.pkg(&["plan", "images"]);
    assert!(plan.stdout.starts_with("WHAT"), "{}", plan.stderr);
    let pull = format!("{}:1-1", catalog.repository("parent"));
    let line = plan.stdout.lines().find(|line| line.contains(&pull));
    assert!(line.expect("a line").starts_with("pull"), "{}", plan.stdout);
    let output = catalog.build(&[]);
    output.assert_code(0);
    assert_eq!(catalog.output_of("child", "cat /child"), "foreign\n");
    assert_eq!(published(engine, &pull, None), digest);
}

fn nothing_is_built_on_a_version_that_somebody_else_took(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    parent_and_child(&catalog);
    catalog.build(&["--no-publish"]).assert_code(0);
    assert_eq!(catalog.output_of("child", "cat /child"), "new\n");
    let own = catalog.id("parent", "1-1");
    // Meanwhile somebody else published the parent; what is here stays as it was.
    engine.build_from(
        &engine.name("foreign:1"),
        &format!(
            "FROM {}\nRUN echo foreign > /parent\n",
            engine.name("base:1")
        ),
    );
    let parent = catalog.repository("parent");
    catalog.tag(&engine.name("foreign:1"), &parent, "1-1");
    engine.push(&format!("{parent}:1-1"), None);
    catalog.tag(&own, &parent, "1-1");
    let built = catalog.id("child", "1-1");
    // Nothing moves the label either: the second run says the same.
    for _ in 0..2 {
        let output = catalog.build(&[]);
        output.assert_code(3);
        let told = "by somebody else, and not as the image that was built and tested here";
        assert!(output.stderr.contains(told), "{}", output.stderr);
        assert_eq!(catalog.id("parent", "1-1"), own);
        assert_eq!(catalog.id("child", "1-1"), built);
        let child = presence(engine, &catalog.repository("child"), None);
        assert_eq!(child, Presence::Absent, "{}", output.stderr);
    }
}

fn what_is_built_and_would_be_built_anew_is_named_by_publish(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    parent_and_child(&catalog);
    catalog.build(&["--no-publish"]).assert_code(0);
    catalog.version("parent", "1-2");
    catalog
        .pkg(&[
            "build",
            "--no-pull",
            "--no-publish",
            "--select",
            "*/parent:*",
            "images",
        ])
        .assert_code(0);
    let place = format!("{}/{}", registry.host(), engine.namespace());
    let output = catalog.pkg(&["publish", "--repository", &place, "images"]);
    output.assert_code(0);
    let named = format!(
        "warning: {}:1-1 is built, and not published as it is: ",
        catalog.repository("child")
    );
    assert!(output.stderr.contains(&named), "{}", output.stderr);
    assert!(output.stderr.contains("/parent"), "{}", output.stderr);
    assert!(!is_published(engine, &format!("{place}/child:1-1")));
}

/// Builds and publishes one image to a registry that misbehaves, and gives what was said.
#[track_caller]
fn refused(engine: &Engine, registry: &FaultyRegistry) -> String {
    ended_with(engine, registry, 1)
}

fn ended_with(engine: &Engine, registry: &FaultyRegistry, code: i32) -> String {
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN true");
    let output = catalog.build(&["--debug"]);
    output.assert_code(code);
    assert!(
        output.stderr.contains(" failed to publish "),
        "{}",
        output.stderr
    );
    assert_never_published(&output.stderr, &catalog.everything_kept());
    output.stderr
}

fn an_upload_that_is_denied_is_no_publication(engine: &Engine) {
    let registry = FaultyRegistry::start();
    let denied = r#"{"errors": [{"code": "DENIED", "message": "ann may not write here"}]}"#;
    let denied = Fault::Words(403, denied.to_owned());
    registry.misbehave(Operation::StartUpload, ALWAYS, denied);
    let talk = refused(engine, &registry);
    assert!(talk.contains("denied"), "{talk}");
    assert!(registry.requests_of(Operation::PutIncoming).is_empty());
    assert!(registry.requests_of(Operation::PutManifest).is_empty());
}

fn a_manifest_that_is_refused_is_no_publication(engine: &Engine) {
    // A registry in trouble is nobody's work.
    // As a cache answers that fetches from elsewhere.
    let unsupported =
        r#"{"errors": [{"code": "UNSUPPORTED", "message": "The operation is unsupported."}]}"#;
    let registry = FaultyRegistry::start();
    let fault = Fault::Words(405, unsupported.to_owned());
    registry.misbehave(Operation::StartUpload, ALWAYS, fault);
    let talk = ended_with(engine, &registry, 1);
    let cause = format!("`{}` takes no images (405)", registry.host());
    assert!(talk.contains(&cause), "{talk}");
    // As Quay answers where tags may not move.
    let immutable =
        r#"{"errors": [{"code": "UNKNOWN", "message": "tag is immutable: pkg-incoming"}]}"#;
    let registry = FaultyRegistry::start();
    let fault = Fault::Words(400, immutable.to_owned());
    registry.misbehave(Operation::PutIncoming, ALWAYS, fault);
    let talk = ended_with(engine, &registry, 1);
    assert!(talk.contains("exempt `pkg-incoming`"), "{talk}");
    assert_eq!(registry.requests_of(Operation::PutIncoming).len(), 1);
    // And as Harbor does.
    let immutable =
        r#"{"errors": [{"code": "PRECONDITION", "message": "configured as immutable"}]}"#;
    let registry = FaultyRegistry::start();
    let fault = Fault::Words(412, immutable.to_owned());
    registry.misbehave(Operation::PutIncoming, ALWAYS, fault);
    let talk = ended_with(engine, &registry, 1);
    assert!(talk.contains("exempt `pkg-incoming`"), "{talk}");
    // What answers there, and is no registry, is the surroundings'.
    let registry = FaultyRegistry::start();
    let fault = Fault::Words(413, "Request Entity Too Large".to_owned());
    registry.misbehave(Operation::PutManifest, ALWAYS, fault);
    let talk = ended_with(engine, &registry, 4);
    assert!(
        talk.contains("got no registry's answer: status 413"),
        "{talk}"
    );
    // What the registry cannot say is asked for once more.
    let unknown = r#"{"errors": [{"code": "UNKNOWN", "message": "something else"}]}"#;
    let registry = FaultyRegistry::start();
    let fault = Fault::Words(400, unknown.to_owned());
    registry.misbehave(Operation::PutIncoming, ALWAYS, fault);
    ended_with(engine, &registry, 4);
    assert_eq!(registry.requests_of(Operation::PutIncoming).len(), 2);
    for (operation, status, code, cause) in [
        (Operation::PutIncoming, 403, 1, "as the test wants it"),
        (Operation::PutIncoming, 500, 4, "HTTP status: 500"),
        (Operation::PutManifest, 403, 1, "does not get the tag `1-1`"),
        (Operation::PutManifest, 500, 4, "does not get the tag `1-1`"),
        (
            Operation::PutManifest,
            405,
            1,
            "nothing can be written there (405)",
        ),
    ] {
        let registry = FaultyRegistry::start();
        registry.misbehave(operation, ALWAYS, Fault::status(status));
        let talk = ended_with(engine, &registry, code);
        assert!(talk.contains(cause), "{operation:?} {status}: {talk}");
        let version = registry.find_manifest(&engine.name("a"), "1-1");
        assert_eq!(version, None, "{operation:?} {status}");
    }
}

fn a_push_that_fails_for_a_moment_is_repeated(engine: &Engine) {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::PutIncoming, 1..=1, Fault::status(503));
    registry.misbehave(Operation::PutManifest, 1..=1, Fault::status(503));
    let catalog = Catalog::new(engine).with_registry(registry.host(), "username: a\npassword: b\n");
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN true");
    catalog.build(&[]).assert_code(0);
    published(engine, &format!("{}:1-1", catalog.repository("a")), None);
    let again = catalog.everything_kept().matches("; again in 1s").count();
    assert_eq!(again, 2);
}

fn a_version_that_somebody_else_published_between_two_pushes_stays_theirs(engine: &Engine) {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::PutManifest, ALWAYS, Fault::status(503));
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN true");
    let run = catalog.start_build(&[]);
    wait_until("the first push came", || {
        !registry.requests_of(Operation::PutManifest).is_empty()
    });
    let theirs = r#"{"schemaVersion": 2, "config": {"digest": "none"}}"#;
    registry.put_manifest(&engine.name("a"), "1-1", theirs);
    let ended = run.end();
    assert_eq!(ended.code, Some(1), "{}", ended.talk);
    assert!(
        ended.talk.contains("from somebody else meanwhile"),
        "{}",
        ended.talk
    );
    let there = registry.find_manifest(&engine.name("a"), "1-1");
    assert_eq!(there.as_deref(), Some(theirs.as_bytes()));
}

fn a_digest_that_is_not_confirmed_is_no_publication(engine: &Engine) {
    let other = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    // The first HEAD is the plan's, the second asks for the tag.
    let absent = Fault::header(404, "docker-distribution-api-version", "registry/2.0");
    for (operation, requests, fault, code) in [
        // What gives other bytes is no registry.
        (Operation::ReadBack, 1..=1, Fault::Digest(other), 4),
        (Operation::ReadBack, 1..=1, Fault::status(404), 1),
        (Operation::HeadManifest, 2..=2, Fault::Digest(other), 1),
        (Operation::HeadManifest, 2..=2, absent, 1),
    ] {
        let registry = FaultyRegistry::start();
        registry.misbehave(operation, requests, fault);
        let talk = ended_with(engine, &registry, code);
        assert!(
            talk.contains("does not confirm") || talk.contains("other bytes"),
            "{talk}"
        );
        // Before the digest is confirmed there is no version.
        if operation == Operation::ReadBack {
            assert!(registry.requests_of(Operation::PutManifest).is_empty());
        }
    }
}

const FOREIGN_MANIFEST: &str = r#"{"schemaVersion": 2}"#;

fn a_version_that_somebody_else_published_meanwhile_stays(engine: &Engine) {
    let registry = FaultyRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    let until_it_is_there = "until [ -e /tmp/go ]; do sleep 0.1; done";
    let go = catalog.sandbox().path().join("go");
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN true").test(
        "a",
        &until_it_is_there.replace("/tmp/go", &go.display().to_string()),
    );
    let run = catalog.start_build(&["--info"]);
    run.wait_for("verifying ");
    let digest = registry.put_manifest(&engine.name("a"), "1-1", FOREIGN_MANIFEST);
    catalog.write("go", b"");
    let ended = run.end();
    assert_eq!(ended.code, Some(1), "{}", ended.talk);
    let cause = format!("/a:1-1 as {digest} from somebody else meanwhile");
    assert!(ended.talk.contains(&cause), "{}", ended.talk);
    assert!(registry.requests_of(Operation::PutIncoming).is_empty());
    assert!(registry.requests_of(Operation::PutManifest).is_empty());
}

fn a_version_that_somebody_else_published_during_the_push_stays(engine: &Engine) {
    let registry = FaultyRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN true");
    registry.misbehave(Operation::PutIncoming, 1..=1, Fault::status(503));
    let run = catalog.start_build(&[]);
    wait_until("the first push came", || {
        !registry.requests_of(Operation::PutIncoming).is_empty()
    });
    let digest = registry.put_manifest(&engine.name("a"), "1-1", FOREIGN_MANIFEST);
    let ended = run.end();
    assert_eq!(ended.code, Some(1), "{}", ended.talk);
    let cause = format!("/a:1-1 as {digest} from somebody else meanwhile");
    assert!(ended.talk.contains(&cause), "{}", ended.talk);
    assert_eq!(registry.requests_of(Operation::PutIncoming).len(), 2);
    assert!(registry.requests_of(Operation::PutManifest).is_empty());
}

fn a_version_that_somebody_else_took_is_told_and_latest_stays(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    catalog.image("parent", "1-0", &[], "FROM $BASE\nRUN echo old > /parent");
    catalog.build(&[]).assert_code(0);
    let parent = catalog.repository("parent");
    let latest = || published(engine, &format!("{parent}:latest"), None);
    let before = latest();
    catalog.version("parent", "1-1");
    catalog.build(&["--no-publish"]).assert_code(0);
    let own = catalog.id("parent", "1-1");
    let explained = catalog.pkg(&["plan", "--explain", "parent", "images"]);
    let line = "\n  plan       publish: built and tested, not published\n";
    assert!(explained.stdout.contains(line), "{}", explained.stdout);
    publish_foreign_parent(engine, &catalog);
    catalog.tag(&own, &parent, "1-1");
    let told = "by somebody else, and not as the image that was built and tested here";
    for (arguments, code) in [
        (&["plan", "images"][..], 0),
        (&["build", "--no-pull", "--no-publish", "images"], 3),
        (&["build", "--no-pull", "images"], 3),
        (&["publish", "images"], 3),
    ] {
        let output = catalog.pkg(arguments);
        output.assert_code(code);
        let warning = format!("warning: {parent}:1-1 is published as ");
        assert!(output.stderr.contains(&warning), "{}", output.stderr);
        assert!(output.stderr.contains(told), "{}", output.stderr);
        assert!(!output.stdout.contains("latest"), "{}", output.stdout);
        assert_eq!(latest(), before, "{arguments:?}");
    }
    // Where the engine has none of its own, that of another program is what there is, and `latest` stays where it is.
    catalog.remove(&own);
    let output = catalog.pkg(&["publish", "images"]);
    output.assert_code(0);
    assert!(!output.stderr.contains(told), "{}", output.stderr);
    assert_eq!(latest(), before);
}

fn an_image_gets_its_version_after_its_digest_and_leaves_one_tag_behind(engine: &Engine) {
    let behind = DockerRegistry::start();
    let registry = FaultyRegistry::start_in_front_of(behind.host(), None);
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    let repository = catalog.repository("a");
    for version in ["1-1", "1-2"] {
        catalog.image(
            "a",
            version,
            &[],
            &format!("FROM $BASE\nRUN echo {version} > /a"),
        );
        let seen = registry.requests().len();
        catalog.build(&[]).assert_code(0);
        let order: Vec<Operation> = registry.requests()[seen..]
            .iter()
            .map(|request| request.operation)
            .filter(|operation| {
                matches!(
                    operation,
                    Operation::PutIncoming
                        | Operation::ReadBack
                        | Operation::PutManifest
                        | Operation::PutLatest
                )
            })
            .collect();
        assert_eq!(
            order[..3],
            [
                Operation::PutIncoming,
                Operation::ReadBack,
                Operation::PutManifest
            ]
        );
        assert_eq!(order.last(), Some(&Operation::PutLatest));
        let puts = [
            Operation::PutIncoming,
            Operation::PutManifest,
            Operation::PutLatest,
        ]
        .map(|operation| registry.requests_of(operation).pop().expect("a request"));
        for put in &puts[1..] {
            assert_eq!(put.body, puts[0].body);
            assert_eq!(put.header("content-type"), puts[0].header("content-type"));
        }
        let local = catalog.find(&format!("{repository}:pkg-incoming"));
        assert_eq!(local, None, "the engine has no more names than before");
        catalog.id("a", version);
    }
    let reference: Reference = repository.parse().expect("a reference");
    let client = registry::Client::new(registry::Options::default()).expect("a client");
    let tags = engine.wait(client.fetch_tags(&reference)).expect("tags");
    let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    assert_eq!(tags, ["1-1", "1-2", "latest", "pkg-incoming"]);
    let output = catalog.build(&[]);
    output.assert_code(0);
    assert_eq!(output.stderr, "nothing to build: 1 already published\n");
}

fn a_name_that_a_killed_run_left_at_the_engine_is_removed_by_the_next_one(engine: &Engine) {
    let registry = FaultyRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    let incoming = format!("{}:pkg-incoming", catalog.repository("a"));
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN true");
    registry.misbehave(Operation::PutIncoming, 1..=2, Fault::Silence);
    for signal in [Signal::KILL, Signal::INT] {
        let asked = registry.requests_of(Operation::PutIncoming).len();
        let run = catalog.start_build(&[]);
        wait_until("the push hangs", || {
            registry.requests_of(Operation::PutIncoming).len() > asked
        });
        run.signal(signal);
        run.end();
        let is_left = catalog.find(&incoming).is_some();
        assert_eq!(is_left, signal == Signal::KILL, "{signal:?}");
    }
    catalog.build(&[]).assert_code(0);
    assert_eq!(catalog.find(&incoming), None);
    catalog.id("a", "1-1");
}

fn a_refused_latest_is_told_from_a_refused_version(engine: &Engine) {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::PutLatest, 1..=1, Fault::status(403));
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN true");
    let output = catalog.build(&[]);
    output.assert_code(1);
    let cause = "/a:1-1 is published, and `latest` is not moved to it: asking ";
    assert!(output.stderr.contains(cause), "{}", output.stderr);
    published(engine, &format!("{}:1-1", catalog.repository("a")), None);
    assert!(!is_published(
        engine,
        &format!("{}:latest", catalog.repository("a"))
    ));
}

fn a_push_that_does_not_end_is_ended_after_the_time_of_a_build(engine: &Engine) {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::PutIncoming, ALWAYS, Fault::Silence);
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN true");
    catalog.build(&["--no-publish"]).assert_code(0);
    catalog.settings(&format!(
        "{ANYBODY}build_timeout: 1h\nbuild_timeouts: {{a: 2s}}\n"
    ));
    let output = catalog.pkg(&["publish", "images"]);
    output.assert_code(4);
    let cause = "the push took longer than 2s, the time of the image's build (`build_timeout`)";
    assert!(output.stderr.contains(cause), "{}", output.stderr);
    assert_eq!(registry.requests_of(Operation::PutIncoming).len(), 1);
    let incoming = format!("{}:pkg-incoming", catalog.repository("a"));
    assert_eq!(catalog.find(&incoming), None);
}

fn an_interrupted_push_ends_soon(engine: &Engine) {
    let registry = FaultyRegistry::start();
    registry.misbehave(Operation::PutIncoming, ALWAYS, Fault::Silence);
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    parent_and_child(&catalog);
    let run = catalog.start_build(&[]);
    wait_until("the push hangs", || {
        !registry.requests_of(Operation::PutIncoming).is_empty()
    });
    run.signal(Signal::INT);
    let ended = run.end();
    assert_eq!(ended.code, Some(130), "{}", ended.talk);
    let interrupted = format!("– interrupted: {}/parent 1-1", engine.namespace());
    assert!(ended.talk.contains(&interrupted), "{}", ended.talk);
    assert_never_published(&ended.talk, &catalog.everything_kept());
    assert!(!is_published(
        engine,
        &format!("{}:1-1", catalog.repository("parent"))
    ));
}

fn without_credentials_in_the_settings_build_publishes_nothing_and_publish_takes_the_users_login(
    engine: &Engine,
) {
    let registry = DockerRegistry::start_for("ann", PASSWORD);
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("ann:{PASSWORD}"));
    let auths = serde_json::json!({"auths": {registry.host(): {"auth": auth}}});
    let sandbox = Sandbox::new().home_file(".docker/config.json", &auths.to_string());
    let catalog = Catalog::in_sandbox(engine, sandbox).with_registry(registry.host(), "");
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN true");
    let name = format!("{}:1-1", catalog.repository("a"));
    let login = Some(("ann", PASSWORD));
    let output = catalog.pkg(&["publish", "images"]);
    output.assert_code(0);
    assert_eq!(output.stderr, "nothing to publish: 1 not built yet\n");
    catalog.build(&[]).assert_code(0);
    assert_eq!(presence(engine, &name, login), Presence::Absent);
    let output = catalog.pkg(&["publish", "images"]);
    output.assert_code(0);
    published(engine, &name, login);
    let output = catalog.pkg(&["publish", "images"]);
    output.assert_code(0);
    assert_eq!(output.stderr, "nothing to publish: 1 already published\n");
}

fn a_registry_that_does_not_answer_is_never_taken_for_an_empty_one(engine: &Engine) {
    for status in [500, 429, 401] {
        let registry = FaultyRegistry::start();
        registry.misbehave(Operation::HeadManifest, ALWAYS, Fault::status(status));
        let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
        parent_and_child(&catalog);
        let output = catalog.build(&[]);
        output.assert_code(4);
        assert!(output.stderr.contains("error: "), "{}", output.stderr);
        assert_eq!(catalog.find_id("parent", "1-1"), None);
        assert!(registry.requests_of(Operation::StartUpload).is_empty());
        assert!(registry.requests_of(Operation::PutIncoming).is_empty());
        assert!(registry.requests_of(Operation::PutManifest).is_empty());
    }
}
