//! `paths`: directories, links, modes and owners, in the order in which they are declared.

use super::filling::{FillError, Filling, parse};
use crate::declared::{PathKind, PathRule};
use crate::rootfs::{Attributes, Change, Entry, Kind, Node, RootPath};

pub(super) fn apply_paths(filling: &mut Filling, rules: &[PathRule]) -> Result<(), FillError> {
    for rule in rules {
        apply(filling, rule)?;
    }
    Ok(())
}

fn apply(filling: &mut Filling, rule: &PathRule) -> Result<(), FillError> {
    let path = rule.path.as_str();
    match &rule.kind {
        PathKind::Directory => filling.directory(path, 0o755)?,
        PathKind::EmptyFile => {
            filling.check_no_directory(&parse(path)?)?;
            let attributes = filling.attributes(0o644);
            let kind = Kind::File(crate::rootfs::Content::Held([].into()));
            filling.put(path, Node { kind, attributes })?;
        }
        PathKind::HardLink { source } => {
            if filling.find(source)?.is_none() {
                return Err(FillError::Missing(source.clone()));
            }
            filling.check_no_directory(&parse(path)?)?;
            let change = Change::HardLink(parse(source)?);
            let path = parse(path)?;
            filling.tree.add(Entry { path, change })?;
        }
        PathKind::Symlink { target } => {
            if filling.find(path)?.is_some() {
                return Err(FillError::Exists(path.to_owned()));
            }
            filling.link(path, target)?;
        }
        PathKind::Permissions => {}
    }
    let top = find_top(filling, rule)?;
    let edit = |attributes: &mut Attributes, kind: &Kind| {
        if let (Some(mode), false) = (rule.mode, matches!(kind, Kind::Link(_))) {
            attributes.mode = mode;
        }
        if let Some((uid, gid)) = rule.owner {
            (attributes.uid, attributes.gid) = (uid.into(), gid.into());
        }
    };
    if rule.recursive {
        filling
            .tree
            .edit_all(&top, |_, kind, attributes| edit(attributes, kind));
    } else {
        let kind = filling.tree.find(&top).map(|node| node.kind.clone());
        if let (Some(kind), Some(attributes)) = (kind, filling.tree.attributes_mut(&top)) {
            edit(attributes, &kind);
        }
    }
    Ok(())
}

/// Finds what a rule is about: what a link at the path leads to, unless the rule makes links.
fn find_top(filling: &Filling, rule: &PathRule) -> Result<RootPath, FillError> {
    let path = parse(&rule.path)?;
    let found = match rule.kind {
        PathKind::Symlink { .. } => filling.tree.resolve_parent(&path)?,
        _ => filling.tree.resolve(&path)?,
    };
    match filling.tree.find(&found) {
        Some(_) => Ok(found),
        None => Err(FillError::Missing(rule.path.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path: &str, kind: PathKind) -> PathRule {
        PathRule {
            path: path.to_owned(),
            kind,
            mode: None,
            owner: None,
            recursive: false,
        }
    }

    fn filling() -> Filling {
        let mut filling = Filling::new(0);
        filling.file("/srv/a/b", b"b", 0o640).expect("a file");
        filling.link("/data", "srv").expect("a link");
        filling
    }

    #[track_caller]
    fn case(rule: PathRule, path: &str, expected: (u32, u64)) {
        let mut filling = filling();
        apply_paths(&mut filling, &[rule]).expect("a rule that can be applied");
        let node = filling.find(path).expect("a path").expect("a node");
        assert_eq!((node.attributes.mode, node.attributes.uid), expected);
    }

    #[track_caller]
    fn refused(rule: PathRule, message: &str) {
        let error = apply_paths(&mut filling(), &[rule]).expect_err("a wrong rule");
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn each_type_does_what_it_says() {
        let made = rule("/opt/x/y", PathKind::Directory);
        case(made.clone(), "/opt/x", (0o755, 0));
        let own = PathRule {
            mode: Some(0o1777),
            owner: Some((7, 0)),
            ..made
        };
        case(own.clone(), "/opt/x/y", (0o1777, 7));
        case(own, "/opt/x", (0o755, 0));
        case(
            rule("/srv/empty", PathKind::EmptyFile),
            "/srv/empty",
            (0o644, 0),
        );
        let hard = PathKind::HardLink {
            source: "/srv/a/b".to_owned(),
        };
        case(rule("/c", hard), "/c", (0o640, 0));
        let link = PathKind::Symlink {
            target: "../a".to_owned(),
        };
        case(rule("/c", link.clone()), "/c", (0o777, 0));
        let below = PathRule {
            owner: Some((7, 7)),
            recursive: true,
            ..rule("/data", PathKind::Permissions)
        };
        case(below, "/srv/a/b", (0o640, 7));
        refused(rule("/data", link), "`/data` is in the image already");
        let hard = PathKind::HardLink {
            source: "/x".to_owned(),
        };
        refused(rule("/c", hard), "`/x` is not in the image");
        refused(
            rule("/x", PathKind::Permissions),
            "`/x` is not in the image",
        );
        refused(
            rule("/srv/a", PathKind::EmptyFile),
            "`/srv/a` is a directory in the image",
        );
        refused(
            rule("/srv/a/b", PathKind::Directory),
            "`/srv/a/b` is in the image, and no directory",
        );
    }
}
