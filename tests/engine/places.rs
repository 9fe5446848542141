//! Candidates under tags of their own, and other places than the settings' one.

use pkg::registry::{Client, Options, Presence};

use crate::Test;
use crate::publishing::{ANYBODY, PASSWORD, is_published};
use crate::support::catalog::Catalog;
use crate::support::docker_registry::DockerRegistry;
use crate::support::engine::Engine;
use crate::support::faulty_registry::{ALWAYS, Fault, FaultyRegistry, Operation};
use crate::support::sandbox::Output;

pub(crate) const TESTS: &[Test] = &[
    (
        "a_candidate_moves_and_takes_neither_the_version_nor_latest",
        a_candidate_moves_and_takes_neither_the_version_nor_latest,
    ),
    (
        "a_candidate_takes_no_version_that_was_published_before",
        a_candidate_takes_no_version_that_was_published_before,
    ),
    (
        "one_image_goes_to_several_places_and_each_confirms_it",
        one_image_goes_to_several_places_and_each_confirms_it,
    ),
    (
        "what_is_published_and_not_here_goes_nowhere_else_before_it_is_fetched",
        what_is_published_and_not_here_goes_nowhere_else_before_it_is_fetched,
    ),
    (
        "what_the_settings_registry_does_not_tell_is_not_taken_for_nothing_to_publish",
        what_the_settings_registry_does_not_tell_is_not_taken_for_nothing_to_publish,
    ),
    (
        "who_logs_in_on_the_command_line_does_so_at_the_one_place_that_is_named",
        who_logs_in_on_the_command_line_does_so_at_the_one_place_that_is_named,
    ),
    (
        "a_place_that_refuses_keeps_nothing_from_the_others",
        a_place_that_refuses_keeps_nothing_from_the_others,
    ),
];

/// Gives the identity of the image that a registry has under a name.
#[track_caller]
fn id_at(engine: &Engine, name: &str) -> String {
    let reference = name.parse().expect("a reference");
    let client = Client::new(Options::default()).expect("a client");
    let manifest = engine.wait(client.fetch_manifest(&reference));
    let manifest = manifest.expect("an answer").expect(name);
    let presence = engine.wait(client.presence(&reference));
    assert_eq!(
        presence.expect("an answer"),
        Presence::Present(manifest.digest.clone())
    );
    manifest.config().expect("an image").to_string()
}

fn parent_and_child(catalog: &Catalog<'_>, version: &str) {
    catalog
        .image("parent", version, &[], "FROM scratch\nCOPY payload /parent")
        .write("images/parent/payload", version.as_bytes())
        .image(
            "child",
            version,
            &["parent"],
            "FROM $(parent)\nCOPY payload /child",
        )
        .write("images/child/payload", version.as_bytes());
}

fn a_candidate_moves_and_takes_neither_the_version_nor_latest(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    let base = engine.base_image();
    for name in ["parent", "child"] {
        catalog.tag(&base, &catalog.repository(name), "qa");
    }
    let qa = catalog.find(&base).and_then(|it| it.id);
    for version in ["1-1", "1-2"] {
        parent_and_child(&catalog, version);
        catalog.build(&["--no-publish"]).assert_code(0);
        let candidate = ["publish", "--tag", "next", "--tag", "qa", "images"];
        let output = catalog.pkg(&candidate);
        output.assert_code(0);
        let summary = output.stderr.lines().last().expect("a summary");
        assert!(summary.starts_with("2 published in "), "{summary}");
        assert!(
            output.stderr.starts_with("as next, qa:\n"),
            "{}",
            output.stderr
        );
        let told = format!("✓ published {} next in ", engine.name("parent"));
        assert!(output.stderr.contains(&told), "{}", output.stderr);
        for name in ["parent", "child"] {
            let repository = catalog.repository(name);
            let id = catalog.id(name, version);
            for tag in ["next", "qa"] {
                assert_eq!(id_at(engine, &format!("{repository}:{tag}")), id);
            }
            for tag in [version, "latest"] {
                assert!(
                    !is_published(engine, &format!("{repository}:{tag}")),
                    "{tag}"
                );
            }
            for tag in ["next", "pkg-incoming"] {
                let local = catalog.find(&format!("{repository}:{tag}"));
                assert_eq!(local, None, "the engine has no more names than before");
            }
            // A name that the user gave stays where it is.
            let local = catalog.find(&format!("{repository}:qa"));
            assert_eq!(local.and_then(|it| it.id), qa, "{version}");
        }
    }
    // What was tried as a candidate is published as it is.
    let ids = ["parent", "child"].map(|name| catalog.id(name, "1-2"));
    catalog.pkg(&["publish", "images"]).assert_code(0);
    for (name, id) in ["parent", "child"].iter().zip(ids) {
        assert_eq!(
            id_at(engine, &format!("{}:1-2", catalog.repository(name))),
            id
        );
    }
}

fn a_candidate_takes_no_version_that_was_published_before(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    let recipe = "FROM scratch\nCOPY payload /payload";
    catalog
        .image("a", "v1-1", &[], recipe)
        .write("images/a/payload", b"one");
    catalog.build(&[]).assert_code(0);
    let name = format!("{}:v1-1", catalog.repository("a"));
    let id = id_at(engine, &name);
    // This changelog does not have it any more.
    catalog
        .image("a", "v1-2", &[], recipe)
        .write("images/a/payload", b"two");
    catalog.build(&["--no-publish"]).assert_code(0);
    let output = catalog.pkg(&["publish", "--tag", "v1-1", "images"]);
    output.assert_code(1);
    let cause = "/a:v1-1 is a published version, which does not change";
    assert!(output.stderr.contains(cause), "{}", output.stderr);
    assert_eq!(id_at(engine, &name), id);
    for _ in 0..2 {
        catalog
            .pkg(&["publish", "--tag", "next", "images"])
            .assert_code(0);
    }
}

fn one_image_goes_to_several_places_and_each_confirms_it(engine: &Engine) {
    let (own, first, second) = (
        DockerRegistry::start(),
        DockerRegistry::start(),
        DockerRegistry::start(),
    );
    let catalog = Catalog::new(engine).with_registry(own.host(), ANYBODY);
    parent_and_child(&catalog, "1-1");
    catalog.build(&[]).assert_code(0);
    let places = [
        format!("{}/{}/prod", first.host(), engine.namespace()),
        format!("{}/{}", second.host(), engine.namespace()),
    ];
    let publish = [
        "publish",
        "--repository",
        &places[0],
        "--repository",
        &places[1],
        "images",
    ];
    let output = catalog.pkg(&publish);
    output.assert_code(0);
    assert_eq!(
        output.stderr.matches("2 published in ").count(),
        2,
        "{}",
        output.stderr
    );
    for place in &places {
        for name in ["parent", "child"] {
            let id = catalog.id(name, "1-1");
            for tag in ["1-1", "latest"] {
                assert_eq!(id_at(engine, &format!("{place}/{name}:{tag}")), id);
            }
            assert_eq!(catalog.find(&format!("{place}/{name}:1-1")), None);
        }
    }
    let output = catalog.pkg(&publish);
    output.assert_code(0);
    let nothing = "nothing to publish: 2 already published\n";
    let [first, second] = &places;
    assert_eq!(
        output.stderr,
        format!("to {first}:\n{nothing}to {second}:\n{nothing}")
    );
}

fn what_is_published_and_not_here_goes_nowhere_else_before_it_is_fetched(engine: &Engine) {
    let (own, other) = (DockerRegistry::start(), DockerRegistry::start());
    let catalog = Catalog::new(engine).with_registry(own.host(), ANYBODY);
    parent_and_child(&catalog, "1-1");
    catalog.build(&[]).assert_code(0);
    for name in ["child", "parent"] {
        catalog.remove(&catalog.id(name, "1-1"));
    }
    let place = format!("{}/{}", other.host(), engine.namespace());
    let elsewhere = ["publish", "--repository", &place, "images"];
    let candidate = ["publish", "--tag", "next", "images"];
    for arguments in [&elsewhere, &candidate] {
        let output = catalog.pkg(arguments);
        output.assert_code(1);
        for name in ["parent", "child"] {
            let label = format!("{}:1-1", catalog.repository(name));
            let told = format!("error: {label} is published as ");
            assert!(output.stderr.contains(&told), "{}", output.stderr);
            let hint = format!("`docker pull {label}`\n");
            assert!(output.stderr.contains(&hint), "{}", output.stderr);
        }
        assert!(!output.stderr.contains("pkg build"), "{}", output.stderr);
    }
    // The hint helps.
    for name in ["parent", "child"] {
        engine.pull(&format!("{}:1-1", catalog.repository(name)), None);
    }
    let output = catalog.pkg(&elsewhere);
    output.assert_code(0);
    assert!(
        output.stderr.contains("2 published in "),
        "{}",
        output.stderr
    );
    let id = catalog.id("child", "1-1");
    assert_eq!(id_at(engine, &format!("{place}/child:1-1")), id);
    // Another version here of what it is built on would make it anew, but for a version that is published nothing does.
    catalog.write("images/child/payload", b"other");
    let third = DockerRegistry::start();
    let place = format!("{}/{}", third.host(), engine.namespace());
    let output = catalog.pkg(&["publish", "--repository", &place, "images"]);
    output.assert_code(1);
    let told = "/child:1-1 is published as ";
    assert!(output.stderr.contains(told), "{}", output.stderr);
    assert!(
        !output.stderr.contains("makes it anew"),
        "{}",
        output.stderr
    );
}

fn what_the_settings_registry_does_not_tell_is_not_taken_for_nothing_to_publish(engine: &Engine) {
    let other = DockerRegistry::start();
    let place = format!("{}/{}", other.host(), engine.namespace());
    for (status, told) in [(403, "denied with status 403"), (503, "status 503")] {
        let own = FaultyRegistry::start();
        own.misbehave(Operation::HeadManifest, ALWAYS, Fault::status(status));
        let catalog = Catalog::new(engine).with_registry(own.host(), ANYBODY);
        parent_and_child(&catalog, "1-1");
        let elsewhere = ["publish", "--repository", &place, "images"];
        let candidate = ["publish", "--tag", "next", "images"];
        for arguments in [&elsewhere, &candidate] {
            let output = catalog.pkg(arguments);
            output.assert_code(4);
            for name in ["parent", "child"] {
                let label = format!("{}:1-1", catalog.repository(name));
                let doubt = format!(
                    "error: nobody knows whether {label} is published, and it was not sent\n"
                );
                assert!(output.stderr.contains(&doubt), "{}", output.stderr);
            }
            assert!(output.stderr.contains(told), "{}", output.stderr);
        }
    }
}

fn who_logs_in_on_the_command_line_does_so_at_the_one_place_that_is_named(engine: &Engine) {
    let (own, there) = (
        DockerRegistry::start(),
        DockerRegistry::start_for("ann", PASSWORD),
    );
    let catalog = Catalog::new(engine).with_registry(own.host(), ANYBODY);
    parent_and_child(&catalog, "1-1");
    catalog.build(&["--no-publish"]).assert_code(0);
    let place = format!("{}/{}", there.host(), engine.namespace());
    let publish = [
        "publish",
        "--username",
        "ann",
        "--password-stdin",
        "--repository",
        &place,
        "images",
    ];
    catalog.write("password", PASSWORD.as_bytes());
    let password = std::fs::File::open(catalog.sandbox().path().join("password"));
    let mut command = catalog.sandbox().command(env!("CARGO_BIN_EXE_pkg"));
    command.stdin(password.expect("a file")).args(publish);
    let output = Output::of(catalog.sandbox(), command.output().expect("the program"));
    output.assert_code(0);
    let last = output.stderr.lines().last().expect("a summary");
    assert!(last.starts_with("2 published in "), "{last}");
}

fn a_place_that_refuses_keeps_nothing_from_the_others(engine: &Engine) {
    let (own, good) = (DockerRegistry::start(), DockerRegistry::start());
    for (operation, code) in [(Operation::HeadManifest, 4), (Operation::StartUpload, 1)] {
        let bad = FaultyRegistry::start();
        bad.misbehave(operation, ALWAYS, Fault::status(401));
        let catalog = Catalog::new(engine).with_registry(own.host(), ANYBODY);
        let version = format!("1-{code}");
        parent_and_child(&catalog, &version);
        catalog.build(&[]).assert_code(0);
        let places = [bad.host(), good.host()].map(|host| format!("{host}/{}", engine.namespace()));
        let publish = [
            "publish",
            "--repository",
            &places[0],
            "--repository",
            &places[1],
            "images",
        ];
        catalog.pkg(&publish).assert_code(code);
        for name in ["parent", "child"] {
            let there = bad.find_manifest(&engine.name(name), &version);
            assert_eq!(there, None);
            let id = catalog.id(name, &version);
            assert_eq!(
                id_at(engine, &format!("{}/{name}:{version}", places[1])),
                id
            );
        }
    }
}
