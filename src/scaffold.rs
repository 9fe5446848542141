//! A new image directory: all of its files, written where nobody looks and given its name at the end.
//!
//! ```text
//! images/web/   changelog   control   Dockerfile.template   test.sh
//! ```

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use chrono::{DateTime, FixedOffset};

use crate::catalog::ImageName;
use crate::debian::{Author, EntryForm, NewEntry, Version};
use crate::host::fs::{FileError, write_atomically};
use crate::host::{ChangeError, Changes};

/// What the new image is.
#[derive(Clone, Debug)]
pub struct Scaffold {
    /// Its name.
    pub name: ImageName,
    /// What it is built on, as templates name it.
    pub from: String,
    /// Whether that is an image of the catalog, so that `control` declares it.
    pub kind: ParentKind,
    /// Its first version.
    pub version: Version,
    /// Where it goes: `distribution` of the settings.
    pub distribution: String,
    /// Who makes it.
    pub author: Author,
    /// When.
    pub date: DateTime<FixedOffset>,
}

/// Where the image comes from that a new one is built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentKind {
    /// From the catalog.
    Catalog,
    /// From elsewhere.
    Base,
}

/// One file of an image directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Its name in the directory.
    pub name: &'static str,
    /// What it holds.
    pub text: String,
    /// Its mode.
    pub mode: u32,
}

impl Scaffold {
    /// Gives the files.
    #[must_use]
    pub fn files(&self) -> Vec<NewFile> {
        let Self { name, author, .. } = self;
        let entry = NewEntry {
            package: name.to_string(),
            version: self.version.clone(),
            distribution: self.distribution.clone(),
            form: EntryForm::Items,
            reason: "New image.".to_owned(),
            author: author.clone(),
            date: self.date,
        };
        let depends = match self.kind {
            ParentKind::Catalog => format!("Build-Depends: {}\n", self.from),
            ParentKind::Base => String::new(),
        };
        let control = format!(
            "Package: {name}\nMaintainer: {} <{}>\n{depends}Description: {name}\n",
            author.name, author.email
        );
        let template = format!(
            "FROM {{{{ \"{}\" | image_tag }}}}\n\n\
             {{# RUN {{{{ \"curl ca-certificates\" | apt_install }}}} #}}\n\n\
             USER {{{{ \"nobody\" | uid }}}}\n",
            self.from
        );
        let test = "#!/bin/sh\n\
                    # Called with the image's label; what does not end with 0 is not published.\n\
                    set -eu\n\
                    docker run --rm \"$1\" true\n";
        let file = |name, text, mode| NewFile { name, text, mode };
        vec![
            file("changelog", entry.to_string(), 0o644),
            file("control", control, 0o644),
            file("Dockerfile.template", template, 0o644),
            file("test.sh", test.to_owned(), 0o755),
        ]
    }
}

/// Writes the files of an image directory that is not there yet: all of them, or none.
pub fn write_scaffold(
    changes: &Changes,
    directory: &Path,
    files: &[NewFile],
) -> Result<(), ChangeError> {
    if directory.symlink_metadata().is_ok() {
        let fault = io::ErrorKind::AlreadyExists.into();
        return Err(FileError::new("create", directory, fault).into());
    }
    changes.make_directory(directory, |beside| {
        // Without its changelog, which is the first of them, a directory is no image.
        files.iter().rev().try_for_each(|file| {
            let path = beside.join(file.name);
            write_atomically(&path, file.text.as_bytes())?;
            std::fs::set_permissions(&path, Permissions::from_mode(file.mode))
                .map_err(|source| FileError::new("write", &path, source))
        })
    })
}
