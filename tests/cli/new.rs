//! `pkg new`.

use snapbox::str;

use crate::support::sandbox::Sandbox;

fn sandbox() -> Sandbox {
    Sandbox::with_settings()
        .diamond()
        .env("DEBFULLNAME", "Ann Example")
        .env("DEBEMAIL", "ann@example.org")
}

#[test]
fn a_new_image_has_all_its_files_and_can_be_planned() {
    let sandbox = sandbox();
    sandbox
        .pkg(&["new", "web", "--from", "left", "images"])
        .assert_snapshot(str![[r#"
images/web/changelog
images/web/control
images/web/Dockerfile.template
images/web/test.sh
[exit status: 0]
[EOF]

"#]]);
    let files = ["Dockerfile.template", "changelog", "control", "test.sh"];
    assert_eq!(sandbox.files("images/web"), files);
    assert_eq!(
        sandbox.read("images/web/changelog"),
        "web (0.1.0-1) wikimedia; urgency=medium\n\n  * New image.\n\n \
         -- Ann Example <ann@example.org>  Sat, 21 Nov 2026 00:00:00 +0000\n"
    );
    assert_eq!(
        sandbox.read("images/web/control"),
        "Package: web\nMaintainer: Ann Example <ann@example.org>\nBuild-Depends: left\nDescription: web\n"
    );
    sandbox
        .pkg(&["render", "web", "images"])
        .assert_snapshot(str![[r#"
FROM registry.example.org/base/left:2.0-1



USER 65534[no newline]
[exit status: 0]
[EOF]

"#]]);
    sandbox.pkg(&["graph", "images"]).assert_snapshot(str![[r#"
bottom 1.0-1
├── left 2.0-1
│   ├── app 4.0-1
│   └── web 0.1.0-1
└── right 3.0-1
    └── app 4.0-1
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_new_image_on_a_base_image_stands_where_it_is_asked_for() {
    let sandbox = sandbox().file("config.yaml", "base_images: [debian:12]\n");
    sandbox
        .pkg(&[
            "new",
            "web",
            "--from=debian",
            "--at",
            "services/web",
            "--version=1.2-1",
            "images",
        ])
        .assert_snapshot(str![[r#"
images/services/web/changelog
images/services/web/control
images/services/web/Dockerfile.template
images/services/web/test.sh
[exit status: 0]
[EOF]

"#]]);
    let control = sandbox.read("images/services/web/control");
    assert!(!control.contains("Build-Depends"), "{control}");
    assert!(
        sandbox
            .read("images/services/web/changelog")
            .starts_with("web (1.2-1) ")
    );
}

#[test]
fn what_cannot_be_new() {
    let sandbox = sandbox();
    sandbox
        .pkg(&["new", "left", "--from", "bottom", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: images/left is named `left` already
hint: `pkg update` writes a new version of it
[exit status: 2]
[EOF]

"#]]);
    sandbox
        .pkg(&["new", "We_b", "--from", "bottom", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `We_b` cannot name an image: a name has lower-case letters and digits, parted by `.` or `-`
[exit status: 2]
[EOF]

"#]]);
    sandbox
        .pkg(&["new", "web", "--from", "botom", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: there is no image `botom`, neither in the catalog nor among `base_images`
hint: the closest name is `bottom`
[exit status: 2]
[EOF]

"#]]);
    sandbox
        .pkg(&["new", "web", "--from", "bottom", "--at", "left", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: images/left is there already
hint: name another one with `--at`
[exit status: 2]
[EOF]

"#]]);
    sandbox
        .pkg(&[
            "new",
            "web",
            "--from",
            "bottom",
            "--version",
            "1:2",
            "images",
        ])
        .assert_snapshot(str![[r#"
------- stderr -------
error: version `1:2` cannot be a tag: it holds `:`
hint: leave out an epoch, `+` and `~`
[exit status: 2]
[EOF]

"#]]);
    sandbox
        .pkg(&["new", "web", "--from", "bottom", "--at", "../web", "images"])
        .assert_code(2);
    assert_eq!(sandbox.files("images").len(), 8);
}

#[test]
fn what_is_left_of_a_new_image_after_a_kill_is_no_image_and_goes_with_the_next() {
    let left = "images/.pkg-changes/new";
    let sandbox = sandbox().image(left, "half (1)", "FROM scratch\n");
    let list = sandbox.pkg(&["list", "--offline", "images"]);
    assert!(
        !list.assert_code(0).stdout.contains("half"),
        "{}",
        list.stdout
    );
    sandbox
        .pkg(&["new", "web", "--from", "left", "images"])
        .assert_code(0);
    assert!(!sandbox.path().join("images/.pkg-changes").exists());
    // Another run changes files.
    let held = std::fs::File::open(sandbox.path().join("images")).expect("a directory");
    held.try_lock().expect("nobody holds it");
    sandbox
        .pkg(&["new", "shell", "--from", "left", "images"])
        .assert_code(4);
}

#[test]
fn a_new_image_leaves_nothing_to_warn_of() {
    let sandbox = sandbox().file(
        "config.yaml",
        "registry: registry.example.org\nbase_images: [\"debian:12\"]\n",
    );
    for (name, from) in [("web", "left"), ("shell", "debian")] {
        sandbox
            .pkg(&["new", name, "--from", from, "images"])
            .assert_code(0);
    }
    let audit = sandbox.pkg(&["audit", "--json", "images"]);
    let audit: serde_json::Value = serde_json::from_str(&audit.stdout).expect("JSON");
    assert_eq!(audit["images"], 6);
    let findings = audit["findings"].as_array().expect("findings");
    let of_new = findings
        .iter()
        .filter(|one| one["image"] == "web" || one["image"] == "shell");
    let grave: Vec<_> = of_new.filter(|one| one["severity"] != "note").collect();
    assert!(grave.is_empty(), "{grave:#?}");
}
