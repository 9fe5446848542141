//! Catalogs for tests.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::{Catalog, EdgeSource, Graph, GraphError, Image, Need, Needs, Recipe};
use crate::place::Place;

/// An image of version 1 with an empty template.
pub(crate) fn image(name: &str) -> Image {
    let directory = Path::new("images").join(name);
    Image {
        name: name.parse().expect("a name"),
        version: "1".parse().expect("a version"),
        label: format!("r.example.org/base/{name}:1")
            .parse()
            .expect("a label"),
        root: PathBuf::from("images"),
        entry: Place::line(&directory.join("changelog"), 1),
        dated: None,
        recipe: Recipe::Template {
            path: directory.join("Dockerfile.template"),
            text: String::new(),
        },
        dependencies: Vec::new(),
        directory,
    }
}

/// A catalog of images with these names.
pub(crate) fn catalog(names: &[impl AsRef<str>]) -> Catalog {
    let images = names.iter().map(|name| image(name.as_ref()));
    let (catalog, duplicates) = Catalog::new(images.collect());
    assert_eq!(duplicates, []);
    catalog
}

/// That `child` needs `parent`, as line `line` of its control file says.
pub(crate) fn need(catalog: &Catalog, child: &str, parent: &str, line: usize) -> Need {
    let control = Path::new("images").join(child).join("control");
    Need {
        child: catalog.find(child).expect("an image of the catalog"),
        name: parent.to_owned(),
        source: EdgeSource::Declared(Place::line(&control, line)),
    }
}

/// Joins pairs of child and parent.
pub(crate) fn graph(
    catalog: &Catalog,
    pairs: &[(impl AsRef<str>, impl AsRef<str>)],
) -> Result<Graph, Vec<GraphError>> {
    let needs = pairs
        .iter()
        .enumerate()
        .map(|(i, (child, parent))| need(catalog, child.as_ref(), parent.as_ref(), i + 1));
    let needs = Needs {
        needs: needs.collect(),
        base_images: Vec::new(),
    };
    Graph::new(catalog, needs)
}

/// Pairs of child and parent among `count` images.
pub(crate) fn pairs() -> impl Strategy<Value = (usize, Vec<(usize, usize)>)> {
    (1usize..25).prop_flat_map(|count| {
        let pairs = proptest::collection::vec((0..count, 0..count), 0..3 * count);
        (Just(count), pairs)
    })
}

fn numbered_name(i: usize) -> String {
    format!("n{i:02}")
}

/// A catalog of `n00`, `n01` and so on.
pub(crate) fn numbered(count: usize) -> Catalog {
    catalog(&(0..count).map(numbered_name).collect::<Vec<_>>())
}

/// Pairs of such names.
pub(crate) fn named(pairs: &[(usize, usize)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|&(child, parent)| (numbered_name(child), numbered_name(parent)))
        .collect()
}
