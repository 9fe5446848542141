//! What a run is asked for: nightly and snapshot versions, a selection, and where base images come from.

use pkg::oci::Digest;

use crate::Test;
use crate::publishing::{ANYBODY, is_published, published};
use crate::support::catalog::Catalog;
use crate::support::docker_registry::DockerRegistry;
use crate::support::engine::Engine;

pub(crate) const TESTS: &[Test] = &[
    (
        "nightly_and_snapshot_builds_have_the_time_in_their_tags_and_leave_latest_alone",
        nightly_and_snapshot_builds_have_the_time_in_their_tags_and_leave_latest_alone,
    ),
    (
        "a_selection_builds_what_it_needs_and_publishes_itself_alone",
        a_selection_builds_what_it_needs_and_publishes_itself_alone,
    ),
    (
        "a_base_image_is_refreshed_before_the_build_unless_it_is_to_be_kept",
        a_base_image_is_refreshed_before_the_build_unless_it_is_to_be_kept,
    ),
    (
        "a_base_image_can_be_named_by_its_digest",
        a_base_image_can_be_named_by_its_digest,
    ),
    (
        "a_base_image_that_no_registry_has_fails_what_needs_it",
        a_base_image_that_no_registry_has_fails_what_needs_it,
    ),
];

fn nightly_and_snapshot_builds_have_the_time_in_their_tags_and_leave_latest_alone(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    catalog
        .image(
            "parent",
            "1-1",
            &[],
            "FROM $BASE\nARG WHICH\nRUN echo release > /which",
        )
        .image(
            "child",
            "1-1",
            &["parent"],
            "FROM $(parent)\nRUN cat /which",
        );
    catalog.build(&[]).assert_code(0);
    let latest = |name: &str| {
        published(
            engine,
            &format!("{}:latest", catalog.repository(name)),
            None,
        )
    };
    let before = ["parent", "child"].map(latest);
    catalog.image("parent", "1-1", &[], "FROM $BASE\nRUN echo later > /which");
    for (flavour, tag) in [
        ("--nightly", "1-1-20261121"),
        ("--snapshot", "1-1-20261121-000000"),
    ] {
        let output = catalog.build(&[flavour]);
        output.assert_code(0);
        let child = format!("{}:{tag}", catalog.repository("child"));
        published(engine, &child, None);
        published(
            engine,
            &format!("{}:{tag}", catalog.repository("parent")),
            None,
        );
        assert_eq!(catalog.output_in(&child, "cat /which"), "later\n");
        assert_eq!(["parent", "child"].map(latest), before);
        let again = catalog.build(&[flavour]);
        again.assert_code(0);
        assert_eq!(again.stderr, "nothing to build: 2 already published\n");
    }
    assert_eq!(catalog.output_of("child", "cat /which"), "release\n");
}

fn a_selection_builds_what_it_needs_and_publishes_itself_alone(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    catalog
        .image("root", "1-1", &[], "FROM $BASE\nRUN true")
        .image("middle", "1-1", &["root"], "FROM $(root)\nRUN true")
        .image("leaf", "1-1", &["middle"], "FROM $(middle)\nRUN true")
        .image("behind", "1-1", &["leaf"], "FROM $(leaf)\nRUN true")
        .image("other", "1-1", &[], "FROM $BASE\nRUN true");
    let output = catalog.build(&["--select", "*/leaf:*"]);
    output.assert_code(0);
    let names = ["root", "middle", "leaf", "behind", "other"];
    let built = names.map(|name| catalog.find_id(name, "1-1").is_some());
    assert_eq!(built, [true, true, true, false, false], "{}", output.stderr);
    let at_registry =
        names.map(|name| is_published(engine, &format!("{}:1-1", catalog.repository(name))));
    assert_eq!(at_registry, [false, false, true, false, false]);

    let output = catalog.build(&["--select", "*/behind:*"]);
    output.assert_code(0);
    let last = output.stderr.lines().last().expect("a summary");
    assert!(last.starts_with("1 built, 1 published, "), "{last}");

    let output = catalog.build(&["--select", "nothing"]);
    output.assert_code(0);
    let warning = "warning: no image matches `nothing`\n";
    assert!(output.stderr.starts_with(warning), "{}", output.stderr);
    assert!(
        output.stderr.ends_with("nothing to build\n"),
        "{}",
        output.stderr
    );
}

/// Publishes a base image that says what it is, under `other-team/debian:12`, and removes it here.
fn publish_base(engine: &Engine, registry: &DockerRegistry, says: &str) -> Digest {
    let name = outside(engine, registry);
    let dockerfile = format!("FROM {}\nRUN echo {says} > /says\n", engine.name("base:1"));
    engine.build_from(&format!("{name}:12"), &dockerfile);
    engine.push(&format!("{name}:12"), None)
}

fn outside(engine: &Engine, registry: &DockerRegistry) -> String {
    format!(
        "{}/other-team/{}/debian",
        registry.host(),
        engine.namespace()
    )
}

/// One image on the outside base, which its template names in full.
fn on_outside_base(catalog: &Catalog<'_>, base: &str, name: &str) {
    catalog
        .settings(&format!("base_images: [\"{base}\"]\n"))
        .image(
            "a",
            "1-1",
            &[],
            &format!("FROM {{{{ \"{name}\" | image_tag }}}}\nRUN cat /says"),
        );
}

fn a_base_image_is_refreshed_before_the_build_unless_it_is_to_be_kept(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine);
    let name = outside(engine, &registry);
    publish_base(engine, &registry, "first");
    catalog.remove(&format!("{name}:12"));
    on_outside_base(&catalog, &format!("{name}:12"), &name);
    catalog.pkg(&["build", "images"]).assert_code(0);
    assert_eq!(catalog.output_of("a", "cat /says"), "first\n");

    let here = catalog
        .find(&format!("{name}:12"))
        .and_then(|it| it.id)
        .expect("an id");
    publish_base(engine, &registry, "second");
    catalog.tag(&here, &name, "12");
    catalog.version("a", "1-2");
    catalog
        .pkg(&["build", "--no-pull", "images"])
        .assert_code(0);
    let image = format!("{}:1-2", catalog.repository("a"));
    assert_eq!(catalog.output_in(&image, "cat /says"), "first\n");

    catalog.version("a", "1-3");
    catalog.pkg(&["build", "images"]).assert_code(0);
    let image = format!("{}:1-3", catalog.repository("a"));
    assert_eq!(catalog.output_in(&image, "cat /says"), "second\n");
}

fn a_base_image_can_be_named_by_its_digest(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine);
    let name = outside(engine, &registry);
    let digest = publish_base(engine, &registry, "pinned");
    publish_base(engine, &registry, "moved");
    catalog.remove(&format!("{name}:12"));
    on_outside_base(&catalog, &format!("{name}@{digest}"), &name);
    catalog.pkg(&["build", "images"]).assert_code(0);
    assert_eq!(catalog.output_of("a", "cat /says"), "pinned\n");
}

fn a_base_image_that_no_registry_has_fails_what_needs_it(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine);
    let name = outside(engine, &registry);
    on_outside_base(&catalog, &format!("{name}:12"), &name);
    let output = catalog.pkg(&["build", "images"]);
    output.assert_code(1);
    assert!(
        output.stderr.contains(" failed to pull "),
        "{}",
        output.stderr
    );
    let blocked = format!("/debian 12: {}/a 1-1\n", engine.namespace());
    assert!(output.stderr.contains(&blocked), "{}", output.stderr);
}
