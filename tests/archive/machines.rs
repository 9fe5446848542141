//! Images for several architectures, on a machine that has no engine: built, locked, tested, exported, built upon and
//! published as an index, which skopeo(1) reads.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use pkg::oci::Digest;
use serde_json::{Value, json};

use super::repository::{Form, Repository};
use super::run;
use super::support::docker_registry::DockerRegistry;
use super::support::sandbox::Sandbox;
use super::without_engine::{assert_told, changelog};

const STRUCTURE: &str = "\
schemaVersion: 2.0.0
fileContentTests:
  - {name: greeting, path: /etc/motd, expectedContents: ['^hello']}
  - {name: program, path: /usr/bin/tool, expectedContents: ['made for (amd64|arm64)']}
";

/// An archive with packages for two architectures, and one for all.
fn repository() -> Repository {
    let mut repository = Repository::for_architectures(&["amd64", "arm64"]);
    for (architecture, rebuilt) in [("amd64", "+b1"), ("arm64", "")] {
        let tool = format!(
            "Package: tool\nVersion: 1.0-1{rebuilt}\nArchitecture: {architecture}\nDepends: data\n"
        );
        let program = format!("#!/bin/sh\n# made for {architecture}\n");
        repository.add(&tool, &[("usr/bin/tool", &program)], "xz");
    }
    repository.add(
        "Package: data\nVersion: 2.0\nArchitecture: all\n",
        &[
            ("usr/share/data/a", "a"),
            ("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
        ],
        "xz",
    );
    repository.publish(&Form::default());
    repository
}

/// A catalog of an image for two architectures, and one that is made on it.
fn catalog(repository: &Repository, registry: &DockerRegistry) -> Sandbox {
    let settings = format!(
        "registry: {}\nnamespace: base\nusername: ann\npassword: hush\n",
        registry.host()
    );
    let image = format!(
        "archs: [arm64, amd64]\n\
         contents:\n  repositories: ['deb [signed-by=key.gpg] file:{} stable main']\n  packages: [tool]\n\
         layers: [{{source: motd, target: /etc/motd}}]\nlabels: {{team: web}}\n",
        repository.path().display()
    );
    let sandbox = Sandbox::new()
        .file("config.yaml", &settings)
        .file("images/app/changelog", &changelog("app"))
        .file("images/app/image.yaml", &image)
        .file("images/app/motd", "hello\n")
        .file("images/app/structure-test.yaml", STRUCTURE)
        .file("images/web/changelog", &changelog("web"))
        .file(
            "images/web/image.yaml",
            "archs: [amd64, arm64]\nbase: app\npaths: [{path: /opt/web, type: directory}]\n",
        )
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    fs::write(sandbox.path().join("images/app/key.gpg"), repository.key()).unwrap();
    sandbox
}

/// Gives what the registry has under a name, to the byte.
fn fetch(registry: &DockerRegistry, name: &str) -> Vec<u8> {
    let name = format!("docker://{}/base/{name}", registry.host());
    let mut skopeo = Command::new("skopeo");
    skopeo.args(["inspect", "--raw", "--tls-verify=false"]);
    run(skopeo.args(["--creds", "ann:hush", &name])).stdout
}

fn fetch_json(registry: &DockerRegistry, name: &str) -> Value {
    serde_json::from_slice(&fetch(registry, name)).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    let text = value[key].as_str();
    text.unwrap_or_else(|| panic!("{key} of {value}"))
}

/// Exports an image in a format; gives the bytes of a file.
#[track_caller]
fn export(sandbox: &Sandbox, arguments: &[&str], out: &str) -> Vec<u8> {
    let all = [&["export", "app", "images", "-o", out], arguments].concat();
    sandbox.pkg(&all).assert_code(0);
    let path = sandbox.path().join(out);
    if path.is_dir() {
        Vec::new()
    } else {
        fs::read(path).unwrap()
    }
}

/// Gives the program of the image as a root file system has it.
fn program_of(root: &[u8]) -> String {
    let mut members = tar::Archive::new(root);
    let mut members = members.entries().unwrap().map(Result::unwrap);
    let found = members.find(|one| one.path().unwrap().ends_with("usr/bin/tool"));
    std::io::read_to_string(found.expect("a program")).unwrap()
}

/// Checks that the registry has the image of each architecture, all made from the same.
fn check_images(registry: &DockerRegistry, manifests: &[Value]) {
    let mut inputs = BTreeSet::new();
    for (one, architecture) in manifests.iter().zip(["amd64", "arm64"]) {
        let manifest = fetch_json(registry, &format!("app@{}", text(one, "digest")));
        let mut skopeo = Command::new("skopeo");
        let name = format!("docker://{}/base/app:1-1", registry.host());
        skopeo.args([
            "inspect",
            "--config",
            "--tls-verify=false",
            "--creds",
            "ann:hush",
        ]);
        skopeo.args(["--override-arch", architecture, &name]);
        let config: Value = serde_json::from_slice(&run(&mut skopeo).stdout).unwrap();
        assert_eq!(config["architecture"], architecture);
        assert_eq!(config["config"]["Labels"]["team"], "web");
        inputs.insert(config["config"]["Labels"]["pkg.inputs"].to_string());
        assert_eq!(manifest["layers"].as_array().map(Vec::len), Some(1));
    }
    assert_eq!(inputs.len(), 1, "{inputs:?}");
}

/// Checks what is attached: to each image what it is made of, and to the index whose variants they are.
fn check_documents(
    sandbox: &Sandbox,
    registry: &DockerRegistry,
    (manifests, index): (&[Value], &Digest),
) {
    for (digest, words) in [
        (
            text(&manifests[0], "digest"),
            "pkg:deb/debian/tool@1.0-1%2Bb1?arch=amd64",
        ),
        (
            text(&manifests[1], "digest"),
            "pkg:deb/debian/tool@1.0-1?arch=arm64",
        ),
        (index.as_str(), "VARIANT_OF"),
    ] {
        let listed = fetch_json(registry, &format!("app:{}", digest.replace(':', "-")));
        assert_eq!(listed["manifests"].as_array().map(Vec::len), Some(1));
        let artifact = text(&listed["manifests"][0], "digest");
        let artifact = fetch_json(registry, &format!("app@{artifact}"));
        assert_eq!(text(&artifact["subject"], "digest"), digest);
        let document = text(&artifact["layers"][0], "digest");
        let out = match words {
            "VARIANT_OF" => export(sandbox, &["--format", "spdx"], "index.json"),
            _ if words.ends_with("amd64") => export(
                sandbox,
                &["--format", "spdx", "--platform", "linux/amd64"],
                "amd64.json",
            ),
            _ => export(
                sandbox,
                &["--format", "spdx", "--platform", "arm64"],
                "arm64.json",
            ),
        };
        assert_eq!(Digest::of(&out).as_str(), document);
        assert!(String::from_utf8_lossy(&out).contains(words), "{words}");
    }
}

#[test]
fn an_image_for_two_architectures_is_published_as_an_index_of_both() {
    let registry = DockerRegistry::start_for("ann", "hush");
    let repository = repository();
    let sandbox = catalog(&repository, &registry);
    let built = sandbox.pkg(&["build", "images"]);
    assert_told(&built, 0, &["2 built, 1 verified, 2 published"]);
    let bytes = fetch(&registry, "app:1-1");
    assert_eq!(fetch(&registry, "app:latest"), bytes);
    let index: Value = serde_json::from_slice(&bytes).unwrap();
    let media = "application/vnd.oci.image.index.v1+json";
    assert_eq!(text(&index, "mediaType"), media);
    let manifests = index["manifests"].as_array().unwrap();
    let platforms: Vec<&Value> = manifests.iter().map(|one| &one["platform"]).collect();
    let platform = |architecture: &str| json!({"architecture": architecture, "os": "linux"});
    assert_eq!(platforms, [&platform("amd64"), &platform("arm64")]);
    let annotations = index["annotations"].as_object().unwrap();
    assert_eq!(annotations["team"], "web");
    assert_eq!(
        annotations["org.opencontainers.image.created"],
        "2026-11-20T10:00:00Z"
    );
    assert!(
        annotations.keys().all(|key| !key.starts_with("pkg.")),
        "{annotations:?}"
    );
    check_images(&registry, manifests);
    check_documents(&sandbox, &registry, (manifests, &Digest::of(&bytes)));
    // Nothing is left to do, also where the shelf is gone.
    let again = sandbox.pkg(&["build", "images"]);
    assert_told(&again, 0, &["2 already published"]);
    fs::remove_dir_all(sandbox.home().join(".cache/pkg/images-1")).unwrap();
    fs::remove_dir_all(sandbox.home().join(".local")).unwrap();
    let again = sandbox.pkg(&["build", "images"]);
    assert_told(&again, 0, &["2 already published"]);
    // What it is made from changed under a published version.
    fs::write(sandbox.path().join("images/app/motd"), "hello\nthere\n").unwrap();
    let changed = sandbox.pkg(&["build", "--select", "*/app:*", "images"]);
    assert_told(&changed, 3, &["`motd` changed"]);
}

#[test]
fn an_index_is_exported_whole_or_one_image_of_it() {
    let registry = DockerRegistry::start_for("ann", "hush");
    let repository = repository();
    let sandbox = catalog(&repository, &registry);
    let select = ["--select", "*/app:*", "images"];
    let build = sandbox.pkg(&[&["build"], &select[..]].concat());
    assert_told(&build, 0, &["1 published"]);
    export(&sandbox, &["--format", "oci"], "out");
    let mut skopeo = Command::new("skopeo");
    let layout = format!("oci:{}", sandbox.path().join("out").display());
    let raw = run(skopeo.args(["inspect", "--raw", &layout])).stdout;
    assert!(raw == fetch(&registry, "app:1-1"), "the bytes differ");
    let mut skopeo = Command::new("skopeo");
    let copy = format!("oci:{}", sandbox.path().join("copy").display());
    run(skopeo.args(["copy", "--all", "--quiet", &layout, &copy]));
    for (platform, told) in [
        ("linux/amd64", "made for amd64"),
        ("aarch64", "made for arm64"),
    ] {
        let out = format!("{}.tar", platform.replace('/', "-"));
        let arguments = ["--format", "rootfs", "--platform", platform];
        let root = export(&sandbox, &arguments, &out);
        assert!(program_of(&root).contains(told), "{platform}");
    }
    // The machine's own, where nothing is said.
    let own = pkg::host::platform().architecture;
    let root = export(&sandbox, &["--format", "rootfs"], "own.tar");
    assert!(program_of(&root).contains(&format!("made for {own}")));
    let arguments = [
        "export", "app", "images", "-o", "no.tar", "--format", "docker",
    ];
    let refused = sandbox.pkg(&[&arguments[..], &["--platform", "s390x"]].concat());
    let told = "it is for linux/amd64, linux/arm64, and not for linux/s390x";
    assert_told(&refused, 1, &[told]);
    let refused = sandbox.pkg(&[&arguments[..], &["--platform", "linux/z80"]].concat());
    assert_told(&refused, 2, &["it is `linux/` and one of"]);
    assert!(!sandbox.path().join("no.tar").exists());
}

#[test]
fn tests_of_files_are_run_on_the_image_of_each_architecture() {
    let registry = DockerRegistry::start_for("ann", "hush");
    let repository = repository();
    let sandbox = catalog(&repository, &registry);
    let tests = STRUCTURE.replace("(amd64|arm64)", "amd64");
    fs::write(sandbox.path().join("images/app/structure-test.yaml"), tests).unwrap();
    let select = ["--select", "*/app:*", "images"];
    let build = sandbox.pkg(&[&["build"], &select[..]].concat());
    let told = [
        "pass  File Content Test: program (linux/amd64)",
        "fail  File Content Test: program (linux/arm64)",
        "1 of 4 structure tests failed",
    ];
    assert_told(&build, 1, &told);
}

#[test]
fn a_lock_holds_the_packages_of_each_architecture_and_is_followed() {
    let registry = DockerRegistry::start_for("ann", "hush");
    let mut repository = repository();
    let sandbox = catalog(&repository, &registry);
    sandbox.pkg(&["lock", "images"]).assert_code(0);
    let lock: Value = serde_json::from_str(&sandbox.read("images/app/image.lock.json")).unwrap();
    assert_eq!(lock["version"], "debian-2");
    let names = |pins: &Value| {
        let packages = pins["packages"].as_array().unwrap().iter();
        let packages =
            packages.map(|one| format!("{} {}", text(one, "name"), text(one, "version")));
        packages.collect::<Vec<_>>().join(", ")
    };
    let contents = lock["contents"].as_array().unwrap();
    let architectures: Vec<&str> = contents.iter().map(|it| text(it, "architecture")).collect();
    assert_eq!(architectures, ["amd64", "arm64"]);
    assert_eq!(names(&contents[0]), "data 2.0, tool 1.0-1+b1");
    assert_eq!(names(&contents[1]), "data 2.0, tool 1.0-1");
    // A newer one on one architecture alone would not be the same on both.
    repository.add(
        "Package: tool\nVersion: 1.1-1\nArchitecture: amd64\nDepends: data\n",
        &[("usr/bin/tool", "#!/bin/sh\n")],
        "xz",
    );
    repository.publish(&Form::default());
    let told = "`tool` would not be the same on all of `archs`: 1.1-1 for amd64, 1.0-1 for arm64";
    assert_told(&sandbox.pkg(&["lock", "images"]), 1, &[told]);
    let select = ["--no-publish", "--select", "*/app:*", "images"];
    let built = sandbox.pkg(&[&["build", "--locked"], &select[..]].concat());
    assert_told(&built, 0, &["1 built, 1 verified"]);
    fs::remove_file(sandbox.path().join("images/app/image.lock.json")).unwrap();
    fs::write(sandbox.path().join("images/app/motd"), "hello again\n").unwrap();
    let refused = sandbox.pkg(&[&["build"], &select[..]].concat());
    assert_told(&refused, 1, &[told]);
    // What one of them lacks is told with it.
    repository.add(
        "Package: only\nVersion: 1\nArchitecture: amd64\n",
        &[("usr/share/only", "only")],
        "xz",
    );
    repository.publish(&Form::default());
    let path = sandbox.path().join("images/app/image.yaml");
    let declared = fs::read_to_string(&path).unwrap();
    fs::write(&path, declared.replace("[tool]", "[only]")).unwrap();
    let refused = sandbox.pkg(&["lock", "images"]);
    assert_told(&refused, 1, &["for arm64: ", "`only`"]);
}

#[test]
fn an_image_is_made_on_a_base_for_each_architecture_that_the_base_has() {
    let registry = DockerRegistry::start_for("ann", "hush");
    let repository = repository();
    let sandbox = catalog(&repository, &registry);
    let built = sandbox.pkg(&["build", "images"]);
    assert_told(&built, 0, &["2 built, 1 verified, 2 published"]);
    let layers = |name: &str| {
        let index = fetch_json(&registry, &format!("{name}:1-1"));
        let manifests = index["manifests"].as_array().unwrap().iter();
        let layers = manifests.map(|one| {
            let manifest = fetch_json(&registry, &format!("{name}@{}", text(one, "digest")));
            let layers = manifest["layers"].as_array().unwrap().iter();
            layers.map(|it| text(it, "digest").to_owned()).collect()
        });
        layers.collect::<Vec<Vec<String>>>()
    };
    let (below, above) = (layers("app"), layers("web"));
    assert_eq!(above.len(), 2);
    assert_ne!(above[0][0], above[1][0]);
    for (below, above) in below.iter().zip(&above) {
        assert_eq!((above.len(), &above[0]), (2, &below[0]));
    }
    let web = sandbox.path().join("images/web/image.yaml");
    let declared = fs::read_to_string(&web).unwrap();
    fs::write(&web, declared.replace("[amd64, arm64]", "[amd64, s390x]")).unwrap();
    fs::write(
        sandbox.path().join("images/web/changelog"),
        changelog("web").replace("(1-1)", "(1-2)"),
    )
    .unwrap();
    let refused = sandbox.pkg(&["build", "images"]);
    let told =
        "/base/app:1-1` is for linux/amd64, linux/arm64, and the image is also for linux/s390x";
    assert_told(&refused, 1, &[told]);
}
