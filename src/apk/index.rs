//! An index of a repository, `APKINDEX.tar.gz`: a signature, and a tar with `DESCRIPTION` and `APKINDEX`.
//!
//! ```text
//! C:Q1m6wB0UFePGN8Drz82pC8y2uAiu8=
//! P:pretend-baselayout
//! V:1.0.0-r0
//! D:busybox so:libc.musl-x86_64.so.1
//!
//! C:…
//! ```
//!
//! The signature is of all bytes behind it. Letters that are not known are passed over, as apk does.

use std::io::Cursor;

use super::gzip::{GzipError, Source};
use super::key::{Trust, TrustError, check, find_content, read_signatures};
use super::record::{Draft, Field, Record, RecordError};
use crate::rootfs::{TarError, Volume, read_tar};

/// What an index says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// The text of `DESCRIPTION`, a name and a version of the repository; empty where there is none.
    pub description: String,
    /// The packages in their order.
    pub records: Vec<Record>,
    /// Those that cannot be used.
    pub skipped: Vec<Skipped>,
}

/// A package of an index that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The line of `APKINDEX` that is at fault, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub error: RecordError,
}

/// Why an index cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// It is no gzip, or larger than any.
    #[error(transparent)]
    Gzip(#[from] GzipError),
    /// What is compressed is no tar.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// It is not trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// It holds something that no index has.
    #[error("it holds `{0}`, which no index of packages does")]
    Foreign(String),
    /// There is no list of packages in it.
    #[error("it holds no `APKINDEX`")]
    NoList,
    /// A text in it is no UTF-8.
    #[error("`{0}` in it is no UTF-8")]
    Text(&'static str),
    /// A line is none of a list.
    #[error("line {line} of `APKINDEX` is no letter, colon and value")]
    Line {
        /// The line, counted from 1.
        line: usize,
    },
    /// A line is longer than any.
    #[error("line {line} of `APKINDEX` has more than {LONGEST_LINE_BYTES} bytes")]
    LongLine {
        /// The line, counted from 1.
        line: usize,
    },
}

/// That of the largest repository has some tens of megabytes.
const LARGEST_BYTES: u64 = 300 << 20;
/// A signature has some hundreds of bytes for each key.
const LARGEST_SIGNATURE_BYTES: u64 = 1 << 20;
const LONGEST_LINE_BYTES: usize = 1 << 20;

/// Reads the bytes of `APKINDEX.tar.gz`, which have to be signed as `trust` says.
pub fn parse_index(bytes: &[u8], trust: Trust<'_>) -> Result<Index, IndexError> {
    let limit_bytes = match trust {
        Trust::Unsigned => LARGEST_BYTES,
        // Nothing is known of who wrote it as long as no signature was checked.
        Trust::Keys(_) | Trust::KeysIfSigned(_) => LARGEST_SIGNATURE_BYTES,
    };
    let mut source = Source::new(bytes);
    let first = match source.member(limit_bytes) {
        Err(GzipError::Large { .. }) if limit_bytes < LARGEST_BYTES => {
            check(trust, &[], bytes)?;
            return parse_index(bytes, Trust::Unsigned);
        }
        first => first?,
    };
    let signed = usize::try_from(first.part.end).ok();
    let signed = signed.and_then(|start| bytes.get(start..));
    let mut tar = first.bytes;
    match (read_signatures(&tar)?, signed) {
        (Some(signatures), Some(signed)) => {
            check(trust, &signatures, signed)?;
            tar.clear();
        }
        _ => check(trust, &[], bytes)?,
    }
    if signed.is_some_and(|signed| !signed.is_empty()) {
        source.rest(LARGEST_BYTES - tar.len() as u64, &mut tar)?;
    }
    parse_tar(&tar)
}

fn parse_tar(tar: &[u8]) -> Result<Index, IndexError> {
    let mut description = String::new();
    let mut list = None;
    for entry in read_tar(&mut Cursor::new(tar), Volume(0))? {
        let name = entry.path.as_bytes();
        let content = find_content(tar, &entry);
        match (name, content) {
            (b"DESCRIPTION", Some(text)) => {
                let text = std::str::from_utf8(text);
                let text = text.map_err(|_| IndexError::Text("DESCRIPTION"))?;
                text.trim_end().clone_into(&mut description);
            }
            (b"APKINDEX", Some(text)) => {
                let text = std::str::from_utf8(text);
                list = Some(text.map_err(|_| IndexError::Text("APKINDEX"))?);
            }
            _ => {
                let name = String::from_utf8_lossy(name).into_owned();
                return Err(IndexError::Foreign(name));
            }
        }
    }
    let (records, skipped) = parse_list(list.ok_or(IndexError::NoList)?)?;
    Ok(Index {
        description,
        records,
        skipped,
    })
}

/// Reads the text of `APKINDEX`: records between blank lines, and those that cannot be used.
pub(super) fn parse_list(text: &str) -> Result<(Vec<Record>, Vec<Skipped>), IndexError> {
    let mut records = Vec::new();
    let mut skipped = Vec::new();
    let mut draft: Option<(usize, Draft)> = None;
    let mut fault = None;
    let mut end = |draft: Option<(usize, Draft)>, fault: Option<Skipped>| {
        let Some((line, draft)) = draft else { return };
        let finished = draft.finish(None).map_err(|error| Skipped { line, error });
        match (fault, finished) {
            (Some(fault), _) | (None, Err(fault)) => skipped.push(fault),
            (None, Ok(record)) => records.push(record),
        }
    };
    for (line, text) in (1..).zip(text.lines()) {
        if text.is_empty() {
            end(draft.take(), fault.take());
            continue;
        }
        if text.len() > LONGEST_LINE_BYTES {
            return Err(IndexError::LongLine { line });
        }
        let (letter, value) = text
            .split_once(':')
            .filter(|(letter, _)| letter.chars().count() == 1)
            .ok_or(IndexError::Line { line })?;
        let (_, draft) = draft.get_or_insert_with(|| (line, Draft::default()));
        let set = field(letter).map_or(Ok(()), |field| draft.set(field, value));
        if let Err(error) = set {
            fault.get_or_insert(Skipped { line, error });
        }
    }
    end(draft, fault);
    Ok((records, skipped))
}

fn field(letter: &str) -> Option<Field> {
    Some(match letter {
        "C" => Field::Checksum,
        "P" => Field::Name,
        "V" => Field::Version,
        "A" => Field::Architecture,
        "S" => Field::Size,
        "I" => Field::InstalledSize,
        "T" => Field::Description,
        "U" => Field::Url,
        "L" => Field::License,
        "o" => Field::Origin,
        "m" => Field::Maintainer,
        "t" => Field::Built,
        "c" => Field::Commit,
        "D" => Field::Depends,
        "i" => Field::InstallIf,
        "p" => Field::Provides,
        "k" => Field::Priority,
        "r" => Field::Replaces,
        _ => return None,
    })
}
