//! Finds image directories and reads their files.
//!
//! An image directory holds a `changelog` and a recipe, `Dockerfile.template` or `image.yaml`. Directories nest; linked
//! directories are not followed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::{Problem, Warning};
use crate::catalog::{Catalog, DeclaredDependency, Image, Recipe};
use crate::debian::{parse_control, parse_top_entry};
use crate::declared::parse_image_file;
use crate::host::fs::{find_text, read_text};
use crate::place::Place;
use crate::settings::Naming;

const CHANGELOG: &str = "changelog";
const CONTROL: &str = "control";
const TEMPLATE: &str = "Dockerfile.template";
const IMAGE_FILE: &str = "image.yaml";

/// Reads all image directories below the roots.
pub fn scan_directories(
    roots: &[PathBuf],
    naming: &Naming,
) -> Result<(Catalog, Vec<Warning>), Vec<Problem>> {
    let mut scan = Scan {
        naming,
        images: Vec::new(),
        warnings: Vec::new(),
        problems: Vec::new(),
        seen: BTreeSet::new(),
    };
    for root in roots {
        scan.root(root);
    }
    let Scan {
        images,
        warnings,
        mut problems,
        ..
    } = scan;
    let catalog = Catalog::new(images).map_err(|duplicates| {
        problems.extend(duplicates.into_iter().map(|duplicate| Problem::Duplicate {
            name: duplicate.name,
            places: duplicate.places,
        }));
    });
    match catalog {
        Ok(catalog) if problems.is_empty() => Ok((catalog, warnings)),
        _ => Err(problems),
    }
}

struct Scan<'a> {
    naming: &'a Naming,
    images: Vec<Image>,
    warnings: Vec<Warning>,
    problems: Vec<Problem>,
    /// Roots may overlap; each directory counts once.
    seen: BTreeSet<PathBuf>,
}

impl Scan<'_> {
    fn root(&mut self, root: &Path) {
        if !root.is_dir() {
            self.problems.push(Problem::NoDirectory(root.to_owned()));
            return;
        }
        let walk = WalkDir::new(root).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(|entry| entry.file_name() != ".git") {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => self.directory(root, entry.path()),
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
        let recipes: Vec<&PathBuf> = [&template, &image_file]
            .into_iter()
            .filter(|path| path.is_file())
            .collect();
        match (changelog.is_file(), recipes.as_slice()) {
            (false, []) => (),
            (false, [recipe, ..]) => self.warnings.push(Warning::NoChangelog {
                place: Place::file(recipe),
            }),
            (true, []) => self.warnings.push(Warning::NoRecipe {
                place: Place::file(&changelog),
            }),
            (true, [_, _, ..]) => self
                .problems
                .push(Problem::TwoRecipes(directory.to_owned())),
            (true, [_]) => {
                let real = directory
                    .canonicalize()
                    .unwrap_or_else(|_| directory.to_owned());
                if self.seen.insert(real) {
                    match self.image(root, directory) {
                        Ok(image) => self.images.push(image),
                        Err(problem) => self.problems.push(problem),
                    }
                }
            }
        }
    }

    fn image(&mut self, root: &Path, directory: &Path) -> Result<Image, Problem> {
        let changelog = directory.join(CHANGELOG);
        let top =
            parse_top_entry(&read_text(&changelog)?).map_err(|source| Problem::Changelog {
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
        let label = self.naming.label(&top.package, top.version.as_str());
        let label = label.map_err(|source| Problem::Label {
            place: entry.clone(),
            source: Box::new(source),
        })?;
        Ok(Image {
            name,
            version: top.version,
            label,
            directory: directory.to_owned(),
            root: root.to_owned(),
            entry,
            recipe: read_recipe(directory)?,
            dependencies: self.dependencies(directory)?,
        })
    }

    fn dependencies(&mut self, directory: &Path) -> Result<Vec<DeclaredDependency>, Problem> {
        let path = directory.join(CONTROL);
        let Some(text) = find_text(&path)? else {
            return Ok(Vec::new());
        };
        let control = parse_control(&text).map_err(|source| Problem::Control {
            place: Place::line(&path, source.line()),
            source: Box::new(source),
        })?;
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
        Ok(dependencies.collect())
    }
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
