//! What people set in git, and how repositories differ.

use serde_json::Value as Json;

use super::{commit, committed, fine, git};
use crate::support::sandbox::Sandbox;

/// A repository in which one image has a change without an entry.
fn changed(sandbox: Sandbox) -> Sandbox {
    let sandbox = committed(sandbox);
    let template = sandbox.read("images/tool/Dockerfile.template");
    let sandbox = sandbox.file(
        "images/tool/Dockerfile.template",
        &format!("{template}STOPSIGNAL 15\n"),
    );
    commit(&sandbox, "Change without an entry");
    // Another change of the changelog, which is no entry.
    let changelog = sandbox.read("images/tool/changelog");
    let sandbox = sandbox.file(
        "images/tool/changelog",
        &changelog.replace("Change.", "Changed."),
    );
    commit(&sandbox, "Mend a word");
    sandbox
}

#[track_caller]
fn finds_the_change(sandbox: &Sandbox, directory: &str, what: &str) {
    let output = sandbox.pkg(&["audit", "--json", "--rule", "entry-missing", directory]);
    let found: Json = serde_json::from_str(&output.stdout).expect("JSON");
    let images = found["findings"].as_array().expect("findings").iter();
    let images: Vec<_> = images.map(|one| one["image"].clone()).collect();
    assert_eq!(images, ["tool"], "{what}: {found:#}");
    assert_eq!(found["unchecked"], serde_json::json!([]), "{what}");
}

#[test]
fn what_people_set_for_their_own_eyes_changes_nothing() {
    let sandbox = changed(fine());
    for setting in [
        "color.ui=always",
        "core.fsmonitor=true",
        "core.fsmonitor=/bin/false",
        "core.quotePath=true",
        "diff.external=/bin/false",
        "diff.noprefix=true",
        "diff.relative=true",
        "diff.renames=copies",
        "log.diffMerges=off",
        "log.follow=true",
        "log.mailmap=true",
        "log.showRoot=false",
        "log.showSignature=true",
        "status.showUntrackedFiles=no",
    ] {
        let (name, value) = setting.split_once('=').expect("a setting");
        git(&sandbox, &["config", name, value]);
        finds_the_change(&sandbox, "images", setting);
        git(&sandbox, &["config", "--unset", name]);
    }
}

#[test]
fn what_is_said_of_a_changelog_as_a_kind_of_file_changes_nothing() {
    for attributes in [
        "changelog -diff\n",
        "changelog binary\n",
        "changelog diff=x\n",
    ] {
        let sandbox = changed(fine()).file(".gitattributes", attributes);
        git(
            &sandbox,
            &["config", "diff.x.textconv", "echo 'tool (9) d; u=l' #"],
        );
        finds_the_change(&sandbox, "images", attributes);
    }
}

#[test]
fn work_trees_submodules_and_long_names_of_commits_are_no_obstacle() {
    let sandbox = changed(fine());
    git(&sandbox, &["worktree", "add", "--quiet", "../tree"]);
    finds_the_change(&sandbox, "../tree/images", "another work tree");

    git(&sandbox, &["init", "--quiet", "../outer"]);
    let local = ["-C", "../outer", "-c", "protocol.file.allow=always"];
    let add = ["submodule", "--quiet", "add", "../work", "all/inner"];
    git(&sandbox, &[&local[..], &add].concat());
    finds_the_change(&sandbox, "../outer/all", "a submodule below the directory");
    git(
        &sandbox,
        &["-C", "../outer", "commit", "--quiet", "--message", "Add"],
    );
    finds_the_change(&sandbox, "../outer/all", "a submodule that is committed");

    let sandbox = changed(fine().env("GIT_DEFAULT_HASH", "sha256"));
    finds_the_change(&sandbox, "images", "names of 256 bits");
}

#[test]
fn what_the_history_of_a_clone_does_not_reach_is_not_called_fine() {
    let sandbox = changed(fine());
    git(
        &sandbox,
        &[
            "clone",
            "--quiet",
            "--depth",
            "1",
            &format!("file://{}", sandbox.path().display()),
            "../shallow",
        ],
    );
    let audit = ["audit", "--rule", "entry-missing", "../shallow/images"];
    sandbox.pkg(&audit).assert_snapshot(snapbox::str![[r#"
------- stderr -------
could not check `entry-missing` of 2 images: this clone has only a part of the history: `git fetch --unshallow` brings the rest
2 images: nothing found
[exit status: 0]
[EOF]

"#]]);
    git(
        &sandbox,
        &["-C", "../shallow", "fetch", "--quiet", "--unshallow"],
    );
    finds_the_change(&sandbox, "../shallow/images", "the whole history");
}
