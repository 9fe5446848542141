//! Reads the files of one image directory, and keeps which ones they were.

use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};

use super::walk::{CHANGELOG, CONTROL, Files, Found, IMAGE_FILE, Kind, TEMPLATE};
use super::{ImageDirectory, Problem, Warning};
use crate::catalog::{DeclaredDependency, Image, ImageName, Recipe};
use crate::debian::{Version, parse_control, parse_top_entry};
use crate::declared::{ImageFileError, parse_image_file};
use crate::host::cause;
use crate::host::fs::{FileError, Stamp, read_stamped_text, read_text};
use crate::oci::{Reference, Tag};
use crate::place::Place;
use crate::settings::Naming;

/// What a directory gives.
#[derive(Default)]
pub(super) struct Read {
    pub(super) image: Option<Image>,
    pub(super) warnings: Vec<Warning>,
    pub(super) problems: Vec<Problem>,
    /// The changelog and the control file.
    pub(super) sources: Vec<Source>,
}

/// A file that was read, or that was gone when it was to be.
pub(super) struct Source {
    pub(super) path: PathBuf,
    kind: Kind,
    stamp: Option<Stamp>,
}

impl Source {
    /// Tells whether the file is still the one that was read.
    pub(super) fn is_same(&self) -> bool {
        self.stamp.is_some() && self.stamp == self.kind.find_stamp(&self.path)
    }
}

/// Reads an image; its links may lead to what is below `inside`, roots without links.
pub(super) fn read_image(found: &Found, inside: &[PathBuf], naming: &Naming) -> Read {
    let mut read = Read::default();
    let ImageDirectory { directory, root } = &found.place;
    if !read.check_files(directory, found.files, inside) {
        return read;
    }
    let recipes: Vec<PathBuf> = found
        .files
        .recipes()
        .map(|(name, _)| directory.join(name))
        .collect();
    if recipes.len() > 1 {
        read.problems.push(Problem::TwoRecipes {
            directory: directory.clone(),
            places: recipes.iter().map(|path| Place::file(path)).collect(),
        });
        return read;
    }
    read.image = read.image(directory, root, found.files, naming);
    read
}

impl Read {
    /// Tells whether all files of an image are regular ones below the roots; the problems are kept.
    fn check_files(&mut self, directory: &Path, files: Files, inside: &[PathBuf]) -> bool {
        // What lies in a directory lies below the root, since the walk follows no link.
        for (name, kind) in files.all().filter(|(_, kind)| *kind != Kind::File) {
            let checked = check_file(&directory.join(name), kind, inside);
            self.keep(checked);
        }
        self.problems.is_empty()
    }

    /// Reads all files of an image before it is given up, so that the faults of all of them are told.
    fn image(
        &mut self,
        directory: &Path,
        root: &Path,
        files: Files,
        naming: &Naming,
    ) -> Option<Image> {
        let changelog = directory.join(CHANGELOG);
        let text = self.source(&changelog, files.find(CHANGELOG)?);
        let identity = text.and_then(|text| {
            let identity = parse_identity(&changelog, &text, naming);
            self.keep(identity)
        });
        let recipe = read_recipe(directory, root, files);
        let recipe = self.keep(recipe);
        // An image without a control file needs what its recipe uses.
        let (package, dependencies) = match files.find(CONTROL) {
            Some(kind) => self.control(&directory.join(CONTROL), kind),
            None => (None, Some(Vec::new())),
        };
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

    /// Reads a file that a change of several files may put another one in the place of.
    fn source(&mut self, path: &Path, kind: Kind) -> Option<String> {
        let read = read_stamped_text(path);
        let stamp = match &read {
            Ok((_, stamp)) => Some(*stamp),
            // It was listed, and is gone.
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => None,
            Err(_) => kind.find_stamp(path),
        };
        self.sources.push(Source {
            path: path.to_owned(),
            kind,
            stamp,
        });
        self.keep(read.map(|(text, _)| text).map_err(Problem::from))
    }

    /// Gives the name in the control file with its place, and what the image needs.
    fn control(
        &mut self,
        path: &Path,
        kind: Kind,
    ) -> (Option<(String, Place)>, Option<Vec<DeclaredDependency>>) {
        let control = self.source(path, kind).and_then(|text| {
            let control = parse_control(&text).map_err(|source| Problem::Control {
                place: Place::line(path, source.line()),
                source: Box::new(source),
            });
            self.keep(control)
        });
        let Some(control) = control else {
            return (None, None);
        };
        let package = control
            .package
            .map(|field| (field.text, Place::line(path, field.line)));
        let dependencies = control.dependencies.into_iter().map(|dependency| {
            let place = Place::line(path, dependency.line);
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

fn check_file(path: &Path, kind: Kind, inside: &[PathBuf]) -> Result<(), Problem> {
    let refuse = |source| FileError::new("read", path, source);
    let mut real = path.to_owned();
    if kind == Kind::Link {
        real = path.canonicalize().map_err(refuse)?;
        if !inside.iter().any(|root| real.starts_with(root)) {
            return Err(Problem::LinkOut {
                link: path.to_owned(),
                target: real,
            });
        }
    }
    let file = real.symlink_metadata().map_err(refuse)?;
    if file.is_file() {
        return Ok(());
    }
    let what = if file.is_dir() {
        "it is a directory"
    } else {
        "it is no regular file"
    };
    Err(refuse(io::Error::other(what)).into())
}

/// What the top entry of a changelog says.
struct Identity {
    name: ImageName,
    version: Version,
    label: Reference,
    entry: Place,
    dated: Option<DateTime<FixedOffset>>,
}

fn parse_identity(changelog: &Path, text: &str, naming: &Naming) -> Result<Identity, Problem> {
    let top = parse_top_entry(text).map_err(|source| Problem::Changelog {
        place: Place::line(changelog, source.line()),
        source: Box::new(source),
    })?;
    let entry = Place::line(changelog, top.line);
    let name = top.package.parse().map_err(|source| Problem::Name {
        place: entry.clone(),
        source: Box::new(source),
    })?;
    let tag = top.version.as_tag().map_err(|source| Problem::Tag {
        place: entry.clone(),
        source: Box::new(source),
    })?;
    if [Tag::latest(), Tag::incoming()].contains(&tag) {
        return Err(Problem::ReservedTag { place: entry, tag });
    }
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

fn read_recipe(directory: &Path, root: &Path, files: Files) -> Result<Recipe, Problem> {
    let path = directory.join(TEMPLATE);
    if files.find(TEMPLATE).is_some() {
        let text = read_text(&path)?;
        return Ok(Recipe::Template { path, text });
    }
    let path = directory.join(IMAGE_FILE);
    // Each file names the next one from where it stands itself.
    let mut from = directory.to_owned();
    let mut last = path.clone();
    let mut read_included = |_: Option<&str>, name: &str| {
        let included = from.join(name);
        let text = read_included(&included, root)?;
        included.parent().unwrap_or(directory).clone_into(&mut from);
        last = included;
        Ok(text)
    };
    let read = parse_image_file(&read_text(&path)?, &mut read_included);
    let file = read.map_err(|source| {
        let path = if source.file.is_some() { &last } else { &path };
        Problem::ImageFile {
            place: match source.line {
                Some(line) => Place::line(path, line),
                None => Place::file(path),
            },
            source: Box::new(source),
        }
    })?;
    let file = Box::new(file);
    Ok(Recipe::Declared { path, file })
}

/// Reads a file that an `image.yaml` includes; it has to lie in the same tree, also by its links.
fn read_included(path: &Path, root: &Path) -> Result<String, ImageFileError> {
    let fail = |message: String| ImageFileError {
        message,
        line: None,
        file: None,
    };
    let real = |path: &Path| {
        let found = path.canonicalize();
        found.map_err(|error| fail(format!("`include`: {}: {error}", path.display())))
    };
    let (real_path, real_root) = (real(path)?, real(root)?);
    if !real_path.starts_with(&real_root) {
        let message = format!(
            "`include` leaves the directory of images: {}",
            path.display()
        );
        return Err(fail(message));
    }
    read_text(&real_path).map_err(|error| fail(format!("`include`: {}", cause(&error))))
}
