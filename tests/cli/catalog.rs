//! What counts as an image, and what as a dependency.

use std::os::unix::fs::symlink;

use snapbox::str;

use crate::support::sandbox::Sandbox;

#[test]
fn several_directories_make_one_catalog() {
    Sandbox::with_settings()
        .image("images/base", "base (1.0-1)", "FROM scratch\n")
        .dependent("services/web", "web (2.0-1)", "base")
        .pkg(&["graph", "services", "images"])
        .assert_snapshot(str![[r#"
base 1.0-1
└── web 2.0-1
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn directories_that_overlap_count_once() {
    Sandbox::with_settings()
        .image("images/base", "base (1.0-1)", "FROM scratch\n")
        .image("images/more/web", "web (2.0-1)", "FROM scratch\n")
        .pkg(&[
            "list",
            "--offline",
            "images/more",
            "images",
            "./images/",
            "images/../images",
        ])
        .assert_snapshot(str![[r#"
NAME  VERSION  DIRECTORY
base  1.0-1    images/base
web   2.0-1    images/more/web
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn images_may_stand_inside_of_images() {
    Sandbox::with_settings()
        .image("images/outer", "outer (1.0-1)", "FROM scratch\n")
        .image("images/outer/inner", "inner (1.0-1)", "FROM scratch\n")
        .image("images/.git/hidden", "hidden (1.0-1)", "FROM scratch\n")
        .pkg(&["list", "--offline", "images"])
        .assert_snapshot(str![[r#"
NAME   VERSION  DIRECTORY
inner  1.0-1    images/outer/inner
outer  1.0-1    images/outer
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn an_image_may_itself_be_the_directory() {
    Sandbox::with_settings()
        .image("images/a", "a (1.0-1)", "FROM scratch\n")
        .pkg(&["list", "--offline", "images/a"])
        .assert_snapshot(str![[r#"
NAME  VERSION  DIRECTORY
a     1.0-1    images/a
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_base_image_meets_a_declared_dependency() {
    Sandbox::new()
        .file(
            "config.yaml",
            "registry: registry.example.org\nbase_images:\n  - registry.example.org/bookworm:1\n  - other.example.org/trixie:2\n",
        )
        .dependent("images/short", "short (1.0-1)", "bookworm, trixie")
        .pkg(&["graph", "images"])
        .assert_snapshot(str![[r#"
short 1.0-1
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_name_that_the_recipe_has_from_elsewhere_is_known() {
    Sandbox::with_settings()
        .image(
            "images/a",
            "a (1.0-1)",
            "FROM docker.io/library/debian:12 AS build\nFROM scratch\nCOPY --from=ghcr.io/tools/tini:1 /tini /\n",
        )
        .file("images/a/control", "Build-Depends: debian, tini\n")
        .pkg(&["graph", "images"])
        .assert_snapshot(str![[r#"
a 1.0-1
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_label_of_the_catalog_makes_a_dependency_wherever_it_stands() {
    Sandbox::with_settings()
        .image("images/a", "a (1.0-1)", "FROM scratch\n")
        .image("images/b", "b (1.0-1)", "FROM scratch\n")
        .image("images/c", "c (1.0-1)", "FROM scratch\n")
        .image(
            "images/old",
            "old (1.0-1)",
            "FROM registry.example.org/base/a:0.9-1\n",
        )
        .image(
            "images/top",
            "top (1.0-1)",
            "FROM registry.example.org/base/a:1.0-1\nCOPY --from=registry.example.org/base/b /b /b\nRUN --mount=type=bind,from=registry.example.org/base/c:latest true\n",
        )
        .pkg(&["graph", "images"])
        .assert_snapshot(str![[r#"
a 1.0-1
└── top 1.0-1
b 1.0-1
└── top 1.0-1
c 1.0-1
└── top 1.0-1
old 1.0-1
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn an_image_may_ask_for_its_own_version() {
    Sandbox::with_settings()
        .image(
            "images/a",
            "a (1.0-1)",
            "FROM scratch\nLABEL version={{ \"a\" | image_tag | upstream_version }}\n",
        )
        .pkg(&["graph", "images"])
        .assert_snapshot(str![[r#"
a 1.0-1
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_link_on_the_command_line_is_the_directory_behind_it() {
    let sandbox = Sandbox::with_settings().image("images/a", "a (1.0-1)", "FROM scratch\n");
    symlink("images", sandbox.path().join("link")).expect("a link");
    sandbox
        .pkg(&["list", "--offline", "link", "images"])
        .assert_snapshot(str![[r#"
NAME  VERSION  DIRECTORY
a     1.0-1    link/a
[exit status: 0]
[EOF]

"#]]);
}
