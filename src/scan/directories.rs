//! Finds image directories and reads their files.
//!
//! An image directory holds a `changelog` and a recipe, `Dockerfile.template` or `image.yaml`. Directories nest; linked
//! directories are not followed.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};
use walkdir::{DirEntry, WalkDir};

use super::{Problem, Warning};
use crate::catalog::{Catalog, DeclaredDependency, Image, ImageName, Recipe};
use crate::debian::{Control, Version, parse_control, parse_top_entry};
use crate::declared::parse_image_file;
use crate::host::fs::{FileError, find_text, read_text};
use crate::host::{WORKSHOP, has_unfinished_changes};
use crate::oci::Reference;
use crate::place::Place;
use crate::settings::Naming;

const CHANGELOG: &str = "changelog";
const CONTROL: &str = "control";
const TEMPLATE: &str = "Dockerfile.template";
const IMAGE_FILE: &str = "image.yaml";

/// What the directories hold.
#[derive(Debug)]
pub struct Scanned {
    /// The images that could be read.
    pub catalog: Catalog,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    /// What could not be read; when this is not empty, images are missing from the catalog.
    pub problems: Vec<Problem>,
    /// Every directory with a changelog and a recipe, also of images that could not be read.
    pub directories: Vec<ImageDirectory>,
}

/// A directory that is meant for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageDirectory {
    /// The directory, below its root as the user wrote it.
    pub directory: PathBuf,
    /// The root on the command line under which it was found.
    pub root: PathBuf,
}

/// Reads all image directories below the roots.
#[must_use]
pub fn scan_directories(roots: &[PathBuf], naming: &Naming) -> Scanned {
    let mut scan = Scan {
        naming,
        inside: find_real(roots),
        images: Vec::new(),
        warnings: Vec::new(),
        problems: Vec::new(),
        directories: Vec::new(),
        seen: BTreeSet::new(),
    };
    for root in roots {
        scan.root(root);
    }
    let Scan {
        images,
        warnings,
        mut problems,
        directories,
        ..
    } = scan;
    let (catalog, duplicates) = Catalog::new(images);
    problems.extend(duplicates.into_iter().map(|duplicate| Problem::Duplicate {
        name: duplicate.name,
        places: duplicate.places,
    }));
    Scanned {
        catalog,
        warnings,
        problems,
        directories,
    }
}

/// Gives the directories of the command line without links: nothing outside of them enters an image.
pub(super) fn find_real(roots: &[PathBuf]) -> Vec<PathBuf> {
    let real = roots.iter().map(|root| root.canonicalize());
    real.filter_map(Result::ok).collect()
}

struct Scan<'a> {
    naming: &'a Naming,
    /// The roots without links.
    inside: Vec<PathBuf>,
    images: Vec<Image>,
    warnings: Vec<Warning>,
    problems: Vec<Problem>,
    directories: Vec<ImageDirectory>,
    /// Roots may overlap; each directory counts once.
    seen: BTreeSet<PathBuf>,
}

impl Scan<'_> {
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
        let mut above = real.ancestors().skip(1);
        let changing = above.find(|directory| has_unfinished_changes(directory));
        self.problems
            .extend(changing.map(|directory| Problem::Unfinished(directory.to_owned())));
        let walk = WalkDir::new(root).sort_by_file_name().into_iter();
        let is_walked =
            |entry: &DirEntry| entry.file_name() != ".git" && entry.file_name() != WORKSHOP;
        for entry in walk.filter_entry(is_walked) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {
                    if has_unfinished_changes(entry.path()) {
                        let path = entry.path().to_owned();
                        self.problems.push(Problem::Unfinished(path));
                    }
                    self.directory(root, entry.path());
                }
                Ok(_) => (),
                Err(source) => self.problems.push(Problem::Walk {
                    path: source.path().unwrap_or(root).to_owned(),
                    source: Box::new(source),
                }),
            }
        }
    }

    fn directory(&mut self, root: &Path, directory: &Path) {
        let [changelog, template, image_file] =
            [CHANGELOG, TEMPLATE, IMAGE_FILE].map(|name| directory.join(name));
        let is_there = |path: &&PathBuf| path.symlink_metadata().is_ok();
        let recipes: Vec<&PathBuf> = [&template, &image_file]
            .into_iter()
            .filter(is_there)
            .collect();
        // What is no file is one of the wrong kind only beside the other file: directories may have any name.
        match (is_there(&&changelog), recipes.as_slice()) {
            (false, []) => (),
            (false, recipes) => {
                if let Some(recipe) = recipes.iter().find(|recipe| recipe.is_file()) {
                    let place = Place::file(recipe);
                    self.warnings.push(Warning::NoChangelog { place });
                }
            }
            (true, []) => {
                if changelog.is_file() {
                    let place = Place::file(&changelog);
                    self.warnings.push(Warning::NoRecipe { place });
                }
            }
            (true, [_, ..]) => {
                let real = directory
                    .canonicalize()
                    .unwrap_or_else(|_| directory.to_owned());
                if self.seen.insert(real) {
                    self.directories.push(ImageDirectory {
                        directory: directory.to_owned(),
                        root: root.to_owned(),
                    });
                    if self.check_files(directory) {
                        self.add_image(root, directory, &recipes);
                    }
                }
            }
        }
    }

    /// Tells whether all files of an image are regular ones below the roots; the problems are kept.
    fn check_files(&mut self, directory: &Path) -> bool {
        let before = self.problems.len();
        for name in [CHANGELOG, CONTROL, TEMPLATE, IMAGE_FILE] {
            let path = directory.join(name);
            if path.symlink_metadata().is_ok() {
                let checked = self.check_file(&path);
                self.keep(checked);
            }
        }
        self.problems.len() == before
    }

    fn check_file(&self, path: &Path) -> Result<(), Problem> {
        let refuse = |source| FileError::new("read", path, source);
        let target = path.canonicalize().map_err(refuse)?;
        if !self.inside.iter().any(|root| target.starts_with(root)) {
            let link = path.to_owned();
            return Err(Problem::LinkOut { link, target });
        }
        let kind = target.metadata().map_err(refuse)?;
        if kind.is_file() {
            return Ok(());
        }
        let what = if kind.is_dir() {
            "it is a directory"
        } else {
            "it is no regular file"
        };
        Err(refuse(io::Error::other(what)).into())
    }

    fn add_image(&mut self, root: &Path, directory: &Path, recipes: &[&PathBuf]) {
        if recipes.len() > 1 {
            self.problems.push(Problem::TwoRecipes {
                directory: directory.to_owned(),
                places: recipes.iter().map(|path| Place::file(path)).collect(),
            });
            return;
        }
        let image = self.image(root, directory);
        self.images.extend(image);
    }

    /// Reads all files of an image before it is given up, so that the faults of all of them are told.
    fn image(&mut self, root: &Path, directory: &Path) -> Option<Image> {
        let identity = read_identity(directory, self.naming);
        let identity = self.keep(identity);
        let recipe = self.keep(read_recipe(directory));
        let (package, dependencies) = self.control(directory);
        let Identity {
            name,
            version,
            label,
            entry,
            dated,
        } = identity?;
        if let Some((package, place)) = package
            && package != name.as_str()
        {
            self.warnings.push(Warning::OtherName {
                name: name.clone(),
                package,
                places: [place, entry.clone()],
            });
        }
        Some(Image {
            name,
            version,
            label,
            directory: directory.to_owned(),
            root: root.to_owned(),
            entry,
            dated,
            recipe: recipe?,
            dependencies: dependencies?,
        })
    }

    fn keep<T>(&mut self, read: Result<T, Problem>) -> Option<T> {
        read.map_err(|problem| self.problems.push(problem)).ok()
    }

    /// Gives the name in the control file with its place, and what the image needs.
    fn control(
        &mut self,
        directory: &Path,
    ) -> (Option<(String, Place)>, Option<Vec<DeclaredDependency>>) {
        let path = directory.join(CONTROL);
        let Some(control) = self.keep(read_control(&path)) else {
            return (None, None);
        };
        let package = control
            .package
            .map(|field| (field.text, Place::line(&path, field.line)));
        let dependencies = control.dependencies.into_iter().map(|dependency| {
            let place = Place::line(&path, dependency.line);
            if let Some(stripped) = dependency.stripped {
                self.warnings.push(Warning::Stripped {
                    place: place.clone(),
                    name: dependency.name.clone(),
                    stripped,
                });
            }
            DeclaredDependency {
                name: dependency.name,
                place,
            }
        });
        (package, Some(dependencies.collect()))
    }
}

/// What the top entry of a changelog says.
struct Identity {
    name: ImageName,
    version: Version,
    label: Reference,
    entry: Place,
    dated: Option<DateTime<FixedOffset>>,
}

fn read_identity(directory: &Path, naming: &Naming) -> Result<Identity, Problem> {
    let changelog = directory.join(CHANGELOG);
    let top = parse_top_entry(&read_text(&changelog)?).map_err(|source| Problem::Changelog {
        place: Place::line(&changelog, source.line()),
        source: Box::new(source),
    })?;
    let entry = Place::line(&changelog, top.line);
    let name = top.package.parse().map_err(|source| Problem::Name {
        place: entry.clone(),
        source: Box::new(source),
    })?;
    top.version.as_tag().map_err(|source| Problem::Tag {
        place: entry.clone(),
        source: Box::new(source),
    })?;
    let label = naming.label(&top.package, top.version.as_str());
    let label = label.map_err(|source| Problem::Label {
        place: entry.clone(),
        source: Box::new(source),
    })?;
    Ok(Identity {
        name,
        version: top.version,
        label,
        entry,
        dated: top.date,
    })
}

/// An image without a control file needs what its recipe uses.
fn read_control(path: &Path) -> Result<Control, Problem> {
    let Some(text) = find_text(path)? else {
        return Ok(Control::default());
    };
    parse_control(&text).map_err(|source| Problem::Control {
        place: Place::line(path, source.line()),
        source: Box::new(source),
    })
}

fn read_recipe(directory: &Path) -> Result<Recipe, Problem> {
    let path = directory.join(TEMPLATE);
    if let Some(text) = find_text(&path)? {
        return Ok(Recipe::Template { path, text });
    }
    let path = directory.join(IMAGE_FILE);
    let file = parse_image_file(&read_text(&path)?).map_err(|source| Problem::ImageFile {
        place: match source.line {
            Some(line) => Place::line(&path, line),
            None => Place::file(&path),
        },
        source: Box::new(source),
    })?;
    Ok(Recipe::Declared { path, file })
}
