//! `pkg refresh` beside a registry: what was built on a base image that has moved since.

use super::Test;
use super::choosing::{on_outside_base, outside, publish_base};
use super::support::catalog::Catalog;
use super::support::docker_registry::DockerRegistry;
use super::support::engine::Engine;

pub(super) const TESTS: &[Test] = &[(
    "a_base_image_that_moved_refreshes_what_was_built_on_it_and_its_dependants",
    a_base_image_that_moved_refreshes_what_was_built_on_it_and_its_dependants,
)];

fn a_base_image_that_moved_refreshes_what_was_built_on_it_and_its_dependants(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), "");
    let name = outside(engine, &registry);
    publish_base(engine, &registry, "first");
    on_outside_base(&catalog, &format!("{name}:12"), &name);
    catalog
        .settings(&format!(
            "base_images: [\"{name}:12\", \"{}\"]\nusername: u\npassword: p\n",
            engine.name("base:1")
        ))
        .image("b", "1-1", &["a"], "FROM $(a)\nRUN true")
        .image("alone", "1-1", &[], "FROM scratch\nCOPY control /control");
    let refresh = || {
        let output = catalog.pkg(&["refresh", "--dry-run", "--json", "images"]);
        output.assert_code(0);
        let shown: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
        let updates = shown["updates"].as_array().expect("a list").clone();
        let name = |update: &serde_json::Value| update["name"].as_str().unwrap_or("?").to_owned();
        (updates.iter().map(name).collect::<Vec<_>>(), output.stderr)
    };
    // Nothing is published yet, so everything is built on the base image of the moment anyway.
    assert_eq!(refresh().0, [""; 0]);
    catalog.build(&[]).assert_code(0);
    assert_eq!(refresh().0, [""; 0]);

    publish_base(engine, &registry, "second");
    assert_eq!(refresh().0, ["a", "b"]);
    catalog.pkg(&["refresh", "images"]).assert_code(0);
    let entry = catalog.sandbox().read("images/a/changelog");
    let reason = "\n\n  * Refresh for update in base image debian:12.\n\n";
    assert!(entry.contains(reason), "{entry}");
    catalog.build(&[]).assert_code(0);
    assert_eq!(refresh().0, [""; 0]);

    // What something else has published does not say what it was built on.
    catalog.version("a", "1-9");
    let label = format!("{}:1-9", catalog.repository("a"));
    engine.build_from(
        &label,
        &format!("FROM {}\nRUN true\n", engine.name("base:1")),
    );
    engine.push(&label, None);
    let (names, talk) = refresh();
    assert_eq!(names, [""; 0]);
    let told = "warning: 1 published images do not say what they were built on: a\n";
    assert!(talk.contains(told), "{talk}");

    drop(registry);
    catalog.pkg(&["refresh", "images"]).assert_code(4);
    catalog
        .pkg(&["refresh", "--offline", "images"])
        .assert_code(0);
}
