//! Which directories libraries are taken from: those of `ld.so.conf` and of what it includes, then the loader's own.

use std::collections::BTreeSet;

use super::super::filling::{FillError, Filling, parse};
use crate::loader::{Directive, Pattern, SYSTEMS, System, parse_conf};
use crate::rootfs::{Kind, RootPath};

pub(super) const CONF: &str = "/etc/ld.so.conf";
/// No image comes near these; what they bound is the time and the memory that files of anybody's cost.
pub(super) const MOST_FILES: usize = 512;
pub(super) const MOST_DIRECTORIES: usize = 512;
pub(super) const MOST_PATTERNS: usize = 512;
pub(super) const MOST_BYTES: u64 = 1 << 20;
/// Steps of comparing names with patterns: less than a second.
const MOST_STEPS: usize = 1 << 26;

/// Finds the machine whose loader an image has.
pub(super) fn find_system(filling: &Filling) -> Result<Option<&'static System>, FillError> {
    for system in SYSTEMS {
        // Links without an end lead to no loader.
        let Ok(path) = filling.tree.resolve(&parse(system.loader)?) else {
            continue;
        };
        let node = filling.tree.find(&path);
        if node.is_some_and(|node| matches!(node.kind, Kind::File(_))) {
            return Ok(Some(system));
        }
    }
    Ok(None)
}

/// Gives the directories in the order in which the loader takes libraries of them: those that are configured, then its own.
pub(super) fn find_directories(
    filling: &Filling,
    system: &System,
) -> Result<Vec<Vec<u8>>, FillError> {
    let mut search = Search {
        filling,
        directories: Vec::new(),
        files: BTreeSet::new(),
        patterns: 0,
        left_bytes: MOST_BYTES,
        left_steps: MOST_STEPS,
    };
    search.read_conf(&parse(CONF)?)?;
    for usual in list_usual(filling, system) {
        search.add_directory(usual.into_bytes())?;
    }
    Ok(search.directories)
}

/// Gives the loader's own directories, in its order.
fn list_usual(filling: &Filling, system: &System) -> Vec<String> {
    let usual = ["/lib", "/usr/lib"];
    let of_debian = usual.map(|top| format!("{top}/{}", system.triplet));
    let is_there = |path: &str| filling.find(path).is_ok_and(|node| node.is_some());
    if of_debian.iter().any(|path| is_there(path)) {
        let all = of_debian.into_iter().chain(usual.map(str::to_owned));
        all.collect()
    } else {
        let all = |top: &str| ["", "64", "x32"].map(|kind| format!("{top}{kind}"));
        usual.into_iter().flat_map(all).collect()
    }
}

/// The directories that are found, and what of the bounds is left.
struct Search<'a> {
    filling: &'a Filling,
    directories: Vec<Vec<u8>>,
    /// Each file counts once.
    files: BTreeSet<RootPath>,
    patterns: usize,
    left_bytes: u64,
    left_steps: usize,
}

impl Search<'_> {
    fn add_directory(&mut self, directory: Vec<u8>) -> Result<(), FillError> {
        if self.directories.len() == MOST_DIRECTORIES {
            let message = format!("names more than {MOST_DIRECTORIES} directories");
            return Err(refuse(&message));
        }
        self.directories.push(directory);
        Ok(())
    }

    /// Adds the directories that a file and those that it includes name.
    fn read_conf(&mut self, path: &RootPath) -> Result<(), FillError> {
        // Links without an end lead to no file.
        let Ok(resolved) = self.filling.tree.resolve(path) else {
            return Ok(());
        };
        if self.files.contains(&resolved) {
            return Ok(());
        }
        if self.files.len() == MOST_FILES {
            return Err(too_many_files());
        }
        let text = self.read(&resolved)?;
        self.files.insert(resolved);
        for directive in parse_conf(&text) {
            match directive {
                Directive::Directory(directory) => self.add_directory(directory)?,
                Directive::Include(pattern) => {
                    for path in self.find_included(path, &pattern)? {
                        self.read_conf(&path)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Reads a file, and nothing where there is none.
    fn read(&mut self, path: &RootPath) -> Result<Vec<u8>, FillError> {
        let node = self.filling.tree.find(path);
        if let Some(Kind::File(content)) = node.map(|node| &node.kind) {
            let left = self.left_bytes.checked_sub(content.size_bytes());
            self.left_bytes = left.ok_or_else(|| {
                refuse(&format!(
                    "and what it includes have more than {MOST_BYTES} bytes"
                ))
            })?;
        }
        Ok(self.filling.read_at(path)?.unwrap_or_default())
    }

    /// Finds the files of a pattern, in the order of their paths.
    fn find_included(
        &mut self,
        from: &RootPath,
        pattern: &[u8],
    ) -> Result<Vec<RootPath>, FillError> {
        self.patterns += 1;
        if self.patterns > MOST_PATTERNS {
            let message = format!("includes more than {MOST_PATTERNS} patterns of files");
            return Err(refuse(&message));
        }
        let names = Pattern::parse_path(pattern);
        let names = names.map_err(|error| refuse(&format!("includes a pattern, and {error}")))?;
        let mut found = match (pattern.first(), from.split()) {
            (Some(b'/'), _) | (_, None) => vec![RootPath::root()],
            (_, Some((directory, _))) => vec![directory],
        };
        for name in &names {
            let mut deeper = Vec::new();
            for directory in &found {
                self.add_named(directory, name, &mut deeper)?;
            }
            found = deeper;
        }
        let tree = &self.filling.tree;
        found.retain(|path| {
            let path = tree.resolve(path).ok();
            let node = path.and_then(|path| tree.find(&path));
            node.is_some_and(|node| matches!(node.kind, Kind::File(_)))
        });
        Ok(found)
    }

    /// Adds what a directory has of a pattern.
    fn add_named(
        &mut self,
        directory: &RootPath,
        pattern: &Pattern,
        found: &mut Vec<RootPath>,
    ) -> Result<(), FillError> {
        let tree = &self.filling.tree;
        let Ok(directory) = tree.resolve(directory) else {
            return Ok(());
        };
        let mut add = |path: RootPath| {
            found.push(path);
            if found.len() > MOST_FILES {
                return Err(too_many_files());
            }
            Ok(())
        };
        if let Some(name) = pattern.name() {
            // What climbs is not followed.
            let path = directory.try_join(&name).ok().filter(|_| name != b"..");
            return match path.filter(|path| tree.find(path).is_some()) {
                Some(path) => add(path),
                None => Ok(()),
            };
        }
        for (path, _) in tree.children(&directory) {
            let Some((_, name)) = path.split() else {
                continue;
            };
            let left = self.left_steps.checked_sub(pattern.most_steps(name));
            self.left_steps = left.ok_or_else(|| refuse("has patterns that take too long"))?;
            if pattern.is_match(name) {
                add(path.clone())?;
            }
        }
        Ok(())
    }
}

fn refuse(why: &str) -> FillError {
    FillError::Clash(format!("`{CONF}` {why}"))
}

fn too_many_files() -> FillError {
    refuse(&format!("includes more than {MOST_FILES} files"))
}
