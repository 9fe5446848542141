//! What an image is made of: kept beside it, written to a file, attached at the registry.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use pkg::oci::Digest;
use serde_json::Value;

use super::repository::{Form, Repository};
use super::run;
use super::support::docker_registry::DockerRegistry;
use super::support::faulty_registry::{Fault, FaultyRegistry, Operation};
use super::support::sandbox::{Output, Sandbox};

fn repository() -> Repository {
    let mut repository = Repository::new();
    repository.add(
        "Package: tool\nVersion: 1.0+b1\nSource: tools (1.0)\nDepends: data\nHomepage: https://tool.example.org/\n",
        &[("usr/bin/tool", "#!/bin/sh\n")],
        "xz",
    );
    repository.add(
        "Package: data\nVersion: 1:2.0\nArchitecture: all\n",
        &[
            ("usr/share/data/a", "a"),
            (
                "usr/lib/os-release",
                "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n",
            ),
        ],
        "zstd",
    );
    repository.publish(&Form::default());
    repository
}

fn changelog(name: &str) -> String {
    format!(
        "{name} (1-1) stable; urgency=medium\n\n  * A change.\n\n -- Ann <ann@example.org>  \
         Fri, 20 Nov 2026 10:00:00 +0000\n"
    )
}

/// A catalog of an image of packages, and one that is made on it.
fn catalog(repository: &Repository, host: &str) -> Sandbox {
    let settings = format!(
        "registry: \"{host}\"\nnamespace: base\nusername: ann\npassword: hush\nregistry_timeout: 1s\n"
    );
    let image = format!(
        "contents:\n  repositories: ['deb [signed-by=key.gpg] file:{} stable main']\n  packages: [tool]\n\
         layering: {{strategy: origin, budget: 2}}\n",
        repository.path().display()
    );
    let sandbox = Sandbox::new()
        .file("config.yaml", &settings)
        .file("images/app/changelog", &changelog("app"))
        .file("images/app/image.yaml", &image)
        .file("images/web/changelog", &changelog("web"))
        .file(
            "images/web/image.yaml",
            "base: app\nlayers: [{source: motd, target: /etc/motd}]\n",
        )
        .file("images/web/motd", "hello\n")
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    fs::write(sandbox.path().join("images/app/key.gpg"), repository.key()).unwrap();
    sandbox
}

/// Writes the document of an image, and reads it.
#[track_caller]
fn export(sandbox: &Sandbox, name: &str) -> String {
    let out = format!("{name}.spdx.json");
    let arguments = ["export", name, "images", "--format", "spdx", "-o", &out];
    sandbox.pkg(&arguments).assert_code(0);
    sandbox.read(&out)
}

/// Gives a manifest of the registry as it is.
fn fetch(registry: &DockerRegistry, name: &str) -> Vec<u8> {
    let name = format!("docker://{}/base/{name}", registry.host());
    let mut skopeo = Command::new("skopeo");
    skopeo.args(["inspect", "--raw", "--tls-verify=false"]);
    run(skopeo.args(["--creds", "ann:hush", &name])).stdout
}

fn fetch_json(registry: &DockerRegistry, name: &str) -> Value {
    serde_json::from_slice(&fetch(registry, name)).unwrap()
}

#[track_caller]
fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    let text = value[key].as_str();
    text.unwrap_or_else(|| panic!("{key} of {value}"))
}

/// Reads a document, in which each name stands once and all relations lead to names; gives the elements by their names.
#[track_caller]
fn read(document: &str) -> BTreeMap<String, Value> {
    let document: Value = serde_json::from_str(document).unwrap();
    assert_eq!(text(&document, "spdxVersion"), "SPDX-2.3");
    assert_eq!(text(&document, "dataLicense"), "CC0-1.0");
    assert_eq!(
        text(&document["creationInfo"], "created"),
        "2026-11-20T10:00:00Z"
    );
    let elements = document["packages"].as_array().unwrap();
    let ids: BTreeSet<&str> = elements.iter().map(|it| text(it, "SPDXID")).collect();
    assert_eq!(ids.len(), elements.len(), "a name stands twice");
    let mut related = BTreeSet::new();
    for relation in document["relationships"].as_array().unwrap() {
        let (from, to) = (
            text(relation, "spdxElementId"),
            text(relation, "relatedSpdxElement"),
        );
        assert!(
            from == "SPDXRef-DOCUMENT" || ids.contains(from),
            "{relation}"
        );
        assert!(ids.contains(to), "{relation}");
        related.insert(to);
    }
    assert_eq!(related, ids, "all is said to belong to something");
    let named = elements.iter().map(|it| {
        for key in ["downloadLocation", "licenseConcluded", "copyrightText"] {
            text(it, key);
        }
        let purpose = it["primaryPackagePurpose"].as_str().unwrap_or("PACKAGE");
        (format!("{purpose} {}", text(it, "name")), it.clone())
    });
    named.collect()
}

#[track_caller]
fn assert_told(output: &Output, code: i32, told: &[&str]) {
    output.assert_code(code);
    for text in told {
        assert!(output.stderr.contains(text), "{text}\n{}", output.stderr);
    }
}

#[test]
fn a_document_names_each_package_and_is_the_same_wherever_the_image_is_made() {
    let registry = DockerRegistry::start_for("ann", "hush");
    let repository = repository();
    let [one, other] = [(); 2].map(|()| {
        let sandbox = catalog(&repository, registry.host());
        let build = sandbox.pkg(&["build", "--no-publish", "images"]);
        build.assert_code(0);
        (export(&sandbox, "app"), export(&sandbox, "web"))
    });
    assert_eq!(one, other);
    let elements = read(&one.0);
    let names: Vec<&str> = elements.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "ARCHIVE layer 1",
            "ARCHIVE layer 2",
            "ARCHIVE layer 3",
            "CONTAINER base/app",
            "OPERATING_SYSTEM debian",
            "PACKAGE data",
            "PACKAGE tool",
            "SOURCE data",
            "SOURCE tools",
        ]
    );
    let tool = &elements["PACKAGE tool"];
    assert_eq!(text(tool, "versionInfo"), "1.0+b1");
    assert_eq!(
        text(tool, "supplier"),
        "Person: Ann Example (ann@example.org)"
    );
    assert_eq!(text(tool, "homepage"), "https://tool.example.org/");
    assert_eq!(
        text(&tool["externalRefs"][0], "referenceLocator"),
        "pkg:deb/debian/tool@1.0%2Bb1?arch=amd64&distro=debian-12"
    );
    let pool = fs::read_dir(repository.path().join("pool")).unwrap();
    let sums = pool.map(|file| Digest::of(&fs::read(file.unwrap().path()).unwrap()));
    let sums: BTreeSet<String> = sums.map(|digest| digest.hex().to_owned()).collect();
    for name in ["PACKAGE tool", "PACKAGE data"] {
        let sum = text(&elements[name]["checksums"][0], "checksumValue");
        assert!(sums.contains(sum), "{name} {sum}");
    }
    assert_eq!(text(&elements["SOURCE tools"], "versionInfo"), "1.0");
    // What an image on it has is in its own.
    let elements = read(&one.1);
    assert_eq!(text(&elements["PACKAGE data"], "versionInfo"), "1:2.0");
    assert!(elements.contains_key("ARCHIVE layer 4"), "{elements:?}");
}

#[test]
fn a_document_is_attached_to_what_is_published_and_never_twice() {
    let registry = DockerRegistry::start_for("ann", "hush");
    let repository = repository();
    let sandbox = catalog(&repository, registry.host());
    let build = sandbox.pkg(&["build", "images"]);
    assert_told(&build, 0, &["2 built, 2 published"]);
    assert!(!build.stderr.contains("warning"), "{}", build.stderr);
    let image = fetch(&registry, "app:1-1");
    let list = format!("app:{}", Digest::of(&image).as_str().replace(':', "-"));
    let listed = fetch_json(&registry, &list);
    assert_eq!(
        text(&listed, "mediaType"),
        "application/vnd.oci.image.index.v1+json"
    );
    assert_eq!(listed["manifests"].as_array().map(Vec::len), Some(1));
    let entry = &listed["manifests"][0];
    assert_eq!(text(entry, "artifactType"), "application/spdx+json");
    let artifact = fetch_json(&registry, &format!("app@{}", text(entry, "digest")));
    assert_eq!(text(&artifact, "artifactType"), "application/spdx+json");
    assert_eq!(
        artifact["subject"],
        serde_json::json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": Digest::of(&image).as_str(),
            "size": image.len(),
        })
    );
    assert_eq!(
        text(&artifact["config"], "mediaType"),
        "application/vnd.oci.empty.v1+json"
    );
    let document = export(&sandbox, "app");
    let blob = &artifact["layers"][0];
    assert_eq!(
        text(blob, "digest"),
        Digest::of(document.as_bytes()).as_str()
    );
    // The same bytes come to the registry for a candidate.
    let candidate = ["publish", "--tag", "candidate", "images"];
    assert_told(&sandbox.pkg(&candidate), 0, &["2 published"]);
    assert_eq!(fetch(&registry, "app:candidate"), image);
    assert_eq!(fetch_json(&registry, &list), listed);
}

#[test]
fn an_image_goes_without_where_the_registry_does_not_take_such_things_and_waits_where_it_is_in_trouble()
 {
    let repository = repository();
    // The image comes first, then what is attached to it.
    let publish = |requests, fault| {
        let registry = FaultyRegistry::start();
        registry.misbehave(Operation::PutByDigest, requests, fault);
        let sandbox = catalog(&repository, registry.host());
        let build = ["build", "--select", "*/app:*", "images"];
        let output = sandbox.pkg(&build);
        (output, registry.find_manifest("base/app", "1-1").is_some())
    };
    let (output, is_published) = publish(2..=2, Fault::status(400));
    assert_told(
        &output,
        0,
        &[
            "1 built, 1 published",
            "app:1-1 goes without its SPDX document, which the registry does not take",
            "pkg export NAME --format spdx",
        ],
    );
    assert!(is_published);
    let (output, is_published) = publish(2..=1000, Fault::status(503));
    assert_told(&output, 4, &["1 failed"]);
    assert!(!is_published);
}

#[test]
fn what_an_engine_makes_has_no_document() {
    let sandbox = Sandbox::new()
        .file("config.yaml", "registry: r.example.org\nnamespace: base\n")
        .file("images/left/changelog", &changelog("left"))
        .file("images/left/Dockerfile.template", "FROM scratch\n")
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let arguments = [
        "export", "left", "images", "--format", "spdx", "-o", "out.json",
    ];
    assert_told(
        &sandbox.pkg(&arguments),
        1,
        &[
            "no document tells what",
            "images of an `image.yaml` have one",
        ],
    );
    assert!(!sandbox.path().join("out.json").exists());
}
