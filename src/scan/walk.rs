//! Finds image directories: each directory is listed once, and that says which files of an image it has.

use std::collections::HashSet;
use std::fs::FileType;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::{ImageDirectory, Problem, Warning};
use crate::host::WORKSHOP;
use crate::host::fs::Stamp;
use crate::lock::LOCK_FILE;
use crate::place::Place;

pub(super) const CHANGELOG: &str = "changelog";
pub(super) const CONTROL: &str = "control";
pub(super) const TEMPLATE: &str = "Dockerfile.template";
pub(super) const IMAGE_FILE: &str = "image.yaml";
const NAMES: [&str; 5] = [CHANGELOG, CONTROL, TEMPLATE, IMAGE_FILE, LOCK_FILE];

/// A directory that is meant for an image.
pub(super) struct Found {
    pub(super) place: ImageDirectory,
    pub(super) files: Files,
}

/// What a directory has under the names of an image's files.
#[derive(Clone, Copy, Default)]
pub(super) struct Files([Option<Kind>; NAMES.len()]);

/// What stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Link,
    Other,
}

impl Files {
    fn note(&mut self, entry: &DirEntry) {
        let index = NAMES.iter().position(|name| entry.file_name() == *name);
        if let Some(index) = index {
            self.0[index] = Some(Kind::of(entry.file_type()));
        }
    }

    /// Finds what stands under a name.
    pub(super) fn find(self, wanted: &str) -> Option<Kind> {
        let mut all = self.all();
        all.find_map(|(name, kind)| (name == wanted).then_some(kind))
    }

    /// Gives all names that are taken.
    pub(super) fn all(self) -> impl Iterator<Item = (&'static str, Kind)> {
        let kinds = self.0.into_iter();
        let all = NAMES.into_iter().zip(kinds);
        all.filter_map(|(name, kind)| Some((name, kind?)))
    }

    /// Gives the names of recipes that are taken.
    pub(super) fn recipes(self) -> impl Iterator<Item = (&'static str, Kind)> {
        self.all()
            .filter(|(name, _)| [TEMPLATE, IMAGE_FILE].contains(name))
    }
}

impl Kind {
    fn of(kind: FileType) -> Self {
        if kind.is_file() {
            Self::File
        } else if kind.is_symlink() {
            Self::Link
        } else {
            Self::Other
        }
    }

    /// Finds the stamp of the file, as far as it is there.
    pub(super) fn find_stamp(self, path: &Path) -> Option<Stamp> {
        match self {
            Self::Link => Stamp::find_linked(path),
            Self::File | Self::Other => Stamp::find(path),
        }
    }

    fn leads_to_file(self, path: &Path) -> bool {
        match self {
            Self::File => true,
            Self::Link => path.is_file(),
            Self::Other => false,
        }
    }
}

/// What lies below roots.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) found: Vec<Found>,
    /// What is to be said of directories that are passed over, with the number of those that were found before.
    pub(super) warnings: Vec<(usize, Warning)>,
    pub(super) problems: Vec<Problem>,
    /// All directories in which a change may be under way: those that were listed, and those above the roots.
    pub(super) around: Vec<PathBuf>,
    /// Roots may overlap; each directory counts once.
    seen: HashSet<PathBuf>,
}

/// A directory, and what was listed of it.
struct Listed {
    directory: PathBuf,
    files: Files,
}

impl Walked {
    /// Lists all directories below the roots.
    pub(super) fn through(roots: &[PathBuf]) -> Self {
        let mut walked = Self::default();
        for root in roots {
            walked.root(root);
        }
        walked
    }

    fn root(&mut self, root: &Path) {
        if !root.is_dir() {
            let problem = if root.exists() {
                Problem::NotADirectory
            } else {
                Problem::NoDirectory
            };
            self.problems.push(problem(root.to_owned()));
            return;
        }
        // A directory above the root may be what is being changed, or one below it.
        let real = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        self.around
            .extend(real.ancestors().skip(1).map(Path::to_owned));
        for listed in self.list(root) {
            self.directory(root, &real, &listed);
            self.around.push(listed.directory);
        }
    }

    /// Lists a root and all directories below it, each before those in it.
    fn list(&mut self, root: &Path) -> Vec<Listed> {
        let mut listed: Vec<Listed> = Vec::new();
        // The directories on the way to an entry.
        let mut way: Vec<usize> = Vec::new();
        let walk = WalkDir::new(root).sort_by_file_name().into_iter();
        let is_walked =
            |entry: &DirEntry| entry.file_name() != ".git" && entry.file_name() != WORKSHOP;
        for entry in walk.filter_entry(is_walked) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(source) => {
                    self.problems.push(Problem::Walk {
                        path: source.path().unwrap_or(root).to_owned(),
                        source: Box::new(source),
                    });
                    continue;
                }
            };
            way.truncate(entry.depth());
            if let Some(&parent) = way.last() {
                listed[parent].files.note(&entry);
            }
            // A root may be a link to a directory.
            if entry.depth() == 0 || entry.file_type().is_dir() {
                way.push(listed.len());
                listed.push(Listed {
                    directory: entry.into_path(),
                    files: Files::default(),
                });
            }
        }
        listed
    }

    fn warn(&mut self, warning: Warning) {
        self.warnings.push((self.found.len(), warning));
    }

    fn directory(&mut self, root: &Path, real_root: &Path, listed: &Listed) {
        let Listed { directory, files } = listed;
        // What is no file is one of the wrong kind only beside the other file: directories may have any name.
        let is_file = |(name, kind): &(&str, Kind)| kind.leads_to_file(&directory.join(name));
        let changelog = files.find(CHANGELOG);
        let has_recipe = files.recipes().next().is_some();
        match (changelog, has_recipe) {
            (None, false) => (),
            (None, true) => {
                if let Some((recipe, _)) = files.recipes().find(is_file) {
                    let place = Place::file(&directory.join(recipe));
                    self.warn(Warning::NoChangelog { place });
                }
            }
            (Some(kind), false) => {
                if is_file(&(CHANGELOG, kind)) {
                    let place = Place::file(&directory.join(CHANGELOG));
                    self.warn(Warning::NoRecipe { place });
                }
            }
            (Some(_), true) => {
                // No link was followed on the way from the root.
                let below = directory.strip_prefix(root).unwrap_or(directory);
                if self.seen.insert(real_root.join(below)) {
                    let place = ImageDirectory {
                        directory: directory.clone(),
                        root: root.to_owned(),
                    };
                    let files = *files;
                    self.found.push(Found { place, files });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs::{create_directory, write_atomically};

    /// An image directory `a` with another one in it, and directories that have the names of files.
    fn tree() -> tempfile::TempDir {
        let top = tempfile::tempdir().unwrap();
        for name in [
            "a/changelog",
            "a/image.yaml",
            "a/b/changelog",
            "a/b/Dockerfile.template",
        ] {
            let path = top.path().join("images").join(name);
            create_directory(path.parent().unwrap()).unwrap();
            write_atomically(&path, b"").unwrap();
        }
        for name in ["a/control", "a/Dockerfile.template", "a/b/c", "changelog"] {
            create_directory(&top.path().join("images").join(name)).unwrap();
        }
        top
    }

    fn names(walked: &Walked) -> Vec<&Path> {
        let found = walked.found.iter();
        found.map(|one| one.place.directory.as_path()).collect()
    }

    #[test]
    fn each_directory_is_found_once_with_what_it_has() {
        let top = tree();
        let [images, a] = ["images", "images/a"].map(|name| top.path().join(name));
        let walked = Walked::through(&[a.clone(), images]);
        assert_eq!(names(&walked), [a.clone(), a.join("b")]);
        let kinds = walked
            .found
            .iter()
            .map(|one| one.files.all().collect::<Vec<_>>());
        assert_eq!(
            kinds.collect::<Vec<_>>(),
            [
                vec![
                    (CHANGELOG, Kind::File),
                    (CONTROL, Kind::Other),
                    (TEMPLATE, Kind::Other),
                    (IMAGE_FILE, Kind::File)
                ],
                vec![(CHANGELOG, Kind::File), (TEMPLATE, Kind::File)],
            ]
        );
        assert!(walked.warnings.is_empty() && walked.problems.is_empty());
    }

    #[test]
    fn a_root_that_is_a_link_is_a_directory_like_any_other() {
        let top = tree();
        let link = top.path().join("link");
        std::os::unix::fs::symlink("images/a", &link).unwrap();
        let walked = Walked::through(std::slice::from_ref(&link));
        assert_eq!(names(&walked), [link.clone(), link.join("b")]);
        assert!(walked.around.contains(&link), "a change in it is noticed");
        let walked = Walked::through(&[link.clone(), top.path().join("images/a")]);
        assert_eq!(names(&walked), [link.clone(), link.join("b")]);
    }
}
