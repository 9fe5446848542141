//! Rules on what control files declare and recipes use.

use std::collections::BTreeSet;

use super::finding::Notes;
use super::fix::Fix;
use super::subject::{Ground, Recipe, Subject};
use crate::debian::DependencyField;
use crate::place::Place;

pub(super) fn find_undeclared(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    let Some(control) = &subject.control else {
        notes.cannot("the control file cannot be read");
        return;
    };
    if notes.recipe(subject).is_none() {
        return;
    }
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for one in &subject.uses {
        let is_declared = control.dependencies.iter().any(|dep| dep.name == one.name);
        if is_declared || !told.insert(&one.name) {
            continue;
        }
        let message = match subject.control_text {
            Some(_) => format!("`{}` is used, and `control` does not declare it", one.name),
            None => format!(
                "`{}` is used, and there is no `control` that declares it",
                one.name
            ),
        };
        let finding = notes.add(one.place.clone(), message);
        // What an image is built on or takes files from is needed while it is built.
        let field = DependencyField::BuildDepends;
        finding.hint(format!("add it to `{}`", field.as_str()));
        if subject.control_text.is_some() {
            finding.fix(Fix::Dependency {
                path: subject.file("control"),
                field,
                name: one.name.clone(),
            });
        }
    }
}

pub(super) fn find_unused(subject: &Subject<'_>, ground: &Ground<'_>, notes: &mut Notes<'_>) {
    let Some(control) = &subject.control else {
        notes.cannot("the control file cannot be read");
        return;
    };
    let Some(recipe) = notes.recipe(subject) else {
        return;
    };
    for dependency in &control.dependencies {
        let name = dependency.name.as_str();
        let is_used = subject.uses.iter().any(|one| one.name == name);
        // A name that stands anywhere in the recipe may be used in a way that is not seen here.
        if is_used || ground.catalog.find(name).is_none() || mentions(recipe, name) {
            continue;
        }
        let message = format!("`{name}` is declared, and the recipe does not use it");
        notes.add(
            Place::line(&subject.file("control"), dependency.line),
            message,
        );
    }
}

fn mentions(recipe: &Recipe<'_>, name: &str) -> bool {
    [recipe.source, recipe.text].iter().any(|text| {
        text.match_indices(name).any(|(at, _)| {
            let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
            let before = text[..at].chars().next_back();
            let after = text[at + name.len()..].chars().next();
            !before.is_some_and(is_of_name)
                && !after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-')
        })
    })
}

pub(super) fn find_across(subject: &Subject<'_>, ground: &Ground<'_>, notes: &mut Notes<'_>) {
    let root_of = |name: &str| {
        let id = ground.catalog.find(name)?;
        Some(&ground.catalog.image(id).root)
    };
    let declared = subject.control.iter().flat_map(|control| {
        let path = subject.file("control");
        let dependencies = control.dependencies.iter();
        dependencies.map(move |dep| (dep.name.as_str(), Place::line(&path, dep.line)))
    });
    let used = subject
        .uses
        .iter()
        .map(|one| (one.name.as_str(), one.place.clone()));
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (name, place) in declared.chain(used) {
        let Some(root) = root_of(name) else { continue };
        if root != subject.root && told.insert(name) {
            let message = format!(
                "`{name}` is below `{}`: without that directory this image cannot be read",
                root.display()
            );
            notes.add(place, message);
        }
    }
}
