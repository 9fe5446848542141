//! An image as the tests see it, and the judgement on each test that needs no engine.

use std::collections::BTreeMap;
use std::io;

use super::files::{judge_content, judge_existence};
use super::licenses::judge_licenses;
use super::metadata::judge_metadata;
use super::suite::Check;
use crate::oci::ContainerConfig;
use crate::rootfs::{Content, Fetch, Kind, Node, ResolveError, RootPath, Tree};

/// The files of an image.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    /// Which there are.
    pub tree: &'a Tree,
    /// Copies what they contain.
    pub fetch: &'a Fetch<'a>,
}

/// An image as the tests see it.
#[derive(Clone)]
pub struct ImageView<'a> {
    /// Its configuration.
    pub config: &'a ContainerConfig,
    /// Its variables, for paths that name them.
    pub environment: BTreeMap<String, String>,
    /// Its files, where a test needs them.
    pub files: Option<Files<'a>>,
}

/// Reads the variables of a configuration.
pub(super) fn environment_of(config: &ContainerConfig) -> BTreeMap<String, String> {
    let pairs = config.env.iter().flatten();
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

impl<'a> ImageView<'a> {
    /// Looks at a configuration, and at files where there are any.
    #[must_use]
    pub fn new(config: &'a ContainerConfig, files: Option<Files<'a>>) -> Self {
        Self {
            config,
            environment: environment_of(config),
            files,
        }
    }

    /// Gives what is wrong by a test; nothing for one that cannot be judged here: a command, or a file of an image without
    /// files.
    #[must_use]
    pub fn judge(&self, check: &Check<'_>) -> Option<Vec<String>> {
        match check {
            Check::Command(_) => None,
            Check::Metadata(test) => Some(judge_metadata(test, self.config, &self.environment)),
            Check::Content(test) => Some(judge_content(test, &self.files?)),
            Check::License(test) => Some(judge_licenses(test, &self.files?)),
            Check::Existence(test) => Some(judge_existence(test, &self.files?, &self.environment)),
        }
    }
}

/// What a text can be matched against at once.
const LARGEST_BYTES: u64 = 64 << 20;

impl Files<'_> {
    /// Finds what a path of a test holds, without following a link at its end.
    pub(super) fn find(&self, written: &str) -> Result<Option<&Node>, String> {
        let path = self.tree.resolve_parent(&parse(written)?);
        let path = path.map_err(|error| error.to_string())?;
        Ok(self.tree.find(&path))
    }

    /// Tells whether the links on the way to a path lead nowhere but to each other: nothing can be there.
    pub(super) fn is_endless(&self, written: &str) -> bool {
        let path = parse(written).map(|path| self.tree.resolve_parent(&path));
        matches!(path, Ok(Err(ResolveError::Loop(_))))
    }

    /// Finds what a path leads to, links at its end included.
    pub(super) fn find_target(&self, written: &str) -> Option<&Node> {
        let path = self.tree.resolve(&parse(written).ok()?).ok()?;
        self.tree.find(&path)
    }

    /// Reads the file that a path of a test leads to; links are followed inside of the image.
    pub(super) fn read(&self, written: &str) -> Result<String, String> {
        let path = self.tree.resolve(&parse(written)?);
        let path = path.map_err(|error| error.to_string())?;
        let kind = self.tree.find(&path).map(|node| &node.kind);
        let shown = display(written, &path);
        let content = match kind {
            None => return Err(format!("{shown} is not there")),
            Some(Kind::File(content)) => content,
            Some(Kind::Directory) => return Err(format!("{shown} is a directory")),
            Some(_) => return Err(format!("{shown} is no file")),
        };
        if content.size_bytes() > LARGEST_BYTES {
            return Err(format!("{shown} is larger than 64 MiB"));
        }
        let bytes = self.bytes(content);
        let bytes = bytes.map_err(|error| format!("{shown} cannot be read: {error}"))?;
        // Go takes what is no text for the same sign.
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn bytes(&self, content: &Content) -> io::Result<Vec<u8>> {
        match content {
            Content::Held(bytes) => Ok(bytes.to_vec()),
            Content::Stored(extent) => {
                let mut bytes = Vec::new();
                (self.fetch)(extent, &mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

fn display(written: &str, path: &RootPath) -> String {
    match parse(written) {
        Ok(direct) if direct != *path => format!("{direct} → {path}"),
        _ => path.to_string(),
    }
}

/// Reads a path as Go cleans one: `..` takes a name away, and at the root nothing.
pub(super) fn parse(written: &str) -> Result<RootPath, String> {
    let mut names: Vec<&str> = Vec::new();
    for name in written.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    RootPath::parse(names.join("/").as_bytes())
        .map_err(|error| format!("`{written}` is no path of an image: {error}"))
}
