//! Stamps in images of the engine: which values make an image anew, and which it only shows.

use std::collections::HashMap;

use crate::Test;
use crate::support::catalog::Catalog;
use crate::support::engine::Engine;

pub(crate) const TESTS: &[Test] = &[(
    "stable_stamps_make_images_anew_and_others_only_show_their_values",
    stable_stamps_make_images_anew_and_others_only_show_their_values,
)];

const SETTINGS: &str = "status_command: sh -c 'cat status'\nstamp_defaults: {STABLE_COMMIT: unknown, PIPELINE: none}\n";
const BOTH: &str = "FROM $BASE\nLABEL commit={{ stamp.STABLE_COMMIT }} pipeline={{ stamp.PIPELINE | tojson }} built={{ stamp.BUILD_TIMESTAMP }}\n\
                    RUN echo {{ stamp.PIPELINE }} > /pipeline";

fn labels(catalog: &Catalog<'_>, name: &str) -> HashMap<String, String> {
    let label = format!("{}:1-1", catalog.repository(name));
    let config = catalog.find(&label).expect("an image").config;
    config.and_then(|config| config.labels).expect("labels")
}

fn stable_stamps_make_images_anew_and_others_only_show_their_values(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog.settings(SETTINGS);
    catalog
        .image("both", "1-1", &[], BOTH)
        .image("leaf", "1-1", &["both"], "FROM $(both)\nRUN true")
        .image(
            "time",
            "1-1",
            &[],
            "FROM $BASE\nRUN echo {{ stamp.BUILD_TIMESTAMP }} > /time",
        );
    let status = |text: &str| {
        catalog.write("status", text.as_bytes());
    };
    let build = |more: &[&str], expected: &str| {
        let output = catalog.build(more);
        output.assert_code(0);
        assert!(
            output.stderr.contains(expected),
            "{expected}\n{}",
            output.stderr
        );
    };
    status("STABLE_COMMIT 4f2a91c0\nPIPELINE 7 \"a\"\nBUILD_TIMESTAMP 100\n");
    build(&["--stamp"], "3 built");
    let stamped = labels(&catalog, "both");
    for (key, value) in [
        ("commit", "4f2a91c0"),
        ("pipeline", "7 \"a\""),
        ("built", "100"),
    ] {
        assert_eq!(stamped[key], value, "{key}");
    }
    assert!(
        stamped["pkg.inputs"].ends_with(" =STABLE_COMMIT=4f2a91c0"),
        "{}",
        stamped["pkg.inputs"]
    );
    assert_eq!(catalog.output_of("time", "cat /time"), "100");

    status("STABLE_COMMIT 4f2a91c0\nPIPELINE 8\nBUILD_TIMESTAMP 200\n");
    build(&["--stamp"], "nothing to build: 3 already built");
    assert_eq!(labels(&catalog, "both")["pipeline"], "7 \"a\"");

    status("STABLE_COMMIT 91c04f2a\nPIPELINE 9\nBUILD_TIMESTAMP 300\n");
    let arguments = ["plan", "--stamp", "images", "--explain", "both"];
    let explained = catalog.pkg(&arguments);
    explained.assert_code(0);
    for told in [
        "build: `stamp.STABLE_COMMIT` and the rendered Dockerfile changed",
        "built from `stamp.STABLE_COMMIT` as 4f2a91c0, now 91c04f2a",
    ] {
        assert!(
            explained.stdout.contains(told),
            "{told}\n{}",
            explained.stdout
        );
    }
    let plan = catalog.pkg(&["plan", "--stamp", "images", "--json"]);
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).expect("JSON");
    let steps = plan["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["name"] == "both");
    let change = &step.expect("a step")["reason"]["changes"][0];
    assert_eq!(change["input"], "stamp.STABLE_COMMIT");
    assert_eq!(
        (&change["old"], &change["new"]),
        (&"4f2a91c0".into(), &"91c04f2a".into())
    );
    build(&["--stamp"], "2 built");
    assert_eq!(labels(&catalog, "both")["commit"], "91c04f2a");
    assert_eq!(labels(&catalog, "both")["pipeline"], "9");
    assert_eq!(catalog.output_of("time", "cat /time"), "100");

    // The constants count now, which differ in the stable key alone.
    build(&[], "2 built");
    assert_eq!(labels(&catalog, "both")["commit"], "unknown");
    assert_eq!(labels(&catalog, "both")["built"], "0");
    assert_eq!(catalog.output_of("time", "cat /time"), "100");
    build(&[], "nothing to build: 3 already built");
}
