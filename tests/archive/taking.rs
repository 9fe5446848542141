//! Files of one image in another one, and packages that an image does without; no engine is there.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::repository::{Form, Repository};
use super::run;
use super::support::sandbox::{Output, Sandbox};
use super::without_engine::{assert_told, changelog, read_layout};

/// A base, an image with a program, and one that has the program on the base.
fn catalog() -> Sandbox {
    let tools = "layers: [{source: tool, target: /opt/bin/tool, permissions: 0o755}]\n\
                 paths:\n\
                 - {path: /opt/bin/again, type: hardlink, source: /opt/bin/tool}\n\
                 - {path: /opt/link, type: symlink, source: bin/tool}\n";
    let service = "base: static\n\
                   layers:\n\
                   - {from: tools, source: /opt/bin, target: /usr/bin}\n\
                   - {from: tools, source: /opt/link, target: /usr/sbin/tool, uid: 7, permissions: 0o700}\n\
                   - {source: note, target: /usr/bin/note}\n\
                   entrypoint: {command: /usr/bin/tool}\n";
    Sandbox::new()
        .file("config.yaml", "namespace: base\n")
        .file("images/static/changelog", &changelog("static"))
        .file(
            "images/static/image.yaml",
            "layers: [{source: motd, target: /etc/motd}]\n",
        )
        .file("images/static/motd", "hello\n")
        .file("images/tools/changelog", &changelog("tools"))
        .file("images/tools/image.yaml", tools)
        .file("images/tools/tool", "#!/bin/tool\n")
        .file("images/service/changelog", &changelog("service"))
        .file("images/service/image.yaml", service)
        .file("images/service/note", "a note\n")
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
}

/// Lists the root file system of an image as tar(1) does.
fn list(sandbox: &Sandbox, name: &str) -> String {
    let out = sandbox.path().join("root.tar");
    let tar = out.display().to_string();
    let arguments = ["export", name, "images", "--format", "rootfs", "-o", &tar];
    sandbox.pkg(&arguments).assert_code(0);
    let output = run(Command::new("tar")
        .args(["--numeric-owner", "-tvf"])
        .arg(&out));
    String::from_utf8(output.stdout).unwrap()
}

fn build(sandbox: &Sandbox) -> Output {
    sandbox.pkg(&["build", "--no-publish", "images"])
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_service_has_the_program_of_one_image_and_the_layers_of_another() {
    let sandbox = catalog();
    assert_told(&build(&sandbox), 0, &["3 built"]);
    let ((below, _), (above, config)) = (
        read_layout(&sandbox, "static"),
        read_layout(&sandbox, "service"),
    );
    assert_eq!(above["layers"][0], below["layers"][0]);
    assert_eq!(above["layers"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        config["config"]["Entrypoint"],
        serde_json::json!(["/usr/bin/tool"])
    );
    let listed = list(&sandbox, "service");
    let find = |name: &str| {
        let mut lines = listed.lines();
        let found = lines.find(|line| line.split_whitespace().nth(5) == Some(name));
        found.unwrap_or_else(|| panic!("{name}\n{listed}"))
    };
    assert!(
        find("usr/sbin/tool").starts_with("-rwx------ 7/0 "),
        "{listed}"
    );
    assert!(
        find("usr/bin/note").starts_with("-rw-r--r-- 0/0 "),
        "{listed}"
    );
    assert!(
        find("usr/bin/again").starts_with("-rwxr-xr-x 0/0 "),
        "{listed}"
    );
    assert!(
        find("usr/bin/tool").ends_with(" link to usr/bin/again"),
        "{listed}"
    );
    assert!(find("etc/motd").starts_with("-rw-r--r-- 0/0 "), "{listed}");
    assert!(!listed.contains("opt"), "{listed}");
    let graph = sandbox.pkg(&["graph", "--json", "images"]).stdout;
    let layer = r#""kind": "layer",
          "place": "images/service/image.yaml:3""#;
    assert!(graph.contains(layer), "{graph}");
}

#[test]
fn a_service_is_made_again_with_the_image_that_its_program_is_from() {
    let sandbox = catalog();
    assert_told(&build(&sandbox), 0, &["3 built"]);
    assert_told(&build(&sandbox), 0, &["3 already built"]);
    let (before, _) = read_layout(&sandbox, "service");
    fs::write(sandbox.path().join("images/tools/tool"), "#!/bin/other\n").unwrap();
    replace(
        &sandbox.path().join("images/tools/changelog"),
        "(1-1)",
        "(1-2)",
    );
    let planned = sandbox.pkg(&["plan", "images"]);
    assert_told(&planned, 0, &["1 already built"]);
    let told = "build  base/service:1-1  tools is rebuilt\n";
    assert!(planned.stdout.contains(told), "{}", planned.stdout);
    replace(
        &sandbox.path().join("images/service/changelog"),
        "(1-1)",
        "(1-2)",
    );
    assert_told(&build(&sandbox), 0, &["2 built", "1 already built"]);
    let (after, _) = read_layout(&sandbox, "service");
    assert_eq!(after["layers"][0], before["layers"][0]);
    assert_ne!(after["layers"][1], before["layers"][1]);
}

#[test]
fn an_image_or_a_path_that_is_not_there_is_told() {
    let sandbox = catalog();
    let file = sandbox.path().join("images/service/image.yaml");
    replace(&file, "source: /opt/link", "source: /opt/nowhere");
    let select = ["build", "--no-publish", "images"];
    assert_told(
        &sandbox.pkg(&select),
        1,
        &["`/opt/nowhere` is not in `tools`"],
    );
    replace(
        &file,
        "{from: tools, source: /opt/nowhere",
        "{from: tols, source: /opt/link",
    );
    let planned = sandbox.pkg(&["plan", "images"]);
    let told = ["`tols`", "images/service/image.yaml:4", "`tools`"];
    assert_told(&planned, 1, &told);
}

#[test]
fn what_an_image_does_without_does_not_come_with_a_lock_either() {
    let mut repository = Repository::of("config 1; Provides: config-2\nopenly 1");
    repository.add(
        "Package: zones\nVersion: 1\nPre-Depends: awk\nDepends: config-2, openly\n",
        &[("usr/share/zones/a", "a")],
        "xz",
    );
    repository.publish(&Form::default());
    let image = format!(
        "contents:\n  repositories: ['deb [signed-by=key.gpg] file:{} stable main']\n  packages: [zones]\n",
        repository.path().display()
    );
    let sandbox = Sandbox::new()
        .file("config.yaml", "namespace: base\n")
        .file("images/data/changelog", &changelog("data"))
        .file("images/data/image.yaml", &image)
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let directory = sandbox.path().join("images/data");
    fs::write(directory.join("key.gpg"), repository.key()).unwrap();
    assert_told(&build(&sandbox), 1, &["no package satisfies `awk`"]);
    let without = format!("{image}  without-packages: [awk, config]\n");
    fs::write(directory.join("image.yaml"), without).unwrap();
    let status = "var/lib/dpkg/status.d/";
    for is_locked in [false, true] {
        if is_locked {
            sandbox.pkg(&["lock", "images"]).assert_code(0);
            let lock = sandbox.read("images/data/image.lock.json");
            assert!(
                lock.contains("\"zones\"") && !lock.contains(r#""name": "config""#),
                "{lock}"
            );
        }
        build(&sandbox).assert_code(0);
        let listed = list(&sandbox, "data");
        let names = listed.lines().filter_map(|line| line.split_once(status));
        let names: Vec<&str> = names.map(|(_, name)| name).collect();
        let of_packages = names.iter().filter(|name| !name.ends_with(".md5sums"));
        let of_packages: Vec<&&str> = of_packages.filter(|name| !name.is_empty()).collect();
        assert_eq!(of_packages, [&"openly", &"zones"], "{listed}");
    }
}
