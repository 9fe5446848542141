//! Pruning: what goes, what stays, and what happens when something comes in between.

use std::sync::mpsc;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
};
use rustix::process::Signal;

use crate::Test;
use crate::support::catalog::{Catalog, SLOW};
use crate::support::engine::Engine;
use crate::support::meddler::{Meddling, start_meddler};
use crate::support::sandbox::Sandbox;

pub(crate) const TESTS: &[Test] = &[
    (
        "old_versions_go_children_before_parents_and_the_changelogs_stay",
        old_versions_go_children_before_parents_and_the_changelogs_stay,
    ),
    (
        "a_dry_run_prints_what_a_run_does_and_removes_nothing",
        a_dry_run_prints_what_a_run_does_and_removes_nothing,
    ),
    (
        "a_tag_goes_and_an_image_with_another_name_stays",
        a_tag_goes_and_an_image_with_another_name_stays,
    ),
    (
        "what_a_container_uses_is_named_and_kept",
        what_a_container_uses_is_named_and_kept,
    ),
    (
        "of_a_nightly_its_versions_stay_and_all_others_go",
        of_a_nightly_its_versions_stay_and_all_others_go,
    ),
    (
        "only_selected_images_lose_versions_and_base_images_none",
        only_selected_images_lose_versions_and_base_images_none,
    ),
    (
        "no_registry_is_asked_and_other_registries_keep_theirs",
        no_registry_is_asked_and_other_registries_keep_theirs,
    ),
    (
        "what_vanishes_or_is_taken_into_use_meanwhile_is_no_failure",
        what_vanishes_or_is_taken_into_use_meanwhile_is_no_failure,
    ),
    (
        "what_the_engine_cannot_remove_does_not_keep_the_rest",
        what_the_engine_cannot_remove_does_not_keep_the_rest,
    ),
    (
        "an_engine_that_goes_in_the_middle_leaves_word_of_what_was_removed",
        an_engine_that_goes_in_the_middle_leaves_word_of_what_was_removed,
    ),
    (
        "an_interrupted_prune_ends_between_two_removals",
        an_interrupted_prune_ends_between_two_removals,
    ),
];

const PRUNE: [&str; 2] = ["prune", "images"];

/// `leaf` on `root`, built in these versions by the classic builder, which makes images depend on each other on the
/// engine as well.
fn two_images(catalog: &Catalog<'_>, versions: &[&str]) {
    catalog.settings("container_limits: \"cpushares=512\"\n");
    for version in versions {
        lay_out(catalog, version);
        catalog.build(&[]).assert_code(0);
    }
}

fn lay_out(catalog: &Catalog<'_>, version: &str) {
    let run = |name: &str| format!("RUN echo {name} {version} > /{name}");
    catalog
        .image(
            "root",
            version,
            &[],
            &format!("FROM $BASE\n{}", run("root")),
        )
        .image(
            "leaf",
            version,
            &["root"],
            &format!("FROM $(root)\n{}", run("leaf")),
        );
}

/// One image of version 1-9, and nothing built but the tags of it that are asked for, all different images.
fn tags_of_one(engine: &Engine, catalog: &Catalog<'_>, tags: &[&str]) {
    catalog.image("a", "1-9", &[], "FROM $BASE");
    for tag in tags {
        let base = engine.name("base:1");
        let name = engine.name(&format!("a:{tag}"));
        engine.build_from(&name, &format!("FROM {base}\nENV TAG={tag}\n"));
    }
}

/// Puts something between the program and the engine.
fn catalog_behind(
    engine: &Engine,
    meddle: impl FnMut(usize, &str) -> Meddling + Send + 'static,
) -> Catalog<'_> {
    let sandbox = Sandbox::new();
    let socket = sandbox.home().join("engine.sock");
    start_meddler(&socket, meddle);
    Catalog::in_sandbox(engine, sandbox)
        .with_variable("DOCKER_HOST", &format!("unix://{}", socket.display()))
}

/// The names of the namespace on the engine, without it and without the base image.
#[track_caller]
fn assert_left(engine: &Engine, expected: &[&str]) {
    let namespace = format!("{}/", engine.namespace());
    let mut left = engine.images();
    left.retain(|name| !name.ends_with("/base:1"));
    let left: Vec<_> = left
        .iter()
        .map(|name| name.replace(&namespace, ""))
        .collect();
    assert_eq!(left, expected);
}

/// What the program said, without the namespace and the time that it took.
fn talk(engine: &Engine, stderr: &str) -> String {
    let talk = stderr.replace(&format!("{}/", engine.namespace()), "");
    let time = regex::Regex::new(r" in \d+\.\ds\n").expect("a pattern");
    time.replace(&talk, " in TIME\n").into_owned()
}

#[derive(Clone, Copy, PartialEq)]
enum Start {
    Yes,
    No,
}

/// Makes a container and gives its name.
fn make_container(engine: &Engine, image: &str, start: Start) -> String {
    let name = format!("{}-{}", engine.namespace(), image.replace([':', '/'], "-"));
    let options = CreateContainerOptionsBuilder::new().name(&name).build();
    let config = ContainerCreateBody {
        image: Some(engine.name(image)),
        cmd: Some(["/bin/sleep", "600"].map(str::to_owned).into()),
        ..ContainerCreateBody::default()
    };
    let docker = engine.docker();
    engine.wait(async {
        let creation = docker.create_container(Some(options), config).await;
        creation.expect("a container");
        if start == Start::Yes {
            let started = docker.start_container(&name, None::<StartContainerOptions>);
            started.await.expect("a container that starts");
        }
    });
    name
}

fn remove_container(engine: &Engine, name: &str) {
    let options = RemoveContainerOptionsBuilder::new().force(true).build();
    let removal = engine.docker().remove_container(name, Some(options));
    engine.wait(removal).expect("the container goes");
}

fn old_versions_go_children_before_parents_and_the_changelogs_stay(engine: &Engine) {
    let catalog = Catalog::new(engine);
    two_images(&catalog, &["1-1", "1-2"]);
    catalog.tag(&catalog.id("leaf", "1-2"), &engine.name("leaf"), "latest");
    catalog.tag(&catalog.id("root", "1-2"), &engine.name("other/root"), "0");
    catalog.tag(
        &catalog.id("root", "1-2"),
        "r.example.org/pkgtest/root",
        "0",
    );
    let output = catalog.pkg(&PRUNE);
    output.assert_code(0);
    assert_eq!(output.stdout, "");
    let said = talk(engine, &output.stderr);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[..2], ["✓ removed leaf 1-1", "✓ removed root 1-1"]);
    assert!(
        lines[2].starts_with("2 removed, up to ") && lines[2].ends_with(" freed in TIME"),
        "{said}"
    );
    assert_left(
        engine,
        &["leaf:1-2", "leaf:latest", "other/root:0", "root:1-2"],
    );
    assert!(catalog.find("r.example.org/pkgtest/root:0").is_some());
    let again = catalog.pkg(&PRUNE);
    again.assert_code(0);
    assert_eq!(again.stderr, "nothing to remove\n");
}

fn a_dry_run_prints_what_a_run_does_and_removes_nothing(engine: &Engine) {
    let catalog = Catalog::new(engine);
    two_images(&catalog, &["1-1", "1-2"]);
    let container = make_container(engine, "leaf:1-1", Start::No);
    catalog.tag(&catalog.id("root", "1-1"), &engine.name("mine"), "1");
    let everything = engine.images();
    let output = catalog.pkg(&["prune", "--dry-run", "images"]);
    output.assert_code(0);
    let shown = output
        .stdout
        .replace(&format!("{}/", engine.namespace()), "");
    let rows: Vec<String> = shown
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(rows[0], "WHAT NAME TAG SIZE WHY");
    let used = format!("MB container `{container}` (stopped) uses it");
    assert!(rows[1].starts_with("keep leaf 1-1 "), "{shown}");
    assert!(rows[1].ends_with(&used), "{shown}");
    assert!(rows[2].starts_with("remove root 1-1 "), "{shown}");
    let why = "MB the version is 1-2; the image stays as mine:1";
    assert!(rows[2].ends_with(why), "{shown}");
    assert_eq!(rows.len(), 3, "{shown}");
    assert_eq!(output.stderr, "1 to remove\n");

    let output = catalog.pkg(&["prune", "--dry-run", "--json", "images"]);
    output.assert_code(0);
    let value: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(value["version"], 1);
    let tags = value["tags"].as_array().expect("tags");
    let of = |key: &str| -> Vec<_> { tags.iter().map(|tag| tag[key].clone()).collect() };
    assert_eq!(of("name"), ["leaf", "leaf", "root", "root"]);
    assert_eq!(of("action"), ["keep", "keep", "remove", "keep"]);
    let kinds: Vec<_> = tags.iter().map(|tag| &tag["reason"]["kind"]).collect();
    assert_eq!(kinds, ["in-use", "version", "other-version", "version"]);
    let containers = serde_json::json!([{ "name": container, "running": false }]);
    assert_eq!(tags[0]["reason"]["containers"], containers);
    assert_eq!(tags[2]["reference"], engine.name("root:1-1"));
    assert_eq!(tags[2]["id"], catalog.id("root", "1-1"));
    assert_eq!(tags[2]["reason"]["version"], "1-2");
    assert_eq!(
        tags[2]["stays_as"],
        serde_json::json!([engine.name("mine:1")])
    );
    assert_eq!(engine.images(), everything);
}

fn a_tag_goes_and_an_image_with_another_name_stays(engine: &Engine) {
    let catalog = Catalog::new(engine);
    tags_of_one(engine, &catalog, &["1-1", "1-2", "1-9"]);
    catalog.tag(&engine.name("a:1-1"), &engine.name("mine"), "1");
    catalog.tag(&engine.name("a:1-2"), &engine.name("a"), "latest");
    catalog.tag(&engine.name("a:1-9"), &engine.name("a"), "trusted");
    let output = catalog.pkg(&PRUNE);
    output.assert_code(0);
    let name = |name: &str| engine.name(name);
    let expected = format!(
        "✓ untagged {0} 1-1; the image stays as {1}\n✓ untagged {0} 1-2\n",
        name("a"),
        name("mine:1")
    );
    assert!(output.stderr.starts_with(&expected), "{}", output.stderr);
    let said = talk(engine, &output.stderr);
    assert!(said.contains("\n✓ removed a latest\n"), "{said}");
    let trusted = "\n✓ untagged a trusted; the image stays as a:1-9\n";
    assert!(said.contains(trusted), "{said}");
    assert!(said.contains("\n1 removed, 3 untagged, up to "), "{said}");
    assert_left(engine, &["a:1-9", "mine:1"]);
}

fn what_a_container_uses_is_named_and_kept(engine: &Engine) {
    let catalog = Catalog::new(engine);
    tags_of_one(engine, &catalog, &["1-1", "1-2", "1-9"]);
    let stopped = make_container(engine, "a:1-1", Start::No);
    let running = make_container(engine, "a:1-2", Start::Yes);
    make_container(engine, "a:1-9", Start::No);
    let output = catalog.pkg(&PRUNE);
    output.assert_code(0);
    assert_eq!(
        talk(engine, &output.stderr),
        format!(
            "– kept a 1-1: container `{stopped}` (stopped) uses it\n\
             – kept a 1-2: container `{running}` uses it\nnothing to remove: 2 in use\n"
        )
    );
    assert_left(engine, &["a:1-1", "a:1-2", "a:1-9"]);
    remove_container(engine, &running);
    let output = catalog.pkg(&PRUNE);
    output.assert_code(0);
    let said = talk(engine, &output.stderr);
    assert!(
        said.contains("\n✓ removed a 1-2\n1 removed, 1 in use, "),
        "{said}"
    );
    assert_left(engine, &["a:1-1", "a:1-9"]);
}

fn of_a_nightly_its_versions_stay_and_all_others_go(engine: &Engine) {
    let catalog = Catalog::new(engine);
    two_images(&catalog, &["1-1"]);
    catalog.build(&["--nightly"]).assert_code(0);
    catalog.tag(
        &catalog.id("root", "1-1"),
        &engine.name("root"),
        "1-1-20261120",
    );
    catalog.tag(&catalog.id("root", "1-1"), &engine.name("root"), "latest");
    // As docker-pkg's users write it.
    let output = catalog.pkg(&[
        "-c",
        "config.yaml",
        "prune",
        "--nightly",
        "20261121",
        "images",
    ]);
    output.assert_code(0);
    assert_left(engine, &["leaf:1-1-20261121", "root:1-1-20261121"]);
    let said = talk(engine, &output.stderr);
    assert!(said.starts_with("✓ removed leaf 1-1\n"), "{said}");

    let output = catalog.pkg(&["prune", "--dry-run", "--nightly", "20991231", "images"]);
    output.assert_code(0);
    let warning =
        "warning: the engine has no image of the nightly `20991231`, so every local version goes\n";
    assert!(output.stderr.starts_with(warning), "{}", output.stderr);
    assert!(
        output.stderr.contains("\n2 to remove, up to "),
        "{}",
        output.stderr
    );
    catalog.pkg(&PRUNE).assert_code(0);
    assert_left(engine, &[]);
}

fn only_selected_images_lose_versions_and_base_images_none(engine: &Engine) {
    let catalog = Catalog::new(engine);
    two_images(&catalog, &["1-1", "1-2"]);
    let base = format!(
        "base_images: [\"{}\", \"{}\"]\n",
        engine.name("base:1"),
        engine.name("root:1-1")
    );
    let select = ["prune", "--select", "*/leaf:*", "images"];
    catalog.pkg(&select).assert_code(0);
    assert_left(engine, &["leaf:1-2", "root:1-1", "root:1-2"]);
    catalog.settings(&base);
    let output = catalog.pkg(&PRUNE);
    output.assert_code(0);
    assert_eq!(output.stderr, "nothing to remove\n");
    assert_left(engine, &["leaf:1-2", "root:1-1", "root:1-2"]);
    let output = catalog.pkg(&["prune", "--select", "leaf", "images"]);
    output.assert_code(0);
    let warning = "warning: no image matches `leaf`\n";
    assert!(output.stderr.starts_with(warning), "{}", output.stderr);
}

fn no_registry_is_asked_and_other_registries_keep_theirs(engine: &Engine) {
    const REGISTRY: &str = "registry.invalid:5000";
    let credentials = "username: ann\npassword: secret\n";
    let catalog = Catalog::new(engine).with_registry(REGISTRY, credentials);
    tags_of_one(engine, &catalog, &["1-1"]);
    let ours = format!("{}:1-1", catalog.repository("a"));
    let base = engine.name("base:1");
    engine.build_from(&ours, &format!("FROM {base}\nENV TAG=ours\n"));
    let output = catalog.pkg(&PRUNE);
    output.assert_code(0);
    let said = talk(engine, &output.stderr);
    assert!(said.starts_with("✓ removed a 1-1\n1 removed, "), "{said}");
    assert!(catalog.find(&ours).is_none());
    assert_left(engine, &["a:1-1"]);
}

fn what_vanishes_or_is_taken_into_use_meanwhile_is_no_failure(engine: &Engine) {
    let (ask, asked) = mpsc::channel();
    let (go, gone) = mpsc::channel();
    let catalog = catalog_behind(engine, move |before, _| {
        if before == 0 {
            ask.send(()).expect("the test waits");
            gone.recv_timeout(SLOW).expect("the test goes on");
        }
        Meddling::Pass
    });
    tags_of_one(engine, &catalog, &["1-1", "1-2", "1-3", "1-9"]);
    let run = catalog.start(&PRUNE);
    asked.recv_timeout(SLOW).expect("the first removal");
    catalog.remove(&engine.name("a:1-1"));
    make_container(engine, "a:1-2", Start::No);
    go.send(()).expect("the removal waits");
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{}", ended.talk);
    let said = talk(engine, &ended.talk);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[0], "✓ a 1-1 was gone already");
    assert!(lines[1].starts_with("– kept a 1-2: conflict: "), "{said}");
    assert_eq!(lines[2], "✓ removed a 1-3");
    let counts = "1 removed, 1 gone already, 1 in use, up to ";
    assert!(lines[3].starts_with(counts), "{said}");
    assert_left(engine, &["a:1-2", "a:1-9"]);
}

fn what_the_engine_cannot_remove_does_not_keep_the_rest(engine: &Engine) {
    let catalog = catalog_behind(engine, |before, path| {
        assert!(path.contains("/a:1-"), "only tags are removed: {path}");
        match before {
            0 => Meddling::Answer(500, "the disk is read-only"),
            _ => Meddling::Pass,
        }
    });
    tags_of_one(engine, &catalog, &["1-1", "1-2"]);
    let output = catalog.pkg(&PRUNE);
    output.assert_code(4);
    let said = talk(engine, &output.stderr);
    let failed = "✗ failed to remove a 1-1: the engine cannot remove a:1-1: the disk is read-only\n\
                  ✓ removed a 1-2\n1 removed, 1 failed, up to ";
    assert!(said.starts_with(failed), "{said}");
    assert_left(engine, &["a:1-1"]);
}

fn an_engine_that_goes_in_the_middle_leaves_word_of_what_was_removed(engine: &Engine) {
    let catalog = catalog_behind(engine, |before, _| match before {
        1 => Meddling::Cut,
        _ => Meddling::Pass,
    });
    tags_of_one(engine, &catalog, &["1-1", "1-2", "1-3", "1-4"]);
    let output = catalog.pkg(&PRUNE);
    output.assert_code(4);
    let said = talk(engine, &output.stderr);
    let begin = "✓ removed a 1-1\n✗ failed to remove a 1-2: the engine broke off: ";
    assert!(said.starts_with(begin), "{said}");
    assert!(
        said.contains("\n1 removed, 1 failed, 2 not begun, up to "),
        "{said}"
    );
    let hint = "hint: run the same command again to go on\n";
    assert!(said.ends_with(hint), "{said}");
    assert_left(engine, &["a:1-2", "a:1-3", "a:1-4"]);
}

fn an_interrupted_prune_ends_between_two_removals(engine: &Engine) {
    let (ask, asked) = mpsc::channel();
    let (go, gone) = mpsc::channel();
    let catalog = catalog_behind(engine, move |_, _| {
        ask.send(()).expect("the test waits");
        gone.recv_timeout(SLOW).expect("the test goes on");
        Meddling::Pass
    });
    tags_of_one(engine, &catalog, &["1-1", "1-2", "1-3"]);
    let run = catalog.start(&PRUNE);
    asked.recv_timeout(SLOW).expect("the first removal");
    run.signal(Signal::INT);
    run.wait_for("once more to stop at once");
    go.send(()).expect("the removal waits");
    let ended = run.end();
    assert_eq!(ended.code, Some(130), "{}", ended.talk);
    let said = talk(engine, &ended.talk);
    assert!(
        said.contains("\n✓ removed a 1-1\n1 removed, 2 not begun, up to "),
        "{said}"
    );
    assert_left(engine, &["a:1-2", "a:1-3"]);
}
