//! What a plan does where no engine answers.

use super::samples::{built, manifest};
use super::{
    Action, Availability, Drift, Extent, Facts, Goal, Means, Overwrite, Reason, Skip, plan,
};
use crate::catalog::samples::{graph, image};
use crate::catalog::{Catalog, Recipe};
use crate::declared::parse_image_file;

/// A catalog of one declared image and templates on it.
fn catalog() -> Catalog {
    let mut base = image("base");
    let file = parse_image_file("paths: [{path: /a, type: directory}]\n", &mut |_, _| {
        Ok(String::new())
    });
    base.recipe = Recipe::Declared {
        path: base.directory.join("image.yaml"),
        file: Box::new(file.expect("an image")),
    };
    let images = vec![base, image("app"), image("tool")];
    let (catalog, duplicates) = Catalog::new(images);
    assert_eq!(duplicates, []);
    catalog
}

#[track_caller]
fn case(facts: &[(&str, Facts); 3], extent: Extent, selected: &[&str], expected: &[Action; 3]) {
    case_of(
        &catalog(),
        (facts, Overwrite::Never),
        extent,
        selected,
        expected,
    );
}

#[track_caller]
fn case_of(
    catalog: &Catalog,
    (facts, overwrite): (&[(&str, Facts); 3], Overwrite),
    extent: Extent,
    selected: &[&str],
    expected: &[Action; 3],
) {
    let graph = graph(catalog, &[("app", "base"), ("tool", "app")]).expect("a graph");
    let find = |name: &str| catalog.find(name).expect("an image of the catalog");
    let mut by_number = vec![Facts::default(); catalog.len()];
    for (name, facts) in facts {
        by_number[find(name).0] = facts.clone();
    }
    let goal = Goal {
        extent,
        means: Means::NoEngine,
        selection: (!selected.is_empty()).then(|| selected.iter().map(|it| find(it)).collect()),
        overwrite,
    };
    let plan = plan(catalog, &graph, &by_number, &goal);
    let actions: Vec<Action> = plan.steps.into_iter().map(|step| step.action).collect();
    assert_eq!(actions.as_slice(), expected);
}

fn absent() -> Facts {
    Facts {
        registry: Availability::Absent,
        ..Facts::default()
    }
}

fn published() -> Facts {
    Facts {
        registry: Availability::Present(manifest()),
        ..Facts::default()
    }
}

const NEEDS: Action = Action::Skip(Skip::NeedsEngine);

#[test]
fn declared_images_are_made_and_the_rest_is_told() {
    case(
        &[("base", absent()), ("app", absent()), ("tool", absent())],
        Extent::BuildAndPublish,
        &[],
        &[Action::Build(Reason::NotPublished), NEEDS, NEEDS],
    );
    let here = Facts {
        local: Some(built("base")),
        ..absent()
    };
    case(
        &[
            ("base", here.clone()),
            ("app", absent()),
            ("tool", absent()),
        ],
        Extent::Publish,
        &[],
        &[Action::Publish, NEEDS, NEEDS],
    );
    case(
        &[("base", here), ("app", absent()), ("tool", absent())],
        Extent::Build,
        &[],
        &[Action::Skip(Skip::Built), NEEDS, NEEDS],
    );
}

#[test]
fn what_is_published_needs_nothing() {
    let skipped = || Action::Skip(Skip::Published(manifest()));
    case(
        &[
            ("base", absent()),
            ("app", published()),
            ("tool", published()),
        ],
        Extent::BuildAndPublish,
        &[],
        &[
            Action::Build(Reason::NotPublished),
            Action::Skip(Skip::PublishedOnOldParent {
                digest: manifest(),
                parent: catalog().find("base").expect("an image"),
            }),
            skipped(),
        ],
    );
}

#[test]
fn what_was_not_asked_for_is_not_told() {
    let published_tool = [("base", absent()), ("app", absent()), ("tool", published())];
    case(
        &published_tool,
        Extent::Build,
        &["tool"],
        &[
            Action::Skip(Skip::NotNeeded),
            Action::Skip(Skip::NotNeeded),
            Action::Skip(Skip::Published(manifest())),
        ],
    );
}

/// A catalog of three declared images; `app` is made on `base` if `on_base` is.
fn declared(on_base: bool) -> Catalog {
    let making = |text: &str| {
        let file = parse_image_file(text, &mut |_, _| Ok(String::new()));
        Box::new(file.expect("an image"))
    };
    let plain = "paths: [{path: /a, type: directory}]\n";
    let upon = "base: base\n";
    let images = ["base", "app", "tool"].map(|name| {
        let mut described = image(name);
        let text = if on_base && name == "app" {
            upon
        } else {
            plain
        };
        described.recipe = Recipe::Declared {
            path: described.directory.join("image.yaml"),
            file: making(text),
        };
        described
    });
    let (catalog, duplicates) = Catalog::new(images.into());
    assert_eq!(duplicates, []);
    catalog
}

#[test]
fn nothing_is_fetched_for_what_is_made_on_nothing_of_it() {
    let facts = [("base", published()), ("app", absent()), ("tool", absent())];
    let expected = [
        Action::Skip(Skip::Published(manifest())),
        Action::Build(Reason::NotPublished),
        Action::Build(Reason::NotPublished),
    ];
    let facts = (&facts, Overwrite::Never);
    case_of(&declared(false), facts, Extent::Build, &[], &expected);
    // What is made on it needs it.
    let expected = [
        Action::Skip(Skip::Published(manifest())),
        NEEDS,
        Action::Build(Reason::NotPublished),
    ];
    case_of(&declared(true), facts, Extent::Build, &[], &expected);
}

#[test]
fn what_is_made_anew_in_the_same_run_is_here_for_what_is_made_on_it() {
    let drifted = Facts {
        registry: Availability::Present(manifest()),
        published: Drift::Changed(Vec::new()),
        ..Facts::default()
    };
    let facts = [("base", drifted), ("app", absent()), ("tool", absent())];
    let catalog = declared(true);
    let goal = (&facts, Overwrite::Drifted);
    case_of(
        &catalog,
        goal,
        Extent::Build,
        &[],
        &[
            Action::Build(Reason::InputsChanged(Vec::new())),
            Action::Build(Reason::NotPublished),
            Action::Build(Reason::NotPublished),
        ],
    );
}
