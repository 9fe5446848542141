//! Images in several layers: packages of one source together, and the same files whatever the layers are.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::repository::{Form, Repository};
use super::run;
use super::support::docker_registry::DockerRegistry;
use super::support::sandbox::Sandbox;

/// A layer: its digest, what made it, and the names in its tar.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) digest: String,
    pub(crate) made_by: String,
    pub(crate) names: Vec<String>,
}

/// What was made of a declaration.
pub(crate) struct Made {
    /// The root file system as a tar.
    pub(crate) root: Vec<u8>,
    /// The lowest first.
    pub(crate) layers: Vec<Layer>,
}

impl Made {
    /// Finds the only layer that has something besides directories at a path.
    #[track_caller]
    pub(crate) fn find(&self, path: &str) -> &Layer {
        let has = |layer: &&Layer| layer.names.iter().any(|name| name == path);
        let with: Vec<&Layer> = self.layers.iter().filter(has).collect();
        assert_eq!(with.len(), 1, "{path} is in {with:?}");
        with[0]
    }
}

fn read_json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Builds an image without an engine; `files` lie in its directory.
#[track_caller]
pub(crate) fn make(declared: &str, files: &[(&str, &[u8])]) -> Made {
    let registry = DockerRegistry::start();
    let sandbox = Sandbox::new()
        .file(
            "config.yaml",
            &format!("registry: {}\nnamespace: base\n", registry.host()),
        )
        .file(
            "images/app/changelog",
            "app (1-1) stable; urgency=medium\n\n  * A change.\n\n -- Ann <ann@example.org>  \
             Fri, 20 Nov 2026 10:00:00 +0000\n",
        )
        .file("images/app/image.yaml", declared)
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    for (name, bytes) in files {
        fs::write(sandbox.path().join("images/app").join(name), bytes).unwrap();
    }
    let build = sandbox.pkg(&["build", "--no-publish", "images"]);
    build.assert_code(0);
    for (format, name) in [("rootfs", "root.tar"), ("oci", "layout")] {
        let arguments = ["export", "app", "images", "--format", format, "-o", name];
        sandbox.pkg(&arguments).assert_code(0);
    }
    let layout = sandbox.path().join("layout");
    let blob = |descriptor: &serde_json::Value| {
        let digest = descriptor["digest"].as_str().unwrap();
        layout.join(digest.replace("sha256:", "blobs/sha256/"))
    };
    let index = read_json(&layout.join("index.json"));
    let manifest = read_json(&blob(&index["manifests"][0]));
    let config = read_json(&blob(&manifest["config"]));
    let layers = manifest["layers"].as_array().unwrap();
    let history = config["history"].as_array().unwrap();
    assert_eq!(layers.len(), history.len());
    let layers = layers.iter().zip(history).map(|(layer, history)| {
        let mut list = Command::new("tar");
        let output = run(list.arg("-tzf").arg(blob(layer)));
        let names = String::from_utf8(output.stdout).unwrap();
        Layer {
            digest: layer["digest"].as_str().unwrap().to_owned(),
            made_by: history["created_by"].as_str().unwrap().to_owned(),
            names: names.lines().map(str::to_owned).collect(),
        }
    });
    Made {
        layers: layers.collect(),
        root: fs::read(sandbox.path().join("root.tar")).unwrap(),
    }
}

/// Fails unless an image has the same files however they are spread; gives what is in layers.
#[track_caller]
pub(crate) fn assert_same(declared: &str, files: &[(&str, &[u8])], budget: usize) -> Made {
    let whole = make(declared, files);
    assert_eq!(whole.layers.len(), 1);
    let text = format!("{declared}layering: {{strategy: origin, budget: {budget}}}\n");
    let made = make(&text, files);
    assert!(made.root == whole.root, "the files differ");
    assert!(made.layers.len() <= budget + 1, "{:?}", made.layers);
    let names = made.layers.iter().flat_map(|layer| &layer.names);
    let whiteouts: Vec<_> = names.filter(|name| name.contains(".wh.")).collect();
    assert_eq!(whiteouts, [""; 0]);
    let again = make(&text, files);
    let digests = |made: &Made| {
        let digests = made.layers.iter().map(|layer| layer.digest.clone());
        digests.collect::<Vec<_>>()
    };
    assert_eq!(digests(&made), digests(&again));
    made
}

fn repository(version_of_data: &str) -> Repository {
    let mut repository = Repository::new();
    let mut add = |fields: &str, files: &[(&str, &str)]| {
        repository.add(fields, files, "xz");
    };
    add(
        "Package: tool\nVersion: 1.0\nSource: tools (1)\nInstalled-Size: 10\nDepends: tool-common, libtool, data\n",
        &[("usr/bin/tool", "#!/bin/sh\n"), ("etc/tool.conf", "a\n")],
    );
    add(
        "Package: tool-common\nVersion: 1.0\nSource: tools\nInstalled-Size: 10\n",
        &[("usr/share/tool/common", "common")],
    );
    add(
        "Package: libtool\nVersion: 2.0\nInstalled-Size: 15\n",
        &[("usr/lib/libtool.so.2", "library")],
    );
    add(
        &format!("Package: data\nVersion: {version_of_data}\nInstalled-Size: 5\n"),
        &[("usr/share/data/a", version_of_data)],
    );
    repository.publish(&Form::default());
    repository
}

fn declare(repository: &Repository) -> String {
    format!(
        "contents:\n  repositories: ['deb [signed-by=key.gpg] file:{} stable main']\n  packages: [tool]\n\
         layers: [{{source: conf, target: /etc/tool.conf}}]\n\
         accounts: {{users: [{{username: app, uid: 1000}}], run-as: app}}\n\
         paths: [{{path: /usr/share/tool, type: permissions, permissions: 0o750}}]\n",
        repository.path().display()
    )
}

#[test]
fn packages_of_debian_lie_in_layers_by_their_sources_and_the_files_are_the_same() {
    let repository = repository("1");
    let key = repository.key();
    let files = [("key.gpg", key.as_slice()), ("conf", b"b\n")];
    let made = assert_same(&declare(&repository), &files, 10);
    let made_by: Vec<&str> = made.layers.iter().map(|it| it.made_by.as_str()).collect();
    assert_eq!(
        made_by,
        [
            "pkg: packages of Debian (tools)",
            "pkg: packages of Debian (libtool)",
            "pkg: packages of Debian (data)",
            "pkg: what belongs to no package",
        ]
    );
    let [tools, libtool, data, top] = made.layers.as_slice() else {
        panic!("{:?}", made.layers);
    };
    for (path, layer) in [
        ("usr/bin/tool", tools),
        ("usr/share/tool/common", tools),
        ("var/lib/dpkg/status.d/tool-common", tools),
        ("var/lib/dpkg/info/tool.list", tools),
        ("usr/lib/libtool.so.2", libtool),
        ("usr/share/data/a", data),
        ("var/lib/dpkg/status", top),
        ("etc/passwd", top),
        // It was laid over a package's.
        ("etc/tool.conf", top),
    ] {
        assert_eq!(made.find(path).digest, layer.digest, "{path}");
    }
    let two = assert_same(&declare(&repository), &files, 2);
    assert_eq!(
        two.layers[1].made_by,
        "pkg: packages of Debian (data, libtool)"
    );
    assert_eq!(two.layers.len(), 3);
}

#[test]
fn another_version_of_one_package_leaves_the_layers_of_the_others() {
    let made = ["1", "2"].map(|version| {
        let repository = repository(version);
        let key = repository.key();
        let files = [("key.gpg", key.as_slice()), ("conf", b"b\n")];
        let text = declare(&repository) + "layering: {strategy: origin, budget: 10}\n";
        make(&text, &files)
    });
    let [one, other] = made.map(|made| {
        let digests = made.layers.into_iter().map(|layer| layer.digest);
        digests.collect::<Vec<_>>()
    });
    assert_eq!(one[..2], other[..2]);
    assert_ne!(one[2], other[2]);
    assert_ne!(one[3], other[3]);
}
