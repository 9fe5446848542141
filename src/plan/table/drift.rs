//! What is done where an image was made from other inputs than it would be now.

use super::{ALL, BUILD, CHAIN, Extent, PUBLISH, case, forced};

#[test]
fn an_image_that_was_made_from_other_inputs_is_built_anew() {
    case(
        CHAIN,
        &[
            ("base", "absent, built"),
            ("left", "absent, built, from other Dockerfile"),
            ("app", "absent, built"),
        ],
        BUILD,
        &[
            "base: skip, built",
            "left: build, Dockerfile changed",
            "app: build, left is rebuilt",
        ],
    );
    case(
        &[],
        &[
            ("a", "unasked, built, unrecorded"),
            ("b", "unasked, built, unreadable"),
            ("c", "unasked, built, on moved debian"),
        ],
        BUILD,
        &[
            "a: build, not ours",
            "b: build, unreadable",
            "c: build, debian moved",
        ],
    );
    case(
        &[],
        &[("a", "absent, built, from other x")],
        PUBLISH,
        &["a: skip, not built yet"],
    );
}

#[test]
fn a_published_version_of_other_inputs_is_refused() {
    case(
        CHAIN,
        &[
            ("base", "published, published from other x"),
            (
                "left",
                "published, built as published, published from other y",
            ),
            ("app", "absent"),
        ],
        ALL,
        &[
            "base: skip, published from other x",
            "left: skip, published from other y",
            "app: build, not published, to be published",
        ],
    );
    // What is built on it gets the published one.
    case(
        &[("app", "left")],
        &[
            ("left", "published, published from other y"),
            ("app", "absent"),
        ],
        ALL,
        &["left: pull", "app: build, not published, to be published"],
    );
}

#[test]
fn a_published_version_of_other_inputs_is_built_over_it_only_where_that_was_asked_for() {
    forced(
        CHAIN,
        &[
            ("base", "published"),
            ("left", "published, published from other x"),
            ("app", "published"),
        ],
        ALL,
        &[
            "base: pull",
            "left: build, x changed, to be published over it",
            "app: skip, published on old left",
        ],
    );
    forced(
        &[],
        &[("left", "published, built, published from other x")],
        ALL,
        &["left: publish, to be published over it"],
    );
    forced(
        &[],
        &[
            ("app", "published, published from other x"),
            ("left", "published, published from other x"),
        ],
        (Extent::BuildAndPublish, &["app"]),
        &["app: build, x changed, to be published over it"],
    );
    forced(
        &[("app", "left")],
        &[
            ("left", "published, published from other x"),
            ("app", "published, published from other x"),
        ],
        (Extent::BuildAndPublish, &["app"]),
        &[
            "left: pull",
            "app: build, x changed, to be published over it",
        ],
    );
}
