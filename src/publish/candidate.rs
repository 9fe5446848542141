//! Whether the tags of candidates are free: a version may begin with a letter, and then only the changelogs know it.

use std::collections::BTreeMap;

use super::target::{CandidateTag, Target};
use crate::catalog::Catalog;
use crate::debian::parse_readable_entries;
use crate::host::fs::{FileError, read_text};
use crate::place::Place;

/// The tag of a candidate that is a version.
#[derive(Debug, thiserror::Error)]
#[error("`--tag {}` is a version of a changelog, and versions do not move", tag.tag())]
pub struct TakenTag {
    /// The tag.
    pub tag: CandidateTag,
    /// The entry that has it as its version.
    pub place: Place,
}

/// Finds the first candidate that is the version of an entry in a changelog, the newest or any before.
pub fn check_candidates(
    target: &Target,
    catalog: &Catalog,
) -> Result<Result<(), TakenTag>, FileError> {
    let wanted = target.candidates.iter();
    let wanted: BTreeMap<&str, &CandidateTag> =
        wanted.map(|tag| (tag.tag().as_str(), tag)).collect();
    if wanted.is_empty() {
        return Ok(Ok(()));
    }
    for (_, image) in catalog.iter() {
        let path = image.entry.path();
        // What cannot be read of old entries is for the audit to tell.
        let (entries, _) = parse_readable_entries(&read_text(path)?);
        for entry in entries {
            if let Some(&tag) = wanted.get(entry.version.as_str()) {
                return Ok(Err(TakenTag {
                    tag: tag.clone(),
                    place: Place::line(path, entry.header_line),
                }));
            }
        }
    }
    Ok(Ok(()))
}
