//! A declared image for each of its architectures: what is the same for all of them, and a place for each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::declared::Came;
use crate::assemble::Making;
use crate::declared::{Architecture, ImageFile};
use crate::host::fs::{FileError, create_directory};
use crate::host::machine_architecture;

/// A declaration on its way to the image of each architecture.
pub(super) struct Each<'a> {
    file: &'a ImageFile,
    directory: &'a Path,
    labels: BTreeMap<String, String>,
    created: DateTime<Utc>,
    /// Where what is made lies.
    places: BTreeMap<Architecture, PathBuf>,
}

impl<'a> Each<'a> {
    /// Makes a place for each architecture below `scratch`; one alone needs none of its own.
    pub(super) fn new(
        (file, directory): (&'a ImageFile, &'a Path),
        labels: BTreeMap<String, String>,
        created: DateTime<Utc>,
        scratch: &Path,
    ) -> Result<Self, FileError> {
        let architectures = file.architectures_or(machine_architecture());
        let mut places = BTreeMap::new();
        for architecture in &architectures {
            let place = match architectures.as_slice() {
                [_] => scratch.to_owned(),
                _ => scratch.join(architecture.apk),
            };
            create_directory(&place)?;
            places.insert(*architecture, place);
        }
        Ok(Self {
            file,
            directory,
            labels,
            created,
            places,
        })
    }

    /// Gives the architectures with their places.
    pub(super) fn places(&self) -> impl Iterator<Item = (Architecture, &Path)> {
        let places = self.places.iter();
        places.map(|(architecture, place)| (*architecture, place.as_path()))
    }

    /// Says what the image of an architecture is made of, but for its packages; who listens is told which one it is, where there
    /// are several.
    pub(super) fn begin<'b>(
        &'b self,
        (architecture, scratch): (Architecture, &'b Path),
        came: Came<'_>,
    ) -> Making<'b> {
        if self.places.len() > 1 {
            came(&format!("for {}", architecture.platform()));
        }
        Making {
            packages: None,
            changes: &self.file.changes,
            runtime: &self.file.runtime,
            architecture,
            layering: self.file.layering,
            directory: self.directory,
            labels: self.labels.clone(),
            created: self.created,
            scratch,
        }
    }
}
