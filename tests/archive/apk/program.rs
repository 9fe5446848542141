//! The program with such images: what it makes, when it makes it again, and how it tells what is wrong.

use std::fs;

use snapbox::str;

use super::repository::Repository;
use super::samples::{Item, SIGNER, STRANGER, Sample};
use crate::server::Server;
use crate::support::fake_engine::{FakeEngine, Operation};
use crate::support::faulty_registry::FaultyRegistry;
use crate::support::sandbox::{Output, Sandbox};

struct Program {
    repository: Repository,
    server: Server,
    engine: FakeEngine,
    registry: FaultyRegistry,
    sandbox: Sandbox,
}

impl Program {
    /// Lays out an image of a package; `REPOSITORY` in what is declared stands for the address of the one that there is.
    fn new(declared: &str) -> Self {
        let repository = Repository::of(&[
            Sample::new("tool 1-r0").file(Item::file("usr/bin/tool", 0o755, b"tool").summed())
        ]);
        let server = Server::start(repository.path());
        let engine = FakeEngine::start();
        let registry = FaultyRegistry::start();
        let settings = format!("registry: \"{}\"\nnamespace: example\n", registry.host());
        let changelog = "app (1-1) stable; urgency=medium\n\n  * A change.\n\n \
                         -- Ann <ann@example.org>  Fri, 20 Nov 2026 10:00:00 +0000\n";
        let sandbox = Sandbox::new()
            .env("DOCKER_HOST", &engine.address())
            .file("config.yaml", &settings)
            .file("images/app/changelog", changelog)
            .file(
                "images/app/image.yaml",
                &declared.replace("REPOSITORY", &server.address),
            )
            .file("images/app/keys/test.rsa.pub", SIGNER.key.pem());
        Self {
            repository,
            server,
            engine,
            registry,
            sandbox,
        }
    }

    fn build(&self) -> Output {
        self.sandbox.pkg(&["build", "images"])
    }
}

const DECLARED: &str = "contents:\n  repositories: ['REPOSITORY']\n  keyring: [keys/test.rsa.pub]\n  packages: [tool]\n";

#[test]
fn an_image_is_built_and_built_again_when_a_key_of_its_directory_changes() {
    let program = Program::new(DECLARED);
    program.build().assert_code(0);
    let label = format!("{}/example/app:1-1", program.registry.host());
    let made = program.engine.find(&label).expect("it is loaded");
    program.build().assert_code(0);
    assert_eq!(program.engine.count(Operation::Load), 1);
    let key = program.sandbox.path().join("images/app/keys/test.rsa.pub");
    fs::write(&key, format!("{}\n", SIGNER.key.pem())).unwrap();
    program.build().assert_code(0);
    assert_eq!(program.engine.count(Operation::Load), 2);
    let again = program.engine.find(&label).expect("it is loaded");
    assert_ne!(made.layer_ids(), again.layer_ids());
    fs::write(&key, STRANGER.key.pem()).unwrap();
    let output = program.build();
    output.assert_code(4);
    let told = "its signature by `test.rsa.pub` is wrong";
    assert!(output.stderr.contains(told), "{}", output.stderr);
}

#[test]
fn what_is_wrong_is_told_with_the_image() {
    let program = Program::new(&DECLARED.replace("[tool]", "[tol]"));
    program.build().assert_snapshot(str![[r#"
------- stderr -------
[0/1] building example/app 1-1
[1/1] ✗ failed to build example/app 1-1 after [TIME]: `tol` cannot be installed: no repository has a package `tol`, or one that provides it; the closest name is `tool`
✗ failed to build example/app 1-1: `tol` cannot be installed: no repository has a package `tol`, or one that provides it; the closest name is `tool`
    │ the index of http://127.0.0.1:[PORT]/[..] is there
    the whole log: $HOME/.local/state/pkg/logs/[..]/app_1-1.log
1 failed in [TIME]
[exit status: 1]
[EOF]

"#]]);
    fs::remove_file(program.repository.file("APKINDEX.tar.gz")).unwrap();
    program.build().assert_snapshot(str![[r#"
------- stderr -------
[0/1] building example/app 1-1
[1/1] ✗ failed to build example/app 1-1 after [TIME]: cannot fetch http://127.0.0.1:[PORT]/[..]/APKINDEX.tar.gz: it is not there
✗ failed to build example/app 1-1: cannot fetch http://127.0.0.1:[PORT]/[..]/APKINDEX.tar.gz: it is not there
    the whole log: $HOME/.local/state/pkg/logs/[..]/app_1-1.log
1 failed in [TIME]
[exit status: 4]
[EOF]

"#]]);
    assert!(!program.server.asked().is_empty());
}
