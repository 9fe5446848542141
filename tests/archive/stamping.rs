//! Stamps in a declared image and in the tag of a candidate, without an engine.

use std::fs;
use std::process::Command;

use super::run;
use super::support::docker_registry::DockerRegistry;
use super::support::sandbox::Sandbox;
use super::without_engine::{assert_told, changelog};

const IMAGE: &str = "\
paths: [{path: /srv, type: directory}]
vcs-url: https://git.example.org/app@{{ stamp.STABLE_COMMIT }}
annotations: {com.example.pipeline: \"{{ stamp.PIPELINE }}\"}
labels: {built: \"at {{ stamp.BUILD_TIMESTAMP }}\"}
";

fn catalog(registry: &DockerRegistry) -> Sandbox {
    let settings = format!(
        "registry: {}\nnamespace: base\nusername: ann\npassword: hush\n\
         status_command: [cat, status]\nstamp_defaults: {{STABLE_COMMIT: unknown, PIPELINE: none}}\n",
        registry.host()
    );
    Sandbox::new()
        .file("config.yaml", &settings)
        .file("status", "STABLE_COMMIT 4f2a91c0\nPIPELINE 7 \"a\"\n")
        .file("images/app/changelog", &changelog("app"))
        .file("images/app/image.yaml", IMAGE)
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
}

/// Gives what the registry has under a tag, with its labels, as JSON.
fn inspect(registry: &DockerRegistry, tag: &str) -> serde_json::Value {
    let name = format!("docker://{}/base/app:{tag}", registry.host());
    let mut skopeo = Command::new("skopeo");
    skopeo.args([
        "inspect",
        "--tls-verify=false",
        "--creds",
        "ann:hush",
        &name,
    ]);
    serde_json::from_slice(&run(&mut skopeo).stdout).unwrap()
}

#[test]
fn a_declared_image_is_stamped_and_made_anew_for_stable_stamps_alone() {
    let registry = DockerRegistry::start_for("ann", "hush");
    let sandbox = catalog(&registry);
    let status = |text: &str| fs::write(sandbox.path().join("status"), text).unwrap();
    let build = |more: &[&str]| sandbox.pkg(&[&["build", "--no-publish", "images"], more].concat());
    assert_told(&build(&["--stamp"]), 0, &["1 built"]);
    let tag = "ci-{{ stamp.STABLE_COMMIT }}";
    let publish = sandbox.pkg(&["publish", "--stamp", "--tag", tag, "images"]);
    assert_told(&publish, 0, &["1 published"]);
    let labels = &inspect(&registry, "ci-4f2a91c0")["Labels"];
    assert_eq!(labels["org.opencontainers.image.revision"], "4f2a91c0");
    assert_eq!(labels["com.example.pipeline"], "7 \"a\"");
    assert_eq!(labels["built"], "at 1795219200");

    status("STABLE_COMMIT 4f2a91c0\nPIPELINE 8\nBUILD_TIMESTAMP 9\n");
    assert_told(&build(&["--stamp"]), 0, &["1 already built"]);
    status("STABLE_COMMIT 91c04f2a\nPIPELINE 9\nBUILD_TIMESTAMP 9\n");
    let arguments = ["plan", "--stamp", "--explain", "app", "images"];
    let explained = sandbox.pkg(&arguments);
    explained.assert_code(0);
    let told = "built from `stamp.STABLE_COMMIT` as 4f2a91c0, now 91c04f2a";
    assert!(explained.stdout.contains(told), "{}", explained.stdout);
    assert_told(&build(&["--stamp"]), 0, &["1 built"]);
    assert_told(
        &sandbox.pkg(&["publish", "--stamp", "images"]),
        0,
        &["1 published"],
    );
    let labels = &inspect(&registry, "1-1")["Labels"];
    assert_eq!(labels["org.opencontainers.image.revision"], "91c04f2a");
    assert_eq!(labels["built"], "at 9");
    // What was published with a stamp is compared with one.
    let audit = |more: &[&str]| {
        let arguments = [
            "audit",
            "--registry",
            "--rule",
            "published-differs",
            "images",
        ];
        sandbox.pkg(&[&arguments[..], more].concat())
    };
    audit(&["--stamp"]).assert_code(0);
    let differs = audit(&[]);
    differs.assert_code(3);
    let told = "`stamp.STABLE_COMMIT` changed";
    assert!(differs.stdout.contains(told), "{}", differs.stdout);
}
