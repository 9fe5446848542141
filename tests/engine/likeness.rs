//! The engine of our own says and does what the real one does, as far as the program can tell.

use regex::Regex;

use crate::Test;
use crate::support::catalog::Catalog;
use crate::support::engine::Engine;
use crate::support::fake_engine::FakeEngine;
use crate::support::faulty_registry::FaultyRegistry;
use crate::support::sandbox::Output;

pub(crate) const TESTS: &[Test] = &[(
    "the_program_says_the_same_of_the_fake_engine",
    the_program_says_the_same_of_the_fake_engine,
)];

fn lay_out(catalog: &Catalog<'_>) {
    catalog
        .image("root", "1-1", &[], "FROM $BASE\nCOPY . /x")
        .image("leaf", "1-1", &["root"], "FROM $(root)\nCOPY . /y")
        .test("leaf", "true")
        .image(
            "join",
            "1-1",
            &["root", "leaf"],
            "FROM $(root) AS one\nFROM $(leaf)\nCOPY --from=one /bin/sh /sh",
        )
        .image("failing", "1-1", &["root"], "FROM $(root)\nCOPY missing /")
        .image("behind", "1-1", &["failing"], "FROM $(failing)\nUSER 8");
}

/// Runs a command with each engine, and checks that the same is said and the same exit code given.
#[track_caller]
fn alike(real: &Catalog<'_>, fake: &Catalog<'_>, arguments: &[&str]) {
    // The steps have other numbers, and a log has another place.
    let is_step = Regex::new(r"^\[\d+/\d+\] \S+ \S+: ").expect("a pattern");
    let said = |output: &Output| {
        let said = output.render();
        let lines = said.lines();
        let lines =
            lines.filter(|line| !is_step.is_match(line) && !line.contains("the whole log: "));
        lines.collect::<Vec<_>>().join("\n")
    };
    let (real, fake) = (real.pkg(arguments), fake.pkg(arguments));
    assert_eq!(said(&real), said(&fake), "{arguments:?}");
}

fn the_program_says_the_same_of_the_fake_engine(engine: &Engine) {
    let registries = [FaultyRegistry::start(), FaultyRegistry::start()];
    let own = FakeEngine::start();
    own.put_image(&engine.name("base:1"));
    let login = "username: ann\npassword: none\n";
    let real = Catalog::new(engine).with_registry(registries[0].host(), login);
    let fake = Catalog::new(engine)
        .with_registry(registries[1].host(), login)
        .with_variable("DOCKER_HOST", &own.address());
    lay_out(&real);
    lay_out(&fake);
    for arguments in [
        &["plan", "images"][..],
        &[
            "build",
            "--no-pull",
            "--info",
            "-j",
            "1",
            "--no-publish",
            "images",
        ],
        &["plan", "images"],
        &["build", "--no-pull", "--info", "-j", "1", "images"],
        &["list", "images"],
        &["verify", "leaf", "images"],
        &["publish", "images"],
        &["prune", "--dry-run", "images"],
    ] {
        alike(&real, &fake, arguments);
    }
    own.end();
    let absent = fake.pkg(&["plan", "images"]);
    absent.assert_code(4);
}
