//! The libraries of a directory, as their headers tell of them.

use std::collections::btree_map::Entry as Place;
use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;

use super::super::filling::{FillError, Filling};
use super::search::MOST_DIRECTORIES;
use crate::elf::{ElfError, Library, read_library};
use crate::loader::{CacheEntry, Hwcaps, System, compare_names, is_file_name, is_name};
use crate::rootfs::{Content, Kind, Node, RootPath};

/// A directory of libraries.
pub(super) struct Directory {
    /// As it is written, and stands in the cache.
    written: Vec<u8>,
    /// Where it is.
    pub(super) path: RootPath,
    /// For which processors it is.
    pub(super) hwcaps: Option<Vec<u8>>,
}

impl Directory {
    /// Finds one, where it is.
    pub(super) fn find(
        filling: &Filling,
        written: Vec<u8>,
        hwcaps: Option<Vec<u8>>,
    ) -> Option<Self> {
        let path = filling
            .tree
            .resolve(&RootPath::parse(&written).ok()?)
            .ok()?;
        let node = filling.tree.find(&path);
        node.is_some_and(Node::is_directory).then_some(Self {
            written,
            path,
            hwcaps,
        })
    }

    /// Gives the place of a name in it, as the cache has it.
    fn place(&self, name: &[u8]) -> Vec<u8> {
        [&self.written, b"/".as_slice(), name].concat()
    }

    /// Finds the directories below it that are for some processors alone.
    pub(super) fn find_hwcaps(&self, filling: &Filling) -> Result<Vec<Self>, FillError> {
        let Some(top) = Self::find(filling, self.place(b"glibc-hwcaps"), None) else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for (path, _) in filling.tree.children(&top.path) {
            let Some((_, name)) = path.split().filter(|(_, name)| may_be_hwcaps(name)) else {
                continue;
            };
            found.extend(Self::find(filling, top.place(name), Some(name.to_vec())));
            if found.len() > MOST_DIRECTORIES {
                let message = format!("{} has more than {MOST_DIRECTORIES} directories", top.path);
                return Err(FillError::Clash(message));
            }
        }
        Ok(found)
    }

    /// Finds the libraries in it, one for each name.
    pub(super) fn find_libraries(
        &self,
        filling: &Filling,
        system: &System,
    ) -> Result<Vec<Found>, FillError> {
        let mut headers = Headers::new(filling);
        let mut libraries: BTreeMap<Vec<u8>, Found> = BTreeMap::new();
        for (path, node) in filling.tree.children(&self.path) {
            let Some((_, name)) = path.split().filter(|(_, name)| may_be_library(name)) else {
                continue;
            };
            let Some(found) = find_library((path, name, node), &mut headers, system)? else {
                continue;
            };
            match libraries.entry(found.soname.clone()) {
                Place::Vacant(place) => {
                    place.insert(found);
                }
                Place::Occupied(mut place) => {
                    if found.is_before(place.get()) {
                        place.insert(found);
                    }
                }
            }
        }
        Ok(libraries.into_values().collect())
    }

    /// Gives what the cache has of a library, if it can have its name.
    pub(super) fn entry(&self, found: Found) -> Option<CacheEntry> {
        let path = match &self.hwcaps {
            None => self.place(&found.soname),
            // No links are made there.
            Some(_) => self.place(&found.file),
        };
        is_name(&found.soname).then(|| CacheEntry {
            path,
            mark: found.mark,
            hwcaps: self.hwcaps.clone().map(|name| Hwcaps {
                name,
                isa_level: found.isa_level,
            }),
            name: found.soname,
        })
    }
}

/// Tells whether a directory is looked into: the variable by which others are named parts them with colons.
fn may_be_hwcaps(name: &[u8]) -> bool {
    !name.starts_with(b".") && !name.contains(&b':')
}

/// Tells whether a file is looked into: `libc.so.6`, `ld-linux.so.2`, `ld64.so.2` (glibc, `_dl_is_dso`).
fn may_be_library(name: &[u8]) -> bool {
    let begins = name.starts_with(b"lib") || name.starts_with(b"ld-");
    let is_loader = name.starts_with(b"ld.so.") || name.starts_with(b"ld64.so.");
    let is_half_written =
        name.windows(11).any(|part| part == b".#prelink#.") || name.ends_with(b".#prelink#");
    let is_library = begins && name.windows(3).any(|part| part == b".so");
    (is_library || is_loader) && !is_half_written
}

/// A library in a directory.
pub(super) struct Found {
    pub(super) soname: Vec<u8>,
    pub(super) file: Vec<u8>,
    pub(super) is_link: bool,
    mark: u32,
    isa_level: u16,
}

impl Found {
    /// Files come before links, and newer ones before older ones.
    fn is_before(&self, other: &Self) -> bool {
        match (self.is_link, other.is_link) {
            (false, true) => true,
            (true, false) => false,
            _ => compare_names(&self.file, &other.file).is_gt(),
        }
    }
}

fn find_library(
    (path, name, node): (&RootPath, &[u8], &Node),
    headers: &mut Headers<'_>,
    system: &System,
) -> Result<Option<Found>, FillError> {
    let is_link = matches!(node.kind, Kind::Link(_));
    let Some(library) = headers.read(path)? else {
        return Ok(None);
    };
    let Some(mark) = system.mark(&library) else {
        return Ok(None);
    };
    let mut soname = library.soname.unwrap_or_else(|| name.to_vec());
    // A link for compilers, `liba.so`, is a name of its own; one of another name is as good as a file.
    let is_for_compilers = name.ends_with(b".so") && soname.starts_with(name);
    let is_link = is_link && (name == soname || is_for_compilers);
    if is_link {
        soname = name.to_vec();
    }
    Ok(is_file_name(&soname).then(|| Found {
        soname,
        file: name.to_vec(),
        is_link,
        mark,
        isa_level: library.isa_level,
    }))
}

/// The headers of libraries, each of which is read once, however many names lead to it.
struct Headers<'a> {
    filling: &'a Filling,
    known: HashMap<*const Node, Option<Library>>,
}

impl<'a> Headers<'a> {
    fn new(filling: &'a Filling) -> Self {
        Self {
            filling,
            known: HashMap::new(),
        }
    }

    /// Reads a library, behind links as well; what is none is nothing.
    fn read(&mut self, path: &RootPath) -> Result<Option<Library>, FillError> {
        let behind = self.filling.tree.resolve(path).ok();
        let Some(node) = behind.and_then(|behind| self.filling.tree.find(&behind)) else {
            return Ok(None);
        };
        if let Some(library) = self.known.get(&std::ptr::from_ref(node)) {
            return Ok(library.clone());
        }
        let library = read(self.filling, node).map_err(|source| FillError::Read {
            path: path.to_string(),
            source,
        })?;
        self.known.insert(node, library.clone());
        Ok(library)
    }
}

fn read(filling: &Filling, node: &Node) -> std::io::Result<Option<Library>> {
    let read = match &node.kind {
        Kind::File(Content::Held(bytes)) => read_library(&mut Cursor::new(bytes)),
        Kind::File(Content::Stored(extent)) => read_library(&mut filling.volumes.open(extent)?),
        _ => return Ok(None),
    };
    match read {
        Ok(library) => Ok(Some(library)),
        Err(ElfError::Read(source)) => Err(source),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::samples::Sample;

    #[test]
    fn files_are_looked_into_by_their_names() {
        for name in [
            "libc.so.6",
            "ld-linux.so.2",
            "liba.so",
            "ld.so.1",
            "ld64.so.2",
        ] {
            assert!(may_be_library(name.as_bytes()), "{name}");
        }
        for name in [
            "a.so.1",
            "libc.a",
            "ld.so",
            "ld64.so",
            "xld.so.1",
            "ld.so.1.#prelink#",
        ] {
            assert!(!may_be_library(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn headers_of_a_file_of_many_names_are_read_once() {
        let mut filling = Filling::new(0);
        let bytes = Sample::named("liba.so.1").bytes();
        filling
            .file("/lib/liba.so.1.2", &bytes, 0o644)
            .expect("a file");
        for (link, to) in [
            ("liba.so.1", "liba.so.1.2"),
            ("liba.so", "liba.so.1"),
            ("libx.so", "none"),
        ] {
            filling.link(&format!("/lib/{link}"), to).expect("a link");
        }
        let mut headers = Headers::new(&filling);
        for name in ["liba.so.1.2", "liba.so.1", "liba.so"] {
            let path = RootPath::parse(format!("lib/{name}").as_bytes()).expect("a path");
            let library = headers.read(&path).expect("bytes").expect("a library");
            assert_eq!(library.soname.as_deref(), Some(&b"liba.so.1"[..]));
        }
        let path = RootPath::parse(b"lib/libx.so").expect("a path");
        assert_eq!(headers.read(&path).expect("nothing"), None);
        assert_eq!(headers.known.len(), 1);
    }
}
