//! Changes without an entry, by git.

use serde_json::Value as Json;

use super::{commit, committed, findings, fine, git};
use crate::support::sandbox::Sandbox;

/// Whether git shows a change without an entry.
#[track_caller]
fn changed(sandbox: &Sandbox, expected: &[&str]) {
    let found = findings(sandbox, "entry-missing");
    let images = found["findings"].as_array().expect("findings").iter();
    let images: Vec<_> = images
        .map(|one| one["image"].as_str().expect("a name"))
        .collect();
    assert_eq!(images, expected, "{found:#}");
    assert_eq!(found["unchecked"], serde_json::json!([]));
}

#[test]
fn a_change_after_the_last_entry_is_found_whether_it_is_committed_or_not() {
    let sandbox = committed(fine().file("images/tool/nested/notes", "a\n"));
    changed(&sandbox, &[]);
    let template = sandbox.read("images/tool/Dockerfile.template");
    let sandbox = sandbox.file(
        "images/tool/Dockerfile.template",
        &format!("{template}COPY nested /\n"),
    );
    changed(&sandbox, &["tool"]);
    commit(&sandbox, "Change the template");
    changed(&sandbox, &["tool"]);
    let sandbox = sandbox.changelog("images/tool", "tool (1.1-1)");
    changed(&sandbox, &[]);
    commit(&sandbox, "Add the entry");
    changed(&sandbox, &[]);
    let sandbox = sandbox.file("images/tool/nested/notes", "b\n");
    changed(&sandbox, &["tool"]);
}

#[test]
fn a_change_that_reaches_no_image_needs_no_entry() {
    let sandbox = committed(fine().image(
        "images/tool/inner",
        "inner (1)",
        "FROM scratch\nCOPY a* .\n",
    ))
    .file("images/tool/test.sh", "true\n")
    .file("images/tool/README.md", "Words\n")
    .file("images/notes", "Words\n")
    .file("images/tool/inner/b", "new\n");
    changed(&sandbox, &[]);
    let sandbox = sandbox.file("images/tool/inner/ab", "new\n");
    changed(&sandbox, &["inner"]);
}

#[test]
fn only_a_change_that_adds_an_entry_is_one() {
    let sandbox = committed(fine());
    let template = sandbox.read("images/tool/Dockerfile.template");
    let sandbox = sandbox.file(
        "images/tool/Dockerfile.template",
        &format!("{template}STOPSIGNAL 15\n"),
    );
    commit(&sandbox, "Change without an entry");
    let changelog = sandbox.read("images/tool/changelog");
    let sandbox = sandbox.file(
        "images/tool/changelog",
        &changelog.replace("Change.", "Changed."),
    );
    changed(&sandbox, &["tool"]);
    commit(&sandbox, "Mend a word");
    changed(&sandbox, &["tool"]);
    let sandbox = sandbox.file(
        "images/tool/changelog",
        &changelog.replace("Change.", "It changed."),
    );
    commit(&sandbox, "Mend it again");
    changed(&sandbox, &["tool"]);
    let sandbox = sandbox.file(
        "images/tool/changelog",
        &changelog.replace("(1.0-1)", "(1.1-1)"),
    );
    changed(&sandbox, &[]);
    commit(&sandbox, "Add an entry");
    let sandbox = sandbox.file(
        "images/tool/changelog",
        &changelog
            .replace("(1.0-1)", "(1.1-1)")
            .replace("Change.", "Words."),
    );
    changed(&sandbox, &[]);
}

#[test]
fn a_merge_counts_as_one_commit() {
    let sandbox = committed(fine());
    git(&sandbox, &["checkout", "--quiet", "-b", "side"]);
    let sandbox = sandbox.changelog("images/tool", "tool (1.1-1)");
    commit(&sandbox, "Entry first");
    let sandbox = sandbox.file("images/tool/control", "Package: tool\n");
    commit(&sandbox, "Change then");
    changed(&sandbox, &["tool"]);
    git(&sandbox, &["checkout", "--quiet", "main"]);
    git(
        &sandbox,
        &["merge", "--quiet", "--no-ff", "--no-edit", "side"],
    );
    changed(&sandbox, &[]);
}

#[test]
fn a_change_of_what_is_declared_is_worth_a_note() {
    let sandbox = committed(fine()).file("images/tool/control", "Package: tool\n");
    let found = findings(&sandbox, "entry-missing");
    assert_eq!(found["findings"][0]["severity"], "note");
    assert_eq!(
        found["findings"][0]["hint"],
        "it changes the order of builds and not the image: the next entry may as well tell of it"
    );
    let sandbox = sandbox.file("images/tool/Dockerfile.template", "FROM scratch\n");
    let found = findings(&sandbox, "entry-missing");
    assert_eq!(found["findings"][0]["severity"], "warning");
}

#[test]
fn a_change_that_lies_many_commits_back_is_found() {
    let sandbox = committed(fine());
    let sandbox = sandbox.file("images/tool/control", "Package: tool\n");
    commit(&sandbox, "Change without an entry");
    let sandbox = (1..=12).fold(sandbox, |sandbox, number| {
        let sandbox = sandbox.changelog("images/parent", &format!("parent (1.{number}-1)"));
        commit(&sandbox, "Entry of another image");
        sandbox
    });
    changed(&sandbox, &["tool"]);
}

#[test]
fn strange_names_of_files_are_no_obstacle() {
    let sandbox = committed(fine().image(
        "images/a [*] é\"x",
        "strange (1)",
        "FROM scratch\nCOPY . .\n",
    ));
    changed(&sandbox, &[]);
    let sandbox = sandbox.file("images/a [*] é\"x/ö \"q\" \\", "new\n");
    changed(&sandbox, &["strange"]);
    commit(&sandbox, "Change");
    changed(&sandbox, &["strange"]);
}

/// What is found of changes without an entry in another directory: the images with a finding, and those not checked.
#[track_caller]
fn elsewhere(sandbox: &Sandbox, directory: &str, expected: [&[&str]; 2]) -> String {
    let directory = format!("{directory}/images");
    let output = sandbox.pkg(&["audit", "--json", "--rule=entry-missing", &directory]);
    let found: Json = serde_json::from_str(&output.stdout).expect("JSON");
    for (key, expected) in ["findings", "unchecked"].into_iter().zip(expected) {
        let list = found[key].as_array().expect("a list").iter();
        let images: Vec<_> = list
            .map(|one| one["image"].as_str().expect("a name"))
            .collect();
        assert_eq!(images, expected, "{directory}: {key}");
    }
    found["unchecked"][0]["reason"].to_string()
}

#[test]
fn what_a_shallow_clone_cannot_tell_is_not_called_fine() {
    let file = "images/tool/Dockerfile.template";
    let sandbox = committed(fine());
    let changed = format!("{}STOPSIGNAL 15\n", sandbox.read(file));
    let sandbox = sandbox.file(file, &changed);
    commit(&sandbox, "Change without an entry");
    let sandbox = sandbox.file("notes", "Words\n");
    commit(&sandbox, "Something else");
    let origin = format!("file://{}", sandbox.path().display());
    for depth in ["1", "2", "3"] {
        let clone = ["clone", "--quiet", "--depth", depth, &origin, depth];
        git(&sandbox, &clone);
    }
    let reason = elsewhere(&sandbox, "1", [&[], &["parent", "tool"]]);
    assert!(reason.contains("only a part of the history"), "{reason}");
    assert!(reason.contains("git fetch --unshallow"), "{reason}");
    elsewhere(&sandbox, "2", [&[], &["parent", "tool"]]);
    // The first commit of all lacks nothing.
    elsewhere(&sandbox, "3", [&["tool"], &[]]);
    // What has changed since is known all the same.
    let sandbox = sandbox.file(&format!("1/{file}"), &format!("{changed}USER 33\n"));
    elsewhere(&sandbox, "1", [&["tool"], &["parent"]]);
}

#[test]
fn without_commits_everything_is_new() {
    let sandbox = fine();
    git(&sandbox, &["init", "--quiet"]);
    changed(&sandbox, &[]);
    let outside = findings(&fine(), "entry-missing");
    assert_eq!(outside["findings"], serde_json::json!([]));
    assert_eq!(outside["unchecked"].as_array().map(Vec::len), Some(2));
}
