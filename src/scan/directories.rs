//! Finds image directories and reads their files.
//!
//! An image directory holds a `changelog` and a recipe, `Dockerfile.template` or `image.yaml`. Directories nest; linked
//! directories are not followed.
//!
//! What is given was there at one moment, though nothing is locked: once all is read, no change of several files is under way
//! around it, and each file is still the one that was read. Otherwise all of it is read again.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::read::{Source, read_image};
use super::walk::Walked;
use super::{Problem, Warning};
use crate::catalog::{Catalog, Image};
use crate::host::{has_unfinished_changes, in_parallel, is_being_changed};
use crate::settings::Naming;

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
fn read_at_rest(roots: &[PathBuf], naming: &Naming) -> Scan {
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

#[derive(Default)]
struct Scan {
    images: Vec<Image>,
    warnings: Vec<Warning>,
    problems: Vec<Problem>,
    directories: Vec<ImageDirectory>,
    around: Vec<PathBuf>,
    sources: Vec<Source>,
}

impl Scan {
    fn read(roots: &[PathBuf], naming: &Naming) -> Self {
        /// Fewer images than this are read before a thread has started.
        const WORTH_A_THREAD: usize = 32;
        let inside = find_real(roots);
        let walked = Walked::through(roots);
        let read = in_parallel(&walked.found, WORTH_A_THREAD, |found| {
            read_image(found, &inside, naming)
        });
        let found = walked.found.into_iter();
        let mut scan = Self {
            problems: walked.problems,
            directories: found.map(|found| found.place).collect(),
            around: walked.around,
            ..Self::default()
        };
        // In the order of directories, whether they are read or passed over.
        let mut passed_over = walked.warnings.into_iter().peekable();
        for (number, one) in read.into_iter().enumerate() {
            while let Some((_, warning)) = passed_over.next_if(|(before, _)| *before <= number) {
                scan.warnings.push(warning);
            }
            scan.images.extend(one.image);
            scan.warnings.extend(one.warnings);
            scan.problems.extend(one.problems);
            scan.sources.extend(one.sources);
        }
        scan.warnings
            .extend(passed_over.map(|(_, warning)| warning));
        scan
    }

    fn find_changing(&self) -> Vec<PathBuf> {
        let around = self.around.iter();
        let changing = around.filter(|directory| has_unfinished_changes(directory));
        // Those of roots that overlap come twice.
        let changing: BTreeSet<&PathBuf> = changing.collect();
        changing.into_iter().cloned().collect()
    }

    /// Finds the directory of a file that is another one by now.
    fn find_moved(&self) -> Option<PathBuf> {
        let moved = self.sources.iter().find(|source| !source.is_same())?;
        moved.path.parent().map(Path::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::super::walk::{CHANGELOG, TEMPLATE};
    use super::*;
    use crate::host::fs::{create_directory, write_atomically};
    use crate::host::{Change, Changes, WORKSHOP};

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
            old: Some(changelog(name, "1")),
            new: changelog(name, "2"),
        });
        Changes::begin(&roots).unwrap().make(&changes).unwrap();
        // The second root is new, and the first was old when it was read.
        let second = Scan::read(&roots[1..], &naming);
        scan.around.extend(second.around);
        scan.sources.extend(second.sources);
        assert!(scan.find_changing().is_empty(), "it is over");
        assert_eq!(scan.find_moved(), Some(roots[0].join("a")));
    }

    #[test]
    fn a_file_that_is_written_to_or_goes_while_files_are_read_is_noticed() {
        let (_top, roots) = tree();
        let naming = Naming::default();
        let changelog = roots[0].join("a").join(CHANGELOG);
        let scan = Scan::read(&roots, &naming);
        assert_eq!(scan.find_moved(), None);
        // The clock by which a change is dated ticks a few hundred times in a second.
        std::thread::sleep(GLANCE);
        std::fs::File::options()
            .append(true)
            .open(&changelog)
            .and_then(|file| file.set_len(1))
            .unwrap();
        assert_eq!(scan.find_moved(), changelog.parent().map(Path::to_owned));

        let walked = Walked::through(&roots);
        std::fs::remove_file(&changelog).unwrap();
        let read = read_image(&walked.found[0], &roots, &naming);
        write_atomically(&changelog, b"").unwrap();
        let scan = Scan {
            sources: read.sources,
            ..Scan::default()
        };
        assert_eq!(scan.find_moved(), changelog.parent().map(Path::to_owned));
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
