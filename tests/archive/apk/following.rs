//! Locks of APK packages as the program makes and follows them.

use std::fs;

use pkg::apk::{Checksum, Sha256, parse_lock};
use serde_json::Value;

use super::super::server::Server;
use super::super::support::fake_engine::{FakeEngine, Operation};
use super::super::support::sandbox::Sandbox;
use super::ground::{declare, of};
use super::repository::Repository;
use super::samples::{Item, SIGNER, Sample, Signer};

const LOCK: &str = "images/app/image.lock.json";

fn catalog(declaration: &str) -> Sandbox {
    let changelog = "app (1-1) unstable; urgency=low\n\n  * New.\n\n -- Ann <ann@example.org>  Fri, 20 Nov 2026 00:00:00 +0000\n";
    Sandbox::new()
        .file("config.yaml", "namespace: example\n")
        .file("images/app/changelog", changelog)
        .file("images/app/image.yaml", declaration)
}

fn tool(version: &str) -> Sample {
    let file = Item::file("usr/bin/tool", 0o755, version.as_bytes()).summed();
    Sample::new(&format!("tool {version}")).file(file)
}

#[test]
fn the_program_locks_follows_the_lock_and_tells_what_moved() {
    let mut repository = Repository::of(&[tool("1-r0")]);
    let engine = FakeEngine::start();
    let declaration = of(&repository, "tool");
    let sandbox = catalog(&declaration).env("DOCKER_HOST", &engine.address());
    sandbox.pkg(&["lock", "images"]).assert_code(0);
    let text = sandbox.read(LOCK);
    let lock = parse_lock(&text).unwrap();
    assert_eq!(lock.render().unwrap(), text);
    assert_eq!(lock.contents.packages[0].version, "1-r0");
    let sum = Sha256::of(declaration.as_bytes()).base64();
    let config = lock.config.as_ref().unwrap();
    assert_eq!(config.checksum, format!("sha256-{sum}"));
    sandbox.pkg(&["lock", "--check", "images"]).assert_code(0);
    fs::remove_file(repository.file("APKINDEX.tar.gz")).unwrap();
    sandbox
        .pkg(&["build", "--locked", "--no-publish", "images"])
        .assert_code(0);
    assert_eq!(engine.count(Operation::Load), 1);
    repository.add(&tool("2-r0"), Some(&SIGNER));
    repository.publish();
    let output = sandbox.pkg(&["lock", "--check", "--resolve", "--json", "images"]);
    output.assert_code(3);
    let told: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(
        told["images"][0]["moves"],
        serde_json::json!([{"package": "tool", "from": "1-r0", "to": "2-r0"}])
    );
}

#[test]
fn a_lock_of_sourcegraphs_tool_is_followed_and_keeps_what_is_in_it() {
    let repository = Repository::of(&[tool("1-r0")]);
    let declaration = of(&repository, "tool");
    let sandbox = catalog(&declaration);
    sandbox.pkg(&["lock", "images"]).assert_code(0);
    let mut theirs: Value = serde_json::from_str(&sandbox.read(LOCK)).unwrap();
    theirs.as_object_mut().unwrap().remove("config");
    theirs["configHash"] = Sha256::of(declaration.as_bytes()).hex().into();
    let path = sandbox.path().join(LOCK);
    fs::write(&path, theirs.to_string()).unwrap();
    sandbox.pkg(&["lock", "--check", "images"]).assert_code(0);
    let changed = format!("{declaration}# more\n");
    fs::write(sandbox.path().join("images/app/image.yaml"), &changed).unwrap();
    sandbox.pkg(&["lock", "--check", "images"]).assert_code(3);
    sandbox.pkg(&["lock", "images"]).assert_code(0);
    let written: Value = serde_json::from_str(&sandbox.read(LOCK)).unwrap();
    assert_eq!(written["configHash"], Sha256::of(changed.as_bytes()).hex());
    // One of apko before 0.13 lacks what packages are checked by.
    let packages = theirs["contents"]["packages"].as_array_mut().unwrap();
    packages[0].as_object_mut().unwrap().remove("checksum");
    fs::write(&path, theirs.to_string()).unwrap();
    let output = sandbox.pkg(&["plan", "images"]);
    output.assert_code(1);
    assert!(
        output.stderr.contains("as in locks of apko before 0.13")
            && output.stderr.contains("`pkg lock images app` makes it"),
        "{}",
        output.render()
    );
}

#[test]
fn a_lock_is_to_the_byte_what_apko_writes_for_the_same_input() {
    let repository = Repository::of(&[tool("1-r0")]);
    let server = Server::start(repository.path());
    let declaration = declare(&server.address, "tool");
    let sandbox = catalog(&declaration);
    sandbox.pkg(&["lock", "images"]).assert_code(0);
    let made = tool("1-r0").make(Some(&SIGNER));
    let bytes = &made.bytes;
    let (control, data) = (made.control_start, made.data_start);
    let sha1 = |part: &[u8]| format!("sha1-{}", Checksum::of(part).base64());
    let expected = APKO
        .replace("$URL", &server.address)
        .replace("$HOST", server.address.trim_start_matches("http://"))
        .replace("$ARCH", pkg::host::alpine_architecture())
        .replace("$DECLARATION", &Sha256::of(declaration.as_bytes()).base64())
        .replace("$KEY", &SIGNER.key.pem().replace('\n', "\\n"))
        .replace("$SIGNATURE_END", &(control - 1).to_string())
        .replace("$SIGNATURE", &sha1(&bytes[..control]))
        .replace("$CONTROL_START", &control.to_string())
        .replace("$CONTROL_END", &(data - 1).to_string())
        .replace("$CONTROL", &sha1(&bytes[control..data]))
        .replace("$DATA_START", &data.to_string())
        .replace("$DATA_END", &(bytes.len() - 1).to_string())
        .replace(
            "$DATA",
            &format!("sha256-{}", Sha256::of(&bytes[data..]).base64()),
        )
        .replace(
            "$SUM",
            &format!("Q1{}", Checksum::of(&bytes[control..data]).base64()),
        );
    assert_eq!(sandbox.read(LOCK), expected);
}

/// The lock of one package, as apko lays it out.
const APKO: &str = r#"{
  "version": "v1",
  "config": {
    "name": "image.yaml",
    "checksum": "sha256-$DECLARATION"
  },
  "contents": {
    "keyring": [
      {
        "name": "$HOST/test.rsa.pub",
        "url": "$URL/test.rsa.pub",
        "content": "$KEY"
      }
    ],
    "build_repositories": [],
    "runtime_repositories": [],
    "repositories": [
      {
        "name": "$HOST/$ARCH",
        "url": "$URL/$ARCH/APKINDEX.tar.gz",
        "architecture": "$ARCH"
      }
    ],
    "packages": [
      {
        "name": "tool",
        "url": "$URL/$ARCH/tool-1-r0.apk",
        "version": "1-r0",
        "architecture": "$ARCH",
        "signature": {
          "range": "bytes=0-$SIGNATURE_END",
          "checksum": "$SIGNATURE"
        },
        "control": {
          "range": "bytes=$CONTROL_START-$CONTROL_END",
          "checksum": "$CONTROL"
        },
        "data": {
          "range": "bytes=$DATA_START-$DATA_END",
          "checksum": "$DATA"
        },
        "checksum": "$SUM"
      }
    ]
  }
}
"#;

#[test]
fn a_key_file_that_is_replaced_makes_the_lock_stale_and_counts_from_then_on() {
    let mut repository = Repository::of(&[tool("1-r0")]);
    let declaration = format!(
        "contents:\n  repositories: ['{}']\n  keyring: [keys/test.rsa.pub]\n  packages: [tool]\n",
        repository.path().display()
    );
    let engine = FakeEngine::start();
    let key = "images/app/keys/test.rsa.pub";
    let sandbox = catalog(&declaration)
        .env("DOCKER_HOST", &engine.address())
        .file(key, SIGNER.key.pem());
    sandbox.pkg(&["lock", "images"]).assert_code(0);
    sandbox.pkg(&["lock", "--check", "images"]).assert_code(0);
    let other = Signer::make("test.rsa.pub", 2048);
    let sandbox = sandbox.file(key, other.key.pem());
    let output = sandbox.pkg(&["lock", "--check", "images"]);
    output.assert_code(3);
    let told = "the lock of `app` was made with another `keys/test.rsa.pub`";
    assert!(output.stderr.contains(told), "{}", output.render());
    let build = ["build", "--no-publish", "images"];
    let output = sandbox.pkg(&build);
    output.assert_code(4);
    let told = "its lock is out of date and cannot be made anew";
    assert!(output.stderr.contains(told), "{}", output.render());
    repository.add(&tool("2-r0"), Some(&other));
    repository.publish_by(Some(&other));
    sandbox.pkg(&build).assert_code(0);
    let lock = parse_lock(&sandbox.read(LOCK)).unwrap();
    assert_eq!(lock.contents.keyring[0].content, other.key.pem());
    assert_eq!(lock.contents.packages[0].version, "2-r0");
}
