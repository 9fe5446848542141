//! Twelve ways in which secrets come in, and eight places where none of them may come out.
//!
//! Each source is used by real runs: one in which the registry takes the login, and one in which it refuses and repeats
//! what it was sent. `PKG_TEST_ALL_SECRETS=1 cargo test --test engine -- none_of_12_secrets
//! --nocapture` prints the whole table.

mod needle;
mod sinks;
mod sources;

use std::fmt::Write as _;

use crate::Test;
use crate::support::catalog::Catalog;
use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;
use needle::Needle;
use sinks::{SINKS, Sinks};
use sources::{Case, SOURCES, Taken};

pub(crate) const TESTS: &[Test] = &[
    (
        "none_of_12_secrets_comes_out_in_any_of_8_places",
        none_of_12_secrets_comes_out_in_any_of_8_places,
    ),
    (
        "a_secret_that_does_come_out_is_found_in_each_place",
        a_secret_that_does_come_out_is_found_in_each_place,
    ),
    (
        "a_step_gets_the_secrets_that_it_mounts_and_what_prints_them_is_hidden",
        a_step_gets_the_secrets_that_it_mounts_and_what_prints_them_is_hidden,
    ),
    (
        "a_secret_that_a_step_requires_and_nobody_gives_is_told_before_anything_is_built",
        a_secret_that_a_step_requires_and_nobody_gives_is_told_before_anything_is_built,
    ),
    (
        "the_classic_builder_mounts_no_secret_and_that_is_told",
        the_classic_builder_mounts_no_secret_and_that_is_told,
    ),
];

/// Writes down what a test of an image can see.
const TEST: &str = "mkdir -p seen\nps axww > seen/processes.$$\nenv | tee seen/environment.$$\n\
                    cat /proc/$PPID/cmdline > seen/parent.$$";

fn none_of_12_secrets_comes_out_in_any_of_8_places(engine: &Engine) {
    let mut table = format!(
        "{:22}{}\n",
        "",
        SINKS.map(|sink| format!("{sink:11}")).concat()
    );
    // A login that is refused takes other ways: `PKG_TEST_ALL_SECRETS=1` tries these too.
    let is_whole = std::env::var("PKG_TEST_ALL_SECRETS").is_ok_and(|value| value == "1");
    let asked: &[Taken] = if is_whole {
        &[Taken::Yes, Taken::No]
    } else {
        &[Taken::Yes]
    };
    let (mut cells, mut hits) = (0, Vec::new());
    for (name, prepare) in SOURCES {
        let mut found = [None; 8];
        for &taken in asked {
            let number = cells + usize::from(taken == Taken::No);
            let needle = Needle::new(&format!("pkgleak{}n{number}x", std::process::id()));
            let case = prepare(engine, &needle, taken);
            let sinks = use_everywhere(engine, &case, taken);
            let here = sinks.search(&needle);
            for (i, form) in here.iter().enumerate() {
                if let Some(form) = form {
                    hits.push(format!(
                        "{name}, {}: {form}\n{}",
                        SINKS[i],
                        sinks.text(SINKS[i])
                    ));
                }
            }
            found = std::array::from_fn(|i| found[i].or(here[i]));
        }
        cells += found.len();
        let row = found.map(|form| format!("{:11}", form.unwrap_or("-")));
        writeln!(table, "{name:22}{}", row.concat()).expect("a text");
    }
    let count = hits.len();
    print(&format!("{table}{cells} cells, {count} hits"));
    assert_eq!(cells, 96);
    assert!(hits.is_empty(), "{table}\n{}", hits.join("\n"));
}

#[expect(clippy::print_stdout, reason = "the table is what is to be seen")]
fn print(table: &str) {
    println!("{table}");
}

/// Runs every command that can meet a secret, and takes in all that they leave.
fn use_everywhere(engine: &Engine, case: &Case<'_>, taken: Taken) -> Sinks {
    let mut sinks = Sinks::default();
    let mut run = |arguments: &[&str]| {
        let is_offered = ["build", "publish", "plan", "list"]
            .iter()
            .any(|command| arguments.contains(command));
        let more = if is_offered { case.options } else { &[] };
        sinks.run(&case.catalog, &[arguments, more].concat(), &case.input)
    };
    run(&["--debug", "plan", "images"]);
    run(&["plan", "--json", "images"]);
    let built = run(&["--debug", "build", "--no-pull", "images"]);
    run(&["list", "--json", "images"]);
    run(&["list", "images"]);
    let published = if case.publishes {
        run(&["--debug", "publish", "images"])
    } else {
        Some(0)
    };
    run(&["build", "--no-pull", "--dry-run", "--json", "images"]);
    run(&["render", "a", "images"]);
    run(&["audit", "images"]);
    run(&["verify", "a", "images"]);
    let expected = match taken {
        Taken::Yes => case.code,
        Taken::No => built,
    };
    assert_eq!(built, expected, "{}", sinks.text("stderr"));
    if taken == Taken::Yes {
        assert_eq!(published, Some(0), "{}", sinks.text("stderr"));
    }
    sinks.collect_files(&case.catalog, &case.own_files);
    sinks.collect_image(engine, &case.catalog, "a");
    if taken == Taken::Yes {
        let is_hidden = sinks.text("stderr").contains("***") && sinks.text("logs").contains("***");
        assert_eq!(is_hidden, case.is_printed, "{}", sinks.text("stderr"));
    }
    sinks
}

fn a_secret_that_does_come_out_is_found_in_each_place(engine: &Engine) {
    let needle = Needle::new("pkgleakcanary7x");
    let word = needle.word();
    let sandbox = sources::with_temporary_directory(Sandbox::new());
    let home = sandbox.home().display().to_string();
    let catalog = Catalog::in_sandbox(engine, sandbox);
    catalog
        .image(
            word,
            "1-1",
            &[],
            &format!("FROM $BASE\nRUN echo {word} > /file"),
        )
        .test(
            word,
            &format!("{TEST}\nsh -c 'sleep 0.2; true' {word}\ntouch {home}/tmp/{word}"),
        );
    catalog.image(
        "other",
        "1-1",
        &[],
        "FROM $BASE\nRUN echo cGtnbGVha2NhbmFyeTd4Cg==",
    );
    let mut sinks = Sinks::default();
    sinks.run(&catalog, &["--debug", "build", "--no-pull", "images"], "");
    sinks.run(&catalog, &["list", "--offline", "images"], "");
    sinks.run(&catalog, &["list", "--offline", "--json", "images"], "");
    sinks.collect_files(&catalog, &[]);
    sinks.collect_image(engine, &catalog, word);
    let found = sinks.search(&needle);
    for (sink, form) in SINKS.iter().zip(found) {
        assert_eq!(form, Some("plain"), "{sink}: {}", sinks.text(sink));
    }
    let mut hidden = Sinks::default();
    hidden.run(&catalog, &["render", "other", "images"], "");
    let encoded = hidden.search(&needle);
    assert_eq!(encoded[0], Some("base64"), "{}", hidden.text(SINKS[0]));
}

fn a_step_gets_the_secrets_that_it_mounts_and_what_prints_them_is_hidden(engine: &Engine) {
    let sandbox = Sandbox::new()
        .home_file("key", "first-line-of-it\n\nsecond-line-of-it\n")
        .env("NPM_TOKEN", "hush-hush-hush");
    let catalog = Catalog::in_sandbox(engine, sandbox);
    catalog
        .image(
            "a",
            "1-1",
            &[],
            "FROM $BASE\n\
             RUN --mount=type=secret,id=npm,required --mount=type=secret,id=key,target=/root/key,mode=0400 \
             cat /run/secrets/npm /root/key && echo aHVzaC1odXNoLWh1c2g= && \
             test \"$(busybox md5sum < /root/key)\" = '68f66baf0b73b98c2c31228577613116  -'\n\
             RUN test ! -e /run/secrets/npm && test ! -s /root/key\n\
             RUN --mount=type=secret,id=other test ! -e /run/secrets/other",
        )
        .image("b", "1-1", &[], "FROM $BASE\nRUN --mount=type=secret,id=key test ! -e /run/secrets/key")
        .settings(
            "secrets:\n  npm: {env: NPM_TOKEN}\n  key: {file: ~/key, images: [a]}\n  unused: {env: NOWHERE}\n",
        );
    let output = catalog.build(&["--debug"]);
    output.assert_code(0);
    let kept = catalog
        .everything_kept()
        .replace("first-line-of-it\n\nsecond-line-of-it\n", "");
    for text in [&output.stderr, &kept] {
        assert!(text.contains("***"), "{text}");
        for secret in ["hush-hush", "line-of-it", "aHVzaC1odXNoLWh1c2g"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
}

fn a_secret_that_a_step_requires_and_nobody_gives_is_told_before_anything_is_built(
    engine: &Engine,
) {
    let catalog = Catalog::new(engine);
    let step = "FROM $BASE\nRUN --mount=type=secret,id=npm,required true";
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN true")
        .image("b", "1-1", &[], step)
        .image(
            "c",
            "1-1",
            &[],
            "FROM $BASE\nRUN --mount=type=secret,id=key true",
        )
        .settings("secrets:\n  npm: {env: NPM_TOKEN, images: [other]}\n  key: {file: nowhere}\n");
    let output = catalog.build(&[]);
    output.assert_code(1);
    output.assert_snapshot(snapbox::str![[r#"
------- stderr -------
error: a step needs the secret `npm`, which the settings do not give to this image
  --> images/b/Dockerfile.template:2
hint: name where its value is: `secrets: {npm: {env: VARIABLE}}`
error: the secret `key` cannot be read
  --> config.yaml:5:3
caused by: cannot read nowhere: No such file or directory (os error 2)
[exit status: 1]
[EOF]

"#]]);
    assert_eq!(catalog.find_id("a", "1-1"), None);
}

fn the_classic_builder_mounts_no_secret_and_that_is_told(engine: &Engine) {
    let catalog = Catalog::new(engine);
    catalog
        .image(
            "a",
            "1-1",
            &[],
            "FROM $BASE\nRUN --mount=type=secret,id=npm true",
        )
        .settings("container_limits: \"cpushares=512\"\n");
    let output = catalog.build(&[]);
    output.assert_code(1);
    let cause = "line 2 of the rendered Dockerfile mounts a secret, which only BuildKit can";
    assert!(output.stderr.contains(cause), "{}", output.stderr);
}
