//! Candidates under tags of their own, and other places than the settings' one.

use pkg::registry::{Client, Options, Presence};

use crate::Test;
use crate::publishing::{ANYBODY, is_published};
use crate::support::catalog::Catalog;
use crate::support::docker_registry::DockerRegistry;
use crate::support::engine::Engine;
use crate::support::faulty_registry::{ALWAYS, Fault, FaultyRegistry, Operation};

pub(crate) const TESTS: &[Test] = &[
    (
        "a_candidate_moves_and_takes_neither_the_version_nor_latest",
        a_candidate_moves_and_takes_neither_the_version_nor_latest,
    ),
    (
        "one_image_goes_to_several_places_and_each_confirms_it",
        one_image_goes_to_several_places_and_each_confirms_it,
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
    for version in ["1-1", "1-2"] {
        parent_and_child(&catalog, version);
        catalog.build(&["--no-publish"]).assert_code(0);
        let candidate = ["publish", "--tag", "next", "--tag", "qa", "images"];
        let output = catalog.pkg(&candidate);
        output.assert_code(0);
        let summary = output.stderr.lines().last().expect("a summary");
        assert!(summary.starts_with("2 published in "), "{summary}");
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
            let local = catalog.find(&format!("{repository}:next"));
            assert_eq!(local, None, "the engine has no more names than before");
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
    assert_eq!(output.stderr, nothing.repeat(2));
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
