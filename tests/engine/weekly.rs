//! `weekly-update.sh` from end to end: a bare git repository, a registry, the engine, and an image that breaks.

use super::Test;
use super::support::catalog::Catalog;
use super::support::docker_registry::DockerRegistry;
use super::support::engine::Engine;
use super::support::sandbox::{Output, Sandbox};

pub(super) const TESTS: &[Test] = &[
    (
        "the_weekly_update_publishes_and_pushes_what_works_and_puts_back_what_fails",
        the_weekly_update_publishes_and_pushes_what_works_and_puts_back_what_fails,
    ),
    (
        "the_weekly_update_leaves_everything_as_it_was_where_it_cannot_know",
        the_weekly_update_leaves_everything_as_it_was_where_it_cannot_know,
    ),
    (
        "the_weekly_update_goes_on_top_of_what_somebody_pushed_meanwhile",
        the_weekly_update_goes_on_top_of_what_somebody_pushed_meanwhile,
    ),
    (
        "what_the_weekly_update_cannot_commit_or_push_is_kept_and_named",
        what_the_weekly_update_cannot_commit_or_push_is_kept_and_named,
    ),
    (
        "the_weekly_update_works_from_below_the_top_and_beside_what_a_run_left_behind",
        the_weekly_update_works_from_below_the_top_and_beside_what_a_run_left_behind,
    ),
    (
        "without_an_author_the_weekly_update_does_not_begin",
        without_an_author_the_weekly_update_does_not_begin,
    ),
];

/// Runs the program, and once it has told what is published, what a test has prepared for this moment.
const MEANWHILE: &str = "#!/bin/sh
\"$REAL_PKG\" \"$@\"
code=$?
case \" $* \" in
  *' list --only published '*) [ ! -e ../meanwhile ] || sh ../meanwhile >&2 ;;
esac
exit $code
";

/// A catalog in a clone of a bare repository, all of it published.
fn cloned<'e>(engine: &'e Engine, registry: &DockerRegistry) -> Catalog<'e> {
    let sandbox = Sandbox::new().program("pkg-meanwhile", MEANWHILE);
    let catalog = Catalog::in_sandbox(engine, sandbox)
        .with_variable("REAL_PKG", env!("CARGO_BIN_EXE_pkg"))
        .with_variable("PKG", "pkg-meanwhile")
        .with_variable("REFRESH", "--all")
        .with_variable("BUILD", "--no-pull")
        .with_registry(registry.host(), "username: u\npassword: p\n");
    catalog
        .image("bottom", "1-1", &[], "FROM $BASE\nRUN true")
        .image(
            "broken",
            "1-1",
            &["bottom"],
            "FROM $(bottom)\nCOPY works /works",
        )
        .write("images/broken/works", b"")
        .image("child", "1-1", &["broken"], "FROM $(broken)\nRUN true")
        .image("fine", "1-1", &["bottom"], "FROM $(bottom)\nRUN true");
    let settings =
        "[user]\nname = Image Bot\nemail = bot@example.org\n[init]\ndefaultBranch = main\n";
    std::fs::write(catalog.sandbox().home().join(".gitconfig"), settings).expect("a file");
    git(&catalog, &["init", "--quiet", "--bare", "../bare.git"]);
    git(&catalog, &["init", "--quiet"]);
    git(&catalog, &["add", "."]);
    git(&catalog, &["commit", "--quiet", "--message", "Begin"]);
    git(&catalog, &["remote", "add", "origin", "../bare.git"]);
    git(
        &catalog,
        &["push", "--quiet", "--set-upstream", "origin", "main"],
    );
    catalog.build(&[]).assert_code(0);
    catalog
}

fn git(catalog: &Catalog<'_>, arguments: &[&str]) -> String {
    let output = catalog.sandbox().run("git", arguments);
    output.assert_code(0);
    output.stdout.clone()
}

fn weekly_update(catalog: &Catalog<'_>) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/weekly-update.sh");
    catalog.sandbox().run(script, &["./images/"])
}

/// The versions that the bare repository has.
fn pushed(catalog: &Catalog<'_>) -> Vec<String> {
    let versions = ["bottom", "broken", "child", "fine"].map(|name| {
        let changelog = format!("main:images/{name}/changelog");
        let text = git(catalog, &["--git-dir=../bare.git", "show", &changelog]);
        text.lines()
            .next()
            .expect("a header")
            .split(' ')
            .nth(1)
            .expect("a version")
            .to_owned()
    });
    versions.into()
}

fn the_weekly_update_publishes_and_pushes_what_works_and_puts_back_what_fails(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = cloned(engine, &registry);
    std::fs::remove_file(catalog.sandbox().path().join("images/broken/works")).expect("a file");
    git(
        &catalog,
        &["commit", "--quiet", "--all", "--message", "Break it"],
    );
    git(&catalog, &["push", "--quiet"]);

    let output = weekly_update(&catalog);
    output.assert_code(1);
    assert_eq!(
        pushed(&catalog),
        ["(1-1-20261121)", "(1-1)", "(1-1)", "(1-1-20261121)"],
        "{}",
        output.render()
    );
    assert_eq!(git(&catalog, &["status", "--porcelain"]), "");
    let commit = git(
        &catalog,
        &["--git-dir=../bare.git", "log", "-1", "--format=%an%n%B"],
    );
    assert_eq!(
        commit.trim(),
        "Image Bot\nWeekly rebuild of 2 images\n\nbottom fine"
    );
    assert!(
        output.stdout.contains(": bottom fine\n"),
        "{}",
        output.render()
    );
    let told = "weekly-update: not published, with the changelogs as before: broken child\n";
    assert!(output.stderr.ends_with(told), "{}", output.render());
    catalog
        .pkg(&["list", "--only", "published", "--print", "name", "images"])
        .assert_code(0);

    // Again on the same day: what went out has the version of the day and gets another one.
    let output = weekly_update(&catalog);
    output.assert_code(1);
    assert_eq!(
        pushed(&catalog),
        ["(1-1-20261121.1)", "(1-1)", "(1-1)", "(1-1-20261121.1)"]
    );

    // Mended, everything goes out.
    catalog.write("images/broken/works", b"");
    git(&catalog, &["add", "."]);
    git(&catalog, &["commit", "--quiet", "--message", "Mend it"]);
    let output = weekly_update(&catalog);
    output.assert_code(0);
    let versions = pushed(&catalog);
    assert_eq!(
        versions[1..3],
        ["(1-1-20261121)", "(1-1-20261121)"],
        "{}",
        output.render()
    );
}

fn the_weekly_update_leaves_everything_as_it_was_where_it_cannot_know(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = cloned(engine, &registry);
    let before = pushed(&catalog);
    let unchanged = |output: &Output| {
        assert_eq!(pushed(&catalog), before, "{}", output.render());
        assert_eq!(git(&catalog, &["log", "--oneline"]).lines().count(), 1);
    };

    // Somebody is in the middle of a change.
    catalog.write("images/fine/notes", b"");
    let output = weekly_update(&catalog);
    output.assert_code(1);
    unchanged(&output);
    std::fs::remove_file(catalog.sandbox().path().join("images/fine/notes")).expect("a file");

    // Another run is at work.
    let lock = catalog.sandbox().path().join(".git/weekly-update.lock");
    let lock = std::fs::File::create(lock).expect("a file");
    lock.try_lock().expect("nobody holds it");
    let output = weekly_update(&catalog);
    output.assert_code(1);
    assert!(
        output.stderr.contains("another run is at work here"),
        "{}",
        output.render()
    );
    unchanged(&output);
    drop(lock);

    // The registry is gone.
    drop(registry);
    let output = weekly_update(&catalog);
    output.assert_code(4);
    unchanged(&output);
    assert_eq!(git(&catalog, &["status", "--porcelain"]), "");
}

fn the_weekly_update_works_from_below_the_top_and_beside_what_a_run_left_behind(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = cloned(engine, &registry);
    catalog.write("below/notes", b"");
    git(&catalog, &["add", "below"]);
    git(&catalog, &["commit", "--quiet", "--message", "Notes"]);
    git(&catalog, &["push", "--quiet"]);
    // What goes on after a run keeps nobody from the next one.
    catalog.write(
        "../meanwhile",
        b"sleep 300 > /dev/null 2>&1 & echo $! > ../pid",
    );
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/weekly-update.sh");
    let from_below = format!("cd below && CONFIG=../config.yaml {script} ../images");
    let output = catalog.sandbox().run("sh", &["-c", &from_below]);
    output.assert_code(0);
    assert_pushed(&catalog, "(1-1-20261121)", &output);
    std::fs::remove_file(catalog.sandbox().path().join("../meanwhile")).expect("a file");
    let again = weekly_update(&catalog);
    catalog
        .sandbox()
        .run("sh", &["-c", "kill $(cat ../pid)"])
        .assert_code(0);
    again.assert_code(0);
    assert_pushed(&catalog, "(1-1-20261121.1)", &again);
    let outside = catalog.sandbox().run(script, &["../elsewhere"]);
    outside.assert_code(1);
    assert!(
        outside.stderr.contains("is not in this repository"),
        "{}",
        outside.stderr
    );
}

/// Has somebody push a change of a file after the images are published.
fn push_meanwhile(catalog: &Catalog<'_>, change: &str) {
    let script = format!(
        "set -e; rm -rf ../other; git clone --quiet ../bare.git ../other; cd ../other; {change}
git add .; git commit --quiet --message Meanwhile; git push --quiet; rm ../meanwhile"
    );
    catalog.write("../meanwhile", script.as_bytes());
}

#[track_caller]
fn assert_pushed(catalog: &Catalog<'_>, expected: &str, output: &Output) {
    let versions = pushed(catalog);
    assert!(
        versions.iter().all(|version| version == expected),
        "{versions:?}, {}",
        output.render()
    );
    assert_eq!(git(catalog, &["status", "--porcelain"]), "");
}

fn the_weekly_update_goes_on_top_of_what_somebody_pushed_meanwhile(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = cloned(engine, &registry);
    push_meanwhile(&catalog, "echo words > README.md");
    let output = weekly_update(&catalog);
    output.assert_code(0);
    assert_pushed(&catalog, "(1-1-20261121)", &output);
    let subjects = git(
        &catalog,
        &["--git-dir=../bare.git", "log", "--format=%s", "main"],
    );
    assert_eq!(subjects, "Weekly rebuild of 4 images\nMeanwhile\nBegin\n");
    assert_eq!(
        output.stderr.matches("rejected").count(),
        0,
        "{}",
        output.render()
    );

    // The same changelog: what went out stays committed here, and it is said what to do.
    push_meanwhile(&catalog, "sed -i s/1-1-20261121/9-1/ images/fine/changelog");
    let output = weekly_update(&catalog);
    output.assert_code(1);
    let told = "but it cannot be pushed: git pull --rebase, git push\n";
    assert!(output.stderr.ends_with(told), "{}", output.render());
    assert_eq!(pushed(&catalog)[3], "(9-1)");
    assert_eq!(git(&catalog, &["status", "--porcelain"]), "");
    let mine = git(&catalog, &["log", "-1", "--format=%s"]);
    assert_eq!(mine, "Weekly rebuild of 4 images\n");
    // Nothing is published before that is settled.
    let output = weekly_update(&catalog);
    output.assert_code(1);
    let told = "weekly-update: the repository cannot be pulled: git pull --rebase\n";
    assert!(output.stderr.ends_with(told), "{}", output.render());
    assert_eq!(git(&catalog, &["log", "-1", "--format=%s"]), mine);
}

fn what_the_weekly_update_cannot_commit_or_push_is_kept_and_named(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = cloned(engine, &registry);
    let before = pushed(&catalog);
    let executable = |path: &str, text: &str| {
        catalog.write(path, text.as_bytes());
        let output = catalog.sandbox().run("chmod", &["+x", path]);
        output.assert_code(0);
    };

    // The remote repository refuses.
    executable(
        "../bare.git/hooks/pre-receive",
        "#!/bin/sh\necho closed today\nexit 1\n",
    );
    let output = weekly_update(&catalog);
    output.assert_code(1);
    assert!(
        output.stderr.contains("closed today"),
        "{}",
        output.render()
    );
    let told = "but it cannot be pushed: git pull --rebase, git push\n";
    assert!(output.stderr.ends_with(told), "{}", output.render());
    assert_eq!(pushed(&catalog), before);
    assert_eq!(git(&catalog, &["status", "--porcelain"]), "");
    // The next run brings it along, although somebody else has pushed.
    std::fs::remove_file(
        catalog
            .sandbox()
            .path()
            .join("../bare.git/hooks/pre-receive"),
    )
    .expect("a file");
    push_meanwhile(&catalog, "echo words > README.md");
    catalog
        .sandbox()
        .run("sh", &["../meanwhile"])
        .assert_code(0);
    let output = weekly_update(&catalog);
    output.assert_code(0);
    assert_pushed(&catalog, "(1-1-20261121.1)", &output);

    // The commit is refused: what is published keeps its changelogs here, and the next run does not begin.
    executable(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n");
    let output = weekly_update(&catalog);
    output.assert_code(1);
    let told = "published, and not committed: bottom broken child fine; \
                their changelogs are changed here: git add, git commit, git push\n";
    assert!(output.stderr.ends_with(told), "{}", output.render());
    let waiting = git(&catalog, &["diff", "HEAD", "--name-only"]);
    assert_eq!(waiting.lines().count(), 4);
    let output = weekly_update(&catalog);
    output.assert_code(1);
    assert!(
        output.stderr.contains("changes that are not committed"),
        "{}",
        output.render()
    );
}

fn without_an_author_the_weekly_update_does_not_begin(engine: &Engine) {
    let registry = DockerRegistry::start();
    let catalog = cloned(engine, &registry);
    let settings = catalog.sandbox().home().join(".gitconfig");
    std::fs::write(&settings, "[user]\nuseConfigOnly = true\n").expect("a file");
    let output = weekly_update(&catalog);
    output.assert_code(1);
    assert!(
        output.stderr.contains("git does not know who commits here"),
        "{}",
        output.render()
    );
    assert!(output.stdout.is_empty(), "{}", output.render());
}
