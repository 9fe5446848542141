//! What depends on what: edges from declarations, from the use of `image_tag`, and from literal FROM lines.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use super::image::nearest;
use super::{Catalog, ImageId};
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
}

impl EdgeSource {
    /// Gives the place where the need is written.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            Self::Declared(place)
            | Self::ImageTag(place)
            | Self::Reference(place)
            | Self::Base(place) => place,
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
                near: nearest(&need.name, known, |name| name)
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
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

/// From child to parent, with the number of the edge.
type Dependencies = petgraph::graph::DiGraph<(), usize>;

/// One shortest cycle for each group of images that need each other.
fn find_cycles(catalog: &Catalog, edges: &[Edge]) -> Vec<GraphError> {
    let mut graph = Dependencies::with_capacity(catalog.len(), edges.len());
    let nodes: Vec<_> = catalog.iter().map(|_| graph.add_node(())).collect();
    for (i, edge) in edges.iter().enumerate() {
        graph.add_edge(nodes[edge.child.0], nodes[edge.parent.0], i);
    }
    let mut groups = petgraph::algo::tarjan_scc(&graph);
    for group in &mut groups {
        group.sort();
    }
    groups.sort();
    groups
        .iter()
        .filter(|group| group.len() > 1 || graph.contains_edge(group[0], group[0]))
        .map(|group| {
            let along = shortest_cycle(&graph, group[0]);
            let name = |id: ImageId| catalog.image(id).name.to_string();
            let mut path: Vec<_> = along.iter().map(|&i| name(edges[i].child)).collect();
            path.push(path[0].clone());
            GraphError::Cycle {
                path,
                places: along
                    .iter()
                    .map(|&i| edges[i].sources[0].place().clone())
                    .collect(),
            }
        })
        .collect()
}

/// The edges of a shortest way from a node of a cycle back to it (breadth first).
fn shortest_cycle(graph: &Dependencies, start: petgraph::graph::NodeIndex) -> Vec<usize> {
    use petgraph::visit::EdgeRef as _;
    let mut came_by = BTreeMap::new();
    let mut open = std::collections::VecDeque::from([start]);
    'search: while let Some(node) = open.pop_front() {
        let mut next: Vec<_> = graph.edges(node).collect();
        next.sort_by_key(petgraph::visit::EdgeRef::target);
        for edge in next {
            came_by.entry(edge.target()).or_insert_with(|| {
                open.push_back(edge.target());
                (node, *edge.weight())
            });
            if edge.target() == start {
                break 'search;
            }
        }
    }
    let mut along = Vec::new();
    let mut node = start;
    while let Some(&(before, edge)) = came_by.get(&node) {
        along.push(edge);
        node = before;
        if node == start {
            break;
        }
    }
    along.reverse();
    along
}
