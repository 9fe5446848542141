//! Building a catalog: order, doing nothing twice, failures that block what they must and nothing else.

use bollard::query_parameters::TagImageOptionsBuilder;

use crate::Test;
use crate::support::catalog::Catalog;
use crate::support::engine::Engine;

pub(crate) const TESTS: &[Test] = &[
    (
        "a_catalog_is_built_in_the_order_of_its_dependencies_and_tested",
        a_catalog_is_built_in_the_order_of_its_dependencies_and_tested,
    ),
    (
        "what_a_killed_run_left_on_the_engine_goes_with_a_later_one",
        what_a_killed_run_left_on_the_engine_goes_with_a_later_one,
    ),
    (
        "a_second_run_does_nothing_and_a_new_version_rebuilds_what_depends_on_it",
        a_second_run_does_nothing_and_a_new_version_rebuilds_what_depends_on_it,
    ),
    (
        "a_broken_image_blocks_its_dependants_and_nothing_else",
        a_broken_image_blocks_its_dependants_and_nothing_else,
    ),
    (
        "after_a_failure_fail_fast_begins_nothing_more",
        after_a_failure_fail_fast_begins_nothing_more,
    ),
    (
        "a_failing_dockerfile_is_told_with_its_line",
        a_failing_dockerfile_is_told_with_its_line,
    ),
    (
        "a_child_is_not_built_on_an_older_image_under_the_label_of_its_failed_parent",
        a_child_is_not_built_on_an_older_image_under_the_label_of_its_failed_parent,
    ),
    (
        "a_plan_shows_what_the_next_build_does_before_and_after_it",
        a_plan_shows_what_the_next_build_does_before_and_after_it,
    ),
];

/// Three levels: `root`; `left` and `right` on it; `leaf` on `left`, `tip` on both.
fn five_images(catalog: &Catalog<'_>) {
    catalog
        .image("root", "1-1", &[], "FROM $BASE\nRUN echo root > /names")
        .image(
            "left",
            "1-1",
            &["root"],
            "FROM $(root)\nRUN cat /names && echo left >> /names",
        )
        .image(
            "right",
            "1-1",
            &["root"],
            "FROM $(root)\nRUN echo right > /right",
        )
        .image(
            "leaf",
            "1-1",
            &["left"],
            "FROM $(left)\nRUN echo leaf >> /names",
        )
        .image(
            "tip",
            "1-1",
            &["left", "right"],
            "FROM $(right) AS right\nFROM $(left)\nCOPY --from=right /right /right",
        )
        .test("leaf", "echo \"testing $1\"");
}

const FIVE: [&str; 5] = ["root", "left", "right", "leaf", "tip"];

fn a_catalog_is_built_in_the_order_of_its_dependencies_and_tested(engine: &Engine) {
    let catalog = Catalog::new(engine);
    five_images(&catalog);
    let output = catalog.build(&["--debug"]);
    output.assert_code(0);
    assert_eq!(
        catalog.output_of("leaf", "cat /names"),
        "root\nleft\nleaf\n"
    );
    assert_eq!(
        catalog.output_of("tip", "cat /names /right"),
        "root\nleft\nright\n"
    );
    let tested = format!("testing {}:1-1", catalog.repository("leaf"));
    assert!(output.stderr.contains(&tested), "{}", output.stderr);
    let last = output.stderr.lines().last().expect("a summary");
    assert!(last.starts_with("5 built, 1 verified in "), "{last}");
    let image = catalog.find(&catalog.id("leaf", "1-1")).expect("an image");
    let labels = image.config.and_then(|config| config.labels);
    let labels = labels.expect("labels");
    let parent = format!(
        "{}:1-1@{}",
        catalog.repository("left"),
        catalog.id("left", "1-1")
    );
    assert_eq!(labels["pkg.parents"], parent);
    assert_eq!(labels["org.opencontainers.image.version"], "1-1");
    let [run] = &catalog.runs()[..] else {
        panic!("one run has one directory of logs: {:?}", catalog.runs())
    };
    for name in FIVE {
        let log = run.join(format!("{name}_1-1.log"));
        let text = std::fs::read_to_string(&log);
        let text = text.unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        assert!(text.contains(&format!("build {}", catalog.repository(name))));
    }
    assert_no_pins(engine);
}

/// Builds give parents a reference of their own for as long as they run.
pub(crate) fn assert_no_pins(engine: &Engine) {
    let pins = engine.all_names_of_its_images();
    let pins: Vec<_> = pins
        .iter()
        .filter(|name| name.starts_with("127.0.0.1:1/"))
        .collect();
    assert!(pins.is_empty(), "{pins:?}");
}

fn what_a_killed_run_left_on_the_engine_goes_with_a_later_one(engine: &Engine) {
    // Which run is long over does not depend on the date that is in images.
    let catalog = Catalog::new(engine).with_variable("SOURCE_DATE_EPOCH", "86400");
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUN true");
    catalog.build(&[]).assert_code(0);
    let run = &catalog.runs()[0];
    let run = run.file_name().expect("a name").to_str().expect("text");
    let (today, _) = run.split_once('-').expect("a day");
    assert!(today > "2020", "{run}");
    let repository = "127.0.0.1:1/pkg/parent";
    let tags = ["20201101-000000-1-00ff", &format!("{today}-000000-1-00ff")];
    for tag in tags {
        let tag = format!("{}.{tag}", "0".repeat(64));
        let options = TagImageOptionsBuilder::new().repo(repository).tag(&tag);
        let image = catalog.id("a", "1-1");
        let tagging = engine.docker().tag_image(&image, Some(options.build()));
        engine.wait(tagging).expect("a tag");
    }
    catalog.build(&[]).assert_code(0);
    let left = engine.all_names_of_its_images();
    let left: Vec<_> = left
        .iter()
        .filter_map(|name| name.strip_prefix(repository))
        .collect();
    // One that began today may still be at work.
    assert_eq!(left, [format!(":{}.{}", "0".repeat(64), tags[1])]);
}

fn a_second_run_does_nothing_and_a_new_version_rebuilds_what_depends_on_it(engine: &Engine) {
    let catalog = Catalog::new(engine);
    five_images(&catalog);
    catalog.build(&[]).assert_code(0);
    let ids = || FIVE.map(|name| catalog.find_id(name, "1-1"));
    let before = ids();
    let output = catalog.build(&[]);
    output.assert_code(0);
    assert_eq!(output.stderr, "nothing to build: 5 already built\n");
    assert_eq!(ids(), before);
    catalog.version("right", "1-2");
    let output = catalog.build(&[]);
    output.assert_code(0);
    let last = output.stderr.lines().last().expect("a summary");
    assert!(
        last.starts_with("2 built, 3 already built in "),
        "{}",
        output.stderr
    );
    let after = ids();
    assert_eq!(after[..4], before[..4]);
    assert_ne!(after[4], before[4], "tip is built on right");
    assert!(catalog.find_id("right", "1-2").is_some());
}

fn a_broken_image_blocks_its_dependants_and_nothing_else(engine: &Engine) {
    let catalog = Catalog::new(engine);
    five_images(&catalog);
    let lines = "i=1; while [ $i -le 40 ]; do echo line $i; i=$((i+1)); done; exit 7";
    catalog.image(
        "left",
        "1-1",
        &["root"],
        &format!("FROM $(root)\nRUN {lines}"),
    );
    let output = catalog.build(&[]);
    output.assert_code(1);
    let talk = &output.stderr;
    let namespace = engine.namespace();
    assert!(
        talk.contains(&format!("✗ failed to build {namespace}/left 1-1: ")),
        "{talk}"
    );
    assert!(talk.contains("…` ended with exit code 7"), "{talk}");
    assert!(talk.contains("│ line 40\n"), "{talk}");
    assert!(!talk.contains("│ line 20\n"), "{talk}");
    let blocked =
        format!("– blocked by {namespace}/left 1-1: {namespace}/leaf 1-1, {namespace}/tip 1-1\n");
    assert!(talk.contains(&blocked), "{talk}");
    let last = talk.lines().last().expect("a summary");
    assert!(
        last.starts_with("2 built, 1 failed, 2 blocked in "),
        "{talk}"
    );
    let built = FIVE.map(|name| catalog.find_id(name, "1-1").is_some());
    assert_eq!(built, [true, false, true, false, false]);
    let path = talk
        .lines()
        .find_map(|line| line.trim().strip_prefix("the whole log: "));
    let log = std::fs::read_to_string(path.expect("the path of the log")).expect("the log");
    for n in 1..=40 {
        assert!(log.contains(&format!("line {n}\n")), "{log}");
    }
    assert_no_pins(engine);
}

fn after_a_failure_fail_fast_begins_nothing_more(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image("a-broken", "1-1", &[], "FROM $BASE\nRUN false")
        .image("above", "1-1", &["a-broken"], "FROM $(a-broken)\nRUN true")
        .image("b", "1-1", &[], "FROM $BASE\nRUN true")
        .image("c", "1-1", &[], "FROM $BASE\nRUN true");
    let output = catalog.build(&["--fail-fast", "-j1"]);
    output.assert_code(1);
    for name in ["b", "c", "above"] {
        assert_eq!(catalog.find_id(name, "1-1"), None, "{}", output.stderr);
    }
    let last = output.stderr.lines().last().expect("a summary");
    assert!(
        last.starts_with("1 failed, 1 blocked, 2 not begun in "),
        "{last}"
    );
}

fn a_failing_dockerfile_is_told_with_its_line(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog.image("a", "1-1", &[], "FROM $BASE\nCOPY missing /there");
    let output = catalog.build(&[]);
    output.assert_code(1);
    let cause = "/a 1-1: `COPY missing /there`: ";
    assert!(output.stderr.contains(cause), "{}", output.stderr);
    catalog.image("a", "1-1", &[], "FROM $BASE\nRUNN true");
    let output = catalog.build(&[]);
    output.assert_code(1);
    assert!(output.stderr.contains("RUNN"), "{}", output.stderr);
}

fn a_child_is_not_built_on_an_older_image_under_the_label_of_its_failed_parent(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image("parent", "1-1", &[], "FROM $BASE\nRUN exit 3")
        .image("grand", "1-2", &[], "FROM $BASE\nRUN echo new > /new")
        .image(
            "child",
            "1-1",
            &["parent"],
            "FROM $(parent)\nRUN echo built",
        );
    // What a run left that was cut between building and testing, or that somebody built by hand.
    catalog.tag(
        &engine.name("base:1"),
        &catalog.repository("parent"),
        "latest",
    );
    catalog.tag(&engine.name("base:1"), &catalog.repository("parent"), "1-0");
    let output = catalog.build(&[]);
    output.assert_code(1);
    assert_eq!(catalog.find_id("child", "1-1"), None);

    // The same with the very label: the parent is there, out of date, and its rebuild fails.
    catalog
        .image("parent", "1-1", &["grand"], "FROM $(grand)\nRUN exit 3")
        .version("grand", "1-3");
    catalog.tag(&engine.name("base:1"), &catalog.repository("parent"), "1-1");
    let stale = catalog.id("parent", "1-1");
    let output = catalog.build(&[]);
    output.assert_code(1);
    let blocked = format!(
        "– blocked by {0}/parent 1-1: {0}/child 1-1\n",
        engine.namespace()
    );
    assert!(output.stderr.contains(&blocked), "{}", output.stderr);
    assert_eq!(catalog.find_id("child", "1-1"), None);
    assert_eq!(catalog.id("parent", "1-1"), stale);
}

/// Runs a command and shows its output without the namespace, whose length the widths of columns follow.
fn shown(engine: &Engine, catalog: &Catalog<'_>, arguments: &[&str]) -> String {
    let output = catalog.pkg(arguments);
    output.assert_code(0);
    let shown = output.render().replace(engine.namespace(), "NAMESPACE");
    let columns = regex::Regex::new("  +").expect("a pattern");
    columns.replace_all(&shown, "  ").into_owned()
}

/// Gives the steps of the plan as JSON: name, action, kind of the reason.
fn steps_as_json(catalog: &Catalog<'_>) -> Vec<String> {
    let output = catalog.pkg(&["plan", "--json", "images"]);
    output.assert_code(0);
    let json: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    let steps = json["steps"].as_array().expect("steps").iter();
    let word = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let steps = steps.map(|step| {
        [&step["name"], &step["action"], &step["reason"]["kind"]]
            .map(word)
            .join(" ")
    });
    steps.collect()
}

fn a_plan_shows_what_the_next_build_does_before_and_after_it(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image("root", "1-1", &[], "FROM $BASE\nRUN true")
        .image("leaf", "1-1", &["root"], "FROM $(root)\nRUN true");
    let plan = shown(engine, &catalog, &["plan", "images"]);
    snapbox::assert_data_eq!(
        &plan,
        snapbox::str![[r#"
WHAT  IMAGE  WHY
build  NAMESPACE/root:1-1  not built
build  NAMESPACE/leaf:1-1  not built
[exit status: 0]
[EOF]

"#]]
    );
    let dry_run = shown(engine, &catalog, &["build", "--dry-run", "images"]);
    assert_eq!(dry_run, plan);
    assert_eq!(engine.images(), [engine.name("base:1")]);
    let expected = ["root build not-built", "leaf build not-built"];
    assert_eq!(steps_as_json(&catalog), expected);
    catalog.build(&[]).assert_code(0);
    snapbox::assert_data_eq!(
        shown(engine, &catalog, &["plan", "images"]),
        snapbox::str![[r#"
------- stderr -------
nothing to do: 2 already built
[exit status: 0]
[EOF]

"#]]
    );
    let expected = ["root skip built", "leaf skip built"];
    assert_eq!(steps_as_json(&catalog), expected);
    catalog.version("root", "1-2");
    snapbox::assert_data_eq!(
        shown(engine, &catalog, &["build", "--dry-run", "images"]),
        snapbox::str![[r#"
WHAT  IMAGE  WHY
build  NAMESPACE/root:1-2  not built
build  NAMESPACE/leaf:1-1  root is rebuilt
[exit status: 0]
[EOF]

"#]]
    );
}
