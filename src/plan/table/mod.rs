//! Every rule of a plan as rows: what depends on what, what there is, what is asked for, and the steps that follow.

mod drift;

use std::collections::BTreeSet;

use super::samples::{built, identity, label, manifest};
use super::{
    Action, Availability, Drift, Extent, Facts, Goal, InputChange, Means, MovedBase, Overwrite,
    Plan, Reason, Skip, Step, plan,
};
use crate::catalog::samples::{catalog, graph};
use crate::catalog::{Catalog, ImageId};
use crate::oci::Digest;

/// Reads one row of facts: `app: absent, untested, on old left`.
fn facts_of(name: &str, words: &str) -> Facts {
    let mut facts = Facts::default();
    for word in words.split(", ") {
        if let Some(input) = word.strip_prefix("published from other ") {
            facts.published = changed(input);
            continue;
        }
        let local = facts.local.get_or_insert_with(|| built(name));
        let parents = local.parents.get_or_insert_default();
        match word {
            "built" => (),
            "untested" => local.verified = false,
            "foreign" => local.parents = None,
            "unrecorded" => local.drift = Drift::Unknown,
            "unreadable" => local.drift = Drift::Unreadable("unreadable".to_owned()),
            "on moved debian" => {
                local.moved_base = Some(MovedBase {
                    base: "debian:12".parse().expect("a label"),
                    built_on: Digest::of(b"old"),
                    now: Digest::of(b"new"),
                });
            }
            "built as published" => local.manifests.push(manifest()),
            _ => {
                if let Some(input) = word.strip_prefix("from other ") {
                    local.drift = changed(input);
                    continue;
                }
                if let Some(parent) = word.strip_prefix("on old ") {
                    let old = label(parent).with_tag("0".parse().expect("a tag"));
                    parents.push((old, Digest::of(b"old")));
                    continue;
                }
                if let Some(parent) = word.strip_prefix("on the index of ") {
                    parents.push((label(parent), manifest()));
                    continue;
                }
                if let Some(parent) = word.strip_prefix("on ") {
                    parents.push((label(parent), identity(parent)));
                    continue;
                }
                // What the registry says comes first in a row.
                facts.local = None;
                facts.registry = match word {
                    "unasked" => Availability::NotAsked,
                    "absent" => Availability::Absent,
                    "published" => Availability::Present(manifest()),
                    "taken" => Availability::Taken(manifest()),
                    _ => panic!("a row of facts cannot hold {word}"),
                };
            }
        }
    }
    facts
}

/// Writes a step as the table has it.
fn show(catalog: &Catalog, step: &Step) -> String {
    let name = |id: ImageId| catalog.image(id).name.as_str();
    let action = match &step.action {
        Action::Build(Reason::NotPublished) => "build, not published".to_owned(),
        Action::Build(Reason::NotBuilt) => "build, not built".to_owned(),
        Action::Build(Reason::NotOurs) => "build, not ours".to_owned(),
        Action::Build(Reason::InputsChanged(changes)) => {
            format!("build, {} changed", inputs(changes))
        }
        Action::Build(Reason::InputsUnreadable(why)) => format!("build, {why}"),
        Action::Build(Reason::ParentRebuilt { parent }) => {
            format!("build, {} is rebuilt", name(*parent))
        }
        Action::Build(Reason::ParentMoved {
            parent,
            built_on,
            now,
        }) => {
            assert_ne!(built_on, now);
            format!("build, {} moved", parent.short_name())
        }
        Action::Pull(digest) => {
            assert_eq!(*digest, manifest());
            "pull".to_owned()
        }
        Action::Verify => "verify".to_owned(),
        Action::Publish => "publish".to_owned(),
        Action::Skip(Skip::Published(_)) => "skip, published".to_owned(),
        Action::Skip(Skip::PublishedOnOldParent { parent, .. }) => {
            format!("skip, published on old {}", name(*parent))
        }
        Action::Skip(Skip::Drifted { changes, .. }) => {
            format!("skip, published from other {}", inputs(changes))
        }
        Action::Skip(Skip::Taken(_)) => "skip, taken".to_owned(),
        Action::Skip(Skip::OnTaken { parent }) => format!("skip, on taken {}", name(*parent)),
        Action::Skip(Skip::NeedsEngine) => "skip, needs an engine".to_owned(),
        Action::Skip(Skip::Built) => "skip, built".to_owned(),
        Action::Skip(Skip::NotNeeded) => "skip, not needed".to_owned(),
        Action::Skip(Skip::NotBuiltYet) => "skip, not built yet".to_owned(),
    };
    let publish = match (step.publish, &step.replaces) {
        (true, None) => ", to be published",
        (true, Some(_)) => ", to be published over it",
        (false, _) => "",
    };
    format!("{}: {action}{publish}", name(step.image))
}

fn inputs(changes: &[InputChange]) -> String {
    let names: Vec<_> = changes.iter().map(|one| one.input.as_str()).collect();
    names.join(" and ")
}

fn changed(input: &str) -> Drift {
    Drift::Changed(vec![InputChange {
        input: input.to_owned(),
        old: Some("1".to_owned()),
        new: Some("2".to_owned()),
    }])
}

const CHAIN: &[(&str, &str)] = &[("app", "left"), ("left", "base")];
const DIAMOND: &[(&str, &str)] = &[
    ("app", "left"),
    ("app", "right"),
    ("left", "base"),
    ("right", "base"),
];

/// One row: what depends on what, what there is, what is asked for, and the steps.
#[track_caller]
fn case(
    pairs: &[(&str, &str)],
    facts: &[(&str, &str)],
    goal: (Extent, &[&str]),
    expected: &[&str],
) {
    row(pairs, facts, (goal, Overwrite::Never), expected);
}

/// One row in which published versions of other inputs are published over.
#[track_caller]
fn forced(
    pairs: &[(&str, &str)],
    facts: &[(&str, &str)],
    goal: (Extent, &[&str]),
    expected: &[&str],
) {
    row(pairs, facts, (goal, Overwrite::Drifted), expected);
}

#[track_caller]
fn row(
    pairs: &[(&str, &str)],
    facts: &[(&str, &str)],
    ((extent, selected), overwrite): ((Extent, &[&str]), Overwrite),
    expected: &[&str],
) {
    let names: Vec<_> = facts.iter().map(|(name, _)| *name).collect();
    let catalog = catalog(&names);
    let graph = graph(&catalog, pairs).expect("a graph");
    let mut by_number = vec![Facts::default(); catalog.len()];
    for (name, words) in facts {
        let id = catalog.find(name).expect("an image of the catalog");
        by_number[id.0] = facts_of(name, words);
    }
    let selection = (!selected.is_empty()).then(|| {
        let ids = selected.iter().map(|name| catalog.find(name));
        ids.map(|id| id.expect("an image of the catalog")).collect()
    });
    let goal = Goal {
        extent,
        means: Means::Engine,
        selection,
        overwrite,
    };
    let plan = plan(&catalog, &graph, &by_number, &goal);
    let steps: Vec<_> = plan.steps.iter().map(|step| show(&catalog, step)).collect();
    assert_eq!(steps, expected);
}

const BUILD: (Extent, &[&str]) = (Extent::Build, &[]);
const ALL: (Extent, &[&str]) = (Extent::BuildAndPublish, &[]);
const PUBLISH: (Extent, &[&str]) = (Extent::Publish, &[]);

#[test]
fn what_something_else_built_is_built_anew() {
    case(
        &[],
        &[("a", "unasked, built, foreign")],
        BUILD,
        &["a: build, not ours"],
    );
    case(
        &[],
        &[("a", "absent, foreign")],
        PUBLISH,
        &["a: skip, not built yet"],
    );
}

#[test]
fn an_image_is_not_published_before_the_tests_of_what_it_is_built_on() {
    case(
        CHAIN,
        &[
            ("base", "absent, untested"),
            ("left", "absent, built, on base"),
            ("app", "absent, built, on left"),
        ],
        (Extent::BuildAndPublish, &["app"]),
        &[
            "base: verify",
            "left: skip, not needed",
            "app: publish, to be published",
        ],
    );
}

#[test]
fn what_is_nowhere_is_built() {
    case(&[], &[("a", "unasked")], BUILD, &["a: build, not built"]);
    case(&[], &[("a", "absent")], BUILD, &["a: build, not published"]);
    case(
        &[],
        &[("a", "absent")],
        ALL,
        &["a: build, not published, to be published"],
    );
}

#[test]
fn nothing_is_built_or_published_on_a_version_that_somebody_else_took() {
    for goal in [BUILD, ALL, PUBLISH] {
        case(
            CHAIN,
            &[
                ("base", "taken, built"),
                ("left", "absent, built, on base"),
                ("app", "absent"),
            ],
            goal,
            &[
                "base: skip, taken",
                "left: skip, on taken base",
                "app: skip, on taken base",
            ],
        );
    }
    // What was published before stays what it is, and carries what is built on it.
    case(
        CHAIN,
        &[
            ("base", "taken, built"),
            ("left", "published"),
            ("app", "absent"),
        ],
        ALL,
        &[
            "base: skip, taken",
            "left: pull",
            "app: build, not published, to be published",
        ],
    );
}

#[test]
fn what_is_built_on_what_a_build_makes_anew_is_not_published() {
    case(
        CHAIN,
        &[
            ("base", "absent, built, from other Dockerfile"),
            ("left", "absent, built, on base"),
            ("app", "absent, built, on left"),
        ],
        PUBLISH,
        &[
            "base: skip, not built yet",
            "left: skip, not built yet",
            "app: skip, not built yet",
        ],
    );
}

#[test]
fn what_is_published_is_neither_built_nor_tested() {
    case(&[], &[("a", "published")], ALL, &["a: skip, published"]);
    case(
        &[],
        &[("a", "published, untested")],
        ALL,
        &["a: skip, published"],
    );
    case(
        CHAIN,
        &[
            ("base", "published"),
            ("left", "published"),
            ("app", "published"),
        ],
        ALL,
        &[
            "base: skip, published",
            "left: skip, published",
            "app: skip, published",
        ],
    );
}

#[test]
fn what_is_built_goes_on_where_it_was_left() {
    case(&[], &[("a", "unasked, built")], BUILD, &["a: skip, built"]);
    case(&[], &[("a", "absent, built")], BUILD, &["a: skip, built"]);
    case(&[], &[("a", "absent, untested")], BUILD, &["a: verify"]);
    case(
        &[],
        &[("a", "absent, untested")],
        ALL,
        &["a: verify, to be published"],
    );
    case(
        &[],
        &[("a", "absent, built")],
        ALL,
        &["a: publish, to be published"],
    );
}

#[test]
fn a_rebuilt_parent_rebuilds_what_was_built_on_it() {
    case(
        CHAIN,
        &[
            ("base", "absent"),
            ("left", "absent, built"),
            ("app", "absent, untested"),
        ],
        ALL,
        &[
            "base: build, not published, to be published",
            "left: build, base is rebuilt, to be published",
            "app: build, left is rebuilt, to be published",
        ],
    );
    // Of two rebuilt parents the first by name is told.
    case(
        DIAMOND,
        &[
            ("base", "unasked"),
            ("left", "unasked, built"),
            ("right", "unasked, built"),
            ("app", "unasked, built"),
        ],
        BUILD,
        &[
            "base: build, not built",
            "left: build, base is rebuilt",
            "right: build, base is rebuilt",
            "app: build, left is rebuilt",
        ],
    );
}

#[test]
fn a_parent_that_moved_rebuilds_what_was_built_on_the_old_one() {
    case(
        CHAIN,
        &[
            ("base", "absent, built"),
            ("left", "absent, built, on old base"),
            ("app", "absent, built, on left"),
        ],
        BUILD,
        &[
            "base: skip, built",
            "left: build, base moved",
            "app: build, left is rebuilt",
        ],
    );
    // What was not recorded, of a build by another program, is not compared.
    case(
        CHAIN,
        &[
            ("base", "absent, built"),
            ("left", "absent, built, on base"),
            ("app", "absent, built"),
        ],
        BUILD,
        &["base: skip, built", "left: skip, built", "app: skip, built"],
    );
}

#[test]
fn a_parent_of_which_the_engine_has_one_image_of_the_index_did_not_move() {
    let published = "base: skip, published";
    for (base, expected) in [
        (
            "published, built as published",
            [published, "left: skip, built"],
        ),
        ("published, built", [published, "left: skip, built"]),
        (
            "unasked, built as published",
            ["base: skip, built", "left: skip, built"],
        ),
        (
            "unasked, built",
            ["base: skip, built", "left: build, base moved"],
        ),
    ] {
        let left = ("left", "absent, built, on the index of base");
        case(
            &[("left", "base")],
            &[("base", base), left],
            BUILD,
            &expected,
        );
    }
}

#[test]
fn a_published_version_stays_and_its_old_parent_is_told() {
    case(
        CHAIN,
        &[
            ("base", "absent"),
            ("left", "published"),
            ("app", "published"),
        ],
        ALL,
        &[
            "base: build, not published, to be published",
            "left: skip, published on old base",
            "app: skip, published",
        ],
    );
}

#[test]
fn a_published_parent_is_pulled_for_what_is_built_on_it() {
    case(
        DIAMOND,
        &[
            ("base", "published"),
            ("left", "published"),
            ("right", "published, built as published"),
            ("app", "absent"),
        ],
        ALL,
        &[
            "base: skip, published",
            "left: pull",
            "right: skip, published",
            "app: build, not published, to be published",
        ],
    );
    // The engine has this version, and it is another image than the published one.
    case(
        &[("app", "left")],
        &[("left", "published, built"), ("app", "absent")],
        BUILD,
        &["left: pull", "app: build, not published"],
    );
    case(
        CHAIN,
        &[("base", "absent"), ("left", "published"), ("app", "absent")],
        BUILD,
        &[
            "base: build, not published",
            "left: pull",
            "app: build, not published",
        ],
    );
}

#[test]
fn an_old_parent_is_told_of_a_parent_that_the_engine_has() {
    case(
        CHAIN,
        &[
            ("base", "absent"),
            ("left", "published, built as published"),
            ("app", "absent"),
        ],
        BUILD,
        &[
            "base: build, not published",
            "left: skip, published on old base",
            "app: build, not published",
        ],
    );
}

#[test]
fn what_was_not_selected_is_worked_on_only_for_what_needs_it() {
    case(
        DIAMOND,
        &[
            ("base", "absent"),
            ("left", "absent"),
            ("right", "published"),
            ("app", "absent"),
        ],
        (Extent::BuildAndPublish, &["app"]),
        &[
            "base: build, not published",
            "left: build, not published",
            "right: pull",
            "app: build, not published, to be published",
        ],
    );
    case(
        CHAIN,
        &[
            ("base", "absent"),
            ("left", "absent, untested"),
            ("app", "published"),
        ],
        (Extent::BuildAndPublish, &["app"]),
        &[
            "base: skip, not needed",
            "left: skip, not needed",
            "app: skip, published on old left",
        ],
    );
    // Nothing is said of images that the selection does not need.
    case(
        CHAIN,
        &[("base", "absent"), ("left", "absent"), ("app", "absent")],
        (Extent::Build, &["base"]),
        &["base: build, not published"],
    );
}

#[test]
fn a_parent_that_was_not_selected_is_tested_and_not_published() {
    case(
        CHAIN,
        &[
            ("base", "absent, built"),
            ("left", "absent, untested"),
            ("app", "absent"),
        ],
        (Extent::BuildAndPublish, &["app"]),
        &[
            "base: skip, not needed",
            "left: verify",
            "app: build, not published, to be published",
        ],
    );
    case(
        &[("app", "left")],
        &[("left", "absent, built"), ("app", "absent")],
        (Extent::BuildAndPublish, &["app"]),
        &[
            "left: skip, built",
            "app: build, not published, to be published",
        ],
    );
}

#[test]
fn publishing_alone_builds_nothing() {
    case(
        CHAIN,
        &[
            ("base", "absent"),
            ("left", "absent, untested"),
            ("app", "absent, built"),
        ],
        PUBLISH,
        &[
            "base: skip, not built yet",
            "left: verify, to be published",
            "app: publish, to be published",
        ],
    );
    case(
        &[("app", "left")],
        &[
            ("left", "absent, built"),
            ("app", "absent, built, on old left"),
        ],
        PUBLISH,
        &["left: publish, to be published", "app: skip, not built yet"],
    );
}

#[test]
fn an_empty_selection_is_an_empty_plan() {
    let catalog = catalog(&["a"]);
    let graph = graph(&catalog, &[("", ""); 0]).expect("a graph");
    let goal = Goal {
        extent: Extent::Build,
        means: Means::Engine,
        selection: Some(BTreeSet::new()),
        overwrite: Overwrite::Never,
    };
    let plan = plan(&catalog, &graph, &[Facts::default()], &goal);
    assert_eq!(plan, Plan::default());
}
