//! Two catalogs, image by image.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use similar::{ChangeTag, TextDiff};

use super::past::Past;
use super::repository::{ChangeKind, RevisionError, real};
use crate::catalog::{Image, ImageId, Recipe};
use crate::debian::Version;
use crate::host::fs::read_text;
use crate::oci::Reference;
use crate::scan::Loaded;
use crate::settings::VerifyCommand;
use crate::verify::{STRUCTURE_FILE, find_test_file};

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// The revision.
    pub past: &'a Past,
    /// Its catalog, unless it had none of the directories.
    pub old: Option<&'a Loaded>,
    /// The catalog of today.
    pub new: &'a Loaded,
    /// How images are tested today.
    pub verify: &'a VerifyCommand,
}

/// What became of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// There was no image of this name.
    Added(Version),
    /// There no longer is an image of this name.
    Removed(Version),
    /// It is there now as it was then.
    Kept {
        /// The version at the revision.
        from: Version,
        /// The version now.
        to: Version,
    },
}

/// How the rendered Dockerfile, or the `image.yaml`, of an image differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipeChange {
    /// The difference, with three lines around each change.
    pub patch: String,
    /// The number of lines that came.
    pub added: usize,
    /// The number of lines that went.
    pub removed: usize,
    /// Whether only the versions of images that it is built on differ.
    pub is_of_parents: bool,
}

/// A file of an image that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The file, below the directory of the image.
    pub path: PathBuf,
    /// How.
    pub kind: ChangeKind,
}

/// What changed in an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageChange {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub fate: Fate,
    /// Its directory below the top of the repository.
    pub directory: PathBuf,
    /// Its directory at the revision, where that is another one.
    pub moved_from: Option<PathBuf>,
    /// How its recipe differs.
    pub recipe: Option<RecipeChange>,
    /// Its files that differ, without changelog and tests; none of an image that came or went.
    pub files: Vec<FileChange>,
    /// Its tests that differ.
    pub tests: Vec<FileChange>,
    /// Whether its changelog differs although its version does not.
    pub is_reworded: bool,
}

impl ImageChange {
    /// Tells whether it has another version and nothing else of its own changed.
    #[must_use]
    pub fn is_version_only(&self) -> bool {
        let is_own = self
            .recipe
            .as_ref()
            .is_some_and(|recipe| !recipe.is_of_parents);
        self.has_new_version() && !is_own && !self.has_other_files()
    }

    /// Tells whether it is a rebuild of the same upstream version, and nothing else of its own changed.
    #[must_use]
    pub fn is_rebuild(&self) -> bool {
        let upstream = |version: &Version| version.as_str().split('-').next().map(str::to_owned);
        let is_same =
            matches!(&self.fate, Fate::Kept { from, to } if upstream(from) == upstream(to));
        is_same && self.is_version_only()
    }

    /// Tells whether only images that it is built on have another version, and it has not.
    #[must_use]
    pub fn is_left_behind(&self) -> bool {
        let is_of_parents = self
            .recipe
            .as_ref()
            .is_some_and(|recipe| recipe.is_of_parents);
        self.is_unversioned() && is_of_parents && !self.has_other_files()
    }

    /// Tells whether something changed and the version did not.
    #[must_use]
    pub fn is_unversioned(&self) -> bool {
        let is_kept = matches!(self.fate, Fate::Kept { .. });
        is_kept && !self.has_new_version() && (self.recipe.is_some() || self.has_other_files())
    }

    fn has_new_version(&self) -> bool {
        // Texts are what tags are made of.
        matches!(&self.fate, Fate::Kept { from, to } if from.as_str() != to.as_str())
    }

    fn has_other_files(&self) -> bool {
        !self.files.is_empty() || !self.tests.is_empty() || self.moved_from.is_some()
    }

    fn is_nothing(&self) -> bool {
        matches!(self.fate, Fate::Kept { .. })
            && !self.has_new_version()
            && self.recipe.is_none()
            && !self.has_other_files()
            && !self.is_reworded
    }
}

/// Compares the images, in the order of their names; those that did not change are left out.
pub fn compare(sides: Sides<'_>) -> Result<Vec<ImageChange>, RevisionError> {
    let old = Side::of_past(sides.old, sides.past)?;
    let new = Side::of_today(sides.new, sides.past)?;
    let directories = old.images.values().chain(new.images.values());
    let directories: BTreeSet<&Path> = directories.map(|one| one.directory.as_path()).collect();
    // A file belongs to the innermost image directory around it.
    let mut changed: BTreeMap<&Path, Vec<(PathBuf, ChangeKind)>> = BTreeMap::new();
    for file in &sides.past.changed {
        let around = file
            .path
            .ancestors()
            .skip(1)
            .find(|path| directories.contains(path));
        if let Some(directory) = around
            && let Ok(path) = file.path.strip_prefix(directory)
        {
            changed
                .entry(directory)
                .or_default()
                .push((path.to_owned(), file.kind));
        }
    }
    let names: BTreeSet<&String> = old.images.keys().chain(new.images.keys()).collect();
    let mut changes = Vec::new();
    for name in names {
        let pair = Pair {
            sides,
            old: old.images.get(name),
            new: new.images.get(name),
        };
        if let Some(change) = pair.compare(name, &changed)?
            && !change.is_nothing()
        {
            changes.push(change);
        }
    }
    Ok(changes)
}

/// The images of one side by their names.
struct Side<'a> {
    images: BTreeMap<String, One<'a>>,
}

/// An image of one side.
struct One<'a> {
    loaded: &'a Loaded,
    id: ImageId,
    /// Below the top of the repository.
    directory: PathBuf,
}

impl<'a> Side<'a> {
    fn of_past(loaded: Option<&'a Loaded>, past: &Past) -> Result<Self, RevisionError> {
        match loaded {
            Some(loaded) => Self::new(loaded, past.files()),
            None => Ok(Self {
                images: BTreeMap::new(),
            }),
        }
    }

    fn of_today(loaded: &'a Loaded, past: &Past) -> Result<Self, RevisionError> {
        Self::new(loaded, &past.top)
    }

    fn new(loaded: &'a Loaded, top: &Path) -> Result<Self, RevisionError> {
        let mut images = BTreeMap::new();
        for (id, image) in loaded.catalog.iter() {
            let real = real(&image.directory)?;
            let directory = real.strip_prefix(top).unwrap_or(&real).to_owned();
            let one = One {
                loaded,
                id,
                directory,
            };
            images.insert(image.name.to_string(), one);
        }
        Ok(Self { images })
    }
}

impl One<'_> {
    fn image(&self) -> &Image {
        self.loaded.catalog.image(self.id)
    }

    fn version(&self) -> Version {
        self.image().version.clone()
    }

    /// Gives what the image is made from, as a file with a name.
    fn recipe(&self) -> Result<(&'static str, String), RevisionError> {
        match &self.image().recipe {
            Recipe::Template { .. } => {
                let text = self.loaded.dockerfile(self.id).unwrap_or_default();
                Ok(("Dockerfile", text.to_owned()))
            }
            Recipe::Declared { path, .. } => Ok(("image.yaml", read_text(path)?)),
        }
    }

    /// Gives the recipe without the versions of the images that it is built on.
    fn recipe_without_versions(&self) -> String {
        let parents = self.loaded.graph.parents(self.id);
        let pins: Vec<(Reference, String)> = parents
            .iter()
            .map(|parent| {
                let label = &self.loaded.catalog.image(*parent).label;
                (label.clone(), label.name())
            })
            .collect();
        self.loaded.pinned_dockerfile(self.id, &pins)
    }
}

/// An image as it was and as it is.
struct Pair<'a> {
    sides: Sides<'a>,
    old: Option<&'a One<'a>>,
    new: Option<&'a One<'a>>,
}

impl Pair<'_> {
    fn compare(
        &self,
        name: &str,
        changed: &BTreeMap<&Path, Vec<(PathBuf, ChangeKind)>>,
    ) -> Result<Option<ImageChange>, RevisionError> {
        let fate = match (self.old, self.new) {
            (Some(old), Some(new)) => Fate::Kept {
                from: old.version(),
                to: new.version(),
            },
            (Some(old), None) => Fate::Removed(old.version()),
            (None, Some(new)) => Fate::Added(new.version()),
            (None, None) => return Ok(None),
        };
        let directory = |one: Option<&One<'_>>| one.map(|one| one.directory.clone());
        let (was, is) = (directory(self.old), directory(self.new));
        let mut change = ImageChange {
            name: name.to_owned(),
            fate,
            moved_from: was
                .clone()
                .filter(|was| is.as_ref().is_some_and(|is| was != is)),
            directory: is.or(was).unwrap_or_default(),
            recipe: self.compare_recipes()?,
            files: Vec::new(),
            tests: Vec::new(),
            is_reworded: false,
        };
        if let (Some(old), Some(new)) = (self.old, self.new) {
            let named = find_test_file(self.sides.verify);
            let tests = [named, Some(STRUCTURE_FILE)].map(|file| file.map(Path::new));
            for (path, kind) in self.changed_files(old, new, changed) {
                let file = FileChange { path, kind };
                if file.path == Path::new("changelog") {
                    change.is_reworded = !change.has_new_version();
                } else if tests.contains(&Some(file.path.as_path())) {
                    change.tests.push(file);
                } else {
                    change.files.push(file);
                }
            }
        }
        Ok(Some(change))
    }

    /// Gives the files that differ; of a directory that was moved each is compared with what it was.
    fn changed_files(
        &self,
        old: &One<'_>,
        new: &One<'_>,
        changed: &BTreeMap<&Path, Vec<(PathBuf, ChangeKind)>>,
    ) -> Vec<(PathBuf, ChangeKind)> {
        let of = |one: &One<'_>| changed.get(one.directory.as_path()).into_iter().flatten();
        if old.directory == new.directory {
            return of(new).cloned().collect();
        }
        let paths: BTreeSet<&PathBuf> = of(old).chain(of(new)).map(|(path, _)| path).collect();
        let past = self.sides.past;
        let differing = paths.into_iter().filter_map(|path| {
            let kind = past.difference(&old.directory.join(path), &new.directory.join(path))?;
            Some((path.clone(), kind))
        });
        differing.collect()
    }

    fn compare_recipes(&self) -> Result<Option<RecipeChange>, RevisionError> {
        let recipe = |one: Option<&One<'_>>| one.map(One::recipe).transpose();
        let (old, new) = (recipe(self.old)?, recipe(self.new)?);
        if old == new {
            return Ok(None);
        }
        let nowhere = || "/dev/null".to_owned();
        let old_name = old
            .as_ref()
            .zip(self.old)
            .map_or_else(nowhere, |((file, _), one)| {
                self.sides.past.name(&one.directory.join(file))
            });
        let new_name = new
            .as_ref()
            .zip(self.new)
            .map_or_else(nowhere, |((file, _), one)| {
                one.directory.join(file).display().to_string()
            });
        let text = |recipe: &Option<(&'static str, String)>| {
            recipe
                .as_ref()
                .map_or_else(String::new, |(_, text)| text.clone())
        };
        let (old_text, new_text) = (text(&old), text(&new));
        let diff = TextDiff::from_lines(&old_text, &new_text);
        let count = |tag: ChangeTag| {
            diff.iter_all_changes()
                .filter(|line| line.tag() == tag)
                .count()
        };
        Ok(Some(RecipeChange {
            patch: diff.unified_diff().header(&old_name, &new_name).to_string(),
            added: count(ChangeTag::Insert),
            removed: count(ChangeTag::Delete),
            is_of_parents: self.differs_in_parents_only(),
        }))
    }

    fn differs_in_parents_only(&self) -> bool {
        match (self.old, self.new) {
            (Some(old), Some(new)) => {
                let are_templates = [old, new]
                    .iter()
                    .all(|one| matches!(one.image().recipe, Recipe::Template { .. }));
                are_templates && old.recipe_without_versions() == new.recipe_without_versions()
            }
            _ => false,
        }
    }
}
