//! New changelog entries for an image and for everything that depends on it.
//!
//! [`prepare`] reads the changelogs and gives what they are to hold; a dry run prints that, and a run writes the same. Neither
//! engine nor registry is asked.

use std::path::PathBuf;

use chrono::{DateTime, FixedOffset};
use similar::TextDiff;

use crate::catalog::{ImageId, ImageName};
use crate::debian::{
    Author, ChangelogError, NewEntry, Version, VersionError, insert_entry, parse_top_entry,
};
use crate::host::Change;
use crate::host::fs::{FileError, read_text};
use crate::oci::TagError;
use crate::place::Place;
use crate::scan::Loaded;

/// What the new entries say.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The image.
    pub image: ImageId,
    /// Its new version; the next rebuild where there is none.
    pub version: Option<Version>,
    /// Why.
    pub reason: String,
    /// Whether a version may sort lower than the one before it.
    pub order: Order,
    /// Who writes.
    pub author: Author,
    /// When.
    pub date: DateTime<FixedOffset>,
}

/// What the settings say of new entries.
#[derive(Clone, Copy, Debug)]
pub struct Habits<'a> {
    /// `distribution`.
    pub distribution: &'a str,
    /// `update_id`.
    pub update_id: &'a str,
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

/// Prepares the entries: the image first, then what depends on it through any chain, each after what it needs.
pub fn prepare(
    loaded: &Loaded,
    wish: &Wish,
    habits: Habits<'_>,
) -> Result<Vec<Update>, UpdateErrors> {
    let dependants = loaded.graph.dependants([wish.image]);
    let order = loaded.graph.order().iter().copied();
    let images = [wish.image]
        .into_iter()
        .chain(order.filter(|id| *id != wish.image && dependants.contains(id)));
    let mut updates = Vec::new();
    let mut errors = Vec::new();
    for id in images {
        match prepare_one(loaded, id, wish, habits) {
            Ok(update) => updates.push(update),
            // The settings are at fault, and so for every image.
            Err(error @ UpdateError::UpdateId { .. }) => return Err(UpdateErrors(vec![error])),
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
    id: ImageId,
    wish: &Wish,
    habits: Habits<'_>,
) -> Result<Update, UpdateError> {
    let image = loaded.catalog.image(id);
    let (place, name, old) = (&image.entry, &image.name, &image.version);
    let asked = wish.version.clone().filter(|_| id == wish.image);
    let new = match asked {
        Some(version) => version,
        None => old.next_rebuild(habits.update_id).map_err(|source| {
            let (old, source) = (Box::new(old.clone()), Box::new(source));
            UpdateError::UpdateId { old, source }
        })?,
    };
    if wish.order == Order::Ascending && !new.may_follow(old) {
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
    let reason = if id == wish.image {
        wish.reason.clone()
    } else {
        let parent = &loaded.catalog.image(wish.image).name;
        format!(
            "Refresh for update in parent image {parent}:\n{}",
            wish.reason
        )
    };
    let entry = NewEntry {
        package: name.to_string(),
        version: new.clone(),
        distribution: habits.distribution.to_owned(),
        reason,
        author: wish.author.clone(),
        date: wish.date,
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
        image: id,
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
            old: self.old_text.clone(),
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
