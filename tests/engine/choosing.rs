//! What a run is asked for: nightly and snapshot versions, a selection, and where base images come from.

use std::fs;

use pkg::dockerfile::parse_dockerfile;
use pkg::oci::Digest;

use crate::Test;
use crate::publishing::{ANYBODY, is_published, published};
use crate::support::catalog::Catalog;
use crate::support::docker_registry::DockerRegistry;
use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;

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
        "the_user_that_is_read_from_a_dockerfile_is_the_one_that_the_engine_sets",
        the_user_that_is_read_from_a_dockerfile_is_the_one_that_the_engine_sets,
    ),
    (
        "steps_come_from_the_cache_only_when_that_is_asked_for",
        steps_come_from_the_cache_only_when_that_is_asked_for,
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
    (
        "a_base_image_that_cannot_be_pulled_is_not_taken_as_it_is_here",
        a_base_image_that_cannot_be_pulled_is_not_taken_as_it_is_here,
    ),
    (
        "a_base_image_of_several_images_is_pulled_once",
        a_base_image_of_several_images_is_pulled_once,
    ),
    (
        "a_base_image_of_another_registry_is_pulled_with_the_login_that_docker_keeps",
        a_base_image_of_another_registry_is_pulled_with_the_login_that_docker_keeps,
    ),
    (
        "what_a_recipe_names_itself_is_fetched_with_the_login_that_docker_keeps",
        what_a_recipe_names_itself_is_fetched_with_the_login_that_docker_keeps,
    ),
    (
        "a_credential_helper_that_fails_is_told_and_nothing_is_pulled_without",
        a_credential_helper_that_fails_is_told_and_nothing_is_pulled_without,
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

/// Publishes a base image that says what it is, under `other-team/debian:12`.
pub(super) fn publish_base(engine: &Engine, registry: &DockerRegistry, says: &str) -> Digest {
    publish_base_as(engine, registry, says, None)
}

fn publish_base_as(
    engine: &Engine,
    registry: &DockerRegistry,
    says: &str,
    login: Option<(&str, &str)>,
) -> Digest {
    let name = outside(engine, registry);
    let dockerfile = format!("FROM {}\nRUN echo {says} > /says\n", engine.name("base:1"));
    engine.build_from(&format!("{name}:12"), &dockerfile);
    engine.push(&format!("{name}:12"), login)
}

pub(super) fn outside(engine: &Engine, registry: &DockerRegistry) -> String {
    format!(
        "{}/other-team/{}/debian",
        registry.host(),
        engine.namespace()
    )
}

/// One image on the outside base, which its template names in full.
pub(super) fn on_outside_base(catalog: &Catalog<'_>, base: &str, name: &str) {
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

fn a_base_image_that_cannot_be_pulled_is_not_taken_as_it_is_here(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine);
    let name = outside(engine, &registry);
    publish_base(engine, &registry, "here");
    on_outside_base(&catalog, &format!("{name}:12"), &name);
    // The engine keeps the image, and nobody answers at the registry any more.
    drop(registry);
    let output = catalog.pkg(&["build", "images"]);
    assert!(
        output.stderr.contains(" failed to pull "),
        "{}",
        output.stderr
    );
    output.assert_code(4);
    assert_eq!(catalog.find_id("a", "1-1"), None);
    catalog
        .pkg(&["build", "--no-pull", "images"])
        .assert_code(0);
    assert_eq!(catalog.output_of("a", "cat /says"), "here\n");
}

fn a_base_image_of_several_images_is_pulled_once(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine);
    let name = outside(engine, &registry);
    publish_base(engine, &registry, "shared");
    catalog.remove(&format!("{name}:12"));
    on_outside_base(&catalog, &format!("{name}:12"), &name);
    for image in ["b", "c", "d"] {
        let recipe = format!("FROM {{{{ \"{name}\" | image_tag }}}}\nRUN true");
        catalog.image(image, "1-1", &[], &recipe);
    }
    let output = catalog.pkg(&["--debug", "build", "-j", "4", "images"]);
    output.assert_code(0);
    assert_eq!(
        output.stderr.matches(" pulling ").count(),
        1,
        "{}",
        output.stderr
    );
    assert_eq!(catalog.output_of("d", "cat /says"), "shared\n");
}

/// `ann` with the password `pw`, as `docker login` writes them.
fn keep_login(catalog: &Catalog<'_>, config: &str) {
    let directory = catalog.sandbox().home().join(".docker");
    fs::create_dir_all(&directory).expect("a directory");
    fs::write(directory.join("config.json"), config).expect("a file");
}

fn a_base_image_of_another_registry_is_pulled_with_the_login_that_docker_keeps(engine: &Engine) {
    let private = DockerRegistry::start_for("ann", "pw");
    let own = DockerRegistry::start();
    let helper = "#!/bin/sh\ncat > /dev/null\necho '{\"Username\":\"ann\",\"Secret\":\"pw\"}'\n";
    let sandbox = Sandbox::new().program("docker-credential-safe", helper);
    let catalog = Catalog::in_sandbox(engine, sandbox).with_registry(own.host(), "");
    let name = outside(engine, &private);
    let base = format!("{name}:12");
    on_outside_base(&catalog, &base, &name);
    publish_base_as(engine, &private, "private", Some(("ann", "pw")));
    catalog.remove(&base);

    let output = catalog.pkg(&["build", "images"]);
    output.assert_code(1);
    assert!(
        output.stderr.contains("no basic auth credentials"),
        "{}",
        output.stderr
    );

    let host = private.host();
    let written = format!(r#"{{"auths": {{"{host}": {{"auth": "YW5uOnB3"}}}}}}"#);
    let helped = format!(r#"{{"credHelpers": {{"{host}": "safe"}}}}"#);
    for (version, config) in [("1-1", written), ("1-2", helped)] {
        catalog.version("a", version);
        keep_login(&catalog, &config);
        let output = catalog.pkg(&["build", "images"]);
        output.assert_code(0);
        let image = format!("{}:{version}", catalog.repository("a"));
        assert_eq!(catalog.output_in(&image, "cat /says"), "private\n");
        assert!(!output.stderr.contains("pw"), "{}", output.stderr);
        catalog.remove(&image);
        catalog.remove(&base);
    }
}

fn what_a_recipe_names_itself_is_fetched_with_the_login_that_docker_keeps(engine: &Engine) {
    let private = DockerRegistry::start_for("ann", "pw");
    let catalog = Catalog::new(engine);
    let base = format!("{}:12", outside(engine, &private));
    publish_base_as(engine, &private, "named", Some(("ann", "pw")));
    catalog.remove(&base);
    let recipe = format!("FROM $BASE\nCOPY --from={base} /says /says");
    catalog.write("token", b"hush-hush");
    // A build with secrets answers for logins itself, in the same session.
    let mount = "\nRUN --mount=type=secret,id=tok,required test -s /run/secrets/tok";
    for (version, settings, step) in [
        ("1-1", "secrets: {tok: {file: token}}\n", mount),
        ("1-2", "", ""),
        // This one keeps the image on the engine.
        ("1-3", "container_limits: \"cpushares=512\"\n", ""),
    ] {
        let recipe = format!("{recipe}{step}");
        catalog.image("a", version, &[], &recipe).settings(settings);
        keep_login(&catalog, "{}");
        catalog.build(&[]).assert_code(1);
        let config = format!(
            r#"{{"auths": {{"{}": {{"auth": "YW5uOnB3"}}}}}}"#,
            private.host()
        );
        keep_login(&catalog, &config);
        catalog.build(&[]).assert_code(0);
        let image = format!("{}:{version}", catalog.repository("a"));
        assert_eq!(catalog.output_in(&image, "cat /says"), "named\n");
        catalog.remove(&image);
    }
}

fn a_credential_helper_that_fails_is_told_and_nothing_is_pulled_without(engine: &Engine) {
    let registry = DockerRegistry::start();
    let helper = "#!/bin/sh\ncat > /dev/null\necho 'the safe is locked' >&2\nexit 1\n";
    let sandbox = Sandbox::new().program("docker-credential-safe", helper);
    let catalog = Catalog::in_sandbox(engine, sandbox);
    let name = outside(engine, &registry);
    publish_base(engine, &registry, "anybody");
    on_outside_base(&catalog, &format!("{name}:12"), &name);
    let host = registry.host();
    keep_login(
        &catalog,
        &format!(r#"{{"credHelpers": {{"{host}": "safe"}}}}"#),
    );
    let output = catalog.pkg(&["build", "images"]);
    output.assert_code(4);
    let said = format!("for `{host}` failed: the safe is locked");
    assert!(output.stderr.contains(&said), "{}", output.stderr);
    assert_eq!(catalog.find_id("a", "1-1"), None);
}

fn the_user_that_is_read_from_a_dockerfile_is_the_one_that_the_engine_sets(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let base = engine.name("base:1");
    let cases = [
        ("user\t33:33 ", "33:33"),
        ("USER \\\n# c\n  33", "33"),
        ("USER \"33\":'44'", "33:44"),
        ("ARG G\nUSER $G", "7"),
        ("ENV U=1 V=\"2\"\nENV U=3 W=$U\nUSER $W:$V", "1:2"),
        ("ARG U=1\nENV U=2\nARG U=3\nUSER $U", "2"),
        ("ENV U=5\nUSER 1\nFROM x\nUSER $U", "5"),
    ];
    for (number, (lines, expected)) in cases.iter().enumerate() {
        let dockerfile = format!("ARG G=7\nARG N\nFROM {base} AS x\n{lines}\n");
        let name = engine.name(&format!("user:{number}"));
        engine.build_from(&name, &dockerfile);
        let config = catalog.find(&name).expect("an image").config;
        let set = config.expect("its configuration").user;
        let parsed = parse_dockerfile(&dockerfile).expect("a Dockerfile");
        let read = parsed.final_user().and_then(|user| user.value.clone());
        assert_eq!(set.as_deref(), Some(*expected), "the engine: {lines}");
        assert_eq!(read.as_deref(), Some(*expected), "read: {lines}");
    }
}

fn steps_come_from_the_cache_only_when_that_is_asked_for(engine: &Engine) {
    for limits in ["", "container_limits: \"cpushares=512\"\n"] {
        let catalog = Catalog::new(engine);
        catalog.settings(limits);
        let recipe = "FROM $BASE\nRUN cat /proc/sys/kernel/random/uuid > /uuid";
        let build = |version: &str, more: &[&str]| {
            catalog.image("a", version, &[], recipe);
            catalog.build(more).assert_code(0);
            let image = format!("{}:{version}", catalog.repository("a"));
            catalog.output_in(&image, "cat /uuid")
        };
        let first = build("1-1", &[]);
        let cached = build("1-2", &["--use-cache"]);
        let anew = build("1-3", &[]);
        assert_eq!(first, cached, "{limits}");
        assert_ne!(first, anew, "{limits}");
    }
}
