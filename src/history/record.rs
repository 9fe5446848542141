//! One entry of one changelog, with what the entries around it say.

use std::path::Path;

use chrono::{DateTime, FixedOffset};

use super::{Reason, parse_reason};
use crate::debian::{Entry, Version};
use crate::place::Place;

/// An entry of a catalog's changelogs.
#[derive(Clone, Debug)]
pub struct Record {
    /// The image whose changelog it is, by its present name; the entry may have another one.
    pub image: String,
    /// The entry.
    pub entry: Entry,
    /// The version of the entry below it.
    pub previous: Option<Version>,
    /// Why, as it is compared and shown.
    pub reason: Reason,
    /// The header of the entry.
    pub place: Place,
    /// When the next dated entry below was written: this one is not older, as far as anybody knows.
    pub not_before: Option<DateTime<FixedOffset>>,
    /// When the next dated entry above was written: this one is not newer.
    pub not_after: Option<DateTime<FixedOffset>>,
}

/// Gives the entries of one changelog, newest first as in the file.
#[must_use]
pub fn records(image: &str, changelog: &Path, entries: Vec<Entry>) -> Vec<Record> {
    let mut previous: Vec<Option<Version>> = entries
        .iter()
        .skip(1)
        .map(|entry| Some(entry.version.clone()))
        .collect();
    previous.push(None);
    let both = entries.into_iter().zip(previous);
    let mut records: Vec<Record> = both
        .map(|(entry, previous)| Record {
            image: image.to_owned(),
            reason: parse_reason(&entry.body),
            place: Place::line(changelog, entry.header_line),
            previous,
            not_before: None,
            not_after: None,
            entry,
        })
        .collect();
    let mut last = None;
    for record in &mut records {
        record.not_after = last;
        last = record.entry.date.or(last);
    }
    last = None;
    for record in records.iter_mut().rev() {
        record.not_before = last;
        last = record.entry.date.or(last);
    }
    records
}
