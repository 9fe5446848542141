//! Stamps in images of the engine: which values make an image anew, and which it only shows.

use std::collections::HashMap;

use crate::Test;
use crate::support::catalog::Catalog;
use crate::support::engine::Engine;

pub(crate) const TESTS: &[Test] = &[
    (
        "stamps_that_are_not_stable_show_their_values_and_make_no_image_anew",
        stamps_that_are_not_stable_show_their_values_and_make_no_image_anew,
    ),
    (
        "another_stable_stamp_makes_images_anew_and_a_plan_tells_both_values",
        another_stable_stamp_makes_images_anew_and_a_plan_tells_both_values,
    ),
];

const SETTINGS: &str = "status_command: sh -c 'cat status'\nstamp_defaults: {STABLE_COMMIT: unknown, PIPELINE: none}\n";
/// A value with all that means something in a Dockerfile.
const PIPELINE: &str = "7 \"a\" & \\n \u{fc} $HOME `b`";
const BOTH: &str = "FROM $BASE\nLABEL commit={{ stamp.STABLE_COMMIT }} pipeline={{ stamp.PIPELINE | docker_quote }} built={{ stamp.BUILD_TIMESTAMP }}\n\
                    ARG PIPELINE={{ stamp.PIPELINE | docker_quote }}\nRUN printf %s \"$PIPELINE\" > /pipeline";

fn labels(catalog: &Catalog<'_>, name: &str) -> HashMap<String, String> {
    let label = format!("{}:1-1", catalog.repository(name));
    let config = catalog.find(&label).expect("an image").config;
    config.and_then(|config| config.labels).expect("labels")
}

/// Lays out an image with all stamps, one on it, and one with the time alone; all are built with a first status.
fn stamped(engine: &Engine) -> Catalog<'_> {
    let catalog = Catalog::new(engine);
    catalog.settings(SETTINGS);
    let time = "FROM $BASE\nRUN echo {{ stamp.BUILD_TIMESTAMP }} > /time";
    catalog
        .image("both", "1-1", &[], BOTH)
        .image("leaf", "1-1", &["both"], "FROM $(both)\nRUN true")
        .image("time", "1-1", &[], time)
        .write(
            "status",
            b"STABLE_COMMIT 4f2a91c0\nPIPELINE 7 \"a\" & \\n \xc3\xbc $HOME `b`\nBUILD_TIMESTAMP 100\n",
        );
    build(&catalog, &["--stamp"], "3 built");
    catalog
}

#[track_caller]
fn build(catalog: &Catalog<'_>, more: &[&str], expected: &str) {
    let output = catalog.build(more);
    output.assert_code(0);
    let told = output.stderr;
    assert!(told.contains(expected), "{expected}\n{told}");
}

fn stamps_that_are_not_stable_show_their_values_and_make_no_image_anew(engine: &Engine) {
    let catalog = stamped(engine);
    let shown = labels(&catalog, "both");
    let expected = [
        ("commit", "4f2a91c0"),
        ("pipeline", PIPELINE),
        ("built", "100"),
    ];
    for (key, value) in expected {
        assert_eq!(shown[key], value, "{key}");
    }
    let inputs = &shown["pkg.inputs"];
    assert!(inputs.ends_with(" =STABLE_COMMIT=4f2a91c0"), "{inputs}");
    assert_eq!(catalog.output_of("time", "cat /time"), "100\n");
    let status = b"STABLE_COMMIT 4f2a91c0\nPIPELINE 8\nBUILD_TIMESTAMP 200\n";
    catalog.write("status", status);
    build(&catalog, &["--stamp"], "nothing to build: 3 already built");
    assert_eq!(labels(&catalog, "both")["pipeline"], PIPELINE);
    assert_eq!(catalog.output_of("both", "cat /pipeline"), PIPELINE);
}

fn another_stable_stamp_makes_images_anew_and_a_plan_tells_both_values(engine: &Engine) {
    let catalog = stamped(engine);
    let status = b"STABLE_COMMIT 91c04f2a\nPIPELINE 9\nBUILD_TIMESTAMP 300\n";
    catalog.write("status", status);
    let explained = catalog.pkg(&["plan", "--stamp", "images", "--explain", "both"]);
    explained.assert_code(0);
    for told in [
        "build: `stamp.STABLE_COMMIT` and the rendered Dockerfile changed",
        "built from `stamp.STABLE_COMMIT` as 4f2a91c0, now 91c04f2a",
    ] {
        let shown = &explained.stdout;
        assert!(shown.contains(told), "{told}\n{shown}");
    }
    let plan = catalog.pkg(&["plan", "--stamp", "images", "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).expect("JSON");
    let mut steps = plan["steps"].as_array().expect("steps").iter();
    let step = steps.find(|step| step["name"] == "both").expect("a step");
    let change = &step["reason"]["changes"][0];
    assert_eq!(change["input"], "stamp.STABLE_COMMIT");
    assert_eq!(change["old"], "4f2a91c0");
    assert_eq!(change["new"], "91c04f2a");
    build(&catalog, &["--stamp"], "2 built");
    assert_eq!(labels(&catalog, "both")["commit"], "91c04f2a");
    assert_eq!(labels(&catalog, "both")["pipeline"], "9");
    assert_eq!(catalog.output_of("time", "cat /time"), "100\n");

    // The constants count now, which differ in the stable key alone.
    build(&catalog, &[], "2 built");
    assert_eq!(labels(&catalog, "both")["commit"], "unknown");
    assert_eq!(labels(&catalog, "both")["built"], "0");
    assert_eq!(catalog.output_of("time", "cat /time"), "100\n");
    build(&catalog, &[], "nothing to build: 3 already built");
}
