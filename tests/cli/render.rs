//! `pkg render`.

use snapbox::str;

use crate::support::sandbox::Sandbox;

#[test]
fn one_image() {
    Sandbox::with_settings()
        .diamond()
        .pkg(&["render", "app", "images"])
        .assert_snapshot(str![[r#"
FROM registry.example.org/base/left:2.0-1 AS build
FROM registry.example.org/base/right:3.0-1
COPY --from=build /a /a[no newline]
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn all_images_below_their_roots() {
    let sandbox = Sandbox::with_settings()
        .diamond()
        .image("services/web/nginx", "nginx (1.0-1)", "FROM scratch")
        .declared("services/trixie", "trixie (13-1)");
    sandbox
        .pkg(&["render", "--all", "--out", "out/new", "images", "services"])
        .assert_snapshot(str![[r#"
------- stderr -------
5 Dockerfiles written to out/new
[exit status: 0]
[EOF]

"#]]);
    assert_eq!(
        sandbox.files("out/new"),
        [
            "app/Dockerfile",
            "bottom/Dockerfile",
            "left/Dockerfile",
            "right/Dockerfile",
            "web/nginx/Dockerfile"
        ]
    );
    assert_eq!(
        sandbox.read("out/new/left/Dockerfile"),
        "FROM registry.example.org/base/bottom:1.0-1"
    );
    assert_eq!(sandbox.read("out/new/web/nginx/Dockerfile"), "FROM scratch");
}

#[test]
fn how_many_were_written_is_told() {
    Sandbox::with_settings()
        .diamond()
        .pkg(&["render", "--all", "--out", "out", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
4 Dockerfiles written to out
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn nothing_is_written_among_the_sources() {
    let sandbox = Sandbox::with_settings().diamond();
    let link = sandbox.path().join("link");
    std::os::unix::fs::symlink(sandbox.path().join("images"), link).expect("a link");
    for (out, relation) in [
        ("images", "is"),
        ("./images/", "is"),
        ("images/../images", "is"),
        ("images/out/new", "lies in images,"),
        ("link/out", "lies in images,"),
    ] {
        let output = sandbox.pkg(&["render", "--all", "--out", out, "images"]);
        output.assert_code(2);
        let message = format!(
            "error: {out} {relation} a directory with images: the Dockerfiles would be written among the sources\n\
             hint: name a directory outside, as in `--out /tmp/dockerfiles`\n"
        );
        assert_eq!(output.stderr, message);
    }
    assert!(!sandbox.path().join("images/out").exists());
    let beside = ["render", "--all", "--out", "images-out", "images"];
    sandbox.pkg(&beside).assert_code(0);
}

#[test]
fn two_images_that_would_be_written_to_one_place() {
    let sandbox = Sandbox::with_settings()
        .image("images/a", "first (1.0-1)", "FROM scratch\n")
        .image("services/a", "second (1.0-1)", "FROM scratch\n");
    sandbox
        .pkg(&["render", "--all", "--out", "out", "images", "services"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `first` and `second` would both be written to out/a
hint: give a directory that is above both of them
[exit status: 2]
[EOF]

"#]]);
    assert!(!sandbox.path().join("out").exists());
}

#[test]
fn an_unknown_name_with_names_like_it() {
    Sandbox::with_settings()
        .diamond()
        .pkg(&["render", "bottem", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: no directory provides an image named `bottem`
hint: the closest name is `bottom`
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn an_unknown_name_like_no_other() {
    Sandbox::with_settings()
        .diamond()
        .pkg(&["render", "zlib", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: no directory provides an image named `zlib`
hint: `pkg list --offline DIR` shows the names
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn a_name_without_a_directory() {
    Sandbox::with_settings()
        .diamond()
        .pkg(&["render", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: a name and a directory are needed
hint: `pkg render NAME DIR`, or `pkg render --all --out OUT DIR`
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn a_declared_image() {
    Sandbox::with_settings()
        .declared("images/trixie", "trixie (13-1)")
        .pkg(&["render", "trixie", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: `trixie` is declared and has no Dockerfile
hint: it is made from images/trixie/image.yaml
[exit status: 2]
[EOF]

"#]]);
}

#[test]
fn a_place_that_cannot_be_written_to() {
    Sandbox::with_settings()
        .diamond()
        .file("out", "")
        .pkg(&["render", "--all", "--out", "out", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: cannot create out/app
caused by: Not a directory (os error 20)
[exit status: 4]
[EOF]

"#]]);
}
