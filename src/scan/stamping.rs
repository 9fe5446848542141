//! Stamps in declared images, filled in when all files are read; templates are stamped when they are rendered.

use super::Problem;
use crate::catalog::{Catalog, Image, Recipe};
use crate::place::Place;
use crate::stamp::{StampError, Stamps};

/// Fills in the stamps of all declared images; the problems are those of keys that nobody knows.
pub(super) fn stamp_declared(catalog: &mut Catalog, stamps: &Stamps) -> Vec<Problem> {
    let mut problems = Vec::new();
    for image in catalog.images_mut() {
        let errors = match &mut image.recipe {
            Recipe::Declared { file, .. } => file.stamp(stamps),
            Recipe::Template { .. } => Vec::new(),
        };
        let told = errors.into_iter().map(|source| Problem::Stamp {
            place: place_of(image, &source),
            source: Box::new(source),
        });
        problems.extend(told);
    }
    problems
}

/// Gives the line of the stamp; where an included file has it, the file alone.
fn place_of(image: &Image, error: &StampError) -> Place {
    let Recipe::Declared { path, file } = &image.recipe else {
        return Place::file(image.recipe_path());
    };
    let text = file.texts.first().map(String::as_str);
    let mut lines = text.unwrap_or_default().lines();
    match lines.position(|line| line.contains(error.written())) {
        Some(before) => Place::line(path, before + 1),
        None => Place::file(path),
    }
}
