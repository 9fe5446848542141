//! Writes what changed from one tree to another as a layer, which makes the second of the first (OCI image-spec, "Image Layer
//! Filesystem Changeset").
//!
//! ```text
//! etc/             the directory above what changed, as it is now
//! etc/.wh.motd     removed
//! etc/passwd       changed
//! ```

use std::io::{self, Write};

use super::changes::WHITEOUT;
use super::node::Node;
use super::path::RootPath;
use super::tree::{NodeId, Tree};
use super::write::{Fetch, Owners, Writer};

/// Why a layer cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum DifferenceError {
    /// A name in a layer that begins so removes another.
    #[error("{0} has a name that no layer can hold: it would remove another file")]
    Whiteout(RootPath),
    /// What was removed has a name too long for a mark.
    #[error("{0} cannot be removed by a layer: its name is too long")]
    LongName(RootPath),
    /// It cannot be written, or the contents of a file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Fails where a path has a name that no layer can hold, since it would remove another file of the image.
pub fn check_names(tree: &Tree) -> Result<(), DifferenceError> {
    match tree.iter().find(|(path, _)| is_mark(path)) {
        Some((path, _)) => Err(DifferenceError::Whiteout(path.clone())),
        None => Ok(()),
    }
}

fn is_mark(path: &RootPath) -> bool {
    let name = path.split();
    name.is_some_and(|(_, name)| name.starts_with(WHITEOUT))
}

/// Writes the layer that makes `upper` of `lower`, but for the root's own attributes.
///
/// What changed at one of its paths is written at all of them, so that hard links stay such. Contents are the same where they
/// lie at the same place: `upper` is a copy of `lower` that was changed.
pub fn write_difference(
    (lower, upper): (&Tree, &Tree),
    owners: Owners,
    out: &mut dyn Write,
    fetch: &Fetch<'_>,
) -> Result<(), DifferenceError> {
    let changed = find_changed(lower, upper);
    let removed = find_removed(lower, upper)?;
    let mut removed = removed.iter().peekable();
    let root = RootPath::root();
    let mut writer = Writer::new(&root, owners, out, fetch);
    for (path, id, node) in upper.with_ids() {
        while let Some(mark) = removed.next_if(|mark| *mark < path) {
            writer.write_mark(mark)?;
        }
        if !changed[id.0] || path.is_root() {
            writer.pass(path, id, node);
            continue;
        }
        if is_mark(path) {
            return Err(DifferenceError::Whiteout(path.clone()));
        }
        writer.write(path, id, node)?;
    }
    for mark in removed {
        writer.write_mark(mark)?;
    }
    Ok(writer.finish()?)
}

/// Tells of each node of `upper` whether it, or what is a hard link of what, has changed.
fn find_changed(lower: &Tree, upper: &Tree) -> Vec<bool> {
    let links = upper.links();
    let mut changed = vec![false; links.len()];
    // The first path in `upper` that each node of `lower` has there.
    let mut firsts: Vec<Option<&RootPath>> = vec![None; lower.links().len()];
    for (path, NodeId(id), node) in upper.with_ids() {
        let first = lower.find_id(path).map(|NodeId(below)| {
            let first = *firsts[below].get_or_insert(path);
            (first, lower.find(path))
        });
        changed[id] |= match first {
            Some((first, below)) => {
                below != Some(node) || (!node.is_directory() && links[id].1 != Some(first))
            }
            None => true,
        };
    }
    changed
}

/// Gives the whiteouts of what is not there any more, in their order; what goes with a directory needs none.
fn find_removed(lower: &Tree, upper: &Tree) -> Result<Vec<RootPath>, DifferenceError> {
    let mut removed = Vec::new();
    for (path, _) in lower.iter() {
        let Some((directory, name)) = path.split() else {
            continue;
        };
        let has_directory = || upper.find(&directory).is_some_and(Node::is_directory);
        if upper.find(path).is_none() && has_directory() {
            let mark = directory.try_join(&[WHITEOUT, name].concat());
            removed.push(mark.map_err(|_| DifferenceError::LongName(path.clone()))?);
        }
    }
    removed.sort_unstable();
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::super::tests::{entry, layers, lines, nowhere, path, read};
    use super::super::{Volume, read_tar, write_tar};
    use super::*;

    fn difference(lower: &Tree, upper: &Tree) -> Result<Vec<u8>, DifferenceError> {
        let mut bytes = Vec::new();
        write_difference((lower, upper), Owners::Numbers, &mut bytes, &nowhere)?;
        Ok(bytes)
    }

    /// Changes a tree by entries, and gives the paths of the layer that says so.
    fn paths(below: &[&str], above: &[&str]) -> Vec<String> {
        let lower = layers(&[below]).expect("a layer");
        let upper = layers(&[below, above]).expect("layers");
        let bytes = difference(&lower, &upper).expect("a layer");
        let entries = read_tar(&mut Cursor::new(&bytes), Volume(0)).expect("a tar");
        entries.iter().map(|entry| entry.path.to_string()).collect()
    }

    #[test]
    fn a_layer_has_what_changed_and_the_directories_above() {
        let below: &[&str] = &[
            "f etc/motd 1",
            "f etc/passwd 1",
            "f var/log/a 1",
            "f b 1",
            "h c b",
        ];
        assert_eq!(paths(below, &[]), [""; 0]);
        assert_eq!(paths(below, &["f etc/motd 1"]), [""; 0]);
        assert_eq!(paths(below, &["f etc/passwd 2"]), ["/etc", "/etc/passwd"]);
        assert_eq!(paths(below, &["f etc/.wh.motd"]), ["/etc", "/etc/.wh.motd"]);
        assert_eq!(
            paths(below, &["f var/.wh.log", "f new/x 1"]),
            ["/new", "/new/x", "/var", "/var/.wh.log"]
        );
        assert_eq!(paths(below, &["f .wh.var"]), ["/.wh.var"]);
        assert_eq!(paths(below, &["f var x"]), ["/var"]);
        // A further name brings all of them.
        assert_eq!(paths(below, &["h d b"]), ["/b", "/c", "/d"]);
        assert_eq!(paths(below, &["f b 1"]), ["/c"]);
    }

    #[test]
    fn names_that_mean_something_else_in_a_layer_are_refused() {
        let lower = Tree::default();
        let mut upper = Tree::default();
        upper.add(entry("f etc/.wh.motd x")).expect("an entry");
        let errors = [difference(&lower, &upper).map(drop), check_names(&upper)];
        for error in errors {
            assert_eq!(
                error.expect_err("a whiteout").to_string(),
                "/etc/.wh.motd has a name that no layer can hold: it would remove another file"
            );
        }
        check_names(&lower).expect("a layer");
        let long = "n".repeat(252);
        let lower = layers(&[&[&format!("f {long} x")]]).expect("a layer");
        let error = difference(&lower, &Tree::default()).expect_err("too long");
        assert!(
            error.to_string().ends_with("its name is too long"),
            "{error}"
        );
    }

    #[test]
    fn hard_links_that_were_parted_stay_so() {
        let lower = layers(&[&["f a 1", "h b a"]]).expect("a layer");
        let mut upper = lower.clone();
        upper.remove(&path("b"));
        upper.add(entry("f b 1")).expect("an entry");
        let mut made = lower.clone();
        let bytes = difference(&lower, &upper).expect("a layer");
        for (path, node) in read(&bytes).iter().skip(1) {
            made.put(path.clone(), node.clone()).expect("room");
        }
        made.attributes_mut(&path("a")).expect("a").uid = 5;
        assert_eq!(made.find(&path("b")).expect("b").attributes.uid, 0);
    }

    fn any_lines() -> impl Strategy<Value = Vec<String>> {
        let name = "[ab](/[ab]){0,2}";
        let line = prop_oneof![
            name.prop_map(|name| format!("d {name}")),
            (name, "[12]").prop_map(|(name, text)| format!("f {name} {text}")),
            (name, name).prop_map(|(name, to)| format!("l {name} {to}")),
            (name, name).prop_map(|(name, to)| format!("h {name} {to}")),
            name.prop_map(|name| format!("- {name}")),
        ];
        prop::collection::vec(line, 0..12)
    }

    fn change(tree: &mut Tree, lines: &[String]) {
        for line in lines {
            match line.strip_prefix("- ") {
                Some(name) => tree.remove(&path(name)),
                // What lies below a file or in a loop is refused, and another test's.
                None => drop(tree.add(entry(line))),
            }
        }
    }

    /// Gives a tree as a tar, which tells all of it.
    fn whole(tree: &Tree) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_tar(tree, &RootPath::root(), &mut bytes, &nowhere).expect("memory");
        bytes
    }

    proptest! {
        #[test]
        fn the_layer_makes_one_tree_of_the_other(below in any_lines(), above in any_lines()) {
            let mut lower = Tree::default();
            change(&mut lower, &below);
            let mut upper = lower.clone();
            change(&mut upper, &above);
            let bytes = difference(&lower, &upper).unwrap();
            let mut made = lower.clone();
            made.apply_layer(super::super::tests::entries(&bytes)).unwrap();
            prop_assert_eq!(lines(&made), lines(&upper));
            prop_assert_eq!(whole(&made), whole(&upper));
        }
    }
}
