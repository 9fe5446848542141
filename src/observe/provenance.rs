//! Where the sources of images are kept, and which state of them an image was built from: what git says, for the labels of
//! images (OCI image-spec, "Pre-Defined Annotation Keys").

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::address::Address;
use crate::host::{Environment, Git, find_uncommitted, find_work_tree};

/// What git says of a catalog; without git, or outside of a repository, nothing.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    trees: HashMap<PathBuf, Tree>,
}

#[derive(Clone, Debug)]
struct Tree {
    revision: String,
    source: Option<String>,
    /// From the top of the work tree.
    uncommitted: Vec<PathBuf>,
}

/// Where one image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The commit; with `-dirty` where the image's directory is not as that commit has it.
    pub revision: String,
    /// The address of the repository, without name and password.
    pub source: Option<String>,
}

impl Provenance {
    /// Asks git about the work trees around some directories.
    pub async fn ask(environment: &Environment, roots: &[PathBuf]) -> Self {
        let mut by_tree: HashMap<PathBuf, Vec<PathBuf>> = HashMap::new();
        for root in roots {
            if let (Some(top), Ok(real)) = (find_work_tree(root), root.canonicalize()) {
                by_tree.entry(top).or_default().push(real);
            }
        }
        let mut trees = HashMap::new();
        for (top, roots) in by_tree {
            // A label less is no reason not to build.
            if let Some(tree) = ask_tree(environment, &top, &roots).await {
                trees.insert(top, tree);
            }
        }
        Self { trees }
    }

    /// Finds where an image comes from.
    #[must_use]
    pub fn find(&self, directory: &Path) -> Option<Origin> {
        let top = find_work_tree(directory)?;
        let tree = self.trees.get(&top)?;
        let real = directory.canonicalize().ok()?;
        let below = real.strip_prefix(&top).ok()?;
        let is_dirty = tree.uncommitted.iter().any(|path| path.starts_with(below));
        let dirty = if is_dirty { "-dirty" } else { "" };
        Some(Origin {
            revision: format!("{}{dirty}", tree.revision),
            source: tree.source.clone(),
        })
    }
}

async fn ask_tree(environment: &Environment, top: &Path, roots: &[PathBuf]) -> Option<Tree> {
    let git = Git::new(environment, top, &CancellationToken::new());
    let revision = git.ask(["rev-parse", "--verify", "HEAD"]).await.ok()?;
    let revision = String::from_utf8(revision).ok()?.trim().to_owned();
    let uncommitted = find_uncommitted(&git, roots).await.ok()?;
    let remote = git.ask(["config", "--get", "remote.origin.url"]).await;
    let remote = remote.ok().and_then(|bytes| String::from_utf8(bytes).ok());
    Some(Tree {
        revision,
        source: remote.and_then(|remote| address_of(remote.trim())),
        uncommitted: uncommitted.into_iter().map(|one| one.path).collect(),
    })
}

/// Gives an address that others can use: paths of this machine are none, and a name with password is nobody's business.
fn address_of(remote: &str) -> Option<String> {
    if remote.contains("://") {
        let Address { scheme, rest, .. } = Address::of(remote);
        let is_public = ["https://", "http://", "ssh://", "git://"].contains(&scheme);
        let (host, path) = rest.split_once('/')?;
        return (is_public && !host.is_empty()).then(|| format!("{scheme}{host}/{path}"));
    }
    // As ssh has it: `git@host:path`, unless a slash comes first.
    let (host, path) = remote.split_once(':')?;
    let host = host.rsplit('@').next()?;
    let is_host = !host.is_empty() && !host.contains('/') && !path.is_empty();
    is_host.then(|| format!("ssh://{host}/{}", path.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_others_can_use_and_holds_no_password() {
        let case = |remote, expected| assert_eq!(address_of(remote).as_deref(), expected);
        case(
            "https://ann:secret@git.example.org/a/b.git",
            Some("https://git.example.org/a/b.git"),
        );
        case(
            "ssh://git@git.example.org:22/a",
            Some("ssh://git.example.org:22/a"),
        );
        case("git@git.example.org:a/b", Some("ssh://git.example.org/a/b"));
        for path in ["/srv/git/a", "../a", "file:///srv/a", "./a:b", "", "a"] {
            case(path, None);
        }
    }
}
