//! Where the packages of a declaration come from: which suites, at which addresses, and who signs them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::assemble::has_updates;
use crate::debian::{Mirrors, SignedBy, Source};
use crate::declared::{DebianArchive, DebianSource};
use crate::host::fs::resolve;
use crate::lock::{DebianPins, name_archives};
use crate::mirror::{Archive, Location, MirrorError};

/// Where Debian's own package of its keys has them.
const DEBIANS_KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// One suite of an archive that packages are chosen from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Where it lies.
    pub uris: Vec<String>,
    /// `bookworm`.
    pub suite: String,
    /// `main`.
    pub components: Vec<String>,
    /// The file of the keys that sign it; nothing for those that the machine trusts.
    pub signed_by: Option<PathBuf>,
    /// Whether the declaration itself says where it lies.
    pub is_declared: bool,
}

/// Lists the suites of a declaration in `directory`, earlier ones preferred among equal versions. A release has its updates and
/// its security suite with it; it lies at `mirrors`, which are asked for by its name, and refused there where one is not known.
pub fn list_origins<E>(
    archive: &DebianArchive,
    directory: &Path,
    mirrors: impl FnOnce(&str) -> Result<Mirrors, E>,
) -> Result<Vec<Origin>, E> {
    let release = |uri: &str, suite: String, components: &[String]| Origin {
        uris: vec![uri.to_owned()],
        suite,
        components: components.to_vec(),
        signed_by: find_keys(None, directory),
        is_declared: false,
    };
    match archive {
        DebianArchive::Sources(sources) => {
            let each = sources
                .iter()
                .flat_map(|source| of_source(source, directory));
            Ok(each.collect())
        }
        DebianArchive::Release { suite, components } => {
            let mirrors = mirrors(suite)?;
            let mut origins = vec![release(&mirrors.main, suite.clone(), components)];
            if has_updates(suite) {
                let updates = format!("{suite}-updates");
                origins.push(release(&mirrors.main, updates, components));
                let security = mirrors.security.iter();
                origins.extend(
                    security.map(|uri| release(uri, format!("{suite}-security"), components)),
                );
            }
            Ok(origins)
        }
    }
}

fn of_source<'a>(
    source: &'a DebianSource,
    directory: &'a Path,
) -> impl Iterator<Item = Origin> + 'a {
    source.suites.iter().map(move |suite| Origin {
        uris: source.uris.clone(),
        suite: suite.clone(),
        components: source.components.clone(),
        signed_by: find_keys(source.signed_by.as_deref(), directory),
        is_declared: true,
    })
}

fn find_keys(signed_by: Option<&str>, directory: &Path) -> Option<PathBuf> {
    match signed_by {
        // Keyrings are named by absolute paths, and directories as the user wrote them.
        Some(file) => Some(resolve(&directory.join(file))),
        None => Some(DEBIANS_KEYS.into()).filter(|keys: &PathBuf| keys.is_file()),
    }
}

impl Origin {
    /// Reads the keys, for who fetches what is listed there.
    pub fn archive(&self) -> Result<Archive, MirrorError> {
        let named = self.signed_by.as_ref();
        let named = named.map(|path| SignedBy::Named(vec![path.display().to_string()]));
        let archives = Archive::of_source(&Source {
            uris: self.uris.clone(),
            suites: vec![self.suite.clone()],
            components: self.components.clone(),
            architectures: Vec::new(),
            signed_by: named,
        })?;
        let one = archives.into_iter().next();
        one.ok_or_else(|| MirrorError::NoAddress(self.suite.clone()))
    }

    /// Gives where its files lie; no key is needed for files whose hashes are known.
    pub fn places(&self) -> Result<Vec<Location>, MirrorError> {
        let places = self.uris.iter().map(|uri| Location::parse(uri));
        Ok(places.collect::<Result<_, _>>()?)
    }
}

/// Finds where the files of each archive of a lock lie; nothing for one that the declaration does not have on this machine.
pub fn find_places(
    pins: &DebianPins,
    origins: &[Origin],
) -> Result<Vec<Vec<Location>>, MirrorError> {
    let names = name_archives(origins.iter().map(|origin| origin.suite.as_str()));
    let origins: HashMap<&str, &Origin> = names.iter().map(String::as_str).zip(origins).collect();
    let places = pins.archive_names().into_iter().map(|archive| {
        let origin = origins.get(archive.as_str());
        origin.map_or_else(|| Ok(Vec::new()), |origin| origin.places())
    });
    places.collect()
}
