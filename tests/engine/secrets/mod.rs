//! Twelve ways in which secrets come in, and eight places where none of them may come out.
//!
//! Each source is used by real runs: one in which the registry takes the login, and one in which it refuses and repeats
//! what it was sent. `PKG_TEST_ALL_SECRETS=1 cargo test --test engine -- none_of_12_secrets
//! --nocapture` prints the whole table.

mod needle;
mod sinks;
mod sources;

use std::fmt::Write as _;

use base64::Engine as _;

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
        "a_secret_in_an_argument_is_refused_with_the_way_out",
        a_secret_in_an_argument_is_refused_with_the_way_out,
    ),
    (
        "a_recipe_that_holds_the_value_of_a_secret_is_refused",
        a_recipe_that_holds_the_value_of_a_secret_is_refused,
    ),
    (
        "what_is_doubtful_about_secrets_is_told_before_anything_is_built",
        what_is_doubtful_about_secrets_is_told_before_anything_is_built,
    ),
    (
        "a_test_that_prints_a_secret_is_hidden_by_verify_too",
        a_test_that_prints_a_secret_is_hidden_by_verify_too,
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
    if let Some(test) = &case.later_test {
        case.catalog.test("a", test);
        assert_eq!(run(&["--debug", "build", "--no-pull", "images"]), built);
    }
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
             cat /run/secrets/npm /root/key && busybox base64 /run/secrets/npm && \
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
error: a step of `b` needs the secret `npm`, which the settings do not give to it
  --> images/b/Dockerfile.template:2
hint: name where its value is: `secrets: {npm: {env: VARIABLE}}`
error: `c` needs the secret `key`, which cannot be read
  --> config.yaml:5:3
caused by: cannot read nowhere: No such file or directory (os error 2)
[exit status: 1]
[EOF]

"#]]);
    assert_eq!(catalog.find_id("a", "1-1"), None);
}

fn a_secret_in_an_argument_is_refused_with_the_way_out(engine: &Engine) {
    let catalog = Catalog::new(engine);
    let token = format!("ghp_{}", "a".repeat(36));
    let recipe = format!(
        "ARG GIT=https://ann:hush@git.example.org/\nFROM $BASE\n\
         ARG PLAIN=1\nENV A=1 TOKEN={token}\nENV KEY=\"-----BEGIN RSA PRIVATE KEY-----\"\nRUN true"
    );
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN true")
        .image("b", "1-1", &[], &recipe)
        .image(
            "c",
            "1-1",
            &[],
            "FROM $BASE\nARG PASSWORD\nENV TOKEN=$PASSWORD\nRUN true",
        );
    let output = catalog.build(&[]);
    output.assert_code(1);
    assert_eq!(catalog.find_id("a", "1-1"), None);
    assert!(!output.stderr.contains("hush"), "{}", output.stderr);
    assert!(!output.stderr.contains(&token), "{}", output.stderr);
    output.assert_snapshot(snapbox::str![[r#"
------- stderr -------
error: `ARG GIT` would put an address with a password into `b` and its history
  --> images/b/Dockerfile.template:1
hint: name where its value is with `secrets:`, and mount it where it is needed: `RUN --mount=type=secret,id=…`
hint: if it is no secret, say so in the template: `{# audit: allow secret-in-history because … #}`
error: `ENV TOKEN` would put a token into `b` and its history
  --> images/b/Dockerfile.template:4
hint: name where its value is with `secrets:`, and mount it where it is needed: `RUN --mount=type=secret,id=…`
hint: if it is no secret, say so in the template: `{# audit: allow secret-in-history because … #}`
error: `ENV KEY` would put a private key into `b` and its history
  --> images/b/Dockerfile.template:5
hint: name where its value is with `secrets:`, and mount it where it is needed: `RUN --mount=type=secret,id=…`
hint: if it is no secret, say so in the template: `{# audit: allow secret-in-history because … #}`
[exit status: 1]
[EOF]

"#]]);
    let allowed = format!("{{# audit: allow secret-in-history it is a sample #}}{recipe}");
    catalog.image("b", "1-1", &[], &allowed);
    catalog.build(&[]).assert_code(0);
    catalog.image("b", "1-2", &[], &recipe);
    let settings = catalog.settings("audit: {exclude: [{rule: secret-in-history, image: b}]}\n");
    settings.build(&[]).assert_code(0);
}

fn a_recipe_that_holds_the_value_of_a_secret_is_refused(engine: &Engine) {
    let sandbox = Sandbox::new().env("NPM_TOKEN", "hush-hush-hush");
    let catalog = Catalog::in_sandbox(engine, sandbox);
    let encoded = base64::engine::general_purpose::STANDARD.encode("ann:hush-hush-hush");
    catalog
        .image(
            "a",
            "1-1",
            &[],
            "FROM $BASE\nARG NPM_TOKEN=hush-hush-hush\nRUN true",
        )
        .image(
            "b",
            "1-1",
            &[],
            &format!("FROM $BASE\n# x\nRUN true {encoded}"),
        )
        .image(
            "c",
            "1-1",
            &[],
            "FROM $BASE\nENV URL=https://registry.example.org/\nRUN true hush-hush",
        )
        .write(
            "key",
            b"registry=https://registry.example.org/\n//registry.example.org/:_authToken=x1y2z3\n",
        )
        .settings("secrets:\n  npm: {env: NPM_TOKEN}\n  key: {file: key}\n  none: {env: NONE}\n");
    let output = catalog.build(&[]);
    output.assert_code(1);
    output.assert_snapshot(snapbox::str![[r#"
------- stderr -------
error: the value of the secret `npm` stands in `a`, and would be in the image and its history
  --> images/a/Dockerfile.template:2
hint: take it out, and mount the secret where it is needed: `RUN --mount=type=secret,id=npm`
error: the value of the secret `npm` stands in `b`, and would be in the image and its history
  --> images/b/Dockerfile.template:3
hint: take it out, and mount the secret where it is needed: `RUN --mount=type=secret,id=npm`
[exit status: 1]
[EOF]

"#]]);
    catalog.build(&["--select", "*/c:*"]).assert_code(0);
}

fn what_is_doubtful_about_secrets_is_told_before_anything_is_built(engine: &Engine) {
    let sandbox = Sandbox::new().env("PIN", "1234");
    let catalog = Catalog::in_sandbox(engine, sandbox);
    catalog
        .image(
            "a",
            "1-1",
            &[],
            "FROM $BASE\nRUN --mount=type=secret,id=pin --mount=type=secret,id=npm true",
        )
        .settings("secrets:\n  pin: {env: PIN}\n  key: {env: KEY, images: [\"web-*\"]}\n");
    let output = catalog.build(&[]);
    output.assert_code(0);
    for warning in [
        "warning: the secret `key` is for `web-*`, which matches no image\n  --> config.yaml:",
        "warning: a step of `a` mounts the secret `npm`, which the settings do not give to it: it \
         runs without\n  --> images/a/Dockerfile.template:2\nhint: ",
        "warning: the secret `pin` is too short to be hidden where something prints it: under 6 \
         characters\n  --> config.yaml:",
    ] {
        assert!(output.stderr.contains(warning), "{}", output.stderr);
    }
}

fn a_test_that_prints_a_secret_is_hidden_by_verify_too(engine: &Engine) {
    let sandbox = Sandbox::new().env("NPM_TOKEN", "hush-hush-hush");
    let catalog = Catalog::in_sandbox(engine, sandbox);
    catalog
        .image("a", "1-1", &[], "FROM $BASE\nRUN true")
        .settings("secrets:\n  npm: {env: NPM_TOKEN}\n");
    catalog.build(&[]).assert_code(0);
    catalog.test("a", "echo it is hush-hush-hush; exit 5");
    // A run that only tests what an earlier one built is no other thing.
    for arguments in [["build", "--no-pull", "images"], ["verify", "a", "images"]] {
        let output = catalog.pkg(&arguments);
        output.assert_code(1);
        for text in [&output.stderr, &catalog.everything_kept()] {
            assert!(!text.contains("hush"), "{text}");
        }
        assert!(output.stderr.contains("it is ***"), "{}", output.stderr);
    }
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
