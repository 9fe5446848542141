//! Declared images on a machine that has no engine: built, tested, exported and published by this program alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::repository::{Form, Repository};
use super::run;
use super::support::docker_registry::DockerRegistry;
use super::support::sandbox::{Output, Sandbox};

const STRUCTURE: &str = "\
schemaVersion: 2.0.0
fileContentTests:
  - {name: greeting, path: /etc/motd, expectedContents: ['^hello']}
fileExistenceTests:
  - {name: program, path: /usr/bin/tool, permissions: '-rwxr-xr-x'}
metadataTest: {user: '1000'}
";

fn repository() -> Repository {
    let mut repository = Repository::new();
    repository.add(
        "Package: tool\nVersion: 1.0\nDepends: data\n",
        &[("usr/bin/tool", "#!/bin/sh\n")],
        "xz",
    );
    repository.add(
        "Package: data\nVersion: 2.0\n",
        &[("usr/share/data/a", "a"), ("usr/share/data/b", "b")],
        "zstd",
    );
    repository.publish(&Form::default());
    repository
}

pub(super) fn changelog(name: &str) -> String {
    format!(
        "{name} (1-1) stable; urgency=medium\n\n  * A change.\n\n -- Ann <ann@example.org>  \
         Fri, 20 Nov 2026 10:00:00 +0000\n"
    )
}

/// A catalog of a declared image and a template that is built on it.
fn catalog(repository: &Repository, registry: &DockerRegistry) -> Sandbox {
    let settings = format!(
        "registry: {}\nnamespace: base\nusername: ann\npassword: hush\n",
        registry.host()
    );
    let image = format!(
        "contents:\n  repositories: ['deb [signed-by=key.gpg] file:{} stable main']\n  packages: [tool]\n\
         layers: [{{source: motd, target: /etc/motd}}]\n\
         accounts: {{users: [{{username: app, uid: 1000}}], run-as: app}}\n",
        repository.path().display()
    );
    let sandbox = Sandbox::new()
        .file("config.yaml", &settings)
        .file("images/app/changelog", &changelog("app"))
        .file("images/app/image.yaml", &image)
        .file("images/app/motd", "hello\n")
        .file("images/app/structure-test.yaml", STRUCTURE)
        .file("images/service/changelog", &changelog("service"))
        .file(
            "images/service/Dockerfile.template",
            "FROM {{ \"app\" | image_tag }}\n",
        )
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    fs::write(sandbox.path().join("images/app/key.gpg"), repository.key()).unwrap();
    sandbox
}

/// Gives what the registry has under a tag.
fn digest_at(registry: &DockerRegistry, image: &str) -> String {
    let name = format!("docker://{}/base/{image}", registry.host());
    let mut skopeo = Command::new("skopeo");
    skopeo.args(["inspect", "--tls-verify=false", "--creds", "ann:hush"]);
    let output = run(skopeo.args(["--format", "{{.Digest}}", &name]));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[track_caller]
pub(super) fn assert_told(output: &Output, code: i32, told: &[&str]) {
    output.assert_code(code);
    for text in told {
        assert!(output.stderr.contains(text), "{text}\n{}", output.stderr);
    }
}

const NO_ENGINE: &str = "no Docker engine answers at unix:///nonexistent/docker.sock";

#[test]
fn declared_images_are_built_tested_exported_and_published_and_the_rest_is_told() {
    let registry = DockerRegistry::start_for("ann", "hush");
    let repository = repository();
    let sandbox = catalog(&repository, &registry);
    let planned = sandbox.pkg(&["plan", "images"]);
    assert_told(&planned, 4, &["`service` needs an engine", NO_ENGINE]);
    assert!(
        planned.stdout.contains("not published"),
        "{}",
        planned.stdout
    );
    let built = sandbox.pkg(&["build", "images"]);
    let told = [
        "1 built, 1 verified, 1 published",
        "`service` needs an engine",
    ];
    assert_told(&built, 4, &[&told[..], &[NO_ENGINE]].concat());
    let exported = sandbox.pkg(&["export", "app", "images", "--format", "oci", "-o", "out"]);
    exported.assert_code(0);
    let mut skopeo = Command::new("skopeo");
    let layout = format!("oci:{}", sandbox.path().join("out").display());
    let output = run(skopeo.args(["inspect", "--format", "{{.Digest}}", &layout]));
    let exported = String::from_utf8(output.stdout).unwrap();
    assert_eq!(digest_at(&registry, "app:1-1"), exported.trim());
    assert_eq!(digest_at(&registry, "app:latest"), exported.trim());
    sandbox.pkg(&["verify", "app", "images"]).assert_code(0);
    let again = sandbox.pkg(&["build", "images"]);
    assert_told(&again, 4, &["1 already published, 1 without an engine"]);
    // A catalog whose images are all declared lacks nothing.
    fs::remove_dir_all(sandbox.path().join("images/service")).unwrap();
    assert_told(
        &sandbox.pkg(&["build", "images"]),
        0,
        &["1 already published"],
    );
}

#[test]
fn what_was_built_without_publishing_is_published_later() {
    let registry = DockerRegistry::start_for("ann", "hush");
    let repository = repository();
    let sandbox = catalog(&repository, &registry);
    let select = ["--select", "*/app:*", "images"];
    let build = |more: &[&str]| sandbox.pkg(&[&["build"], more, &select[..]].concat());
    assert_told(&build(&["--no-publish"]), 0, &["1 built, 1 verified"]);
    assert_told(&build(&["--no-publish"]), 0, &["1 already built"]);
    let published = sandbox.pkg(&[&["publish"], &select[..]].concat());
    assert_told(&published, 0, &["1 published"]);
    let elsewhere = format!("{}/other", registry.host());
    let arguments = ["publish", "--repository", &elsewhere, "--tag", "candidate"];
    let candidate = sandbox.pkg(&[&arguments[..], &select[..]].concat());
    assert_told(&candidate, 0, &["1 published"]);
    // What it is made from changed under a published version.
    fs::write(sandbox.path().join("images/app/motd"), "hello\nthere\n").unwrap();
    assert_told(&build(&[]), 3, &["`motd` changed"]);
}

#[test]
fn an_image_is_the_same_to_the_bit_wherever_and_whenever_it_is_made() {
    let repository = repository();
    let digests = [
        ("022", "1795219200", "UTC"),
        ("077", "1600000000", "Asia/Tokyo"),
    ]
    .map(|(umask, epoch, zone)| {
        let registry = DockerRegistry::start_for("ann", "hush");
        let sandbox = catalog(&repository, &registry);
        let motd = sandbox.path().join("images/app/motd");
        let mode = if umask == "077" { 0o600 } else { 0o664 };
        fs::set_permissions(motd, fs::Permissions::from_mode(mode)).unwrap();
        let script = format!("umask {umask}; exec \"$0\" build --select '*/app:*' images");
        let output = sandbox
            .command("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_pkg")])
            .env("SOURCE_DATE_EPOCH", epoch)
            .env("TZ", zone)
            .output()
            .unwrap();
        let talk = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{talk}");
        let text = fs::read_to_string(sandbox.path().join("config.yaml")).unwrap();
        assert!(text.contains(registry.host()));
        digest_at(&registry, "app:1-1")
    });
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn tests_that_are_commands_are_not_said_to_have_passed() {
    let registry = DockerRegistry::start_for("ann", "hush");
    let repository = repository();
    let sandbox = catalog(&repository, &registry);
    let tests = format!("{STRUCTURE}commandTests: [{{name: runs, command: /usr/bin/tool}}]\n");
    let path = sandbox.path().join("images/app/structure-test.yaml");
    fs::write(&path, tests).unwrap();
    let build = || sandbox.pkg(&["build", "--select", "*/app:*", "images"]);
    let told = [
        "pass  Metadata Test",
        "skip  Command Test: runs",
        "its tests need an engine, and none answers",
    ];
    assert_told(&build(), 4, &told);
    fs::write(
        &path,
        "schemaVersion: 2.0.0\ncommandTests: [{name: runs, command: /usr/bin/tool}]\n",
    )
    .unwrap();
    assert_told(&build(), 4, &["its tests need an engine, and none answers"]);
    fs::remove_file(path).unwrap();
    let test = sandbox.path().join("images/app/test.sh");
    fs::write(&test, "#!/bin/sh\n").unwrap();
    fs::set_permissions(test, fs::Permissions::from_mode(0o755)).unwrap();
    let refused = sandbox.pkg(&["build", "--select", "*/app:*", "images"]);
    assert_told(&refused, 4, &["its tests need an engine, and none answers"]);
    let tags = sandbox.pkg(&["plan", "--select", "*/app:*", "images"]);
    assert!(tags.stdout.starts_with("WHAT"), "{}", tags.stdout);
}

#[test]
fn what_the_disk_spoiled_is_made_again_and_never_published() {
    let registry = DockerRegistry::start_for("ann", "hush");
    let repository = repository();
    let sandbox = catalog(&repository, &registry);
    let select = ["--select", "*/app:*", "images"];
    let build = sandbox.pkg(&[&["build", "--no-publish"], &select[..]].concat());
    build.assert_code(0);
    let shelf = sandbox.home().join(".cache/pkg/images-1");
    let blobs = walkdir::WalkDir::new(&shelf)
        .into_iter()
        .map(Result::unwrap);
    let layer = blobs
        .filter(|entry| entry.file_type().is_file())
        .find(|entry| fs::read(entry.path()).unwrap().starts_with(&[0x1f, 0x8b]))
        .expect("a layer");
    let mut bytes = fs::read(layer.path()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(layer.path(), bytes).unwrap();
    let refused = sandbox.pkg(&[&["publish"], &select[..]].concat());
    assert_told(&refused, 4, &["was spoiled: remove that directory"]);
    fs::remove_file(layer.path()).unwrap();
    let again = sandbox.pkg(&[&["build"], &select[..]].concat());
    assert_told(&again, 0, &["1 built, 1 verified, 1 published"]);
}

/// Reads a document of the shelf's layout of an image: its manifest or its configuration.
pub(super) fn read_layout(sandbox: &Sandbox, name: &str) -> (serde_json::Value, serde_json::Value) {
    let out = format!("out-{name}");
    let _ = fs::remove_dir_all(sandbox.path().join(&out));
    let arguments = ["export", name, "images", "--format", "oci", "-o", &out];
    sandbox.pkg(&arguments).assert_code(0);
    let read = |digest: &str| {
        let hex = digest.trim_start_matches("sha256:");
        let path = sandbox.path().join(format!("{out}/blobs/sha256/{hex}"));
        serde_json::from_slice::<serde_json::Value>(&fs::read(path).unwrap()).unwrap()
    };
    let index = fs::read(sandbox.path().join(out.clone() + "/index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    let manifest = read(index["manifests"][0]["digest"].as_str().unwrap());
    let config = read(manifest["config"]["digest"].as_str().unwrap());
    (manifest, config)
}

const ON_APP: &str = "\
base: app
layers: [{source: service, target: /usr/bin/service, permissions: 0o755}]
paths: [{path: /etc/motd, type: permissions, permissions: 0o600}]
environment: {PATH: '/opt/bin:$PATH', HOME: /srv}
entrypoint: {command: /usr/bin/service --port 8080}
ports: ['8080']
labels: {team: web}
";

/// Adds an image that is made on another one.
fn add_based(sandbox: &Sandbox, text: &str) {
    let directory = sandbox.path().join("images/web");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("changelog"), changelog("web")).unwrap();
    fs::write(directory.join("image.yaml"), text).unwrap();
    fs::write(directory.join("service"), "#!/bin/sh\n").unwrap();
}

#[test]
fn an_image_on_another_one_keeps_its_layers_and_says_the_rest_itself() {
    let registry = DockerRegistry::start_for("ann", "hush");
    let repository = repository();
    let sandbox = catalog(&repository, &registry);
    fs::remove_dir_all(sandbox.path().join("images/service")).unwrap();
    add_based(&sandbox, ON_APP);
    let built = sandbox.pkg(&["build", "images"]);
    assert_told(&built, 0, &["2 built, 1 verified, 2 published"]);
    let ((below, base), (above, config)) =
        (read_layout(&sandbox, "app"), read_layout(&sandbox, "web"));
    assert_eq!(above["layers"][0], below["layers"][0]);
    assert_eq!(above["layers"].as_array().map(Vec::len), Some(2));
    let (run, base_run) = (&config["config"], &base["config"]);
    assert_eq!(run["User"], base_run["User"]);
    assert_eq!(
        run["Env"],
        serde_json::json!([
            "PATH=/opt/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/srv"
        ])
    );
    assert_eq!(run["Labels"]["team"], "web");
    assert_eq!(run["Labels"]["org.opencontainers.image.title"], "web");
    let name = format!("{}/base/app:1-1", registry.host());
    assert_eq!(
        run["Labels"]["org.opencontainers.image.base.name"],
        name.as_str()
    );
    assert_eq!(run["ExposedPorts"], serde_json::json!({"8080/tcp": {}}));
    assert_eq!(config["history"].as_array().map(Vec::len), Some(2));
    // The layer on top has what differs and no more.
    let listed = [
        "export", "web", "images", "--format", "rootfs", "-o", "root.tar",
    ];
    sandbox.pkg(&listed).assert_code(0);
    let mut tar = Command::new("tar");
    let root = sandbox.path().join("root.tar");
    let listed = run_text(tar.arg("-tvf").arg(&root));
    for line in ["-rwxr-xr-x 0/0", "-rw------- 0/0"] {
        assert!(listed.contains(line), "{line}\n{listed}");
    }
    let layer = above["layers"][1]["digest"].as_str().unwrap();
    let layer = layer.trim_start_matches("sha256:");
    let layer = sandbox.path().join(format!("out-web/blobs/sha256/{layer}"));
    let mut tar = Command::new("tar");
    let listed = run_text(tar.arg("-tvzf").arg(layer));
    let files = listed.lines().filter(|line| !line.starts_with('d'));
    let files: Vec<&str> = files
        .filter_map(|line| line.split(' ').next_back())
        .collect();
    assert_eq!(files, ["etc/motd", "usr/bin/service"]);
    // A base that is another one makes its child anew.
    fs::write(
        sandbox.path().join("images/app/changelog"),
        changelog("app").replace("(1-1)", "(1-2)"),
    )
    .unwrap();
    let planned = sandbox.pkg(&["plan", "images"]);
    assert!(planned.stdout.contains("app:1-2"), "{}", planned.stdout);
    assert_told(&planned, 0, &["built on an older `app`"]);
}

fn run_text(command: &mut Command) -> String {
    String::from_utf8(run(command).stdout).unwrap()
}

#[test]
fn a_layout_or_an_archive_of_the_directory_is_a_base_and_nothing_outside_of_it() {
    let registry = DockerRegistry::start_for("ann", "hush");
    let repository = repository();
    let sandbox = catalog(&repository, &registry);
    let select = |name: &str| format!("*/{name}:*");
    let build = |name: &str| {
        let select = select(name);
        sandbox.pkg(&["build", "--no-publish", "--select", &select, "images"])
    };
    build("app").assert_code(0);
    let web = sandbox.path().join("images/web");
    add_based(&sandbox, &ON_APP.replace("base: app", "base: ./base"));
    for (format, name) in [
        ("oci", "images/web/base"),
        ("docker", "images/web/base.tar"),
    ] {
        let arguments = ["export", "app", "images", "--format", format, "-o", name];
        sandbox.pkg(&arguments).assert_code(0);
    }
    build("web").assert_code(0);
    let layout = read_layout(&sandbox, "web");
    fs::write(
        web.join("image.yaml"),
        ON_APP.replace("base: app", "base: ./base.tar"),
    )
    .unwrap();
    build("web").assert_code(0);
    let (archive, _) = read_layout(&sandbox, "web");
    assert_eq!(archive["layers"], layout.0["layers"]);
    fs::remove_dir_all(web.join("base")).unwrap();
    std::os::unix::fs::symlink("/etc", web.join("base")).unwrap();
    fs::write(
        web.join("image.yaml"),
        ON_APP.replace("base: app", "base: ./base"),
    )
    .unwrap();
    let refused = build("web");
    assert_told(&refused, 1, &["a link"]);
    fs::write(
        web.join("image.yaml"),
        ON_APP.replace("base: app", "base: apps"),
    )
    .unwrap();
    let refused = sandbox.pkg(&["plan", "images"]);
    assert_told(&refused, 1, &["images/web/image.yaml:1", "`apps`"]);
}
