//! `paths` and `layers`: what is made, changed and laid over the files of packages.

use super::value::{Values, at, read_absolute, read_line, read_mode};
use super::written;

/// One rule of `paths`, applied in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRule {
    /// The absolute path.
    pub path: String,
    /// What is done.
    pub kind: PathKind,
    /// The permissions, at most 0o7777; nothing leaves what is there, or gives 0755 to directories and 0644 to files that are
    /// made.
    pub mode: Option<u32>,
    /// The owner and the group; nothing leaves them, or gives 0.
    pub owner: Option<(u32, u32)>,
    /// Whether everything below a directory gets the same.
    pub recursive: bool,
}

/// What is done at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// A directory is made, with its parents.
    Directory,
    /// An empty file is made, also in place of another.
    EmptyFile,
    /// A further name for another file; what is at the path is replaced.
    HardLink {
        /// The absolute path of the file.
        source: String,
    },
    /// A symbolic link is made where nothing is.
    Symlink {
        /// What it points to, as it stands.
        target: String,
    },
    /// What is there gets another mode or owner.
    Permissions,
}

/// One item of `layers`: something of the image directory, or of another image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerRule {
    /// The name of the image that it is taken from; nothing for the image directory.
    pub from: Option<String>,
    /// A file, a directory or a tar (also compressed), relative to the image directory, without `..`; of another image an
    /// absolute path.
    pub source: String,
    /// The absolute path at which it lies in the image: of a file its own, of a directory or a tar that of its root.
    pub target: String,
    /// The permissions of files; nothing leaves those of the source without write permission for others.
    pub mode: Option<u32>,
    /// The owner and the group, 0 where not said; what a tar or another image says counts before.
    pub owner: Option<(u32, u32)>,
}

pub(super) fn read_paths(entries: &[written::PathEntry]) -> Values<Vec<PathRule>> {
    entries.iter().map(read_path).collect()
}

fn read_path(entry: &written::PathEntry) -> Values<PathRule> {
    let kind = entry.r#type.value.as_str();
    let source = || {
        entry.source.as_ref().ok_or_else(|| {
            at(
                &entry.r#type,
                format!("a path of the type `{kind}` needs a `source`"),
            )
        })
    };
    let kind = match kind {
        "directory" => PathKind::Directory,
        "empty-file" => PathKind::EmptyFile,
        "hardlink" => PathKind::HardLink {
            source: read_absolute("source", source()?)?,
        },
        "symlink" => PathKind::Symlink {
            target: source()?.value.clone(),
        },
        "permissions" => PathKind::Permissions,
        other => {
            let message = format!(
                "`type` cannot be `{other}`: it is one of `directory`, `empty-file`, `hardlink`, `symlink`, `permissions`"
            );
            return Err(at(&entry.r#type, message));
        }
    };
    let is_link = matches!(kind, PathKind::HardLink { .. } | PathKind::Symlink { .. });
    if let (Some(source), false) = (&entry.source, is_link) {
        let message = "a `source` is for the types `hardlink` and `symlink`".to_owned();
        return Err(at(source, message));
    }
    let rule = PathRule {
        path: read_absolute("path", &entry.path)?,
        kind,
        mode: entry.permissions.as_ref().map(read_mode).transpose()?,
        owner: owner(entry.uid, entry.gid),
        recursive: entry.recursive,
    };
    if rule.kind == PathKind::Permissions && rule.mode.is_none() && rule.owner.is_none() {
        let message = "a path of the type `permissions` needs `permissions`, `uid` or `gid`";
        return Err(at(&entry.r#type, message.to_owned()));
    }
    Ok(rule)
}

pub(super) fn read_layers(layers: &[written::Layer]) -> Values<Vec<LayerRule>> {
    layers.iter().map(read_layer).collect()
}

fn read_layer(layer: &written::Layer) -> Values<LayerRule> {
    let source = layer.source.value.as_str();
    if let Some(from) = &layer.from {
        return read_layer_from(layer, from);
    }
    let leaves = source.is_empty()
        || source.starts_with('/')
        || source.contains('\0')
        || source.split('/').any(|part| part == "..");
    if leaves {
        let message = format!("`source` has to be a path below the image's directory: `{source}`");
        return Err(at(&layer.source, message));
    }
    let target = match &layer.target {
        None => "/".to_owned(),
        Some(target) => read_absolute("target", target)?,
    };
    Ok(LayerRule {
        from: None,
        source: source.to_owned(),
        target,
        mode: layer.permissions.as_ref().map(read_mode).transpose()?,
        owner: owner(layer.uid, layer.gid),
    })
}

/// Reads what is taken from another image, where it lies at the same path if nothing else is said.
fn read_layer_from(layer: &written::Layer, from: &written::Text) -> Values<LayerRule> {
    let name = read_line("from", from)?;
    if name.is_empty() || name.contains([':', '@', '/']) {
        let message = format!(
            "`from` has to be an image of the catalog by its name, without a version: `{name}`"
        );
        return Err(at(from, message));
    }
    let source = read_absolute("source", &layer.source)?;
    let target = layer.target.as_ref();
    let target = target.map(|target| read_absolute("target", target));
    Ok(LayerRule {
        from: Some(name),
        target: target.transpose()?.unwrap_or_else(|| source.clone()),
        source,
        mode: layer.permissions.as_ref().map(read_mode).transpose()?,
        owner: owner(layer.uid, layer.gid),
    })
}

/// Who names one of both means root for the other.
fn owner(uid: Option<u32>, gid: Option<u32>) -> Option<(u32, u32)> {
    (uid.is_some() || gid.is_some()).then(|| (uid.unwrap_or(0), gid.unwrap_or(0)))
}
