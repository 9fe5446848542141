//! `pkg graph`.

use snapbox::str;

use crate::support::sandbox::Sandbox;

#[test]
fn a_diamond_as_text() {
    Sandbox::with_settings()
        .diamond()
        .image("images/alone", "alone (1.0-1)", "FROM scratch\n")
        .dependent("images/on-app", "on-app (5.0-1)", "app")
        .pkg(&["graph", "images"])
        .assert_snapshot(str![[r#"
alone 1.0-1
bottom 1.0-1
├── left 2.0-1
│   └── app 4.0-1
│       └── on-app 5.0-1
└── right 3.0-1
    └── app 4.0-1 (above)
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_diamond_where_the_locale_is_ascii() {
    Sandbox::with_settings()
        .diamond()
        .env("LC_ALL", "C")
        .pkg(&["graph", "images"])
        .assert_snapshot(str![[r#"
bottom 1.0-1
|-- left 2.0-1
|   `-- app 4.0-1
`-- right 3.0-1
    `-- app 4.0-1
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_cycle_where_the_locale_is_ascii() {
    Sandbox::with_settings()
        .dependent("images/a", "a (1.0)", "b")
        .dependent("images/b", "b (1.0)", "a")
        .env("LC_ALL", "C")
        .pkg(&["graph", "images"])
        .assert_snapshot(str![[r#"
------- stderr -------
error: images need each other: a -> b -> a
  --> images/a/control:2
  --> images/b/control:2
[exit status: 1]
[EOF]

"#]]);
}

#[test]
fn a_diamond_for_graphviz() {
    Sandbox::with_settings()
        .diamond()
        .pkg(&["graph", "--format", "dot", "images"])
        .assert_snapshot(str![[r#"
digraph catalog {
  rankdir=LR;
  node [shape=box];
  "app" [label="app\n4.0-1"];
  "bottom" [label="bottom\n1.0-1"];
  "left" [label="left\n2.0-1"];
  "right" [label="right\n3.0-1"];
  "left" -> "app";
  "right" -> "app";
  "bottom" -> "left";
  "bottom" -> "right";
}
[exit status: 0]
[EOF]

"#]]);
}

#[test]
fn a_diamond_for_mermaid() {
    Sandbox::with_settings()
        .diamond()
        .pkg(&["graph", "--format", "mermaid", "images"])
        .assert_snapshot(str![[r#"
flowchart LR
  i0["app 4.0-1"]
  i1["bottom 1.0-1"]
  i2["left 2.0-1"]
  i3["right 3.0-1"]
  i2 --> i0
  i3 --> i0
  i1 --> i2
  i1 --> i3
[exit status: 0]
[EOF]

"#]]);
}
