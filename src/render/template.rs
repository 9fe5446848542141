//! A template, and the names of templates in the engine, which lead to files below the directory of an image.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Stands between the directory of an image and the name of a file in it.
pub(super) const DIRECTORY_END: &str = "//";

/// A template as it was read.
#[derive(Clone, Copy, Debug)]
pub struct Template<'a> {
    /// The file; `include` finds files beside it.
    pub path: &'a Path,
    /// What it holds.
    pub text: &'a str,
}

/// Gives the name of a template in the engine: directory and file, with a mark between them.
pub(super) fn name_of(path: &Path) -> Cow<'_, str> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(file)) => {
            let (parent, file) = (parent.to_string_lossy(), file.to_string_lossy());
            Cow::Owned(format!("{parent}{DIRECTORY_END}{file}"))
        }
        _ => path.to_string_lossy(),
    }
}

/// Gives the name of an included file: names are relative to the directory of the image, whichever file includes.
pub(super) fn join_name(name: &str, parent: &str) -> String {
    let directory = parent
        .split_once(DIRECTORY_END)
        .map_or("", |(directory, _)| directory);
    let parts = name
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".");
    let parts: Vec<&str> = parts.collect();
    format!("{directory}{DIRECTORY_END}{}", parts.join("/"))
}

/// Finds the path behind the name of a template; a name that leaves the directory of the image has none.
pub(super) fn find_path(name: &str) -> Option<PathBuf> {
    let (directory, file) = name.split_once(DIRECTORY_END)?;
    let leaves = |part: &str| part == ".." || part.contains(['\\', '\0']);
    (!file.is_empty() && !file.split('/').any(leaves)).then(|| Path::new(directory).join(file))
}
