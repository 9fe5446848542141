//! Finds image directories and reads their files.
//!
//! An image directory holds a `changelog` and a recipe, `Dockerfile.template` or `image.yaml`. Directories nest; linked
//! directories are not followed.
//!
//! What is given was there at one moment, though nothing is locked: once all is read, no change of several files is under way
//! around it, and each file is still the one that was read. Otherwise all of it is read again.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset};
use walkdir::{DirEntry, WalkDir};

use super::{Problem, Warning};
use crate::catalog::{Catalog, DeclaredDependency, Image, ImageName, Recipe};
use crate::debian::{Control, Version, parse_control, parse_top_entry};
use crate::declared::parse_image_file;
use crate::host::fs::{FileError, find_text, read_text};
use crate::host::{WORKSHOP, has_unfinished_changes, is_being_changed};
use crate::oci::Reference;
use crate::place::Place;
use crate::settings::Naming;

const CHANGELOG: &str = "changelog";
const CONTROL: &str = "control";
const TEMPLATE: &str = "Dockerfile.template";
const IMAGE_FILE: &str = "image.yaml";

/// So long a run that changes files is waited for; it takes a blink of an eye.
const PATIENCE: Duration = Duration::from_secs(2);
const GLANCE: Duration = Duration::from_millis(20);

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
    let Scan {
        images,
        warnings,
        mut problems,
        directories,
        ..
    } = read_at_rest(roots, naming);
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

/// Reads until nothing changes meanwhile; what does not come to rest is a problem.
fn read_at_rest<'a>(roots: &[PathBuf], naming: &'a Naming) -> Scan<'a> {
    let began = Instant::now();
    loop {
        let mut scan = Scan::read(roots, naming);
        // In this order: a change that is over by now is seen by what it has put into the place of a file.
        let changing = scan.find_changing();
        let moved = scan.find_moved();
        let is_live = |root: &PathBuf| is_being_changed(root) || !has_unfinished_changes(root);
        let is_moving = moved.is_some() || changing.iter().any(is_live);
        if !is_moving || began.elapsed() >= PATIENCE {
            let unfinished = if changing.is_empty() {
                moved.into_iter().collect()
            } else {
                changing
            };
            let unfinished = unfinished.into_iter().map(Problem::Unfinished);
            scan.problems.splice(0..0, unfinished);
            return scan;
        }
        std::thread::sleep(GLANCE);
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
    /// All directories in which a change may be under way: those that were read, and those above the roots.
    around: BTreeSet<PathBuf>,
    /// The changelogs and control files, as they were before they were read.
    read: Vec<(PathBuf, Stamp)>,
}

/// What tells a file from one that was put in its place: device, inode, and the time of its last change.
type Stamp = (u64, u64, i64, i64);

fn stamp(file: &Metadata) -> Stamp {
    (file.dev(), file.ino(), file.ctime(), file.ctime_nsec())
}

impl<'a> Scan<'a> {
    fn read(roots: &[PathBuf], naming: &'a Naming) -> Self {
        let mut scan = Self {
            naming,
            inside: find_real(roots),
            images: Vec::new(),
            warnings: Vec::new(),
            problems: Vec::new(),
            directories: Vec::new(),
            seen: BTreeSet::new(),
            around: BTreeSet::new(),
            read: Vec::new(),
        };
        for root in roots {
            scan.root(root);
        }
        scan
    }

    fn find_changing(&self) -> Vec<PathBuf> {
        let around = self.around.iter();
        let changing = around.filter(|directory| has_unfinished_changes(directory));
        changing.cloned().collect()
    }

    /// Finds the directory of a file that is another one by now.
    fn find_moved(&self) -> Option<PathBuf> {
        let is_same = |(path, before): &&(PathBuf, Stamp)| {
            path.metadata().is_ok_and(|file| stamp(&file) == *before)
        };
        let (path, _) = self.read.iter().find(|one| !is_same(one))?;
        path.parent().map(Path::to_owned)
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
        let above = real.ancestors().skip(1);
        self.around.extend(above.map(Path::to_owned));
        let walk = WalkDir::new(root).sort_by_file_name().into_iter();
        let is_walked =
            |entry: &DirEntry| entry.file_name() != ".git" && entry.file_name() != WORKSHOP;
        for entry in walk.filter_entry(is_walked) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {
                    self.around.insert(entry.path().to_owned());
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
                let found = self.keep(checked);
                let found = found.filter(|_| [CHANGELOG, CONTROL].contains(&name));
                self.read.extend(found.map(|file| (path, stamp(&file))));
            }
        }
        self.problems.len() == before
    }

    fn check_file(&self, path: &Path) -> Result<Metadata, Problem> {
        let refuse = |source| FileError::new("read", path, source);
        let mut file = path.symlink_metadata().map_err(refuse)?;
        // The walk follows no link, so what is none lies below the root.
        if file.is_symlink() {
            let target = path.canonicalize().map_err(refuse)?;
            if !self.inside.iter().any(|root| target.starts_with(root)) {
                let link = path.to_owned();
                return Err(Problem::LinkOut { link, target });
            }
            file = target.metadata().map_err(refuse)?;
        }
        if file.is_file() {
            return Ok(file);
        }
        let what = if file.is_dir() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs::{create_directory, write_atomically};
    use crate::host::{Change, Changes};

    fn changelog(name: &str, version: &str) -> String {
        format!("{name} ({version}) d; urgency=high\n\n  * x\n")
    }

    /// Two roots with an image each.
    fn tree() -> (tempfile::TempDir, [PathBuf; 2]) {
        let top = tempfile::tempdir().unwrap();
        let roots = ["a", "b"].map(|name| {
            let root = top.path().join(name);
            let image = root.join(name);
            create_directory(&image).unwrap();
            write_atomically(&image.join(CHANGELOG), changelog(name, "1").as_bytes()).unwrap();
            write_atomically(&image.join(TEMPLATE), b"FROM scratch\n").unwrap();
            root
        });
        (top, roots)
    }

    #[test]
    fn a_change_that_begins_and_ends_while_files_are_read_is_noticed() {
        let (top, roots) = tree();
        let naming = Naming::default();
        let mut scan = Scan::read(&roots[..1], &naming);
        assert_eq!(scan.find_moved(), None);
        let changes = ["a", "b"].map(|name| Change {
            path: top.path().join(name).join(name).join(CHANGELOG),
            old: changelog(name, "1"),
            new: changelog(name, "2"),
        });
        Changes::begin(&roots).unwrap().make(&changes).unwrap();
        // The second root is new, and the first was old when it was read.
        scan.inside = find_real(&roots);
        scan.root(&roots[1]);
        assert!(scan.find_changing().is_empty(), "it is over");
        assert_eq!(scan.find_moved(), Some(roots[0].join("a")));
    }

    #[test]
    fn a_run_that_changes_files_is_waited_for_and_one_that_was_killed_is_not() {
        let (_top, roots) = tree();
        let naming = Naming::default();
        let changes = Changes::begin(&roots).unwrap();
        let workshop = roots[0].join(WORKSHOP);
        create_directory(&workshop).unwrap();
        write_atomically(&workshop.join("journal"), b"").unwrap();
        let ended = std::thread::spawn(move || {
            std::thread::sleep(10 * GLANCE);
            std::fs::remove_dir_all(workshop).unwrap();
            drop(changes);
        });
        let scanned = scan_directories(&roots, &naming);
        ended.join().unwrap();
        assert!(scanned.problems.is_empty(), "{:?}", scanned.problems);
        assert_eq!(scanned.catalog.iter().count(), 2);

        let workshop = roots[1].join(WORKSHOP);
        create_directory(&workshop).unwrap();
        write_atomically(&workshop.join("journal"), b"").unwrap();
        let began = Instant::now();
        let scanned = scan_directories(&roots, &naming);
        assert!(began.elapsed() < PATIENCE);
        assert!(
            matches!(&scanned.problems[..], [Problem::Unfinished(root)] if *root == roots[1]),
            "{:?}",
            scanned.problems
        );
    }
}
