//! `pkg verify --image`: structure tests of layouts and archives, without an engine.

#![expect(
    clippy::disallowed_methods,
    reason = "layouts and archives are made by hand here"
)]

use std::fs;
use std::path::Path;

use pkg::oci::{
    ArchivedLayer, Descriptor, Digest, ImageIndex, ImageManifest, media, write_docker_archive,
};
use snapbox::str;

use crate::support::sandbox::{Output, Sandbox};

/// Tests that the image below passes.
const PASSING: &str = r"
schemaVersion: 2.0.0
fileExistenceTests:
- {name: a setuid program, path: /usr/bin/tool, permissions: urwxr-xr-x, uid: 7, gid: 8, isExecutableBy: any}
- {name: a link, path: $PREFIX/link, permissions: Lrwxrwxrwx}
- {name: what was removed, path: /etc/gone, shouldExist: false}
fileContentTests:
- {name: through a link, path: /srv/link, expectedContents: ['^name = \w+$'], excludedContents: ['\{']}
licenseTests:
- debian: true
metadataTest:
  envVars: [{key: PREFIX, value: /srv}]
  entrypoint: []
  cmd: [/usr/bin/tool]
  exposedPorts: ['8080']
  user: app
";

/// Tests of which some fail, and commands.
const FAILING: &str = r"
schemaVersion: 2.0.0
commandTests:
- {name: it runs, command: /usr/bin/tool}
fileExistenceTests:
- {name: the wrong owner, path: /usr/bin/tool, uid: 0}
fileContentTests:
- {name: nothing there, path: /etc/gone}
metadataTest: {user: app}
";

fn layer(entries: &[(&str, u32, (u64, u64), &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, mode, (uid, gid), content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_uid(*uid);
        header.set_gid(*gid);
        let written = if let Some(target) = content.strip_prefix("-> ") {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            tar.append_link(&mut header, path, target)
        } else {
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, path, content.as_bytes())
        };
        written.expect("an archive in memory");
    }
    tar.into_inner().expect("an archive in memory")
}

fn layers() -> [Vec<u8>; 2] {
    let root = (0, 0);
    let lower = [
        ("etc/gone", 0o644, root, "1"),
        ("etc/conf", 0o600, root, "name = app"),
        ("srv/link", 0o777, root, "-> ../../../etc/conf"),
        ("usr/bin/tool", 0o4755, (7, 8), "#!/bin/sh\n"),
        ("usr/share/doc/a/copyright", 0o644, root, "GPL"),
    ];
    [layer(&lower), layer(&[("etc/.wh.gone", 0o644, root, "")])]
}

fn config(layers: &[Vec<u8>]) -> String {
    let diff_ids: Vec<String> = layers
        .iter()
        .map(|tar| Digest::of(tar).to_string())
        .collect();
    let architecture = pkg::host::architecture();
    serde_json::json!({
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Env": ["PREFIX=/srv"], "User": "app", "Cmd": ["/usr/bin/tool"], "ExposedPorts": {"8080/tcp": {}}, "Entrypoint": null
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    })
    .to_string()
}

fn write_layout(directory: &Path) {
    let blobs = directory.join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("a directory");
    let add = |media_type: &str, bytes: &[u8]| {
        fs::write(blobs.join(Digest::of(bytes).hex()), bytes).expect("a blob");
        Descriptor::of(media_type, bytes)
    };
    let layers = layers();
    let manifest = ImageManifest {
        artifact_type: None,
        subject: None,
        schema_version: 2,
        media_type: media::MANIFEST.to_owned(),
        config: add(media::CONFIG, config(&layers).as_bytes()),
        layers: layers.iter().map(|tar| add(media::LAYER, tar)).collect(),
        annotations: [].into(),
    };
    let manifest = serde_json::to_vec(&manifest).expect("JSON");
    let index = ImageIndex {
        schema_version: 2,
        media_type: media::INDEX.to_owned(),
        manifests: vec![add(media::MANIFEST, &manifest)],
        annotations: [].into(),
    };
    let index = serde_json::to_vec(&index).expect("JSON");
    fs::write(directory.join("index.json"), index).expect("an index");
    let version = r#"{"imageLayoutVersion": "1.0.0"}"#;
    fs::write(directory.join("oci-layout"), version).expect("a file");
}

fn write_archive(path: &Path) {
    let layers = layers();
    let archived = layers.iter().map(|tar| ArchivedLayer {
        diff_id: Digest::of(tar),
        tar: tar.as_slice(),
        size_bytes: tar.len() as u64,
    });
    let mut out = Vec::new();
    let name = "example/app:1".parse().expect("a reference");
    write_docker_archive(&mut out, &name, &config(&layers), archived.collect())
        .expect("an archive");
    fs::write(path, out).expect("a file");
}

/// A sandbox with the image as a layout and as an archive; nothing there answers as an engine.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new()
        .file("passing.yaml", PASSING)
        .file("failing.yaml", FAILING)
        .env("DOCKER_HOST", "tcp://127.0.0.1:1");
    write_layout(&sandbox.path().join("layout"));
    write_archive(&sandbox.path().join("app.tar"));
    sandbox
}

fn verify(sandbox: &Sandbox, image: &str, tests: &[&str], more: &[&str]) -> Output {
    let mut arguments = vec!["verify", "--image", image];
    for file in tests {
        arguments.extend(["--structure-test", file]);
    }
    arguments.extend(more);
    sandbox.pkg(&arguments)
}

#[test]
fn a_layout_and_an_archive_pass_the_same_tests() {
    let sandbox = sandbox();
    let expected = str![[r#"
pass  File Content Test: through a link
pass  File Existence Test: a setuid program
pass  File Existence Test: a link
pass  File Existence Test: what was removed
pass  License Test #0
pass  Metadata Test
6 passed, 0 failed
[exit status: 0]
[EOF]

"#]];
    verify(&sandbox, "layout", &["passing.yaml"], &[]).assert_snapshot(expected.clone());
    verify(&sandbox, "app.tar", &["passing.yaml"], &[]).assert_snapshot(expected);
}

#[test]
fn what_fails_is_told_with_its_place_and_commands_are_skipped() {
    let tests = ["failing.yaml", "passing.yaml"];
    verify(&sandbox(), "layout", &tests, &[]).assert_snapshot(str![[r#"
skip  Command Test: it runs: no engine runs its command
fail  File Content Test: nothing there (failing.yaml:8:10)
      /etc/gone is not there
fail  File Existence Test: the wrong owner (failing.yaml:6:10)
      /usr/bin/tool belongs to the user 7, and not to 0
pass  Metadata Test
pass  File Content Test: through a link
pass  File Existence Test: a setuid program
pass  File Existence Test: a link
pass  File Existence Test: what was removed
pass  License Test #0
pass  Metadata Test
7 passed, 2 failed, 1 skipped
------- stderr -------
warning: 1 command test was not run: that needs an engine
error: layout did not pass its tests
caused by: 2 of 9 structure tests failed
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn json_and_junit_have_the_shape_of_container_structure_test() {
    let sandbox = sandbox();
    let output = verify(&sandbox, "layout", &["failing.yaml"], &["--format", "json"]);
    output.assert_code(1);
    let report: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    let counts = ["Pass", "Fail", "Skip", "Total"].map(|key| report[key].as_u64());
    assert_eq!(counts, [Some(1), Some(2), Some(1), Some(4)]);
    assert!(report["Duration"].is_u64(), "{report}");
    let results = report["Results"].as_array().expect("results");
    assert_eq!(results[1]["Name"], "File Content Test: nothing there");
    assert_eq!(results[1]["Pass"], false);
    assert_eq!(results[1]["Errors"][0], "/etc/gone is not there");
    assert_eq!(results[0]["Skipped"], "no engine runs its command");
    assert_eq!(results[0]["Pass"], false);
    let more = ["--format", "junit", "--test-report", "report.xml"];
    let output = verify(&sandbox, "layout", &["failing.yaml"], &more);
    output.assert_code(1);
    assert_eq!(output.stdout, "");
    let report = sandbox.read("report.xml");
    for part in [
        "<testsuites failures=\"2\" tests=\"4\" skipped=\"1\" time=\"",
        "<testsuite name=\"container-structure-test.test\">",
        "<testcase name=\"Metadata Test\" time=\"",
        "<failure>/etc/gone is not there</failure>",
        "<skipped message=\"no engine runs its command\"/>",
    ] {
        assert!(report.contains(part), "{part} is not in\n{report}");
    }
}

#[test]
fn no_tests_are_no_pass() {
    let sandbox = sandbox().file("none.yaml", "schemaVersion: 2.0.0\n").file(
        "commands.yaml",
        "schemaVersion: 2.0.0\ncommandTests: [{name: a, command: b}]\n",
    );
    verify(&sandbox, "layout", &["none.yaml"], &[]).assert_snapshot(str![[r#"
No tests run!
0 passed, 0 failed
------- stderr -------
error: layout did not pass its tests
caused by: no structure test was run
[exit status: 1]
[EOF]

"#]]);
    verify(&sandbox, "layout", &["commands.yaml"], &[]).assert_snapshot(str![[r#"
skip  Command Test: a: no engine runs its command
No tests run!
0 passed, 0 failed, 1 skipped
------- stderr -------
warning: 1 command test was not run: that needs an engine
error: layout did not pass its tests
caused by: no structure test was run
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn all_that_is_wrong_with_the_files_is_told_before_anything_is_read() {
    let wrong = "schemaVersion: 2.0.0\nfileContentTests:\n- name: a\n  path: b\n  expectedContents: ['(']\n";
    let sandbox = Sandbox::new()
        .file("one.yaml", wrong)
        .file("two.yaml", "schemaVersion: 2.0.0\nfileExistenceTest: []\n");
    let tests = ["one.yaml", "two.yaml"];
    verify(&sandbox, "nowhere", &tests, &[]).assert_snapshot(str![[r#"
------- stderr -------
error: `(` is no regular expression: unclosed group
  --> one.yaml:5:22
error: there is no key `fileExistenceTest` here
  --> two.yaml:2:1
hint: the closest key is `fileExistenceTests`
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn an_image_that_is_none_is_told() {
    let sandbox = sandbox().file("empty/a", "");
    verify(&sandbox, "empty", &["passing.yaml"], &[]).assert_snapshot(str![[r#"
------- stderr -------
error: empty cannot be tested
caused by: it is no image: it has neither a `manifest.json` nor an `index.json`
[exit status: 1]
[EOF]

"#]]);
    verify(&sandbox, "nowhere", &["passing.yaml"], &[]).assert_snapshot(str![[r#"
------- stderr -------
error: nowhere cannot be tested
caused by: cannot read nowhere
caused by: No such file or directory (os error 2)
[exit status: 1]
[EOF]

"#]]);
    let blob = fs::read_dir(sandbox.path().join("layout/blobs/sha256"))
        .expect("blobs")
        .map(|entry| entry.expect("a blob").path())
        .max_by_key(|path| path.metadata().expect("a file").len())
        .expect("a blob");
    let mut bytes = fs::read(&blob).expect("a layer");
    bytes[0] ^= 1;
    fs::write(&blob, bytes).expect("a layer");
    let output = verify(&sandbox, "layout", &["passing.yaml"], &[]);
    output.assert_code(1);
    assert!(output.stderr.contains("sha256:"), "{}", output.stderr);
    assert_eq!(output.stdout, "");
}

#[test]
fn an_image_and_a_name_exclude_each_other() {
    let sandbox = sandbox();
    for arguments in [
        &["verify"][..],
        &["verify", "app"],
        &["verify", "--image", "layout"],
        &[
            "verify",
            "app",
            "images",
            "--structure-test",
            "passing.yaml",
        ],
        &[
            "verify",
            "app",
            "images",
            "--image",
            "layout",
            "--structure-test",
            "passing.yaml",
        ],
    ] {
        sandbox.pkg(arguments).assert_code(2);
    }
}
