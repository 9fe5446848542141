//! The same on engines of other kinds than the machine's: podman, and a newer Docker with either store of images.
//!
//! With `PKG_TEST_ENGINES=1` this binary runs itself once for each kind, by `scripts/with-engine`, which gives each run an
//! engine and a network of its own; `scripts/prepare-engines` fetches their programs.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use rustix::process::Signal;

use crate::Test;
use crate::support::catalog::Catalog;
use crate::support::docker_registry::DockerRegistry;
use crate::support::engine::Engine;

/// Which kind the engine of this run is.
const VARIABLE: &str = "PKG_TEST_ENGINE_KIND";

/// A kind of engine that `scripts/with-engine` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Podman,
    Graph,
    Containerd,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Podman, Self::Graph, Self::Containerd];

    fn name(self) -> &'static str {
        match self {
            Self::Podman => "podman",
            Self::Graph => "graph",
            Self::Containerd => "containerd",
        }
    }

    /// Finds the kind of the engine of this run; the machine's own engine has none.
    pub(crate) fn of_this_run() -> Option<Self> {
        let name = std::env::var(VARIABLE).ok()?;
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == name);
        Some(kind.unwrap_or_else(|| panic!("{VARIABLE} is no kind of engine: {name}")))
    }
}

/// Of the tests with the machine's engine, those that show most of what a user does.
const EVERYWHERE: &[&str] = &[
    "declared_images_and_templates_are_built_on_each_other",
    "what_was_made_while_the_engine_was_away_comes_into_it_and_is_tested_there",
    "a_declared_image_is_published_by_the_program_and_pulled_by_the_engine",
    "a_catalog_is_built_in_the_order_of_its_dependencies_and_tested",
    "a_second_run_does_nothing_and_a_new_version_rebuilds_what_depends_on_it",
    "a_broken_image_blocks_its_dependants_and_nothing_else",
    "a_failing_dockerfile_is_told_with_its_line",
    "a_child_is_built_on_the_parent_that_the_registry_has_and_not_on_a_stale_local_one",
    "what_something_else_built_under_a_label_is_not_published",
    "an_image_that_fails_its_test_is_not_published_until_the_test_passes",
    "what_is_built_is_published_and_can_be_pulled_back_by_digest",
    "a_wrong_password_is_told_before_anything_is_built",
    "nightly_and_snapshot_builds_have_the_time_in_their_tags_and_leave_latest_alone",
    "a_base_image_can_be_named_by_its_digest",
    "old_versions_go_children_before_parents_and_the_changelogs_stay",
];

/// What only Docker can.
const DOCKER: &[&str] = &[
    "an_interrupted_build_ends_soon_and_can_be_run_again",
    "a_step_gets_the_secrets_that_it_mounts_and_what_prints_them_is_hidden",
];

/// What the builder can that BuildKit replaces.
const CLASSIC: &[&str] = &["limits_hold_in_the_build_also_above_two_gibibytes"];

const OWN: &[Test] = &[
    (
        "it_is_an_engine_of_the_kind_that_was_asked_for",
        it_is_an_engine_of_the_kind_that_was_asked_for,
    ),
    (
        "another_image_under_a_parents_name_at_the_registry_is_not_built_on",
        another_image_under_a_parents_name_at_the_registry_is_not_built_on,
    ),
];

const OF_PODMAN: &[Test] = &[
    (
        "podman_mounts_no_secret_and_is_given_no_here_document_and_that_is_told",
        podman_mounts_no_secret_and_is_given_no_here_document_and_that_is_told,
    ),
    (
        "podman_ends_an_interrupted_build_with_its_step_and_that_is_told",
        podman_ends_an_interrupted_build_with_its_step_and_that_is_told,
    ),
];

const OF_CONTAINERD: &[Test] = &[(
    "on_the_containerd_store_limits_have_no_effect_and_that_is_told",
    on_the_containerd_store_limits_have_no_effect_and_that_is_told,
)];

/// Gives the tests for a kind of engine; `all` are those with the machine's engine.
pub(crate) fn tests_of(kind: Kind, all: &[&[Test]]) -> Vec<Test> {
    let (shared, own): (&[&[&str]], &[&[Test]]) = match kind {
        Kind::Podman => (&[EVERYWHERE, CLASSIC], &[OWN, OF_PODMAN]),
        Kind::Graph => (&[EVERYWHERE, DOCKER, CLASSIC], &[OWN]),
        Kind::Containerd => (&[EVERYWHERE, DOCKER], &[OWN, OF_CONTAINERD]),
    };
    let find = |name: &&str| {
        let test = all.iter().copied().flatten().find(|test| test.0 == *name);
        *test.unwrap_or_else(|| panic!("there is no test `{name}`"))
    };
    let shared = shared.iter().copied().flatten().map(find);
    shared
        .chain(own.iter().copied().flatten().copied())
        .collect()
}

/// Runs this binary with each kind of engine.
#[expect(
    clippy::print_stderr,
    reason = "the harness has no other way to say it"
)]
pub(crate) fn run_each() -> ExitCode {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/with-engine");
    let own = std::env::current_exe().expect("the path of this binary");
    let mut failed = Vec::new();
    for kind in Kind::ALL {
        eprintln!("with an engine of the kind `{}`:", kind.name());
        let status = Command::new(&script)
            .arg(kind.name())
            .arg(&own)
            .args(std::env::args_os().skip(1))
            .env(VARIABLE, kind.name())
            .env("PKG_TEST_ENGINE", "1")
            .env_remove("PKG_TEST_ENGINES")
            .status();
        if !status.expect("scripts/with-engine").success() {
            failed.push(kind.name());
        }
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("failed with these kinds of engines: {}", failed.join(", "));
    ExitCode::FAILURE
}

fn it_is_an_engine_of_the_kind_that_was_asked_for(engine: &Engine) {
    let version = engine.wait(engine.docker().version()).expect("a version");
    let info = engine.wait(engine.docker().info()).expect("facts");
    let mut components = version.components.iter().flatten();
    let is_podman = components.any(|component| component.name.starts_with("Podman"));
    let mut status = info.driver_status.iter().flatten().flatten();
    let is_containerd = status.any(|value| value == "io.containerd.snapshotter.v1");
    let kind = match (is_podman, is_containerd) {
        (true, _) => Kind::Podman,
        (false, true) => Kind::Containerd,
        (false, false) => Kind::Graph,
    };
    assert_eq!(Some(kind), Kind::of_this_run(), "{version:?}");
    let api = version.api_version.expect("the version of its API");
    let minor: u32 = api
        .strip_prefix("1.")
        .and_then(|it| it.parse().ok())
        .expect("1.x");
    // The machine's engine, and podman, have 1.41.
    assert!(is_podman || minor > 41, "{api}");
}

fn another_image_under_a_parents_name_at_the_registry_is_not_built_on(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = Catalog::new(engine).with_registry(registry.host(), "");
    let go = catalog.sandbox().path().join("go");
    let until_it_is_there = format!("until [ -e {} ]; do sleep 0.1; done", go.display());
    catalog
        .image("root", "1-1", &[], "FROM $BASE\nRUN echo root > /names")
        .test("root", &until_it_is_there)
        .image(
            "mid",
            "1-1",
            &["root"],
            "FROM $(root)\nRUN echo mid >> /names",
        )
        .image(
            "leaf",
            "1-1",
            &["mid"],
            "FROM $(mid)\nRUN echo leaf >> /names",
        );
    let run = catalog.start_build(&[]);
    run.wait_for("verifying ");
    for parent in ["root", "mid"] {
        engine.wait(registry.push(&engine.name(parent), "1-1"));
    }
    std::fs::write(&go, "").expect("a file");
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{}", ended.talk);
    assert_eq!(
        catalog.output_of("leaf", "cat /names"),
        "root\nmid\nleaf\n",
        "{}",
        ended.talk
    );
}

fn podman_mounts_no_secret_and_is_given_no_here_document_and_that_is_told(engine: &Engine) {
    let catalog = Catalog::new(engine);
    for (step, cause) in [
        (
            "RUN --mount=type=secret,id=npm true",
            "mounts a secret, which only BuildKit can, and this image is built by podman\n",
        ),
        (
            "RUN <<EOF\ntrue\nEOF",
            "has a here-document, which podman takes for nothing\n",
        ),
    ] {
        catalog.image("a", "1-1", &[], &format!("FROM $BASE\n{step}"));
        let output = catalog.build(&[]);
        output.assert_code(1);
        let cause = format!("/a 1-1: line 2 of the rendered Dockerfile {cause}");
        assert!(output.stderr.contains(&cause), "{}", output.stderr);
    }
}

fn podman_ends_an_interrupted_build_with_its_step_and_that_is_told(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let recipe = "FROM $BASE\nRUN echo begun && sleep 3\nRUN echo more";
    catalog.image("a", "1-1", &[], recipe);
    let run = catalog.start_build(&["--debug"]);
    run.wait_for("| begun");
    assert!(
        run.talk().contains(": [2/") || run.talk().contains(": [1/"),
        "the steps are told: {}",
        run.talk()
    );
    run.signal(Signal::INT);
    let ended = run.end();
    assert_eq!(ended.code, Some(130), "{}", ended.talk);
    let warning = "warning: podman ends a build only when its step ends";
    assert!(ended.talk.contains(warning), "{}", ended.talk);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(catalog.find_id("a", "1-1"), None);
    catalog.build(&[]).assert_code(0);
}

fn on_the_containerd_store_limits_have_no_effect_and_that_is_told(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN true")
        .settings("container_limits: \"memory=64m\"\n");
    let output = catalog.build(&[]);
    output.assert_code(0);
    let warning =
        "warning: `container_limits` have no effect: this engine keeps images in containerd";
    assert!(output.stderr.contains(warning), "{}", output.stderr);
}
