//! Puts the files of packages into one tree, in which each file is one package's (dpkg(1); Debian Policy 6.6, 7.6.1).

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use super::super::filling::{FillError, Filling};
use super::fault::DebianFault;
use super::install::deb_fault;
use crate::debian::{
    Alternatives, Deb, DebError, RelationField, ResolveError, Version, parse_relations,
};
use crate::lock::Pin;
use crate::rootfs::{Change, Entry, Kind, Node, Outcome, RootPath};

/// A chosen package, as far as it matters once its file is there.
pub(super) struct Named {
    pub(super) name: String,
    version: Version,
    replaces: Vec<Alternatives>,
}

impl Named {
    /// Takes a package as its file describes it, which has to be the one that was chosen.
    pub(super) fn of(pin: &Pin, deb: &Deb) -> Result<Self, DebianFault> {
        let control = &deb.control;
        let found = (control.name(), control.version(), control.architecture());
        let expected = (&*pin.name, &*pin.version, &*pin.architecture);
        if found != expected {
            let show = |(name, version, architecture)| format!("{name} {version} {architecture}");
            let source = DebError::Other {
                expected: show(expected),
                found: show(found),
            };
            return Err(deb_fault(pin, source));
        }
        let package = || pin.name.clone();
        let version = pin
            .version
            .parse()
            .map_err(|source| ResolveError::Version {
                package: package(),
                source,
            })?;
        let field = RelationField::Replaces.as_str();
        let replaces = parse_relations(control.find(field).unwrap_or_default());
        let replaces = replaces.map_err(|source| ResolveError::Relation {
            package: package(),
            field,
            source,
        })?;
        Ok(Self {
            name: package(),
            version,
            replaces,
        })
    }

    /// Tells whether it may overwrite the files of another package (Debian Policy 7.6.1).
    pub(super) fn replaces(&self, other: &Self) -> bool {
        let mut relations = self.replaces.iter().flatten();
        relations.any(|relation| relation.name == other.name && relation.admits(&other.version))
    }
}

/// Puts one file of a package into the tree; of two packages the one that replaces the other has it.
///
/// Noted are the packages of files, and the directories that any package has: a link does not take the place of such a one,
/// nor of one that has something in it, and nothing else may.
pub(super) fn place(
    filling: &mut Filling,
    entry: Entry,
    (names, index): (&[Named], usize),
    (owners, directories): (&mut HashMap<RootPath, usize>, &mut HashSet<RootPath>),
) -> Result<RootPath, DebianFault> {
    let named = &names[index];
    let path = entry.path.clone();
    if path.as_bytes().contains(&b'\n') {
        let package = named.name.clone();
        return Err(DebianFault::LineFeed { package, path });
    }
    let is_link = matches!(&entry.change, Change::Node(node) if matches!(node.kind, Kind::Link(_)));
    let owner = Cell::new(None);
    let may_replace = |path: &RootPath, old: &Node, new: &Node| {
        let before = owners.get(path).copied();
        owner.set(before);
        match before {
            // What was made here gives way.
            None => !directories.contains(path),
            Some(before) => named.replaces(&names[before]) || is_same_link(old, new),
        }
    };
    let fault = |source| DebianFault::Fill {
        package: named.name.clone(),
        source,
    };
    let placed = filling.tree.place(entry, may_replace);
    let placed = placed.map_err(|source| fault(source.into()))?;
    let there = filling.tree.find(&placed.path);
    let is_directory = there.is_some_and(Node::is_directory);
    let before = owner.get().map(|before| &names[before]);
    match (&placed.outcome, before) {
        (Outcome::Conflict, _) if is_directory && is_link => {}
        (Outcome::Conflict, _) if is_directory => {
            return Err(fault(FillError::Directory(path.to_string())));
        }
        // Of a package that replaces this one the file stays.
        (Outcome::Conflict, Some(before)) if before.replaces(named) => {}
        (Outcome::Conflict, before) => {
            return Err(DebianFault::SameFile {
                path,
                one: before
                    .map_or("another package", |it| it.name.as_str())
                    .to_owned(),
                other: named.name.clone(),
            });
        }
        // A directory is everybody's.
        (_, _) if is_directory => {
            owners.remove(&placed.path);
            directories.insert(placed.path.clone());
        }
        (Outcome::Kept | Outcome::Same, _) => {}
        (Outcome::New | Outcome::Replaced(_), _) => {
            owners.insert(placed.path.clone(), index);
        }
    }
    Ok(placed.path)
}

fn is_same_link(old: &Node, new: &Node) -> bool {
    matches!((&old.kind, &new.kind), (Kind::Link(one), Kind::Link(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::{Attributes, Content};

    /// Reads `d PATH`, `f PATH TEXT`, `l PATH TARGET` or `h PATH TARGET`.
    fn entry(line: &str) -> Entry {
        let words: Vec<&str> = line.split(' ').collect();
        let path = |text: &str| RootPath::parse(text.as_bytes()).expect("a path");
        let kind = match words[0] {
            "d" => Kind::Directory,
            "l" => Kind::Link(words[2].into()),
            _ => Kind::File(Content::Held(
                words.last().expect("a text").as_bytes().into(),
            )),
        };
        let attributes = Attributes::default();
        let change = match words[0] {
            "h" => Change::HardLink(path(words[2])),
            _ => Change::Node(Node { kind, attributes }),
        };
        Entry {
            path: path(words[1]),
            change,
        }
    }

    /// Puts the files of the packages `a`, `b` … into a tree that has `/made` and, with a file in it, `/filled`; gives it as lines.
    fn place_all(packages: &[&[&str]]) -> Result<Vec<String>, String> {
        let mut filling = Filling::new(0);
        filling.directory("/made", 0o755).expect("a directory");
        filling.file("/filled/x", b"x", 0o644).expect("a file");
        let named = |name: char| Named {
            name: name.to_string(),
            version: "1".parse().expect("a version"),
            replaces: parse_relations("z").expect("a relation"),
        };
        let names: Vec<Named> = ('a'..).take(packages.len()).map(named).collect();
        let (mut owners, mut directories) = (HashMap::new(), HashSet::new());
        for (index, lines) in packages.iter().enumerate() {
            for line in *lines {
                let owned = (&mut owners, &mut directories);
                let placed = place(&mut filling, entry(line), (&names, index), owned);
                placed.map_err(|error| error.to_string())?;
            }
        }
        let shown = filling.tree.iter().skip(1);
        let shown = shown.map(|(path, node)| match &node.kind {
            Kind::Directory => format!("{path}/"),
            Kind::Link(target) => format!("{path} -> {}", String::from_utf8_lossy(target)),
            _ => path.to_string(),
        });
        Ok(shown.collect())
    }

    const MADE: [&str; 3] = ["/filled/", "/filled/x", "/made/"];

    #[test]
    fn a_directory_of_a_package_stays_where_another_has_a_link() {
        for lines in [&["d doc", "f doc/x 1"][..], &["f doc/x 1"], &["d doc"]] {
            let shown = place_all(&[lines, &["l doc other", "f other/y 1"]]).expect("a tree");
            assert!(shown.contains(&"/doc/".to_owned()), "{shown:?}");
            let has_file = shown.contains(&"/doc/x".to_owned());
            assert_eq!(has_file, lines.last() == Some(&"f doc/x 1"), "{shown:?}");
        }
        let shown = place_all(&[&["l filled other"]]).expect("a tree");
        assert_eq!(shown, MADE);
    }

    #[test]
    fn nothing_but_a_link_may_meet_the_directory_of_another_package() {
        for line in ["f doc 1", "h doc own"] {
            for lines in [&["d doc", "f doc/x 1"][..], &["d doc"]] {
                let error = place_all(&[lines, &["f own 1", line]]).expect_err(line);
                let expected = "`b` cannot be unpacked: `/doc` is a directory in the image";
                assert_eq!(error, expected);
            }
        }
        let error = place_all(&[&["f filled 1"]]).expect_err("a directory");
        assert!(error.contains("`/filled` is a directory"), "{error}");
    }

    #[test]
    fn an_empty_directory_that_was_made_here_gives_way() {
        for (line, expected) in [("l made other", "/made -> other"), ("f made 1", "/made")] {
            let shown = place_all(&[&[line]]).expect("a tree");
            assert_eq!(shown[2], expected);
        }
    }

    #[test]
    fn a_name_with_a_line_feed_is_refused() {
        let error = place_all(&[&["f doc/x\ny 1"]]).expect_err("a line feed");
        assert!(
            error.starts_with("`a` has a name with a line feed"),
            "{error}"
        );
    }
}
