//! The layers of an image: packages of one source together, since they change together, the largest in layers of their own,
//! and what no package owns above all.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use super::installed::Installed;
use crate::rootfs::{Fetch, Owners, Part, RootPath, Tree, write_part};

/// Groups packages, by their places, into at most `budget` layers, the largest first; a budget of 0 is one layer.
///
/// Packages of which one replaces files of the other are in one group, so that no layer hides what another one has.
#[must_use]
pub(super) fn group_packages(packages: &[Installed], budget: usize) -> Vec<Vec<usize>> {
    let mut first: Vec<usize> = (0..packages.len()).collect();
    let mut origins: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, package) in packages.iter().enumerate() {
        let of_origin = *origins.entry(&package.origin).or_insert(place);
        let replaced = package.replaces.iter().copied();
        for other in replaced
            .filter(|it| *it < packages.len())
            .chain([of_origin])
        {
            let (one, other) = (find_first(&first, place), find_first(&first, other));
            first[one.max(other)] = one.min(other);
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for place in 0..packages.len() {
        groups
            .entry(find_first(&first, place))
            .or_default()
            .push(place);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.sort_by_cached_key(|group| {
        let sizes = group.iter().map(|place| packages[*place].installed_bytes);
        let name = group
            .iter()
            .map(|place| packages[*place].name.as_str())
            .max();
        (Reverse(sizes.fold(0, u64::saturating_add)), Reverse(name))
    });
    if groups.len() > budget.max(1) {
        let mut rest = groups.split_off(budget.max(1) - 1).concat();
        rest.sort_unstable();
        groups.push(rest);
    }
    groups
}

fn find_first(first: &[usize], mut place: usize) -> usize {
    while first[place] != place {
        place = first[place];
    }
    place
}

/// A tree that is spread over layers; each path but directories is in exactly one of them.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    tree: &'a Tree,
    /// The layer of each path that one begins with; directories above are in all that need them.
    places: HashMap<&'a RootPath, usize>,
    /// The groups of packages of each layer; nothing for what no package owns.
    groups: Vec<Option<usize>>,
}

impl<'a> Parts<'a> {
    /// Spreads a tree: `owners` says which package has a path, by its place, and `groups` which packages share a layer.
    ///
    /// A directory without an owner goes with what is in it. All names of a hard link go with the first one. Layers that
    /// would be empty are none.
    #[must_use]
    pub(super) fn new(
        tree: &'a Tree,
        owners: &HashMap<RootPath, usize>,
        groups: &[Vec<usize>],
    ) -> Self {
        let group_of: HashMap<usize, usize> = groups
            .iter()
            .enumerate()
            .flat_map(|(group, packages)| packages.iter().map(move |package| (*package, group)))
            .collect();
        let find = |path: &RootPath| owners.get(path).and_then(|owner| group_of.get(owner));
        let mut of_node: HashMap<usize, usize> = HashMap::new();
        let mut found: HashMap<&RootPath, usize> = HashMap::new();
        let mut empty: Vec<&RootPath> = Vec::new();
        for (path, node, what) in tree.linked() {
            // What comes next tells whether a directory is empty.
            if empty.last().is_some_and(|last| path.is_below(last)) {
                empty.pop();
            }
            let own = find(path).copied();
            if !what.is_directory() {
                let group = *of_node.entry(node).or_insert(own.unwrap_or(groups.len()));
                found.insert(path, group);
            } else if let Some(own) = own {
                found.insert(path, own);
            } else if !path.is_root() {
                empty.push(path);
            }
        }
        found.extend(empty.into_iter().map(|path| (path, groups.len())));
        let mut used: Vec<usize> = found.values().copied().collect();
        used.sort_unstable();
        used.dedup();
        let layers: HashMap<usize, usize> = used.iter().copied().zip(0..).collect();
        let places = found
            .into_iter()
            .map(|(path, group)| (path, layers[&group]));
        Self {
            tree,
            places: places.collect(),
            groups: used
                .into_iter()
                .map(|group| (group < groups.len()).then_some(group))
                .collect(),
        }
    }

    /// Gives for each layer, the lowest first, which of the groups it has; nothing is what no package owns.
    #[must_use]
    pub(super) fn groups(&self) -> &[Option<usize>] {
        &self.groups
    }

    /// Writes the tar of a layer.
    pub(super) fn write(
        &self,
        layer: usize,
        out: &mut dyn Write,
        fetch: &Fetch<'_>,
    ) -> io::Result<()> {
        let part = Part {
            prefix: &RootPath::root(),
            owners: Owners::default(),
            chosen: &|path| self.places.get(path) == Some(&layer),
        };
        write_part(self.tree, &part, out, fetch)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::assemble::Filling;
    use crate::rootfs::{Change, Entry, Volume, read_tar};

    /// Describes a package without files.
    fn package(name: &str, installed_bytes: u64, origin: &str, replaces: Vec<usize>) -> Installed {
        Installed {
            name: name.to_owned(),
            origin: origin.to_owned(),
            installed_bytes,
            replaces,
            ..Installed::default()
        }
    }

    /// Packages as `name size origin replaced…`.
    #[track_caller]
    fn case(packages: &[&str], budget: usize, expected: &[&str]) {
        let words: Vec<Vec<&str>> = packages
            .iter()
            .map(|one| one.split(' ').collect())
            .collect();
        let place = |name: &&str| {
            words
                .iter()
                .position(|one| one[0] == *name)
                .expect("a package")
        };
        let packages: Vec<Installed> = words
            .iter()
            .map(|words| {
                let size = words[1].parse().expect("a number");
                package(
                    words[0],
                    size,
                    words[2],
                    words[3..].iter().map(place).collect(),
                )
            })
            .collect();
        let groups = group_packages(&packages, budget);
        let names = |group: &Vec<usize>| {
            let names = group.iter().map(|place| packages[*place].name.as_str());
            names.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(groups.iter().map(names).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_largest_sources_have_layers_of_their_own() {
        let packages = ["a 1 x", "b 5 y", "c 6 x", "d 3 d", "e 3 e"];
        case(&packages, 10, &["a c", "b", "e", "d"]);
        case(&packages, 3, &["a c", "b", "d e"]);
        case(&packages, 1, &["a b c d e"]);
        case(&packages, 0, &["a b c d e"]);
        case(&[], 3, &[]);
        case(
            &["a 1 x", "b 1 y a", "c 1 z b", "d 9 w"],
            9,
            &["d", "a b c"],
        );
    }

    fn tree(paths: &[&str]) -> Tree {
        let mut filling = Filling::new(7);
        for path in paths {
            match path.strip_suffix('/') {
                Some(directory) => filling.directory(directory, 0o755).expect("a directory"),
                None => filling.file(path, path.as_bytes(), 0o644).expect("a file"),
            }
        }
        filling.tree
    }

    fn path(text: &str) -> RootPath {
        RootPath::parse(text.as_bytes()).expect("a path")
    }

    fn layer(parts: &Parts<'_>, layer: usize) -> Vec<Entry> {
        let mut tar = Vec::new();
        let none = |_: &_, _: &mut dyn Write| Err(io::ErrorKind::NotFound.into());
        parts.write(layer, &mut tar, &none).expect("memory");
        read_tar(&mut Cursor::new(tar), Volume(0)).expect("a tar")
    }

    #[test]
    fn each_layer_has_its_files_and_the_directories_above_them() {
        let mut tree = tree(&[
            "a/b/one",
            "a/b/two",
            "a/c/three",
            "a/empty/",
            "b/empty/deep/",
            "etc/passwd",
            "own/",
        ]);
        let (target, path_of_link) = (path("a/b/two"), path("a/z"));
        let change = Change::HardLink(target);
        tree.add(Entry {
            path: path_of_link,
            change,
        })
        .expect("a link");
        let owners = [
            ("a/b/one", 0),
            ("a/b/two", 1),
            ("a/c/three", 2),
            ("a/z", 0),
            ("own", 1),
        ];
        let owners = owners.map(|(text, owner)| (path(text), owner)).into();
        let parts = Parts::new(&tree, &owners, &[vec![0], vec![], vec![1, 2]]);
        assert_eq!(parts.groups(), [Some(0), Some(2), None]);
        let names = |number: usize| {
            let entries = layer(&parts, number).into_iter();
            entries
                .map(|entry| entry.path.to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(names(0), "/a /a/b /a/b/one");
        assert_eq!(names(1), "/a /a/b /a/b/two /a/c /a/c/three /a/z /own");
        assert_eq!(
            names(2),
            "/a /a/empty /b /b/empty /b/empty/deep /etc /etc/passwd"
        );
    }

    proptest! {
        /// Paths of three names out of few, so that many lie in each other.
        #[test]
        fn all_layers_over_each_other_are_the_tree(
            files in prop::collection::btree_map("[ab]/[abc]/[a-e]", 0_usize..5, 0..30),
            empty in prop::collection::btree_set("[ab]/[d-f]", 0..4),
            budget in 0_usize..4,
        ) {
            let empty: Vec<String> = empty.iter().map(|path| format!("{path}/")).collect();
            let all: Vec<&str> = files.keys().chain(&empty).map(String::as_str).collect();
            let tree = tree(&all);
            let owners = files.iter().filter(|(_, owner)| **owner < 4);
            let owners = owners.map(|(text, owner)| (path(text), *owner)).collect();
            let packages = ["p", "q", "r", "s"].iter().zip(1..);
            let packages: Vec<Installed> = packages.map(|(name, size)| package(name, size, name, Vec::new())).collect();
            let groups = group_packages(&packages, budget);
            prop_assert!(groups.len() <= budget.max(1));
            let parts = Parts::new(&tree, &owners, &groups);
            let mut whole = Tree::default();
            let mut count = 0;
            for number in 0..parts.groups().len() {
                let entries = layer(&parts, number);
                prop_assert!(!entries.is_empty());
                let is_directory = |entry: &&Entry| matches!(&entry.change, Change::Node(node) if node.is_directory());
                count += entries.iter().filter(|entry| !is_directory(entry)).count();
                whole.apply_layer(entries).expect("a layer");
            }
            prop_assert_eq!(count, files.len());
            let paths = |tree: &Tree| tree.iter().map(|(path, node)| (path.clone(), node.is_directory())).collect::<Vec<_>>();
            prop_assert_eq!(paths(&whole), paths(&tree));
        }
    }
}
