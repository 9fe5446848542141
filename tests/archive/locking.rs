//! Locks of images of packages of an archive: made by the program, followed by builds, and told when the archive moves on.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use pkg::lock::{Lock, parse_lock};
use serde_json::Value;

use super::repository::{Form, KEY, Repository};
use super::support::docker_registry::DockerRegistry;
use super::support::fake_engine::{FakeEngine, Operation};
use super::support::sandbox::{Output, Sandbox};

/// A catalog of declared images, the archive that they take packages from, and an engine.
struct Ground {
    sandbox: Sandbox,
    repository: Repository,
    engine: FakeEngine,
}

const FIRST: &str = "tool 1.0; Depends: libtool (>= 2)\nlibtool 2.0\nother 1.0";
const LOCK: &str = "images/app/image.lock.json";

impl Ground {
    fn new() -> Self {
        let repository = Repository::of(FIRST);
        repository.publish(&Form::default());
        let engine = FakeEngine::start();
        let sandbox = Sandbox::new()
            .env("DOCKER_HOST", &engine.address())
            .file("config.yaml", "namespace: example\n");
        let ground = Self {
            sandbox,
            repository,
            engine,
        };
        ground.image("app", "tool");
        ground
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.sandbox.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Lays out an image of these packages.
    fn image(&self, name: &str, packages: &str) {
        let changelog = format!(
            "{name} (1-1) unstable; urgency=low\n\n  * New.\n\n -- Ann <ann@example.org>  Fri, 20 Nov 2026 00:00:00 +0000\n"
        );
        let archive = self.repository.path().display();
        let yaml = format!(
            "contents:\n  repositories:\n    - deb [signed-by=archive.gpg] file:{archive} stable main\n  packages: [{packages}]\n"
        );
        let keys = self.repository.gpg.export(&[KEY]);
        self.write(&format!("images/{name}/changelog"), changelog.as_bytes());
        self.write(&format!("images/{name}/image.yaml"), yaml.as_bytes());
        self.write(&format!("images/{name}/archive.gpg"), &keys);
    }

    /// Publishes other packages in the same archive, and takes the old files away.
    fn move_on(&mut self, packages: &str) {
        let place = self.repository.path();
        fs::remove_dir_all(place.join("pool")).unwrap();
        fs::remove_dir_all(place.join("dists")).unwrap();
        self.repository.clear();
        self.repository.add_all(packages);
        self.repository.publish(&Form::default());
    }

    fn pkg(&self, arguments: &[&str]) -> Output {
        self.sandbox.pkg(arguments)
    }

    fn lock(&self) -> Lock {
        parse_lock(&self.sandbox.read(LOCK)).unwrap()
    }

    fn versions(&self) -> Vec<String> {
        let Lock::Debian(lock) = self.lock() else {
            panic!("a lock of Debian's packages");
        };
        let pins = lock.contents[0].packages.iter();
        pins.map(|pin| format!("{} {}", pin.name, pin.version))
            .collect()
    }

    /// Builds, and gives the log of the image.
    fn build(&self, code: i32) -> (Output, String) {
        let logs = || -> Vec<PathBuf> {
            let top = self.sandbox.home().join(".local/state/pkg/logs");
            let entries = walkdir::WalkDir::new(top).sort_by_file_name().into_iter();
            let files = entries.filter_map(|entry| Some(entry.ok()?.into_path()));
            files.filter(|path| path.is_file()).collect()
        };
        let before = logs();
        let output = self.pkg(&["build", "--no-publish", "images"]);
        output.assert_code(code);
        let new = logs().into_iter().filter(|path| !before.contains(path));
        let texts = new.map(|path| fs::read_to_string(path).unwrap());
        (output, texts.collect())
    }

    fn forget_store(&self) {
        let store = self.sandbox.home().join(".cache/pkg");
        if store.exists() {
            fs::remove_dir_all(store).unwrap();
        }
    }
}

#[track_caller]
fn said(output: &Output, words: &str) {
    assert!(output.stderr.contains(words), "{}", output.render());
}

#[test]
fn a_lock_names_each_package_by_its_file_and_nothing_of_the_machine() {
    let ground = Ground::new();
    let output = ground.pkg(&["lock", "images"]);
    output.assert_code(0);
    said(
        &output,
        "`app`: 2 packages locked in images/app/image.lock.json",
    );
    let text = ground.sandbox.read(LOCK);
    let lock: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(lock["version"], "debian-1");
    assert_eq!(lock["config"]["name"], "image.yaml");
    let tool = &lock["contents"]["packages"][1];
    assert_eq!(tool["name"], "tool");
    assert_eq!(tool["path"], "pool/tool_1.0_amd64.deb");
    assert_eq!(tool["archive"], "stable");
    let file = ground.repository.path().join("pool/tool_1.0_amd64.deb");
    let bytes = fs::read(file).unwrap();
    assert_eq!(tool["size"], bytes.len());
    assert_eq!(tool["sha256"], pkg::oci::Digest::of(&bytes).hex());
    let list = ground.repository.path().join("dists/stable/InRelease");
    let release = pkg::oci::Digest::of(&fs::read(list).unwrap());
    let archive = &lock["contents"]["archives"][0];
    assert_eq!(archive["release"], release.hex());
    assert_eq!(archive["suite"], "stable");
    assert_eq!(parse_lock(&text).unwrap().render().unwrap(), text);
    // Nothing is to be done once more, and nothing is written.
    let output = ground.pkg(&["lock", "images"]);
    output.assert_code(0);
    said(&output, "the lock is up to date");
    ground.pkg(&["lock", "--check", "images"]).assert_code(0);
}

#[test]
fn a_list_that_is_made_anew_without_another_package_leaves_the_lock_alone() {
    let ground = Ground::new();
    ground.pkg(&["lock", "images"]).assert_code(0);
    let before = ground.sandbox.read(LOCK);
    let form = Form {
        fields: "Version: 12.1\n",
        ..Form::default()
    };
    ground.repository.publish(&form);
    ground.pkg(&["lock", "images"]).assert_code(0);
    assert_eq!(ground.sandbox.read(LOCK), before);
}

#[test]
fn what_moved_in_the_archive_is_told_and_then_written() {
    let mut ground = Ground::new();
    ground.pkg(&["lock", "images"]).assert_code(0);
    let before = ground.sandbox.read(LOCK);
    ground.move_on("tool 1.1; Depends: libtool (>= 2), other\nlibtool 2.0\nother 1.0");
    // Offline it is still the lock of the declaration.
    ground.pkg(&["lock", "--check", "images"]).assert_code(0);
    let output = ground.pkg(&["lock", "--check", "--resolve", "images"]);
    output.assert_code(3);
    let rows: Vec<Vec<&str>> = output
        .stdout
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        rows,
        [
            vec!["IMAGE", "PACKAGE", "FROM", "TO"],
            vec!["app", "other", "1.0"],
            vec!["app", "tool", "1.0", "1.1"],
        ]
    );
    assert_eq!(ground.sandbox.read(LOCK), before);
    let output = ground.pkg(&["lock", "--check", "--resolve", "--json", "images"]);
    output.assert_code(3);
    let told: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(
        told["images"][0]["moves"][1],
        serde_json::json!({"package": "tool", "from": "1.0", "to": "1.1"})
    );
    ground.pkg(&["lock", "images", "app"]).assert_code(0);
    assert_eq!(ground.versions(), ["libtool 2.0", "other 1.0", "tool 1.1"]);
}

#[test]
fn a_build_takes_what_the_lock_names_and_looks_at_no_index() {
    let ground = Ground::new();
    ground.pkg(&["lock", "images"]).assert_code(0);
    ground.forget_store();
    let dists = ground.repository.path().join("dists");
    fs::remove_dir_all(dists).unwrap();
    // Without its keys, too: nothing is checked by them that the lock does not name by its hash.
    fs::remove_file(ground.sandbox.path().join("images/app/archive.gpg")).unwrap();
    let (_, log) = ground.build(0);
    assert!(log.contains("tool 1.0 amd64"), "{log}");
    assert!(!log.contains("the index of"), "{log}");
    assert_eq!(ground.engine.count(Operation::Load), 1);
}

#[test]
fn a_package_that_is_gone_is_taken_from_the_store_and_else_named_with_the_way_out() {
    let mut ground = Ground::new();
    ground.pkg(&["lock", "images"]).assert_code(0);
    let (_, log) = ground.build(0);
    assert!(log.contains("tool 1.0 amd64"), "{log}");
    ground.move_on("tool 1.1; Depends: libtool (>= 2)\nlibtool 2.0");
    // Another declaration of the same packages needs nobody.
    ground.image("again", "tool");
    let from = ground.sandbox.read(LOCK);
    ground.write("images/again/image.lock.json", from.as_bytes());
    let (_, log) = ground.build(0);
    assert!(log.contains("tool 1.0 amd64"), "{log}");
    ground.image("third", "tool");
    ground.write("images/third/image.lock.json", from.as_bytes());
    ground.forget_store();
    let (output, _) = ground.build(1);
    said(
        &output,
        "`tool` 1.0 is in the lock, and its archive does not have it any more (pool/tool_1.0_amd64.deb): `pkg lock` chooses anew",
    );
}

#[test]
fn a_lock_with_other_hashes_than_the_archive_is_refused() {
    let ground = Ground::new();
    ground.pkg(&["lock", "images"]).assert_code(0);
    ground.forget_store();
    let text = ground.sandbox.read(LOCK);
    let Lock::Debian(lock) = ground.lock() else {
        panic!("a lock of Debian's packages");
    };
    let pin = &lock.contents[0].packages[1];
    let tampered = text.replace(&pin.sha256, &"0".repeat(64));
    ground.write(LOCK, tampered.as_bytes());
    let (output, _) = ground.build(1);
    said(&output, "`tool` 1.0 of the lock (pool/tool_1.0_amd64.deb)");
    // Another package under the hash of this one is none of this name.
    let other = text.replace("\"name\": \"tool\"", "\"name\": \"tools\"");
    ground.write(LOCK, other.as_bytes());
    let (output, _) = ground.build(1);
    said(&output, "tools");
}

#[test]
fn a_changed_declaration_is_locked_anew_by_a_build_unless_locks_are_to_stay() {
    let ground = Ground::new();
    ground.pkg(&["lock", "images"]).assert_code(0);
    ground.image("app", "tool, other");
    let before = ground.sandbox.read(LOCK);
    for command in ["build", "plan"] {
        let output = ground.pkg(&[command, "--locked", "images"]);
        output.assert_code(3);
        said(
            &output,
            "the lock of `app` was made from another declaration",
        );
        said(&output, "`pkg lock images app` makes it");
    }
    ground.pkg(&["lock", "--check", "images"]).assert_code(3);
    let output = ground.pkg(&["plan", "--no-publish", "images"]);
    output.assert_code(0);
    said(
        &output,
        "warning: the lock of `app` was made from another declaration",
    );
    assert_eq!(ground.sandbox.read(LOCK), before);
    let (output, log) = ground.build(0);
    said(&output, "`app`: other nothing → 1.0");
    assert!(log.contains("other 1.0 amd64"), "{log}");
    assert_eq!(ground.versions(), ["libtool 2.0", "other 1.0", "tool 1.0"]);
    ground
        .pkg(&["build", "--locked", "--no-publish", "images"])
        .assert_code(0);
}

#[test]
fn a_lock_counts_among_the_inputs_of_its_image() {
    let mut ground = Ground::new();
    // Without one nothing is written, and the packages are those of the moment.
    let (_, log) = ground.build(0);
    assert!(log.contains("the index of stable is there"), "{log}");
    assert!(!ground.sandbox.path().join(LOCK).exists());
    ground.pkg(&["lock", "images"]).assert_code(0);
    let (_, log) = ground.build(0);
    assert!(log.contains("tool 1.0 amd64"), "{log}");
    let (_, log) = ground.build(0);
    assert_eq!(log, "", "nothing changed");
    ground.move_on("tool 1.1; Depends: libtool (>= 2)\nlibtool 2.0");
    ground.pkg(&["lock", "images"]).assert_code(0);
    let output = ground.pkg(&["plan", "--no-publish", "images"]);
    assert!(
        output.stdout.contains("`image.lock.json` changed"),
        "{}",
        output.render()
    );
    let (_, log) = ground.build(0);
    assert!(log.contains("tool 1.1 amd64"), "{log}");
}

#[test]
fn either_all_locks_of_a_run_are_written_or_none() {
    let ground = Ground::new();
    ground.image("broken", "nowhere");
    ground.image("more", "other");
    let output = ground.pkg(&["lock", "images"]);
    output.assert_code(1);
    said(&output, "`broken` cannot be locked");
    said(&output, "no package satisfies `nowhere`");
    assert!(!ground.sandbox.path().join(LOCK).exists());
    ground.image("broken", "other");
    fs::remove_dir_all(ground.repository.path().join("dists")).unwrap();
    let output = ground.pkg(&["lock", "images"]);
    output.assert_code(4);
    said(&output, "`app`, `broken` and 1 more cannot be locked");
    ground.repository.publish(&Form::default());
    ground.pkg(&["lock", "images"]).assert_code(0);
    ground.pkg(&["lock", "--check", "images"]).assert_code(0);
    let files = ground.sandbox.files("images");
    let locks = files
        .iter()
        .filter(|file| file.ends_with("image.lock.json"));
    assert_eq!(locks.count(), 3);
}

/// Runs the program, changes something as the engine is first asked for its images, and gives what came out.
fn meanwhile(
    ground: &Ground,
    arguments: &[&str],
    change: impl FnOnce() + Send + 'static,
) -> Output {
    let mut change = Some(change);
    ground.engine.watch(move |operation| {
        if operation == Operation::Images
            && let Some(change) = change.take()
        {
            change();
        }
    });
    ground.pkg(arguments)
}

#[test]
fn a_lock_that_cannot_be_made_anew_fails_its_image_and_no_other() {
    let ground = Ground::new();
    for name in ["broken", "lost"] {
        ground.image(name, "other");
    }
    let child = "FROM {{ \"broken\" | image_tag }}\n";
    ground.image("child", "other");
    fs::remove_file(ground.sandbox.path().join("images/child/image.yaml")).unwrap();
    ground.write("images/child/Dockerfile.template", child.as_bytes());
    ground.pkg(&["lock", "images"]).assert_code(0);
    ground.image("broken", "nowhere");
    let kept = ground.sandbox.read("images/broken/image.lock.json");
    // One that can be made anew is, beside those that cannot.
    ground.image("app", "tool, other");
    let (output, log) = ground.build(1);
    said(
        &output,
        "failed to build example/broken 1-1: its lock is out of date and cannot be made anew: asked for: no package satisfies `nowhere`",
    );
    said(&output, "blocked by example/broken 1-1: example/child 1-1");
    said(&output, "2 built, 1 failed, 1 blocked");
    said(&output, "`app`: other nothing → 1.0");
    assert!(log.contains("other 1.0 amd64"), "{log}");
    assert_eq!(ground.sandbox.read("images/broken/image.lock.json"), kept);
    assert_eq!(ground.versions(), ["libtool 2.0", "other 1.0", "tool 1.0"]);
}

#[test]
fn a_lock_whose_archive_is_away_fails_its_image_as_the_environment_does() {
    let ground = Ground::new();
    ground.image("other", "other");
    ground.pkg(&["lock", "images"]).assert_code(0);
    let declaration = ground.sandbox.read("images/other/image.yaml");
    let away = declaration.replace("file:", "file:/nowhere");
    ground.write("images/other/image.yaml", away.as_bytes());
    let (output, _) = ground.build(4);
    said(
        &output,
        "failed to build example/other 1-1: its lock is out of date and cannot be made anew: ",
    );
    said(&output, "1 built, 1 failed");
    // Who asks for another image does not care.
    let arguments = ["build", "--no-publish", "--select", "*/app:*", "images"];
    let output = ground.pkg(&arguments);
    output.assert_code(0);
    assert!(!output.stderr.contains("`other`"), "{}", output.render());
}

#[test]
fn a_lock_that_cannot_be_made_anew_is_told_where_its_image_is_not_built() {
    let ground = Ground::new();
    let registry = DockerRegistry::start_for("ann", "hush");
    let settings = format!(
        "registry: {}\nnamespace: example\nusername: ann\npassword: hush\n",
        registry.host()
    );
    ground.write("config.yaml", settings.as_bytes());
    ground.engine.end();
    ground.pkg(&["lock", "images"]).assert_code(0);
    ground.pkg(&["build", "images"]).assert_code(0);
    ground.image("app", "nowhere");
    let output = ground.pkg(&["build", "images"]);
    output.assert_code(3);
    said(
        &output,
        "warning: `app` is not built, and its lock is out of date and cannot be made anew: asked for: no package satisfies `nowhere`",
    );
}

#[test]
fn what_is_built_is_the_lock_that_was_checked() {
    let mut ground = Ground::new();
    ground.pkg(&["lock", "images"]).assert_code(0);
    let checked = ground.sandbox.read(LOCK);
    ground.move_on("tool 1.1; Depends: libtool (>= 2)\nlibtool 2.0");
    ground.pkg(&["lock", "images"]).assert_code(0);
    let newer = ground.sandbox.read(LOCK);
    ground.write(LOCK, checked.as_bytes());
    for arguments in [
        &["build", "--locked", "--no-publish", "images"][..],
        &["build", "--no-publish", "images"],
    ] {
        let (path, text) = (ground.sandbox.path().join(LOCK), newer.clone());
        let output = meanwhile(&ground, arguments, move || fs::write(path, text).unwrap());
        output.assert_code(1);
        said(
            &output,
            "`image.lock.json` changed since the run began: run again",
        );
        ground.write(LOCK, checked.as_bytes());
        // One that is gone is another one, too.
        let path = ground.sandbox.path().join(LOCK);
        let output = meanwhile(&ground, arguments, move || fs::remove_file(path).unwrap());
        output.assert_code(1);
        said(
            &output,
            "`image.lock.json` changed since the run began: run again",
        );
        ground.write(LOCK, checked.as_bytes());
    }
    assert_eq!(ground.engine.count(Operation::Load), 0);
}

#[test]
fn a_lock_is_stale_when_the_keys_of_its_directory_are_replaced() {
    let ground = Ground::new();
    ground.pkg(&["lock", "images"]).assert_code(0);
    ground.pkg(&["lock", "--check", "images"]).assert_code(0);
    let own = ground.repository.gpg.export(&[KEY]);
    let stranger = Repository::of("tool 1.0").gpg.export(&[KEY]);
    ground.write("images/app/archive.gpg", &stranger);
    let output = ground.pkg(&["lock", "--check", "images"]);
    output.assert_code(3);
    said(
        &output,
        "the lock of `app` was made with another `archive.gpg`",
    );
    let output = ground.pkg(&["build", "--locked", "--no-publish", "images"]);
    output.assert_code(3);
    // Whom the image trusts now did not sign the archive.
    let (output, _) = ground.build(4);
    said(&output, "its lock is out of date and cannot be made anew");
    let both = [own, stranger].concat();
    ground.write("images/app/archive.gpg", &both);
    let (output, _) = ground.build(0);
    said(&output, "`app`: locked anew, as `archive.gpg` changed");
    ground.pkg(&["lock", "--check", "images"]).assert_code(0);
}

#[test]
fn a_list_that_moved_on_without_the_packages_is_no_change_of_an_image() {
    let ground = Ground::new();
    ground.pkg(&["lock", "images"]).assert_code(0);
    ground.build(0);
    let form = Form {
        fields: "Version: 12.1\n",
        ..Form::default()
    };
    ground.repository.publish(&form);
    let output = ground.pkg(&["lock", "--check", "--resolve", "images"]);
    output.assert_code(0);
    assert_eq!(output.stdout, "");
    // Also where somebody has it written down anew.
    let before = ground.sandbox.read(LOCK);
    fs::remove_file(ground.sandbox.path().join(LOCK)).unwrap();
    ground.pkg(&["lock", "images"]).assert_code(0);
    assert_ne!(ground.sandbox.read(LOCK), before);
    let (_, log) = ground.build(0);
    assert_eq!(log, "", "nothing changed");
}

#[test]
fn a_package_that_lies_elsewhere_is_told_and_is_no_change_of_the_image() {
    let ground = Ground::new();
    ground.pkg(&["lock", "images"]).assert_code(0);
    ground.build(0);
    let text = ground.sandbox.read(LOCK);
    let moved = text.replace("pool/tool_1.0", "pool/updates/tool_1.0");
    ground.write(LOCK, moved.as_bytes());
    let output = ground.pkg(&["lock", "--check", "--resolve", "images"]);
    output.assert_code(3);
    let told = [
        "the place of tool",
        "stable pool/updates/tool_1.0_amd64.deb",
        "stable pool/tool_1.0_amd64.deb",
    ];
    for words in told {
        assert!(output.stdout.contains(words), "{}", output.render());
    }
    let output = ground.pkg(&["lock", "--check", "--resolve", "--json", "images"]);
    let json: Value = serde_json::from_str(&output.stdout).unwrap();
    let differences = &json["images"][0]["differences"];
    assert_eq!(differences[0]["what"], told[0]);
    assert_eq!(differences[0]["from"], told[1]);
    assert_eq!(json["images"][0]["moves"], serde_json::json!([]));
    let (_, log) = ground.build(0);
    assert_eq!(log, "", "nothing changed");
    ground.pkg(&["lock", "images"]).assert_code(0);
    assert_eq!(ground.sandbox.read(LOCK), text);
}

#[test]
fn what_is_fetched_with_a_lock_is_built_without_its_archive() {
    let mut ground = Ground::new();
    ground.image("more", "tool, other");
    let output = ground.pkg(&["lock", "--fetch", "--info", "images"]);
    output.assert_code(0);
    let lines: Vec<&str> = output.stderr.lines().collect();
    let begins = |line: &str| lines.iter().filter(|one| one.starts_with(line)).count();
    assert_eq!(begins("[0/2] resolving example/app 1-1"), 1, "{lines:?}");
    assert_eq!(
        begins("[0/2] example/app 1-1: the index of stable is there"),
        1,
        "{lines:?}"
    );
    for package in ["tool 1.0", "libtool 2.0", "other 1.0"] {
        let is_it = |line: &&&str| line.ends_with(&format!("1-1: {package} is there"));
        // What both have comes once.
        assert_eq!(lines.iter().filter(is_it).count(), 1, "{lines:?}");
    }
    assert_eq!(begins("[2/2] ✓ resolved example/"), 1, "{lines:?}");
    ground.move_on("tool 2.0; Depends: libtool (>= 2)\nlibtool 2.0");
    ground.build(0);
    // Without being asked for, only names are written down, and nothing but the result is told.
    ground.forget_store();
    let output = ground.pkg(&["lock", "images", "app"]);
    output.assert_code(0);
    assert_eq!(output.stderr, "");
    ground.move_on("tool 3.0");
    let (output, _) = ground.build(1);
    said(&output, "its archive does not have it any more");
    let output = ground.pkg(&["lock", "--fetch", "--check", "images"]);
    output.assert_code(2);
}

#[test]
fn a_package_that_cannot_be_fetched_leaves_all_locks_as_they_are() {
    let ground = Ground::new();
    fs::remove_file(ground.repository.path().join("pool/tool_1.0_amd64.deb")).unwrap();
    let output = ground.pkg(&["lock", "--fetch", "images"]);
    output.assert_code(4);
    said(&output, "`app` cannot be locked: ");
    said(&output, "tool_1.0_amd64.deb");
    assert!(!ground.sandbox.path().join(LOCK).exists());
    ground.pkg(&["lock", "images"]).assert_code(0);
}

#[test]
fn a_lock_is_of_all_that_a_declaration_includes() {
    let ground = Ground::new();
    let whole = ground.sandbox.read("images/app/image.yaml");
    ground.write("images/common.yaml", whole.as_bytes());
    ground.write("images/app/image.yaml", b"include: ../common.yaml\n");
    ground.pkg(&["lock", "images"]).assert_code(0);
    ground.pkg(&["lock", "--check", "images"]).assert_code(0);
    let Lock::Debian(lock) = ground.lock() else {
        panic!("a lock of Debian's packages");
    };
    let texts = ["include: ../common.yaml\n".to_owned(), whole.clone()];
    assert_eq!(lock.config.checksum, pkg::lock::checksum_of(&texts));
    let more = whole.replace("[tool]", "[tool, other]");
    ground.write("images/common.yaml", more.as_bytes());
    let output = ground.pkg(&["lock", "--check", "images"]);
    output.assert_code(3);
    said(
        &output,
        "the lock of `app` was made from another declaration",
    );
    ground.build(0);
    assert_eq!(ground.versions(), ["libtool 2.0", "other 1.0", "tool 1.0"]);
}

#[test]
fn a_lock_that_says_the_same_is_not_written() {
    let ground = Ground::new();
    ground.pkg(&["lock", "images"]).assert_code(0);
    let stamp = || {
        let file = fs::metadata(ground.sandbox.path().join(LOCK)).unwrap();
        (file.ino(), file.mtime(), file.mtime_nsec())
    };
    let before = stamp();
    ground.pkg(&["lock", "images"]).assert_code(0);
    ground.build(0);
    assert_eq!(stamp(), before);
    // A comment makes another declaration, and another checksum.
    let declaration = ground.sandbox.read("images/app/image.yaml") + "# more\n";
    ground.write("images/app/image.yaml", declaration.as_bytes());
    let output = ground.pkg(&["lock", "images"]);
    output.assert_code(0);
    said(
        &output,
        "`app`: locked anew, and no package moved in images/app/image.lock.json",
    );
    assert_ne!(stamp(), before);
}

#[test]
fn what_is_no_lock_stops_a_build_and_is_made_anew() {
    let ground = Ground::new();
    ground.write(LOCK, b"{\n  \"version\": \"debian-0\"\n}\n");
    let (output, _) = ground.build(1);
    said(
        &output,
        "the lock of `app` cannot be read: it is a lock of the shape \"debian-0\"",
    );
    said(&output, "`pkg lock images app` makes it");
    ground.pkg(&["lock", "images", "app"]).assert_code(0);
    ground.build(0);
}
