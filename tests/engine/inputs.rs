//! What an image was made from: what counts, what does not, and what becomes of a version whose inputs changed.

use std::collections::HashMap;

use crate::Test;
use crate::publishing::{ANYBODY, published};
use crate::support::catalog::Catalog;
use crate::support::docker_registry::DockerRegistry;
use crate::support::engine::Engine;

pub(crate) const TESTS: &[Test] = &[
    (
        "a_file_that_the_recipe_takes_rebuilds_the_image_and_what_is_built_on_it",
        a_file_that_the_recipe_takes_rebuilds_the_image_and_what_is_built_on_it,
    ),
    (
        "what_makes_no_other_image_rebuilds_nothing",
        what_makes_no_other_image_rebuilds_nothing,
    ),
    (
        "a_published_version_whose_inputs_changed_is_refused",
        a_published_version_whose_inputs_changed_is_refused,
    ),
    (
        "a_base_image_that_is_another_one_now_rebuilds_what_is_not_published",
        a_base_image_that_is_another_one_now_rebuilds_what_is_not_published,
    ),
    (
        "an_image_says_where_it_comes_from",
        an_image_says_where_it_comes_from,
    ),
    (
        "a_file_that_changes_before_its_turn_comes_fails_the_image",
        a_file_that_changes_before_its_turn_comes_fails_the_image,
    ),
];

const TAKES: &str = "FROM $BASE\nCOPY settings /settings";

fn a_file_that_the_recipe_takes_rebuilds_the_image_and_what_is_built_on_it(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image("root", "1-1", &[], TAKES)
        .image("leaf", "1-1", &["root"], "FROM $(root)\nRUN true")
        .image("other", "1-1", &[], "FROM $BASE\nRUN true")
        .write("images/root/settings", b"a");
    catalog.build(&[]).assert_code(0);
    let again = catalog.build(&[]);
    again.assert_code(0);
    assert_eq!(again.stderr, "nothing to build: 3 already built\n");
    let before = catalog.id("root", "1-1");
    catalog.write("images/root/settings", b"b");

    let plan = catalog.pkg(&["plan", "images", "--json"]);
    plan.assert_code(0);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).expect("JSON");
    let reason = |name: &str| {
        let steps = plan["steps"].as_array().expect("steps");
        let step = steps.iter().find(|step| step["name"] == name);
        step.expect("a step")["reason"].clone()
    };
    assert_eq!(reason("root")["kind"], "inputs-changed");
    let change = &reason("root")["changes"][0];
    assert_eq!(change["input"], "settings");
    assert_ne!(change["old"], change["new"]);
    assert_eq!(reason("leaf")["kind"], "parent-rebuilt");
    assert_eq!(reason("other")["kind"], "built");
    let explained = catalog.pkg(&["plan", "images", "--explain", "root"]);
    explained.assert_code(0);
    assert!(
        explained.stdout.contains("build: `settings` changed"),
        "{}",
        explained.stdout
    );

    catalog.build(&[]).assert_code(0);
    assert_ne!(catalog.id("root", "1-1"), before);
    assert_eq!(catalog.output_of("leaf", "cat /settings"), "b");
    assert_eq!(
        catalog.build(&[]).stderr,
        "nothing to build: 3 already built\n"
    );
}

fn what_makes_no_other_image_rebuilds_nothing(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let recipe = "FROM $BASE\nCOPY settings /settings\nRUN echo '{{ apt_only_proxy }}'";
    catalog
        .image("root", "1-1", &[], recipe)
        .image("leaf", "1-1", &["root"], "FROM $(root)\nRUN true")
        .write("images/root/settings", b"a")
        .write("images/root/README.md", b"old");
    catalog.build(&[]).assert_code(0);
    let nothing = |what: &str| {
        let output = catalog.build(&[]);
        output.assert_code(0);
        assert_eq!(
            output.stderr, "nothing to build: 2 already built\n",
            "{what}"
        );
    };
    catalog.write("images/root/README.md", b"new");
    nothing("a file that the recipe does not take");
    let changelog = "root (1-1) stable; urgency=medium\n\n  * Better words.\n\n -- Ann <ann@example.org>  Fri, 20 Nov 2026 \
                     10:00:00 +0000\n";
    catalog.write("images/root/changelog", changelog.as_bytes());
    nothing("the words of its entry");
    catalog.settings("apt_only_proxy: http://127.0.0.1:9\n");
    nothing("the proxy of the machine");
    catalog
        .sandbox()
        .run("chmod", &["0664", "images/root/settings"])
        .assert_code(0);
    nothing("the umask of a checkout");
    catalog
        .sandbox()
        .run("chmod", &["0755", "images/root/settings"])
        .assert_code(0);
    let output = catalog.build(&[]);
    output.assert_code(0);
    assert!(output.stderr.contains("2 built"), "{}", output.stderr);
}

fn a_published_version_whose_inputs_changed_is_refused(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), ANYBODY);
    catalog
        .image("root", "1-1", &[], TAKES)
        .image("other", "1-1", &[], "FROM $BASE\nRUN true")
        .write("images/root/settings", b"a");
    catalog.build(&[]).assert_code(0);
    let label = format!("{}:1-1", catalog.repository("root"));
    let before = published(engine, &label, None);
    catalog.write("images/root/settings", b"b");
    catalog.version("other", "1-2");

    let refused = |catalog: &Catalog<'_>| {
        let output = catalog.build(&[]);
        output.assert_code(3);
        let expected = format!("{label} is published, and since then `settings` changed");
        assert!(output.stderr.contains(&expected), "{}", output.stderr);
        assert!(
            output.stderr.contains("images/root/changelog:1"),
            "{}",
            output.stderr
        );
        assert_eq!(published(engine, &label, None), before);
    };
    refused(&catalog);
    // The rest went out all the same.
    published(
        engine,
        &format!("{}:1-2", catalog.repository("other")),
        None,
    );
    // On another machine the registry is asked, and then the record.
    catalog.remove(&label);
    refused(&catalog);
    let state = catalog
        .sandbox()
        .home()
        .join(".local/state/pkg/published-1");
    let noted = std::fs::read_dir(&state).map(Iterator::count);
    assert!(noted.is_ok_and(|count| count > 0), "{}", state.display());
    refused(&catalog);
    let audited = catalog.pkg(&[
        "audit",
        "--registry",
        "--rule",
        "published-differs",
        "images",
    ]);
    audited.assert_code(3);
    let expected = "1-1 is published, and since then `settings` changed [published-differs]";
    assert!(audited.stdout.contains(expected), "{}", audited.stdout);
    catalog.version("root", "1-2");
    catalog.build(&[]).assert_code(0);
}

fn a_base_image_that_is_another_one_now_rebuilds_what_is_not_published(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let moving = engine.name("moving:1");
    engine.build_from(&moving, "FROM scratch\nLABEL which=one\n");
    catalog.settings(&format!("base_images: [\"{moving}\"]\n"));
    let recipe = format!("FROM {moving}\nLABEL a=b");
    catalog.image("root", "1-1", &[], &recipe);
    catalog.build(&[]).assert_code(0);
    assert_eq!(
        catalog.build(&[]).stderr,
        "nothing to build: 1 already built\n"
    );
    engine.build_from(&moving, "FROM scratch\nLABEL which=two\n");
    let plan = catalog.pkg(&["plan", "images"]);
    plan.assert_code(0);
    assert!(
        plan.stdout.contains("built on moving as "),
        "{}",
        plan.stdout
    );
    catalog.build(&[]).assert_code(0);
    assert_eq!(
        catalog.build(&[]).stderr,
        "nothing to build: 1 already built\n"
    );
}

fn an_image_says_where_it_comes_from(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image("root", "1.0-1", &[], "FROM $BASE\nRUN true")
        .image(
            "leaf",
            "2-1",
            &["root"],
            "FROM $(root)\nLABEL org.opencontainers.image.title=\"My own\"\nRUN true",
        );
    let git = |arguments: &[&str]| {
        let output = catalog.sandbox().run("git", arguments);
        output.assert_code(0);
        output.stdout.trim().to_owned()
    };
    git(&["init", "--quiet"]);
    let remote = "https://ann:secret@git.example.org/images.git";
    git(&["remote", "add", "origin", remote]);
    git(&["add", "images"]);
    let author = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"];
    git(&[&author[..], &["commit", "--quiet", "-m", "Images"]].concat());
    let revision = git(&["rev-parse", "HEAD"]);
    catalog.write("images/leaf/notes", b"not committed");
    catalog.build(&[]).assert_code(0);
    let labels = |name: &str, version: &str| -> HashMap<String, String> {
        let label = format!("{}:{version}", catalog.repository(name));
        let config = catalog.find(&label).expect("an image").config;
        let labels = config.and_then(|config| config.labels).expect("labels");
        let short = |key: String| key.replace("org.opencontainers.image.", "");
        labels
            .into_iter()
            .map(|(key, value)| (short(key), value))
            .collect()
    };
    let root = labels("root", "1.0-1");
    assert_eq!(root["title"], "root");
    assert_eq!(root["version"], "1.0-1");
    assert_eq!(root["created"], "2026-11-21T00:00:00Z");
    assert_eq!(root["revision"], revision);
    assert_eq!(root["source"], "https://git.example.org/images.git");
    assert_eq!(root["base.name"], engine.name("base:1"));
    let leaf = labels("leaf", "2-1");
    assert_eq!(leaf["title"], "My own");
    assert_eq!(leaf["revision"], format!("{revision}-dirty"));
    assert_eq!(
        leaf["base.name"],
        format!("{}:1.0-1", catalog.repository("root"))
    );
}

fn a_file_that_changes_before_its_turn_comes_fails_the_image(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let takes = "FROM $(root)\nCOPY settings /settings";
    catalog
        .image("root", "1-1", &[], "FROM $BASE\nRUN echo begun && sleep 5")
        .image("leaf", "1-1", &["root"], takes)
        .write("images/leaf/settings", b"a");
    let run = catalog.start_build(&["--debug"]);
    run.wait_for("| begun");
    catalog.write("images/leaf/settings", b"b");
    let ended = run.end();
    assert_eq!(ended.code, Some(1), "{}", ended.talk);
    let told = "`settings` changed since the run began: run again";
    assert!(ended.talk.contains(told), "{}", ended.talk);
    assert_eq!(catalog.find_id("leaf", "1-1"), None);
    catalog.build(&[]).assert_code(0);
}
