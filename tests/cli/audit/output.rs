//! What an audit prints, changes, and takes from the settings.

use std::path::Path;

use serde_json::Value as Json;
use snapbox::str;

use super::{SETTINGS, committed, findings, fine};
use crate::support::sandbox::Sandbox;

/// Images with faults of several severities, one of them unreadable.
fn faulty() -> Sandbox {
    fine()
        .file("images/broken/changelog", "Changes\n")
        .file("images/broken/Dockerfile.template", "FROM scratch\n")
        .file("images/tool/control", "Package: tools\n")
        .file(
            "images/tool/Dockerfile.template",
            "FROM {{ \"parent\" | image_tag }} AS build\n\nFROM {{ \"bookworm\" | image_tag }}\nUSER {{ \"nobody\" | uid }}\nEXPOSE 80\n",
        )
}

#[test]
fn findings_are_told_by_image_with_their_places() {
    faulty()
        .pkg(&["audit", "images"])
        .assert_snapshot(str![[r#"
images/broken
  error: the changelog cannot be read: expected an entry, which begins with `name (version) distribution; urgency=…`, not `Changes` [changelog-unreadable]
    --> images/broken/changelog:1

tool
  warning: `parent` is used, and `control` does not declare it [dependency-undeclared]
    --> images/tool/Dockerfile.template:1
    hint: add it to `Build-Depends`
  note: this image serves a port, and it has no test [test-missing]
    --> images/tool/Dockerfile.template:5
  warning: the changelog names this image `tool`, and `Package` says `tools` [name-differs]
    --> images/tool/control:1
    --> images/tool/changelog:1
    hint: the changelog counts: write its name in `Package` as well
------- stderr -------
could not check 25 rules of `images/broken`: the changelog cannot be read
could not check `entry-missing` of 3 images: the directory is in no git repository
3 images: 1 error, 2 warnings, 1 note; `--fix` mends 2
[exit status: 3]
[EOF]

"#]]);
}

#[test]
fn nothing_found_and_nothing_unchecked_is_said_so() {
    let sandbox = committed(fine());
    sandbox.pkg(&["audit", "images"]).assert_snapshot(str![[r#"
------- stderr -------
2 images: nothing found
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn json_tells_what_was_found_and_what_could_not_be_checked() {
    faulty()
        .pkg(&[
            "audit",
            "--json",
            "--rule=name-differs",
            "--rule=version-order",
            "images",
        ])
        .assert_snapshot(str![[r#"
{
  "version": 1,
  "images": 3,
  "counts": {
    "error": 0,
    "warning": 1,
    "note": 0
  },
  "findings": [
    {
      "rule": "name-differs",
      "severity": "warning",
      "image": "tool",
      "message": "the changelog names this image `tool`, and `Package` says `tools`",
      "places": [
        {
          "file": "images/tool/control",
          "line": 1,
          "column": null
        },
        {
          "file": "images/tool/changelog",
          "line": 1,
          "column": null
        }
      ],
      "hint": "the changelog counts: write its name in `Package` as well",
      "fixable": true
    }
  ],
  "unchecked": [
    {
      "rule": "name-differs",
      "image": "images/broken",
      "reason": "the changelog cannot be read"
    },
    {
      "rule": "version-order",
      "image": "images/broken",
      "reason": "the changelog cannot be read"
    }
  ],
  "inapplicable": []
}
------- stderr -------
could not check 2 rules of `images/broken`: the changelog cannot be read
3 images: 1 warning; `--fix` mends 1
[exit status: 3]
[EOF]

"#]]);
}

#[test]
fn the_severity_that_fails_is_chosen() {
    let note = fine().file("images/tool/changelog", "tool (1.0-1) stable; urgency=low\n\n  * x\n\n -- A <a@x.org>  Fri, 20 Nov 2026 12:00:00 +0000");
    note.pkg(&["audit", "images"]).assert_code(0);
    note.pkg(&["audit", "--fail-on", "note", "images"])
        .assert_code(3);
    let warning = fine().file("images/tool/control", "Package: x\n");
    warning.pkg(&["audit", "images"]).assert_code(3);
    warning
        .pkg(&["audit", "--fail-on", "error", "images"])
        .assert_code(0);
    faulty()
        .pkg(&["audit", "--fail-on", "error", "images"])
        .assert_code(3);
}

/// What SARIF 2.1.0 requires (sections 3.13, 3.14, 3.18, 3.19, 3.27 and 3.29), and what GitHub asks for beyond it.
#[test]
fn sarif_has_what_the_format_requires() {
    let output = faulty().pkg(&["audit", "--format", "sarif", "images"]);
    output.assert_code(3);
    let sarif: Json = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    assert!(
        sarif["$schema"]
            .as_str()
            .expect("a schema")
            .ends_with("sarif-schema-2.1.0.json")
    );
    let run = &sarif["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "pkg");
    let rules = driver["rules"].as_array().expect("rules");
    for rule in rules {
        assert!(rule["id"].is_string() && rule["shortDescription"]["text"].is_string());
        assert!(rule["help"]["text"].is_string());
    }
    let results = run["results"].as_array().expect("results");
    assert_eq!(results.len(), 4);
    for result in results {
        let index = result["ruleIndex"].as_u64().expect("an index");
        let index = usize::try_from(index).expect("a small number");
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().expect("a level")));
        assert!(
            !result["message"]["text"]
                .as_str()
                .expect("a message")
                .is_empty()
        );
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().expect("a path");
        assert!(uri.starts_with("images/"), "{uri}");
        assert!(place["region"]["startLine"].as_u64().expect("a line") > 0);
    }
    let invocation = &run["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], true);
    let notes = invocation["toolExecutionNotifications"]
        .as_array()
        .expect("notes");
    assert!(notes.iter().all(|note| note["message"]["text"].is_string()));
    assert!(!notes.is_empty());
}

#[test]
fn junit_has_a_suite_for_each_image() {
    faulty()
        .pkg(&[
            "audit",
            "--format",
            "junit",
            "--rule",
            "name-differs",
            "--rule",
            "test-missing",
            "images",
        ])
        .assert_snapshot(str![[r#"
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="pkg audit" tests="5" failures="1" errors="0" skipped="2">
  <testsuite name="images/broken" tests="2" failures="0" errors="0" skipped="2" time="0">
    <testcase classname="images/broken" name="name-differs" time="0"><skipped message="the changelog cannot be read"/></testcase>
    <testcase classname="images/broken" name="test-missing" time="0"><skipped message="the changelog cannot be read"/></testcase>
  </testsuite>
  <testsuite name="parent" tests="1" failures="0" errors="0" skipped="0" time="0">
    <testcase classname="parent" name="audit" time="0"/>
  </testsuite>
  <testsuite name="tool" tests="2" failures="1" errors="0" skipped="0" time="0">
    <testcase classname="tool" name="name-differs" time="0"><failure type="warning" message="the changelog names this image `tool`, and `Package` says `tools`">images/tool/control:1, images/tool/changelog:1: warning: the changelog names this image `tool`, and `Package` says `tools`</failure></testcase>
    <testcase classname="tool" name="test-missing" time="0"><system-out>images/tool/Dockerfile.template:5: note: this image serves a port, and it has no test</system-out></testcase>
  </testsuite>
</testsuites>
------- stderr -------
could not check 2 rules of `images/broken`: the changelog cannot be read
3 images: 1 warning, 1 note; `--fix` mends 1
[exit status: 3]
[EOF]

"#]]);
}

#[test]
fn two_control_files_that_are_one_by_a_link_get_the_changes_of_both() {
    let recipe = |parent: &str| format!("FROM {{{{ \"{parent}\" | image_tag }}}}\n");
    let sandbox = Sandbox::with_settings()
        .image("images/one", "one (1)", "FROM scratch\n")
        .image("images/two", "two (1)", "FROM scratch\n")
        .image("images/a", "a (1)", &recipe("one"))
        .image("images/b", "b (1)", &recipe("two"))
        .file("images/a/control", "Description: both\n");
    let link = sandbox.path().join("images/b/control");
    std::os::unix::fs::symlink("../a/control", link).expect("a link");
    let fixed = sandbox.pkg(&["audit", "--fix", "images"]);
    let control = sandbox.read("images/a/control");
    for name in ["one", "two"] {
        let said = format!("added `{name}` to `Build-Depends`");
        assert!(fixed.stderr.contains(&said), "{}", fixed.stderr);
        assert!(control.contains(name), "{control}");
    }
}

#[test]
fn what_can_be_mended_safely_is_mended_and_not_found_again() {
    let sandbox = faulty();
    let changelog = sandbox.read("images/parent/changelog");
    let sandbox = sandbox.file("images/parent/changelog", changelog.trim_end());
    sandbox
        .pkg(&["audit", "--fix", "images"])
        .assert_snapshot(str![[r#"
images/broken
  error: the changelog cannot be read: expected an entry, which begins with `name (version) distribution; urgency=…`, not `Changes` [changelog-unreadable]
    --> images/broken/changelog:1

tool
  note: this image serves a port, and it has no test [test-missing]
    --> images/tool/Dockerfile.template:5
------- stderr -------
images/parent/changelog: ended the last line [changelog-newline]
images/tool/control: added `parent` to `Build-Depends` [dependency-undeclared]
images/tool/control: wrote `tool` into `Package` [name-differs]
could not check 25 rules of `images/broken`: the changelog cannot be read
could not check `entry-missing` of 3 images: the directory is in no git repository
3 images: 1 error, 1 note
[exit status: 3]
[EOF]

"#]]);
    assert_eq!(sandbox.read("images/parent/changelog"), changelog);
    assert_eq!(
        sandbox.read("images/tool/control"),
        "Package: tool\nBuild-Depends: parent\n"
    );
    assert!(!sandbox.path().join("images/.pkg-changes").exists());
    let again = sandbox.pkg(&["audit", "--fix", "images"]);
    assert!(
        again
            .stderr
            .starts_with("there is nothing that can be mended safely\n")
    );
}

#[test]
fn settings_weigh_rules_and_leave_findings_out() {
    let settings =
        |audit: &str| faulty().file("config.yaml", &format!("{SETTINGS}audit: {audit}\n"));
    let rules = |audit: &str| -> Vec<String> {
        let output = settings(audit).pkg(&["audit", "--json", "images"]);
        let json: Json = serde_json::from_str(&output.stdout).expect("JSON");
        let findings = json["findings"].as_array().expect("findings");
        let shown = findings
            .iter()
            .map(|one| format!("{} {}", one["severity"], one["rule"]).replace('"', ""));
        shown.collect()
    };
    assert_eq!(
        rules("{}"),
        [
            "error changelog-unreadable",
            "warning dependency-undeclared",
            "note test-missing",
            "warning name-differs"
        ]
    );
    assert_eq!(
        rules("{rules: {name-differs: error, test-missing: off}, exclude: [{image: '*broken'}]}"),
        ["warning dependency-undeclared", "error name-differs"]
    );
    assert_eq!(
        rules(
            "{exclude: [{rule: name-differs, image: tool}, {rule: test-missing, image: parent}]}"
        ),
        [
            "error changelog-unreadable",
            "warning dependency-undeclared",
            "note test-missing"
        ]
    );
}

#[test]
fn a_rule_that_is_not_there_is_told_with_its_place() {
    fine()
        .file(
            "config.yaml",
            "audit:\n  rules: {user-rot: off}\n  exclude:\n    - {rule: nothing}\n",
        )
        .pkg(&["audit", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: there is no rule `user-rot`; `user-root` may be meant
  --> config.yaml:2:11
error: there is no rule `nothing`
  --> config.yaml:4:14
[exit status: 1]
[EOF]

"#]]);
    fine()
        .pkg(&["audit", "--rule", "user-rot", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: there is no rule `user-rot`
hint: the closest name is `user-root`
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn a_comment_allows_a_rule_for_its_image() {
    let template = "FROM {{ \"bookworm\" | image_tag }}\nUSER root {# audit: allow user-root it binds port 53 #}\nCMD [\"/a\"]\n";
    let sandbox = fine().file("images/tool/Dockerfile.template", template);
    assert_eq!(
        findings(&sandbox, "user-root")["findings"],
        serde_json::json!([])
    );
    let sandbox = sandbox.file(
        "images/parent/Dockerfile.template",
        &template.replace("allow", "forbid"),
    );
    assert_eq!(
        findings(&sandbox, "user-root")["findings"][0]["image"],
        "parent"
    );
}

#[test]
fn a_catalog_with_faults_is_audited_as_far_as_it_can_be_read() {
    let sandbox = fine()
        .file("images/a/changelog", "rubbish\n")
        .file("images/a/Dockerfile.template", "FROM scratch\n")
        .image("images/b", "b (1:1)", "FROM {{ \"a\" | image_tag }}\n")
        .image(
            "images/c",
            "c (1)",
            "FROM {{ \"nobody-has-this\" | image_tag }}\n",
        )
        .image("images/d", "d (1)", "FROM {{\n")
        .image("images/e", "e (1)", "FORM a\n")
        .file("images/f/Dockerfile.template", "FROM scratch\n")
        .file("images/tool/control", "Package: other\n");
    sandbox
        .pkg(&["audit", "images"])
        .assert_snapshot(str![[r#"
d
  error: this is no template: unexpected end of input, expected expression [template-fails]
    --> images/d/Dockerfile.template:1:6

e
  error: the rendered template is no Dockerfile: `FORM` is no instruction [dockerfile-unreadable]
    --> images/e/Dockerfile.template:1
    hint: line 1 of the rendered text is `FORM a`

images/a
  error: the changelog cannot be read: expected an entry, which begins with `name (version) distribution; urgency=…`, not `rubbish` [changelog-unreadable]
    --> images/a/changelog:1

images/b
  error: version `1:1` cannot be a tag: it holds `:` [version-untaggable]
    --> images/b/changelog:1
    hint: leave out an epoch, and write `-` or `.` for other signs

images/f
  warning: this directory has a recipe and no changelog [directory-incomplete]
    --> images/f/Dockerfile.template

tool
  warning: the changelog names this image `tool`, and `Package` says `other` [name-differs]
    --> images/tool/control:1
    --> images/tool/changelog:1
    hint: the changelog counts: write its name in `Package` as well
------- stderr -------
could not check 13 rules of `images/b`: it is no image of the catalog, and another finding says why
could not check 25 rules of `images/a`: the changelog cannot be read
could not check `entry-missing` of 7 images: the directory is in no git repository
could not check 13 rules of 3 images: the recipe cannot be rendered
7 images: 4 errors, 2 warnings; `--fix` mends 1
[exit status: 3]
[EOF]

"#]]);
}

#[test]
fn directories_that_are_not_there_are_a_slip() {
    fine().pkg(&["audit", "imgaes"]).assert_code(2);
    fine().pkg(&["audit"]).assert_code(2);
}

/// The repository's own images, with the settings that belong to them.
#[test]
fn the_repositorys_own_images_are_without_a_finding() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let at = |path: &str| root.join(path).display().to_string();
    for (config, directories) in [
        ("config.yaml", vec!["images"]),
        ("config-istio.yaml", vec!["images", "istio"]),
        ("config-cert-manager.yaml", vec!["images", "cert-manager"]),
    ] {
        let config = at(config);
        let mut arguments = vec!["-c", &config, "audit", "--fail-on", "note"];
        let directories: Vec<String> = directories.into_iter().map(at).collect();
        arguments.extend(directories.iter().map(String::as_str));
        let output = Sandbox::new().pkg(&arguments);
        output.assert_code(0);
        assert_eq!(output.stdout, "");
    }
}

#[test]
fn a_rule_that_nobody_knows_brings_those_that_there_are() {
    let sandbox = fine();
    let told = |id: &str| sandbox.pkg(&["audit", "--rule", id, "images"]).stderr;
    let message = |id: &str, hint: &str| format!("error: there is no rule `{id}`\nhint: {hint}\n");
    let order = "the closest names are `date-order`, `version-order`";
    assert_eq!(told("order"), message("order", order));
    let order = "the closest name is `date-order`";
    assert_eq!(told("date-oder"), message("date-oder", order));
    let all = told("nope");
    let begin = message("nope", "the rules are add-checksum, apt-filter, ");
    assert!(all.starts_with(begin.trim_end()), "{all}");
    assert!(all.ends_with(" version-untaggable\n"), "{all}");
}
