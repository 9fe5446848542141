//! Rules on the images that a recipe names, on its stages, and on what it fetches.

use std::collections::BTreeMap;

use super::finding::Notes;
use super::subject::{Ground, Recipe, Subject};
use crate::dockerfile::ImageReference;
use crate::oci::{Reference, Tag};

/// What the name of an image in a recipe means.
enum Meaning<'a> {
    /// A base image of the settings, as they list it.
    Base,
    /// An image of the catalog, in its version or without one that is said.
    Catalog(&'a str),
    /// An image of the catalog, in another version.
    OtherVersion(&'a str, &'a str),
    /// Neither.
    Outside,
}

fn meaning<'a>(reference: &Reference, ground: &'a Ground<'_>) -> Meaning<'a> {
    let name = reference.familiar().name();
    let bases = &ground.settings.base_images;
    if bases.iter().any(|base| base.familiar().name() == name) {
        return Meaning::Base;
    }
    let Some(image) = ground.find_image(reference) else {
        return Meaning::Outside;
    };
    let is_current = reference
        .tag()
        .is_none_or(|tag| *tag == Tag::latest() || tag.to_string() == image.version.as_str());
    if is_current && reference.digest().is_none() {
        Meaning::Catalog(image.name.as_str())
    } else {
        Meaning::OtherVersion(image.name.as_str(), image.version.as_str())
    }
}

fn is_pinned(reference: &Reference) -> bool {
    let has_version = reference.tag().is_some_and(|tag| *tag != Tag::latest());
    has_version || reference.digest().is_some()
}

/// Gives the references of a recipe, each with its meaning; what cannot be read as one is the engine's business.
fn references<'a>(
    recipe: &'a Recipe<'_>,
    ground: &'a Ground<'_>,
) -> impl Iterator<Item = (&'a ImageReference, Reference, Meaning<'a>)> {
    recipe
        .dockerfile
        .image_references()
        .filter_map(move |written| {
            let reference: Reference = written.text.parse().ok()?;
            let meaning = meaning(&reference, ground);
            Some((written, reference, meaning))
        })
}

pub(super) fn find_outside(subject: &Subject<'_>, ground: &Ground<'_>, notes: &mut Notes<'_>) {
    let Some(recipe) = notes.recipe(subject) else {
        return;
    };
    let origin = recipe.origin();
    for (written, reference, meaning) in references(recipe, ground) {
        let (message, hint) = match meaning {
            Meaning::Outside if is_pinned(&reference) => (
                format!(
                    "`{}` is from elsewhere, and `base_images` does not list it",
                    written.text
                ),
                "list it in `base_images`, and name it with `image_tag`".to_owned(),
            ),
            Meaning::OtherVersion(name, version) => (
                format!(
                    "`{}` is not the version of `{name}` here, `{version}`",
                    written.text
                ),
                format!("write `{{{{ \"{name}\" | image_tag }}}}`"),
            ),
            _ => continue,
        };
        notes.add(origin.place(written.line), message).hint(hint);
    }
}

pub(super) fn find_unpinned(subject: &Subject<'_>, ground: &Ground<'_>, notes: &mut Notes<'_>) {
    let Some(recipe) = notes.recipe(subject) else {
        return;
    };
    let origin = recipe.origin();
    for (written, reference, meaning) in references(recipe, ground) {
        if is_pinned(&reference) {
            continue;
        }
        let hint = match meaning {
            Meaning::Catalog(name) => format!("write `{{{{ \"{name}\" | image_tag }}}}`"),
            Meaning::Outside => {
                "list it in `base_images` with its tag, and name it with `image_tag`".to_owned()
            }
            Meaning::Base | Meaning::OtherVersion(..) => continue,
        };
        let message = format!("`{}` says no version", written.text);
        notes.add(origin.place(written.line), message).hint(hint);
    }
}

pub(super) fn find_stage_duplicates(subject: &Subject<'_>, _: &Ground<'_>, notes: &mut Notes<'_>) {
    let Some(recipe) = notes.recipe(subject) else {
        return;
    };
    let origin = recipe.origin();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for stage in &recipe.dockerfile.stages {
        let Some(name) = &stage.name else { continue };
        if let Some(first) = seen.insert(name.to_ascii_lowercase(), stage.base.line) {
            notes
                .add(
                    origin.place(stage.base.line),
                    format!("two stages are named `{name}`"),
                )
                .also(origin.place(first));
        }
    }
}

pub(super) fn find_unchecked_additions(
    subject: &Subject<'_>,
    _: &Ground<'_>,
    notes: &mut Notes<'_>,
) {
    let Some(recipe) = notes.recipe(subject) else {
        return;
    };
    let origin = recipe.origin();
    let stages = recipe.dockerfile.stages.iter();
    let instructions = stages.flat_map(|stage| &stage.instructions);
    for add in instructions.filter(|instruction| instruction.keyword == "ADD") {
        let words: Vec<&str> = add.arguments.split_whitespace().collect();
        if words.iter().any(|word| word.starts_with("--checksum")) {
            continue;
        }
        let is_remote = |word: &&&str| {
            let word = word.trim_matches(['[', '"', ',']);
            let is_address = ["http://", "https://", "ftp://"]
                .iter()
                .any(|scheme| word.starts_with(scheme));
            // A commit of a git repository is checked by its name.
            is_address && !is_commit(word)
        };
        if let Some(address) = words.iter().find(is_remote) {
            let address = address.trim_matches(['[', '"', ',']);
            notes
                .add(
                    origin.place(add.line),
                    format!("`ADD {address}` takes whatever is there"),
                )
                .hint("write `ADD --checksum=sha256:…`");
        }
    }
}

fn is_commit(address: &str) -> bool {
    address.rsplit_once('#').is_some_and(|(_, fragment)| {
        let commit = fragment.split(':').next().unwrap_or_default();
        commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit())
    })
}
