//! Finds the images that need each other, so that the user can be told where to part them.

use std::collections::BTreeMap;

use super::{Catalog, Edge, GraphError, ImageId};

/// From child to parent, with the number of the edge.
type Dependencies = petgraph::graph::DiGraph<(), usize>;

/// One shortest cycle for each group of images that need each other.
pub(super) fn find_cycles(catalog: &Catalog, edges: &[Edge]) -> Vec<GraphError> {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::samples::{catalog, graph, named, numbered, pairs};
    use super::*;

    #[track_caller]
    fn cycles(pairs: &[(&str, &str)], expected: &[(&str, &[&str])]) {
        let catalog = catalog(&["a", "b", "c", "d", "e", "f"]);
        let errors = graph(&catalog, pairs).expect_err("there are cycles");
        let shown: Vec<(String, Vec<String>)> = errors
            .into_iter()
            .map(|error| match error {
                GraphError::Cycle { path, places } => (
                    path.join(" "),
                    places.iter().map(ToString::to_string).collect(),
                ),
                GraphError::Missing { .. } => panic!("nothing is missing: {error}"),
            })
            .collect();
        let expected: Vec<(String, Vec<String>)> = expected
            .iter()
            .map(|(path, places)| {
                let places = places.iter().map(|place| format!("images/{place}"));
                ((*path).to_owned(), places.collect())
            })
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_cycle_is_told_from_child_to_parent_with_the_place_of_each_need() {
        cycles(
            &[("a", "b"), ("b", "c"), ("c", "a"), ("d", "a"), ("c", "e")],
            &[("a b c a", &["a/control:1", "b/control:2", "c/control:3"])],
        );
        cycles(&[("b", "b")], &[("b b", &["b/control:1"])]);
    }

    #[test]
    fn of_cycles_that_share_images_the_shortest_is_told() {
        cycles(
            &[("a", "b"), ("b", "c"), ("c", "a"), ("b", "a")],
            &[("a b a", &["a/control:1", "b/control:4"])],
        );
    }

    #[test]
    fn cycles_apart_are_all_told() {
        cycles(
            &[("e", "d"), ("d", "e"), ("a", "c"), ("c", "a"), ("f", "f")],
            &[
                ("a c a", &["a/control:3", "c/control:4"]),
                ("d e d", &["d/control:2", "e/control:1"]),
                ("f f", &["f/control:5"]),
            ],
        );
    }

    proptest! {
        #[test]
        fn a_cycle_is_found_where_there_is_one_and_it_is_one((count, pairs) in pairs()) {
            let catalog = numbered(count);
            // Away with what needs nothing, again and again: only cycles and what needs them are left.
            let mut left: BTreeSet<usize> = (0..count).collect();
            while let Some(&free) = left.iter().find(|&&i| !pairs.iter().any(|(child, parent)| *child == i && left.contains(parent))) {
                left.remove(&free);
            }
            match graph(&catalog, &named(&pairs)) {
                Ok(_) => prop_assert!(left.is_empty()),
                Err(errors) => {
                    prop_assert!(!left.is_empty());
                    for error in errors {
                        let GraphError::Cycle { path, places } = error else {
                            panic!("nothing is missing: {error}");
                        };
                        prop_assert_eq!(path.first(), path.last());
                        prop_assert_eq!(places.len() + 1, path.len());
                        for step in path.windows(2) {
                            prop_assert!(named(&pairs).contains(&(step[0].clone(), step[1].clone())));
                        }
                        let each: BTreeSet<_> = path[1..].iter().collect();
                        prop_assert_eq!(each.len(), places.len(), "an image twice on the way");
                    }
                }
            }
        }
    }
}
