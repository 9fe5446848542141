//! Puts the files of a package into a tree, where what stands in their way is for the caller to judge, who knows whose it is.

use super::changes::LayerError;
use super::node::{Kind, Node};
use super::path::RootPath;
use super::read::{Change, Entry};
use super::tree::Tree;

/// What became of an entry of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Where it went: its path with all links above it followed, and for a directory also the last one.
    pub path: RootPath,
    /// What was there.
    pub outcome: Outcome,
}

/// What an entry of a package met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was there; now it is.
    New,
    /// The same was there, contents at the same place included: nothing has changed.
    Same,
    /// It is a directory, and there was one, perhaps behind a link: that stays, with its own owner and mode (Debian Policy
    /// 6.6 and dpkg do so; who wants otherwise has [`Tree::attributes_mut`]).
    Kept,
    /// Something else was there, and was replaced; of directories only one in which nothing was.
    Replaced(Node),
    /// Something else was there, and stays; so does a directory with what is in it, whatever comes.
    Conflict,
}

impl Tree {
    /// Puts an entry of a package; missing parents are made.
    ///
    /// Where something else is in its way, `may_replace` is asked with the path, what is there and what is to be. Contents
    /// in different tars are different here, whatever their bytes are.
    pub fn place(
        &mut self,
        entry: Entry,
        may_replace: impl FnOnce(&RootPath, &Node, &Node) -> bool,
    ) -> Result<Placed, LayerError> {
        let path = self.resolve_parent(&entry.path)?;
        let linked = match &entry.change {
            Change::HardLink(target) => Some(self.find_linked(&entry.path, target)?),
            Change::Node(_) => None,
        };
        let new = match (&entry.change, &linked) {
            (Change::Node(node), _) => Some(node),
            (Change::HardLink(_), linked) => linked.as_ref().and_then(|path| self.find(path)),
        };
        let placed = |path, outcome| Ok(Placed { path, outcome });
        let outcome = match (self.find(&path), new) {
            (Some(_), Some(new)) if new.is_directory() && self.leads_to_directory(&path)? => {
                return placed(self.resolve(&path)?, Outcome::Kept);
            }
            (Some(_), _) if path.is_root() => return placed(path, Outcome::Conflict),
            (Some(old), Some(new)) => {
                let is_same = match &linked {
                    Some(linked) => self.find_id(linked) == self.find_id(&path),
                    None => old == new,
                };
                if is_same {
                    return placed(path, Outcome::Same);
                }
                let is_filled = old.is_directory() && self.below(&path).next().is_some();
                if is_filled || !may_replace(&path, old, new) {
                    return placed(path, Outcome::Conflict);
                }
                Outcome::Replaced(old.clone())
            }
            _ => Outcome::New,
        };
        self.add(entry)?;
        placed(path, outcome)
    }

    fn leads_to_directory(&self, path: &RootPath) -> Result<bool, LayerError> {
        match self.find(path).map(|node| &node.kind) {
            Some(Kind::Directory) => Ok(true),
            Some(Kind::Link(_)) => {
                let behind = self.resolve(path)?;
                Ok(self.find(&behind).is_some_and(Node::is_directory))
            }
            _ => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, layers, lines, path};
    use super::*;

    /// Puts one entry on a small tree, and gives where, what was met, and what was asked.
    #[track_caller]
    fn case(line: &str, may: bool, expected: (&str, &str), asked: bool) -> Vec<String> {
        let below: &[&str] = &[
            "d usr/lib",
            "l lib usr/lib",
            "f usr/lib/a 1",
            "l gone none",
            "h b usr/lib/a",
            "d d/e",
        ];
        let mut tree = layers(&[below]).expect("a tree");
        let mut was_asked = false;
        let placed = tree.place(entry(line), |_, _, _| {
            was_asked = true;
            may
        });
        let placed = placed.expect("an entry");
        let outcome = match placed.outcome {
            Outcome::Replaced(_) => "Replaced".to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(
            (placed.path, outcome.as_str()),
            (path(expected.0), expected.1),
            "{line}"
        );
        assert_eq!(was_asked, asked, "{line}");
        lines(&tree)
    }

    #[test]
    fn an_entry_of_a_package_says_what_it_met() {
        case("f lib/new 1", false, ("usr/lib/new", "New"), false);
        case("d lib/", false, ("usr/lib", "Kept"), false);
        case("d usr/lib", false, ("usr/lib", "Kept"), false);
        case("d .", false, ("", "Kept"), false);
        case("f . x", true, ("", "Conflict"), false);
        case("f lib/a 1", false, ("usr/lib/a", "Same"), false);
        case("h lib/a b", false, ("usr/lib/a", "Same"), false);
        case("l lib usr/lib", false, ("lib", "Same"), false);
        let kept = case("f lib/a 2", false, ("usr/lib/a", "Conflict"), true);
        assert!(kept.contains(&"/usr/lib/a 1".to_owned()), "{kept:?}");
        let replaced = case("f lib/a 2", true, ("usr/lib/a", "Replaced"), true);
        assert!(
            replaced.contains(&"/usr/lib/a 2".to_owned()) && replaced.contains(&"/b 1".to_owned()),
            "{replaced:?}"
        );
        case("d gone", false, ("gone", "Conflict"), true);
        case("f d/e x", true, ("d/e", "Replaced"), true);
        case("h new/name lib/a", false, ("new/name", "New"), false);
    }

    #[test]
    fn a_directory_with_something_in_it_stays_and_nobody_is_asked() {
        for line in ["f d x", "l d usr/lib", "h d usr/lib/a", "l usr/lib none"] {
            let at = line.split(' ').nth(1).expect("a path");
            let kept = case(line, true, (at, "Conflict"), false);
            for path in ["/d", "/d/e", "/usr/lib", "/usr/lib/a 1"] {
                assert!(kept.contains(&path.to_owned()), "{line}: {kept:?}");
            }
        }
    }

    #[test]
    fn an_entry_that_leads_nowhere_is_refused_and_nobody_is_asked() {
        for line in ["h x none", "h x usr", "f b/c x"] {
            let mut tree = layers(&[&["f b 1", "d usr"]]).expect("a tree");
            tree.place(entry(line), |_, _, _| panic!("asked"))
                .expect_err(line);
        }
    }
}
