//! From the entries that are wanted to the texts of their changelogs.

use std::path::PathBuf;

use chrono::{DateTime, FixedOffset};
use similar::TextDiff;

use crate::catalog::{ImageId, ImageName};
use crate::debian::{
    Author, BumpError, ChangelogError, EntryForm, NewEntry, Version, VersionError, insert_entry,
    parse_top_entry,
};
use crate::host::Change;
use crate::host::fs::{FileError, read_text};
use crate::oci::TagError;
use crate::place::Place;
use crate::scan::Loaded;

/// An entry that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The image.
    pub image: ImageId,
    /// Its new version.
    pub version: Version,
    /// Whether the version may sort lower than the one before it.
    pub order: Order,
    /// Why.
    pub reason: String,
}

/// What all entries of a run have in common.
#[derive(Clone, Debug)]
pub struct Signature {
    /// `distribution` of the settings.
    pub distribution: String,
    /// How the reasons are written.
    pub form: EntryForm,
    /// Who writes.
    pub author: Author,
    /// When.
    pub date: DateTime<FixedOffset>,
}

/// Which versions may follow another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Higher ones ([`Version::may_follow`]).
    Ascending,
    /// All of them.
    Any,
}

/// One changelog with its new entry.
#[derive(Clone, Debug)]
pub struct Update {
    /// The image.
    pub image: ImageId,
    /// The version before.
    pub old: Version,
    /// The version of the new entry.
    pub new: Version,
    /// The changelog.
    pub path: PathBuf,
    old_text: String,
    new_text: String,
}

/// Why there is no new entry for an image.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The changelog cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The version would not sort after the one that is there.
    #[error("version `{new}` of `{name}` does not sort after `{old}`, which is there")]
    NotHigher {
        /// The header of the top entry.
        place: Place,
        /// The image.
        name: ImageName,
        /// The version that is there.
        old: Box<Version>,
        /// The version that was asked for.
        new: Box<Version>,
    },
    /// The version cannot be a tag.
    #[error("version {source}")]
    Tag {
        /// The header of the top entry.
        place: Place,
        /// Why.
        source: TagError,
    },
    /// The version has no part that could go up.
    #[error("the version of `{name}` cannot go up by itself: {source}")]
    Bump {
        /// The header of the top entry.
        place: Place,
        /// The image.
        name: ImageName,
        /// Why.
        source: BumpError,
    },
    /// `update_id` makes no version.
    #[error("`update_id` gives no version behind `{old}`: {source}")]
    UpdateId {
        /// The version that is there.
        old: Box<Version>,
        /// Why.
        source: Box<VersionError>,
    },
    /// The entry cannot stand in a changelog, or the file has changed since it was scanned.
    #[error("the changelog of `{name}` cannot take this entry: {source}")]
    Entry {
        /// The header of the top entry.
        place: Place,
        /// The image.
        name: ImageName,
        /// Why.
        source: Box<ChangelogError>,
    },
    /// The file has another top entry than when the catalog was read.
    #[error("the changelog of `{name}` has changed since it was read")]
    Moved {
        /// The header of the top entry, as it was.
        place: Place,
        /// The image.
        name: ImageName,
    },
}

/// All that is in the way of an update, never nothing.
#[derive(Debug)]
pub struct UpdateErrors(pub Vec<UpdateError>);

impl std::fmt::Display for UpdateErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for UpdateErrors {}

/// Reads the changelogs and puts the entries into them; nothing is written.
pub fn prepare(
    loaded: &Loaded,
    drafts: Vec<Draft>,
    signature: &Signature,
) -> Result<Vec<Update>, UpdateErrors> {
    let mut updates = Vec::new();
    let mut errors = Vec::new();
    for draft in drafts {
        match prepare_one(loaded, draft, signature) {
            Ok(update) => updates.push(update),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(updates)
    } else {
        Err(UpdateErrors(errors))
    }
}

fn prepare_one(
    loaded: &Loaded,
    draft: Draft,
    signature: &Signature,
) -> Result<Update, UpdateError> {
    let image = loaded.catalog.image(draft.image);
    let (place, name, old, new) = (&image.entry, &image.name, &image.version, draft.version);
    if draft.order == Order::Ascending && !new.may_follow(old) {
        return Err(UpdateError::NotHigher {
            place: place.clone(),
            name: name.clone(),
            old: Box::new(old.clone()),
            new: Box::new(new),
        });
    }
    new.as_tag().map_err(|source| UpdateError::Tag {
        place: place.clone(),
        source,
    })?;
    let entry = NewEntry {
        package: name.to_string(),
        version: new.clone(),
        distribution: signature.distribution.clone(),
        form: signature.form,
        reason: draft.reason,
        author: signature.author.clone(),
        date: signature.date,
    };
    let path = place.path().to_owned();
    let old_text = read_text(&path)?;
    let is_same = parse_top_entry(&old_text).is_ok_and(|top| top.version.as_str() == old.as_str());
    if !is_same {
        let (place, name) = (place.clone(), name.clone());
        return Err(UpdateError::Moved { place, name });
    }
    let new_text = insert_entry(&old_text, &entry).map_err(|source| UpdateError::Entry {
        place: place.clone(),
        name: name.clone(),
        source: Box::new(source),
    })?;
    Ok(Update {
        image: draft.image,
        old: old.clone(),
        new,
        path,
        old_text,
        new_text,
    })
}

impl Update {
    /// Gives what is to be written.
    #[must_use]
    pub fn change(&self) -> Change {
        Change {
            path: self.path.clone(),
            old: Some(self.old_text.clone()),
            new: self.new_text.clone(),
        }
    }

    /// Gives the difference as patch(1) takes it, with the paths as they were given.
    #[must_use]
    pub fn diff(&self) -> String {
        let path = self.path.display().to_string();
        TextDiff::from_lines(&self.old_text, &self.new_text)
            .unified_diff()
            .header(&path, &path)
            .to_string()
    }
}
