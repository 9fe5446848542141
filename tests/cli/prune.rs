//! `pkg prune`, as far as it goes without an engine.

use snapbox::str;

use crate::support::sandbox::Sandbox;

fn without_engine() -> Sandbox {
    Sandbox::with_settings().env("DOCKER_HOST", "unix:///nowhere/docker.sock")
}

#[test]
fn without_an_engine() {
    let sandbox = without_engine().diamond();
    for more in [&[][..], &["--dry-run"]] {
        sandbox
            .pkg(&[&["prune", "images"], more].concat())
            .assert_snapshot(str![[r#"
------- stderr -------
error: no Docker engine answers at unix:///nowhere/docker.sock
caused by: Socket not found: /nowhere/docker.sock
hint: start the engine, or name another one with DOCKER_HOST
[exit status: 4]
[EOF]

"#]]);
    }
}

/// Three declared versions of `static` on the shelf, the last of which is the catalog's, and two of `other`.
fn with_shelf() -> Sandbox {
    let changelog = |name: &str, version: &str| {
        format!(
            "{name} ({version}) stable; urgency=medium\n\n  * A change.\n\n -- Ann <ann@example.org>  \
             Fri, 20 Nov 2026 10:00:00 +0000\n"
        )
    };
    let settings = "registry: r.example.org\nnamespace: base\n";
    let mut sandbox = Sandbox::new().env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    for (name, version) in [
        ("static", "1-1"),
        ("static", "1-2"),
        ("other", "1-1"),
        ("static", "1-3"),
        ("other", "1-2"),
    ] {
        let directory = format!("images/{name}");
        let recipe = "layers: [{source: hello, target: /hello}]\n";
        sandbox = sandbox
            .file("config.yaml", "namespace: base\n")
            .file(&format!("{directory}/changelog"), &changelog(name, version))
            .file(&format!("{directory}/image.yaml"), recipe)
            .file(&format!("{directory}/hello"), "hello\n");
        sandbox.pkg(&["build", "images"]).assert_code(0);
    }
    // The same names at a registry are other images.
    let sandbox = sandbox.file("config.yaml", settings);
    sandbox.pkg(&["prune", "images"]).assert_code(0);
    sandbox.file("config.yaml", "namespace: base\n")
}

fn shelved(sandbox: &Sandbox) -> Vec<String> {
    let places = std::fs::read_dir(sandbox.home().join(".cache/pkg/images-1")).expect("a shelf");
    let names = places.map(|place| place.expect("a place").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let mut versions: Vec<_> = names
        .filter_map(|name| name.rsplit_once('-').map(|(version, _)| version.to_owned()))
        .collect();
    versions.sort();
    versions
}

#[test]
fn versions_on_the_shelf_go_without_an_engine_and_the_changelogs_stay() {
    let sandbox = with_shelf();
    let all = [
        "other_1-1",
        "other_1-2",
        "static_1-1",
        "static_1-2",
        "static_1-3",
    ];
    let planned = sandbox.pkg(&["prune", "--dry-run", "images"]);
    planned.assert_code(0);
    let rows: Vec<String> = planned
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(rows.len(), 4, "{}", planned.stdout);
    let why = "the version is 1-3; this one is on the shelf";
    assert!(
        rows.iter()
            .any(|row| row.starts_with("remove static 1-1 ") && row.ends_with(why))
    );
    assert!(
        planned.stderr.starts_with("3 to remove, up to "),
        "{}",
        planned.stderr
    );
    assert_eq!(shelved(&sandbox), all);

    let json = sandbox.pkg(&["prune", "--dry-run", "--json", "images"]);
    json.assert_code(0);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    let shelf = json["shelf"].as_array().expect("the shelf");
    let of = |key: &str| -> Vec<_> { shelf.iter().map(|tag| tag[key].clone()).collect() };
    assert_eq!(of("action").iter().filter(|it| **it == "remove").count(), 3);
    assert!(
        of("reference").contains(&"base/other:1-2".into()),
        "{json:#}"
    );
    assert_eq!(json["tags"], serde_json::json!([]));

    let select = sandbox.pkg(&["prune", "--select", "*/other:*", "images"]);
    select.assert_code(0);
    assert_eq!(shelved(&sandbox), all[1..]);
    let done = sandbox.pkg(&["prune", "images"]);
    done.assert_code(0);
    for line in [
        "✓ removed base/static 1-1 on the shelf\n",
        "✓ removed base/static 1-2 on the shelf\n",
    ] {
        assert!(done.stderr.contains(line), "{}", done.stderr);
    }
    assert_eq!(shelved(&sandbox), ["other_1-2", "static_1-3"]);
    let again = sandbox.pkg(&["prune", "images"]);
    again.assert_code(0);
    assert_eq!(again.stderr, "nothing to remove\n");
}

#[test]
fn without_an_engine_what_only_one_knows_is_told_once_and_the_shelf_is_pruned() {
    let sandbox = with_shelf().image("images/app", "app (1.0-1)", "FROM scratch\n");
    let output = sandbox.pkg(&["prune", "images"]);
    output.assert_code(4);
    assert_eq!(shelved(&sandbox), ["other_1-2", "static_1-3"]);
    let expected = "\
warning: only an engine knows which versions of `app` are there
caused by: no Docker engine answers at unix:///nowhere/docker.sock
caused by: Socket not found: /nowhere/docker.sock
hint: start the engine, or name another one with DOCKER_HOST
";
    assert!(output.stderr.ends_with(expected), "{}", output.stderr);
}

#[test]
fn faults_of_the_catalog_come_before_the_engine() {
    without_engine()
        .dependent("images/app", "app (1.0-1)", "nothing")
        .pkg(&["prune", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: image `app` needs `nothing`, which no directory provides
  --> images/app/control:2
hint: give the directory that holds it as well, or list it in `base_images`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn without_directories() {
    without_engine().pkg(&["prune"]).assert_snapshot(str![[r#"
------- stderr -------
error: the following required arguments were not provided:
  <DIR>...

Usage: pkg prune <DIR>...

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn nightlies_that_no_tag_can_hold() {
    let sandbox = without_engine().diamond();
    let pkg = |id: &str| sandbox.pkg(&["prune", "--nightly", id, "images"]);
    pkg("2026/11").assert_snapshot(str![[r#"
------- stderr -------
error: invalid value '2026/11' for '--nightly <ID>': no tag holds a `/`

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
    pkg("").assert_snapshot(str![[r#"
------- stderr -------
error: invalid value '' for '--nightly <ID>': an ID is needed, such as 20261121

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
    let long = "1".repeat(127);
    let output = pkg(&long);
    output.assert_code(2);
    assert!(
        output.stderr.contains("it is too long for a tag"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_nightly_that_is_too_long_behind_one_version() {
    let id = "1".repeat(120);
    let output = without_engine()
        .image("images/a", "a (1.0-1)", "FROM scratch\n")
        .image("images/b", "b (1.0-1.long-version)", "FROM scratch\n")
        .pkg(&["prune", "--nightly", &id, "images"]);
    let shown = output.render().replace(&id, "ID");
    snapbox::assert_data_eq!(
        shown,
        str![[r#"
------- stderr -------
error: `registry.example.org/base/b:1.0-1.long-version-ID` is no image reference
  --> images/b/changelog:1
caused by: `1.0-1.long-version-ID` is too long for a tag: 128 characters at most
[exit status: 1]
[EOF]

"#]]
    );
}

#[test]
fn json_without_a_dry_run() {
    without_engine()
        .diamond()
        .pkg(&["prune", "--json", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: the following required arguments were not provided:
  --dry-run

Usage: pkg prune --dry-run --json <DIR>...

For more information, try '--help'.
[exit status: 2]
[EOF]

"#]]);
}
