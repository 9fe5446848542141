//! The files of a revision from which its catalog is read, laid out in a directory for temporary files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::repository::{ChangeKind, ChangedFile, Repository, RevisionError, real};
use super::tree::{NodeKind, Tree, resolve_link};
use crate::host::Environment;
use crate::host::fs::{FileError, create_directory, read_bytes};
use crate::scan::Problems;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What git calls the revision.
    pub revision: &'a str,
    /// The directories with images, which have to be there.
    pub roots: &'a [PathBuf],
    /// The settings.
    pub settings: &'a Path,
}

/// A directory with images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// As it was given.
    pub given: PathBuf,
    /// Below the top of the repository.
    pub below: PathBuf,
    /// Whether it was there at the revision.
    pub is_there: bool,
}

/// Something of the revision that is not laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// A submodule: its files are another repository's.
    Submodule(PathBuf),
    /// A link that leads out of the repository.
    Link(PathBuf),
}

/// A revision, with the files that its catalog is read from; they go with it.
#[derive(Debug)]
pub struct Past {
    /// What git calls it.
    pub revision: String,
    /// Its commit.
    pub commit: String,
    /// The top of the repository.
    pub top: PathBuf,
    /// The directories with images.
    pub roots: Vec<Root>,
    /// The settings below the top, where the revision has them.
    pub settings: Option<PathBuf>,
    /// What is not there.
    pub left_out: Vec<LeftOut>,
    /// What differs from it now.
    pub changed: Vec<ChangedFile>,
    /// The path of `_scratch` without links.
    files: PathBuf,
    _scratch: TempDir,
}

/// The catalog of a revision has faults.
#[derive(Debug, thiserror::Error)]
#[error("the catalog of {revision} cannot be read")]
pub struct PastFaults {
    /// What git calls the revision.
    pub revision: String,
    /// Where its files are laid out.
    pub files: PathBuf,
    /// The faults.
    pub problems: Problems,
}

/// Lays out the files of a revision and finds what differs from it now.
pub async fn open(
    environment: &Environment,
    request: Request<'_>,
    cancelled: &CancellationToken,
) -> Result<Past, RevisionError> {
    let real_roots: Result<Vec<_>, _> = request.roots.iter().map(|root| real(root)).collect();
    let real_roots = real_roots?;
    let repository = Repository::find(environment, request.roots, cancelled).await?;
    let commit = repository.commit(request.revision).await?;
    let tree = repository.tree(&commit).await?;
    let roots: Vec<Root> = request
        .roots
        .iter()
        .zip(&real_roots)
        .map(|(given, real)| {
            let below = real.strip_prefix(&repository.top).unwrap_or(real);
            Root {
                given: given.clone(),
                below: below.to_owned(),
                is_there: tree.has(below),
            }
        })
        .collect();
    let settings = real(request.settings).ok();
    let settings =
        settings.and_then(|path| Some(path.strip_prefix(&repository.top).ok()?.to_owned()));
    let settings = settings.filter(|path| tree.find(path).is_some());
    let scratch = tempfile::Builder::new().prefix("pkg-").tempdir();
    let scratch = scratch
        .map_err(|source| FileError::new("create", Path::new("a temporary directory"), source))?;
    let mut layout = Layout {
        tree: &tree,
        files: real(scratch.path())?,
        done: BTreeSet::new(),
        links: BTreeMap::new(),
        left_out: Vec::new(),
    };
    let wanted = roots.iter().map(|root| root.below.clone());
    let wanted = wanted.chain(settings.clone()).collect();
    layout.write_all(&repository, wanted).await?;
    let Layout {
        files, left_out, ..
    } = layout;
    let below: Vec<PathBuf> = roots.iter().map(|root| root.below.clone()).collect();
    let changed = repository.changed_files(&commit, &below).await?;
    let mut past = Past {
        revision: request.revision.to_owned(),
        commit,
        top: repository.top.clone(),
        roots,
        settings,
        left_out,
        changed: Vec::new(),
        files,
        _scratch: scratch,
    };
    past.changed = changed
        .into_iter()
        .filter_map(|file| past.judge(file))
        .collect();
    Ok(past)
}

impl Past {
    /// Gives where the files of the revision are laid out.
    #[must_use]
    pub fn files(&self) -> &Path {
        &self.files
    }

    /// Gives the directories with images that were there, as they are laid out.
    #[must_use]
    pub fn laid_out_roots(&self) -> Vec<PathBuf> {
        let there = self.roots.iter().filter(|root| root.is_there);
        there.map(|root| self.files.join(&root.below)).collect()
    }

    /// Names a file as git does: `REVISION:PATH`.
    #[must_use]
    pub fn name(&self, below: &Path) -> String {
        format!("{}:{}", self.revision, below.display())
    }

    /// Tells how two files differ, of which one may not be there; nothing where they do not.
    #[must_use]
    pub fn difference(&self, old: &Path, new: &Path) -> Option<ChangeKind> {
        match self.contents(old, new) {
            (Some(_), None) => Some(ChangeKind::Removed),
            (None, Some(_)) => Some(ChangeKind::Added),
            (old, new) => (old != new).then_some(ChangeKind::Changed),
        }
    }

    fn contents(&self, old: &Path, new: &Path) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        let (old, new) = (self.files.join(old), self.top.join(new));
        (content(&old), content(&new))
    }

    /// Looks again at what git tells in two ways: another mode, and a file that it no longer follows.
    fn judge(&self, file: ChangedFile) -> Option<ChangedFile> {
        if file.kind != ChangeKind::Changed {
            return Some(file);
        }
        let kind = match self.contents(&file.path, &file.path) {
            (Some(old), Some(new)) if old == new => {
                // What reads the same may be stored otherwise, and is the same to whoever builds with it.
                file.has_other_mode.then_some(ChangeKind::Mode)?
            }
            // A submodule cannot be looked at: git is right.
            _ => ChangeKind::Changed,
        };
        Some(ChangedFile { kind, ..file })
    }
}

/// What a file holds, or where a link points; nothing where there is neither.
fn content(path: &Path) -> Option<Vec<u8>> {
    match std::fs::read_link(path) {
        Ok(target) => Some([b"-> ", target.as_os_str().as_bytes()].concat()),
        Err(_) => read_bytes(path).ok(),
    }
}

/// Lays out files, and what their links point at.
struct Layout<'a> {
    tree: &'a Tree,
    files: PathBuf,
    done: BTreeSet<PathBuf>,
    links: BTreeMap<PathBuf, PathBuf>,
    left_out: Vec<LeftOut>,
}

impl Layout<'_> {
    async fn write_all(
        &mut self,
        repository: &Repository<'_>,
        mut wanted: Vec<PathBuf>,
    ) -> Result<(), RevisionError> {
        while !wanted.is_empty() {
            let mut by_id: BTreeMap<&str, Vec<&PathBuf>> = BTreeMap::new();
            let tree = self.tree;
            for path in wanted.iter().flat_map(|path| tree.needed_for(path)) {
                let Some(node) = tree.find(path).filter(|_| self.done.insert(path.clone())) else {
                    continue;
                };
                match node.kind {
                    NodeKind::Submodule => self.left_out.push(LeftOut::Submodule(path.clone())),
                    NodeKind::File | NodeKind::Link => {
                        by_id.entry(&node.id).or_default().push(path);
                    }
                }
            }
            if by_id.is_empty() {
                break;
            }
            let ids: Vec<&str> = by_id.keys().copied().collect();
            let contents = repository.contents(&ids).await?;
            wanted = self.write_files(contents, &by_id)?;
        }
        self.write_links()
    }

    /// Writes files, and gives what the links among them point at.
    fn write_files(
        &mut self,
        contents: File,
        by_id: &BTreeMap<&str, Vec<&PathBuf>>,
    ) -> Result<Vec<PathBuf>, RevisionError> {
        let lost = |_| RevisionError::Answer("it ends in the middle of a file");
        let mut contents = BufReader::new(contents);
        let mut targets = Vec::new();
        for paths in by_id.values() {
            let mut heading = String::new();
            contents.read_line(&mut heading).map_err(lost)?;
            let size = heading.trim_end().rsplit(' ').next();
            let size = size.and_then(|size| size.parse::<u64>().ok());
            let size = size.ok_or(RevisionError::Answer("a file of the revision is missing"))?;
            let mut bytes = Vec::new();
            let count = contents
                .by_ref()
                .take(size)
                .read_to_end(&mut bytes)
                .map_err(lost)?;
            let mut end = [0];
            contents.read_exact(&mut end).map_err(lost)?;
            if count as u64 != size {
                return Err(lost(io::ErrorKind::UnexpectedEof.into()));
            }
            for &path in paths {
                let is_link = |node: &super::tree::Node| node.kind == NodeKind::Link;
                if !self.tree.find(path).is_some_and(is_link) {
                    self.write(path, &bytes)?;
                    continue;
                }
                let target = PathBuf::from(OsStr::from_bytes(&bytes));
                match resolve_link(path, &target) {
                    Some(resolved) => {
                        self.links.insert(path.clone(), target);
                        targets.push(resolved);
                    }
                    None => self.left_out.push(LeftOut::Link(path.clone())),
                }
            }
        }
        Ok(targets)
    }

    fn write(&self, below: &Path, bytes: &[u8]) -> Result<(), RevisionError> {
        let path = self.files.join(below);
        if let Some(directory) = path.parent() {
            create_directory(directory)?;
        }
        let written =
            File::create_new(&path).and_then(|mut file| io::Write::write_all(&mut file, bytes));
        Ok(written.map_err(|source| FileError::new("write", &path, source))?)
    }

    /// Links come last, so that no file is written through one.
    fn write_links(&mut self) -> Result<(), RevisionError> {
        for (below, target) in &self.links {
            let path = self.files.join(below);
            if let Some(directory) = path.parent() {
                create_directory(directory)?;
            }
            std::os::unix::fs::symlink(target, &path)
                .map_err(|source| FileError::new("write", &path, source))?;
        }
        for below in self.links.keys() {
            let path = self.files.join(below);
            // A chain of links can lead out although none of them does.
            let leads_out = path
                .canonicalize()
                .is_ok_and(|real| !real.starts_with(&self.files));
            if leads_out {
                std::fs::remove_file(&path)
                    .map_err(|source| FileError::new("write", &path, source))?;
                self.left_out.push(LeftOut::Link(below.clone()));
            }
        }
        Ok(())
    }
}
