//! Images of APK packages for several architectures: what is chosen for each, and what an engine gets of it.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::ground::{Ground, architecture};
use super::repository::{ARCHITECTURE, FOREIGN, Repository};
use super::samples::{Item, SIGNER, Sample};
use crate::support::fake_engine::{FakeEngine, Operation};
use crate::support::faulty_registry::FaultyRegistry;
use crate::support::sandbox::{Output, Sandbox};
use crate::without_engine::{assert_told, changelog};

/// A repository with packages for several architectures.
struct Machines {
    place: TempDir,
    names: Vec<&'static str>,
}

impl Machines {
    fn of(all: &[(&'static str, &[Sample])]) -> Self {
        let place = tempfile::tempdir().unwrap();
        for (name, samples) in all {
            let repository = Repository::of(samples);
            let target = place.path().join(name);
            fs::create_dir(&target).unwrap();
            for file in fs::read_dir(repository.file("")).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), target.join(file.file_name())).unwrap();
            }
        }
        fs::write(place.path().join("test.rsa.pub"), SIGNER.key.pem()).unwrap();
        let names = all.iter().map(|(name, _)| *name).collect();
        Self { place, names }
    }

    /// One with packages for this machine and another one.
    fn both(here: &[Sample], there: &[Sample]) -> Self {
        Self::of(&[(ARCHITECTURE, here), (FOREIGN, there)])
    }

    fn path(&self) -> &Path {
        self.place.path()
    }

    fn declare(&self, packages: &str) -> String {
        let (address, names) = (self.path().display(), self.names.join(", "));
        format!(
            "archs: [{names}]\ncontents:\n  repositories: ['{address}']\n  \
             keyring: ['{address}/test.rsa.pub']\n  packages: [{packages}]\n"
        )
    }
}

/// A package for an architecture, with a file that says so.
fn sample(id: &str, architecture: &str) -> Sample {
    let (name, _) = id.split_once(' ').unwrap();
    let file = Item::file(&format!("usr/bin/{name}"), 0o755, architecture.as_bytes());
    Sample::new(id)
        .line(&format!("arch = {architecture}"))
        .file(file.summed())
}

#[test]
fn a_lock_has_the_packages_of_each_architecture_and_one_version_of_what_is_asked_for() {
    let here = |id: &str| sample(id, ARCHITECTURE);
    let there = |id: &str| sample(id, FOREIGN);
    let needing = |sample: Sample| sample.line("depend = library");
    let both = Machines::both(
        &[
            needing(here("tool 1-r0")),
            needing(here("tool 2-r0")),
            here("library 1-r0"),
        ],
        &[needing(there("tool 1-r0")), there("library 1-r0")],
    );
    let text = both.declare("tool");
    let ground = Ground::new();
    let lock = ground.lock(&text);
    let packages = lock.contents.packages.iter();
    let packages: Vec<String> = packages
        .map(|one| format!("{} {} {}", one.architecture, one.name, one.version))
        .collect();
    assert_eq!(
        packages,
        [
            "riscv64 library 1-r0",
            "riscv64 tool 1-r0",
            "x86_64 library 1-r0",
            "x86_64 tool 1-r0",
        ]
    );
    let repositories = lock.contents.repositories.iter();
    let urls: Vec<String> = repositories.map(|one| one.url.clone()).collect();
    let url = |name: &str| format!("{}/{name}/APKINDEX.tar.gz", both.path().display());
    assert_eq!(urls, [url(FOREIGN), url(ARCHITECTURE)]);
    assert_eq!(lock.packages(FOREIGN).unwrap().len(), 2);
    assert_eq!(ground.lock(&text), lock);
    let apart = Machines::both(&[here("tool 2-r0")], &[there("tool 1-r0")]);
    let refused = ground.try_lock(&apart.declare("tool")).unwrap_err();
    for told in [
        "for riscv64: ",
        "for x86_64: ",
        "the architecture riscv64 does not have it",
    ] {
        assert!(refused.contains(told), "{told}\n{refused}");
    }
    assert_eq!(
        architecture(FOREIGN).platform().to_string(),
        "linux/riscv64"
    );
}

/// Lays out an image of a package for the architectures of a repository, and an engine.
fn program(machines: &Machines) -> (Sandbox, FakeEngine, FaultyRegistry) {
    let engine = FakeEngine::start();
    let registry = FaultyRegistry::start();
    let settings = format!("registry: \"{}\"\nnamespace: example\n", registry.host());
    let sandbox = Sandbox::new()
        .env("DOCKER_HOST", &engine.address())
        .file("config.yaml", &settings)
        .file("images/app/changelog", &changelog("app"))
        .file("images/app/image.yaml", &machines.declare("tool"));
    (sandbox, engine, registry)
}

fn build(sandbox: &Sandbox) -> Output {
    sandbox.pkg(&["build", "--no-publish", "images"])
}

#[test]
fn an_engine_gets_the_image_of_its_machine_and_none_of_other_ones() {
    let here = [sample("tool 1-r0", ARCHITECTURE)];
    let there = [sample("tool 1-r0", FOREIGN)];
    let both = Machines::both(&here, &there);
    let (sandbox, engine, registry) = program(&both);
    build(&sandbox).assert_code(0);
    let label = format!("{}/example/app:1-1", registry.host());
    let loaded = engine.find(&label).expect("it is loaded").layer_ids();
    assert_told(&build(&sandbox), 0, &["1 already built"]);
    assert_eq!(engine.count(Operation::Load), 1);
    let alone = Machines::of(&[(ARCHITECTURE, here.as_slice())]);
    let (sandbox, engine, registry) = program(&alone);
    build(&sandbox).assert_code(0);
    let label = format!("{}/example/app:1-1", registry.host());
    assert_eq!(
        engine.find(&label).expect("it is loaded").layer_ids(),
        loaded
    );
    let any = [Sample::new("tool 1-r0")];
    let others = Machines::of(&[("s390x", any.as_slice()), (FOREIGN, any.as_slice())]);
    let (sandbox, engine, _registry) = program(&others);
    build(&sandbox).assert_code(0);
    assert_eq!(engine.count(Operation::Load), 0);
    assert_told(&build(&sandbox), 0, &["1 already built"]);
    // What has to run in it cannot.
    let test = "schemaVersion: 2.0.0\ncommandTests: [{name: runs, command: /usr/bin/tool}]\n";
    fs::write(sandbox.path().join("images/app/structure-test.yaml"), test).unwrap();
    let told = "its tests have commands, and it is not for the machine of the engine";
    assert_told(&build(&sandbox), 4, &[told]);
}

#[test]
fn an_engines_one_image_of_an_index_does_not_count_as_the_whole() {
    let here = [sample("tool 1-r0", ARCHITECTURE)];
    let there = [sample("tool 1-r0", FOREIGN)];
    let both = Machines::both(&here, &there);
    let (sandbox, engine, registry) = program(&both);
    build(&sandbox).assert_code(0);
    let label = format!("{}/example/app:1-1", registry.host());
    let export = |code| {
        let arguments = ["export", "app", "images", "--format", "oci", "-o", "out"];
        let exported = sandbox.pkg(&arguments);
        let _ = fs::remove_dir_all(sandbox.path().join("out"));
        assert_told(&exported, code, &[]);
        exported
    };
    export(0);
    fs::remove_dir_all(sandbox.home().join(".cache/pkg/images-1")).unwrap();
    assert!(engine.find(&label).is_some());
    assert_told(&export(1), 1, &["app:1-1 is not built"]);
    let published = sandbox.pkg(&["publish", "images"]);
    assert_told(&published, 0, &["1 not built yet"]);
    assert_eq!(engine.count(Operation::Push), 0);
    assert_told(&build(&sandbox), 0, &["1 built"]);
    export(0);
}

#[test]
fn what_is_for_other_machines_is_not_mistaken_for_what_an_engine_has_under_its_name() {
    let any = [Sample::new("tool 1-r0")];
    let here = Machines::of(&[(ARCHITECTURE, any.as_slice())]);
    let (sandbox, engine, registry) = program(&here);
    build(&sandbox).assert_code(0);
    let label = format!("{}/example/app:1-1", registry.host());
    assert!(engine.find(&label).is_some());
    let others = Machines::of(&[("s390x", any.as_slice()), (FOREIGN, any.as_slice())]);
    let declared = others.declare("tool");
    fs::write(sandbox.path().join("images/app/image.yaml"), declared).unwrap();
    assert_told(&build(&sandbox), 0, &["1 built"]);
    assert!(engine.find(&label).is_none(), "{:?}", engine.names());
    // Somebody else's.
    let foreign = engine.put_image(&label);
    assert_told(&build(&sandbox), 0, &["1 already built"]);
    let arguments = ["export", "app", "images", "--format", "oci", "-o", "out"];
    assert_told(&sandbox.pkg(&arguments), 0, &[]);
    fs::write(
        sandbox.path().join("images/app/image.yaml"),
        format!("{}cmd: /usr/bin/tool\n", others.declare("tool")),
    )
    .unwrap();
    assert_told(&build(&sandbox), 0, &["1 built"]);
    assert_eq!(engine.find(&label).map(|found| found.id), Some(foreign));
}
