//! Which other images a declared one is made of: its base, and those that it takes files from.

use crate::catalog::{Catalog, EdgeSource, Image, ImageId, Need, Recipe};
use crate::declared::{BaseImage, ImageFile, Making};
use crate::oci::Reference;
use crate::place::Place;

/// Gives what an `image.yaml` says of an image.
pub(super) fn find_file(image: &Image) -> Option<&ImageFile> {
    match &image.recipe {
        Recipe::Declared { file, .. } => Some(file),
        Recipe::Template { .. } => None,
    }
}

/// Finds the images that a declared one is made of.
pub(super) fn find_declared_needs(child: ImageId, image: &Image) -> Vec<Need> {
    let Some(file) = find_file(image) else {
        return Vec::new();
    };
    let base = match &file.making {
        Making::Base(BaseImage::Named(name)) => Some(name.as_str()),
        _ => None,
    };
    let base = base.map(|name| {
        let place = place_of(image, |line| line.starts_with("base:"));
        (name, EdgeSource::Base(place))
    });
    let layers = file.changes.layers.iter();
    let layers = layers.filter_map(|layer| layer.from.as_deref());
    let layers = layers.map(|name| {
        let place = place_of(image, |line| {
            let said = line.split_once("from:").map(|(_, rest)| rest.trim_start());
            let word = said.and_then(|said| said.split([',', '}', ' ']).next());
            word.is_some_and(|word| word.trim_matches(['"', '\'']) == name)
        });
        (name, EdgeSource::Layer(place))
    });
    let named = base.into_iter().chain(layers);
    let needs = named.map(|(name, source)| Need {
        child,
        name: name.to_owned(),
        source,
    });
    needs.collect()
}

/// Gives the first such line of an `image.yaml`; where an included file has it, the file alone.
fn place_of(image: &Image, is_it: impl Fn(&str) -> bool) -> Place {
    let (path, text) = match &image.recipe {
        Recipe::Declared { path, file } => (path, file.texts.first()),
        Recipe::Template { path, .. } => (path, None),
    };
    let mut lines = text.map(String::as_str).unwrap_or_default().lines();
    match lines.position(is_it) {
        Some(before) => Place::line(path, before + 1),
        None => Place::file(path),
    }
}

/// Gives the outside images that a declared one is made of.
pub(super) fn find_outside(
    image: &Image,
    catalog: &Catalog,
    base_images: &[Reference],
) -> Vec<Reference> {
    let Some(file) = find_file(image) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if let Making::Base(BaseImage::Pinned(reference)) = &file.making {
        found.push(reference.clone());
    }
    let outside = file
        .image_names()
        .filter(|name| catalog.find(name).is_none());
    for name in outside {
        let known = find_known(base_images, name);
        found.extend(known.filter(|base| !found.contains(base)).cloned());
    }
    found
}

/// Finds the outside image that a name, short or whole, is of.
pub(super) fn find_known<'a>(base_images: &'a [Reference], name: &str) -> Option<&'a Reference> {
    let mut bases = base_images.iter();
    bases.find(|base| base.short_name() == name || base.name() == *name)
}
