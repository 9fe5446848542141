//! What depends on what: edges from declarations, from the use of `image_tag`, and from literal FROM lines.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::cycle::find_cycles;
use super::{Catalog, ImageId};
use crate::near::find_near;
use crate::oci::Reference;
use crate::place::Place;

/// How an image came to need another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeSource {
    /// `control` declares it.
    Declared(Place),
    /// The template asks for its label with `image_tag`.
    ImageTag(Place),
    /// The rendered Dockerfile names its label.
    Reference(Place),
    /// `image.yaml` names it as its base.
    Base(Place),
    /// `image.yaml` takes files from it.
    Layer(Place),
}

impl EdgeSource {
    /// Gives the place where the need is written.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            Self::Declared(place)
            | Self::ImageTag(place)
            | Self::Reference(place)
            | Self::Base(place)
            | Self::Layer(place) => place,
        }
    }
}

/// One dependency between two images of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// What is needed.
    pub parent: ImageId,
    /// What needs it.
    pub child: ImageId,
    /// Everything that says so.
    pub sources: Vec<EdgeSource>,
}

/// One need of one image, by name.
#[derive(Clone, Debug)]
pub struct Need {
    /// The image that needs something.
    pub child: ImageId,
    /// The short name, or the full name of a base image.
    pub name: String,
    /// Where that is written.
    pub source: EdgeSource,
}

/// All needs of a catalog, and the outside base images that meet some of them.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// The needs.
    pub needs: Vec<Need>,
    /// The base images of the settings.
    pub base_images: Vec<Reference>,
}

/// Why the catalog has no build order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// No directory and no base image has the name.
    #[error("image `{child}` needs `{name}`, which no directory provides")]
    Missing {
        /// The image in need.
        child: String,
        /// What it needs.
        name: String,
        /// Where that is written.
        place: Place,
        /// Names that may have been meant.
        near: Vec<String>,
    },
    /// Images that need each other.
    #[error("images need each other: {}", path.join(" → "))]
    Cycle {
        /// The names, each needing the next; the first is there again at the end.
        path: Vec<String>,
        /// Where each of these needs is written.
        places: Vec<Place>,
    },
}

/// The dependencies of a catalog, free of cycles.
#[derive(Clone, Debug)]
pub struct Graph {
    edges: Vec<Edge>,
    parents: Vec<Vec<ImageId>>,
    children: Vec<Vec<ImageId>>,
    order: Vec<ImageId>,
}

impl Graph {
    /// Joins needs to edges; all missing names and all cycles are told.
    pub fn new(catalog: &Catalog, needs: Needs) -> Result<Self, Vec<GraphError>> {
        let (edges, mut errors) = join(catalog, needs);
        let mut parents = vec![Vec::new(); catalog.len()];
        let mut children = vec![Vec::new(); catalog.len()];
        for edge in &edges {
            parents[edge.child.0].push(edge.parent);
            children[edge.parent.0].push(edge.child);
        }
        let order = order(&parents, &children);
        if order.len() < catalog.len() {
            errors.extend(find_cycles(catalog, &edges));
        }
        if errors.is_empty() {
            Ok(Self {
                edges,
                parents,
                children,
                order,
            })
        } else {
            Err(errors)
        }
    }

    /// Gives all edges, in the order of child and parent.
    #[must_use]
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Gives what an image needs directly.
    #[must_use]
    pub fn parents(&self, id: ImageId) -> &[ImageId] {
        &self.parents[id.0]
    }

    /// Gives what needs an image directly.
    #[must_use]
    pub fn children(&self, id: ImageId) -> &[ImageId] {
        &self.children[id.0]
    }

    /// Gives all images, each after everything that it needs, otherwise in the order of their names.
    #[must_use]
    pub fn order(&self) -> &[ImageId] {
        &self.order
    }

    /// Gives the images that need one of `ids` through any chain, without `ids` themselves unless one needs another.
    #[must_use]
    pub fn dependants(&self, ids: impl IntoIterator<Item = ImageId>) -> BTreeSet<ImageId> {
        reachable(ids, &self.children)
    }

    /// Gives the images that one of `ids` needs through any chain.
    #[must_use]
    pub fn ancestors(&self, ids: impl IntoIterator<Item = ImageId>) -> BTreeSet<ImageId> {
        reachable(ids, &self.parents)
    }

    /// Gives for each image the depth below the images that need nothing: 0 for those, else one more than the deepest
    /// parent's.
    #[must_use]
    pub fn levels(&self) -> Vec<usize> {
        let mut levels = vec![0; self.parents.len()];
        for &id in &self.order {
            levels[id.0] = self.parents[id.0]
                .iter()
                .map(|parent| levels[parent.0] + 1)
                .max()
                .unwrap_or(0);
        }
        levels
    }
}

/// So many missing names get a hint; comparing all names with all names takes too long in a large catalog.
const WORTH_A_HINT: usize = 50;

fn join(catalog: &Catalog, needs: Needs) -> (Vec<Edge>, Vec<GraphError>) {
    let outside: BTreeSet<String> = needs
        .base_images
        .iter()
        .flat_map(|base| [base.short_name().to_owned(), base.name(), base.to_string()])
        .collect();
    let mut edges: BTreeMap<(ImageId, ImageId), Vec<EdgeSource>> = BTreeMap::new();
    let mut errors = Vec::new();
    for need in needs.needs {
        if let Some(parent) = catalog.find(&need.name) {
            edges
                .entry((need.child, parent))
                .or_default()
                .push(need.source);
        } else if !outside.contains(&need.name) {
            let others = catalog.iter().filter(|(id, _)| *id != need.child);
            let known = others.map(|(_, image)| image.name.as_str());
            let known = known.chain(
                outside
                    .iter()
                    .map(String::as_str)
                    .filter(|name| !name.contains(['/', ':'])),
            );
            errors.push(GraphError::Missing {
                child: catalog.image(need.child).name.to_string(),
                place: need.source.place().clone(),
                near: if errors.len() < WORTH_A_HINT {
                    let near = find_near(&need.name, known);
                    near.into_iter().map(str::to_owned).collect()
                } else {
                    Vec::new()
                },
                name: need.name,
            });
        }
    }
    let edges = edges
        .into_iter()
        .map(|((child, parent), sources)| Edge {
            parent,
            child,
            sources,
        })
        .collect();
    (edges, errors)
}

/// Kahn's order, taking the ready image of the smallest number first so that the order is the same each time.
fn order(parents: &[Vec<ImageId>], children: &[Vec<ImageId>]) -> Vec<ImageId> {
    use std::cmp::Reverse;
    let mut waiting_for: Vec<usize> = parents.iter().map(Vec::len).collect();
    let mut ready: BinaryHeap<Reverse<ImageId>> = (0..parents.len())
        .filter(|&i| waiting_for[i] == 0)
        .map(|i| Reverse(ImageId(i)))
        .collect();
    let mut order = Vec::with_capacity(parents.len());
    while let Some(Reverse(id)) = ready.pop() {
        order.push(id);
        for child in &children[id.0] {
            waiting_for[child.0] -= 1;
            if waiting_for[child.0] == 0 {
                ready.push(Reverse(*child));
            }
        }
    }
    order
}

fn reachable(from: impl IntoIterator<Item = ImageId>, next: &[Vec<ImageId>]) -> BTreeSet<ImageId> {
    let mut found = BTreeSet::new();
    let mut open: Vec<ImageId> = from.into_iter().collect();
    while let Some(id) = open.pop() {
        for &other in &next[id.0] {
            if found.insert(other) {
                open.push(other);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::{catalog, graph, named, need, numbered, pairs};
    use super::*;

    fn names(catalog: &Catalog, ids: impl IntoIterator<Item = ImageId>) -> Vec<String> {
        let name = |id| catalog.image(id).name.to_string();
        ids.into_iter().map(name).collect()
    }

    fn id(catalog: &Catalog, name: &str) -> ImageId {
        catalog.find(name).expect("an image of the catalog")
    }

    const DIAMOND: [(&str, &str); 5] = [
        ("app", "right"),
        ("app", "left"),
        ("left", "zero"),
        ("right", "zero"),
        ("on-app", "app"),
    ];

    #[test]
    fn a_diamond_is_ordered_from_its_bottom_and_by_name() {
        let catalog = catalog(&["app", "left", "right", "zero", "on-app", "alone"]);
        let graph = graph(&catalog, &DIAMOND).expect("a graph");
        assert_eq!(
            names(&catalog, graph.order().to_vec()),
            ["alone", "zero", "left", "right", "app", "on-app"]
        );
        let levels: Vec<_> = catalog
            .iter()
            .map(|(id, image)| (image.name.as_str(), graph.levels()[id.0]))
            .collect();
        let expected = [
            ("alone", 0),
            ("app", 2),
            ("left", 1),
            ("on-app", 3),
            ("right", 1),
            ("zero", 0),
        ];
        assert_eq!(levels, expected);
    }

    #[test]
    fn chains_are_followed_in_both_directions() {
        let catalog = catalog(&["app", "left", "right", "zero", "on-app", "alone"]);
        let graph = graph(&catalog, &DIAMOND).expect("a graph");
        let left = [id(&catalog, "left")];
        assert_eq!(names(&catalog, graph.dependants(left)), ["app", "on-app"]);
        assert_eq!(names(&catalog, graph.ancestors(left)), ["zero"]);
        let app = id(&catalog, "app");
        assert_eq!(
            names(&catalog, graph.ancestors([app])),
            ["left", "right", "zero"]
        );
        assert_eq!(
            names(&catalog, graph.parents(app).to_vec()),
            ["left", "right"]
        );
        // One that another one of them needs is among them.
        let both = [app, id(&catalog, "left")];
        assert_eq!(
            names(&catalog, graph.ancestors(both)),
            ["left", "right", "zero"]
        );
    }

    #[test]
    fn the_order_does_not_hang_on_the_order_of_needs() {
        let catalog = catalog(&["app", "left", "right", "zero", "on-app"]);
        let there = graph(&catalog, &DIAMOND).expect("a graph");
        let mut pairs = DIAMOND;
        pairs.reverse();
        let back = graph(&catalog, &pairs).expect("a graph");
        assert_eq!(there.order(), back.order());
        let pairs = |graph: &Graph| -> Vec<_> {
            let edges = graph.edges().iter();
            edges.map(|edge| (edge.child, edge.parent)).collect()
        };
        assert_eq!(pairs(&there), pairs(&back));
    }

    #[test]
    fn what_is_needed_twice_is_one_edge_with_two_sources() {
        let catalog = catalog(&["a", "b"]);
        let graph = graph(&catalog, &[("a", "b"), ("a", "b")]).expect("a graph");
        let [edge] = graph.edges() else {
            panic!("one edge: {:?}", graph.edges());
        };
        let places: Vec<_> = edge.sources.iter().map(EdgeSource::place).collect();
        assert_eq!(places.len(), 2);
        assert_eq!(places[1].to_string(), "images/a/control:2");
        assert_eq!(graph.parents(edge.child), [edge.parent]);
    }

    #[test]
    fn every_missing_name_is_told_with_its_place_and_names_like_it() {
        let catalog = catalog(&["nodejs20-devel", "nodejs20-slim", "nodejs22-slim", "app"]);
        let pairs = [("nodejs20-devel", "nodejs20"), ("app", "zlib")];
        let errors = graph(&catalog, &pairs).expect_err("two names are missing");
        let missing = |child: &str, name: &str, line, near: &[&str]| GraphError::Missing {
            child: child.to_owned(),
            name: name.to_owned(),
            place: Place::line(
                &std::path::Path::new("images").join(child).join("control"),
                line,
            ),
            near: near.iter().map(|&name| name.to_owned()).collect(),
        };
        assert_eq!(
            errors,
            [
                missing(
                    "nodejs20-devel",
                    "nodejs20",
                    1,
                    &["nodejs20-slim", "nodejs22-slim"]
                ),
                missing("app", "zlib", 2, &[]),
            ]
        );
    }

    #[track_caller]
    fn is_met(base_images: &[&str], name: &str, expected: bool) {
        let catalog = catalog(&["app"]);
        let needs = Needs {
            needs: vec![need(&catalog, "app", name, 1)],
            base_images: base_images
                .iter()
                .map(|text| text.parse().expect("a reference"))
                .collect(),
        };
        assert_eq!(
            Graph::new(&catalog, needs).is_ok(),
            expected,
            "{name} with {base_images:?}"
        );
    }

    #[test]
    fn base_images_meet_a_need_by_short_and_by_full_name() {
        let bases = ["r.example.org/ns/bookworm:12", "trixie:latest"];
        is_met(&bases, "bookworm", true);
        is_met(&bases, "r.example.org/ns/bookworm", true);
        is_met(&bases, "r.example.org/ns/bookworm:12", true);
        is_met(&bases, "trixie", true);
        is_met(&bases, "r.example.org/ns/bookworm:11", false);
        is_met(&bases, "ns/bookworm", false);
        is_met(&bases, "book", false);
        is_met(&[], "bookworm", false);
    }

    #[test]
    fn missing_names_and_cycles_are_told_together() {
        let catalog = catalog(&["a", "b"]);
        let pairs = [("a", "b"), ("b", "a"), ("b", "nothing")];
        let errors = graph(&catalog, &pairs).expect_err("two faults");
        assert!(
            matches!(
                errors.as_slice(),
                [GraphError::Missing { .. }, GraphError::Cycle { .. }]
            ),
            "{errors:?}"
        );
    }

    proptest! {
        #[test]
        fn every_image_stands_once_and_behind_what_it_needs(
            (count, pairs) in pairs(),
            ranks in Just((0..25usize).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            // Edges that go down in rank make no cycle, and ranks are not the order of names.
            let pairs: Vec<_> = pairs.into_iter().filter(|&(child, parent)| ranks[parent] < ranks[child]).collect();
            let catalog = numbered(count);
            let graph = graph(&catalog, &named(&pairs)).expect("no cycle");
            let mut position = vec![usize::MAX; count];
            for (i, id) in graph.order().iter().enumerate() {
                position[id.0] = i;
            }
            prop_assert_eq!(graph.order().len(), count);
            let levels = graph.levels();
            for (child, parent) in pairs {
                prop_assert!(position[parent] < position[child]);
                prop_assert!(levels[parent] < levels[child]);
            }
        }
    }
}
