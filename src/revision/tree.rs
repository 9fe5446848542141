//! The files of a commit: the list of them, and which are needed to read a catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::repository::path;

/// What stands at a path of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeKind {
    File,
    Link,
    Submodule,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) id: String,
}

/// All files of a commit, by their paths below the top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tree(BTreeMap<PathBuf, Node>);

/// Reads `100644 blob ID`, tab, the path, NUL; nothing where it has another form.
pub(super) fn parse_tree(bytes: &[u8]) -> Option<Tree> {
    let mut nodes = BTreeMap::new();
    for line in bytes
        .split(|byte| *byte == 0)
        .filter(|line| !line.is_empty())
    {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let facts = std::str::from_utf8(&line[..tab]).ok()?;
        let [mode, _, id] = facts.split(' ').collect::<Vec<_>>()[..] else {
            return None;
        };
        let kind = match mode {
            "120000" => NodeKind::Link,
            "160000" => NodeKind::Submodule,
            _ => NodeKind::File,
        };
        let path = path(&line[tab + 1..]);
        // git makes no such tree; somebody else may.
        let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        if !path.components().all(is_plain) {
            return None;
        }
        let id = id.to_owned();
        nodes.insert(path, Node { kind, id });
    }
    Some(Tree(nodes))
}

impl Tree {
    pub(super) fn find(&self, path: &Path) -> Option<&Node> {
        self.0.get(path)
    }

    /// Gives what stands at a path and below it.
    pub(super) fn below<'a>(
        &'a self,
        top: &'a Path,
    ) -> impl Iterator<Item = (&'a PathBuf, &'a Node)> {
        self.0
            .range(top.to_owned()..)
            .take_while(move |(path, _)| path.starts_with(top))
    }

    /// Tells whether there is anything at a path.
    pub(super) fn has(&self, path: &Path) -> bool {
        self.below(path).next().is_some()
    }

    /// Gives what is needed for a path: all below it, and a link that stands on the way to it.
    pub(super) fn needed_for<'a>(&'a self, wanted: &'a Path) -> BTreeSet<&'a PathBuf> {
        let on_the_way = wanted.ancestors().skip(1).filter_map(|path| {
            let (path, node) = self.0.get_key_value(path)?;
            (node.kind == NodeKind::Link).then_some(path)
        });
        let below = self.below(wanted).map(|(path, _)| path);
        below.chain(on_the_way).collect()
    }
}

/// Gives the path below the top at which a link points, or nothing where it leads out.
pub(super) fn resolve_link(link: &Path, target: &Path) -> Option<PathBuf> {
    let mut resolved = link.parent()?.to_owned();
    for part in target.components() {
        match part {
            Component::CurDir => (),
            Component::Normal(name) => resolved.push(name),
            Component::ParentDir => {
                if !resolved.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(lines: &[&str]) -> Option<Tree> {
        let text = lines.join("\0") + "\0";
        parse_tree(text.as_bytes())
    }

    #[test]
    fn gits_list_of_files_is_read() {
        let tree = tree(&[
            "100644 blob 1a\tdir/a b",
            "100755 blob 2b\tdir/sub/run",
            "120000 blob 3c\tdir.d",
            "160000 commit 4d\tmodule",
        ])
        .expect("a tree");
        let below = |top: &str| -> Vec<String> {
            let below = tree.below(Path::new(top));
            below.map(|(path, _)| path.display().to_string()).collect()
        };
        assert_eq!(below("dir"), ["dir/a b", "dir/sub/run"]);
        assert_eq!(below("module"), ["module"]);
        assert_eq!(below("").len(), 4);
        assert!(!tree.has(Path::new("di")));
        let kind = |path: &str| tree.find(Path::new(path)).map(|node| node.kind);
        assert_eq!(kind("dir.d"), Some(NodeKind::Link));
        assert_eq!(kind("module"), Some(NodeKind::Submodule));
        assert_eq!(kind("dir/a b"), Some(NodeKind::File));
        let needed = tree.needed_for(Path::new("dir.d/x"));
        assert_eq!(needed, BTreeSet::from([&PathBuf::from("dir.d")]));
    }

    #[test]
    fn a_tree_that_leads_out_of_itself_is_refused() {
        for line in [
            "100644 blob 1a\t../a",
            "100644 blob 1a\t/a",
            "100644 blob 1a",
            "100644 1a\ta",
        ] {
            assert_eq!(tree(&[line]), None, "{line}");
        }
    }

    #[test]
    fn a_link_points_below_the_top_or_out() {
        let resolve = |link: &str, target: &str| {
            let path = resolve_link(Path::new(link), Path::new(target))?;
            Some(path.display().to_string())
        };
        let below = |path: &str| Some(path.to_owned());
        assert_eq!(resolve("a/b/link", "../c"), below("a/c"));
        assert_eq!(resolve("a/link", "./c/../d"), below("a/d"));
        assert_eq!(resolve("a/link", ".."), below(""));
        assert_eq!(resolve("a/link", "../../c"), None);
        assert_eq!(resolve("a/link", "/etc"), None);
    }
}
