//! The signed list of an archive's files, `InRelease` (Debian's `RepositoryFormat`, "Release files"; sources.list(5)).
//!
//! ```text
//! Origin: Debian
//! Suite: stable
//! Codename: bookworm
//! Date: Sat, 07 Jun 2025 10:23:47 UTC
//! Acquire-By-Hash: yes
//! Architectures: all amd64 arm64
//! Components: main contrib
//! SHA256:
//!  d0a0325a97c42fd5f66a8c3e29bcea64b9d5cd6a3c39a2ef3a22be8c4f3b7d9a 8788 main/binary-amd64/Packages.xz
//! ```
//!
//! Only what the signature covers is read, and only SHA-256 counts.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveDateTime, Utc};

use super::openpgp::{Keyring, SignatureError, Signer, verify_cleartext};
use super::stanza::{StanzaError, Stanzas, find_field};
use crate::oci::Digest;

/// What the list says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Who made the archive: `Debian`.
    pub origin: Option<String>,
    /// A further name of it: `Debian-Security`.
    pub label: Option<String>,
    /// `stable`, `stable-security`.
    pub suite: Option<String>,
    /// `bookworm`.
    pub codename: Option<String>,
    /// When the list was made.
    pub date: DateTime<Utc>,
    /// Until when it counts.
    pub valid_until: Option<DateTime<Utc>>,
    /// Whether files can be fetched by their hashes.
    pub acquire_by_hash: bool,
    /// Whether packages for all architectures have an index of their own, and are in no other one.
    pub all_is_apart: bool,
    /// The architectures.
    pub architectures: Vec<String>,
    /// The components: `main`.
    pub components: Vec<String>,
    /// The files, by their paths below the list's directory.
    pub files: BTreeMap<String, IndexFile>,
}

/// One file of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexFile {
    /// Its size.
    pub size_bytes: u64,
    /// Its hash.
    pub digest: Digest,
}

/// A list and who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRelease {
    /// What it says.
    pub release: Release,
    /// Who signed it; one at least.
    pub signers: Vec<Signer>,
    /// The hash of the whole file with its signatures.
    pub digest: Digest,
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// It is not signed by a trusted key.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The signed text has no fields.
    #[error("line {} of the signed text: {source}", source.line())]
    Stanza {
        /// Why.
        #[from]
        source: StanzaError,
    },
    /// It has none, or more than one paragraph.
    #[error("the signed text is not one paragraph of fields")]
    Paragraphs,
    /// A field is missing.
    #[error("it has no field `{0}`")]
    Missing(&'static str),
    /// A field says something else than it should.
    #[error("line {line} of the signed text: `{field}` is {expected}, not `{value}`")]
    Value {
        /// The line, counted from 1.
        line: usize,
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        value: String,
    },
    /// A file is listed twice, with different hashes.
    #[error("it lists `{0}` with two different hashes")]
    Twice(String),
    /// Its time is over: a mirror that is not kept, or somebody who plays back an old list.
    #[error("it was valid until {}", .0.format("%Y-%m-%d %H:%M UTC"))]
    Expired(DateTime<Utc>),
    /// It was made in the future.
    #[error("it was made at {}, which is yet to come: is this machine's clock right?", .0.format("%Y-%m-%d %H:%M UTC"))]
    Future(DateTime<Utc>),
}

/// More than any archive's list has; Debian's has 10 MB at most.
pub const LARGEST_RELEASE_BYTES: usize = 64 << 20;
/// Lists are made right before they are fetched by somebody, and clocks differ; apt allows ten seconds.
const CLOCKS_APART: Duration = Duration::minutes(5);

/// Reads a list that a trusted key signed, and that counts at this time.
pub fn parse_in_release(
    bytes: &[u8],
    keyring: &Keyring,
    now: DateTime<Utc>,
) -> Result<SignedRelease, ReleaseError> {
    let verified = verify_cleartext(bytes, keyring, now)?;
    let release = parse_release(&verified.text)?;
    if release.date > now + CLOCKS_APART {
        return Err(ReleaseError::Future(release.date));
    }
    match release.valid_until {
        Some(end) if end < now => Err(ReleaseError::Expired(end)),
        _ => Ok(SignedRelease {
            release,
            signers: verified.signers,
            digest: Digest::of(bytes),
        }),
    }
}

/// Reads the text of a list; whoever does so without a signature trusts whoever gave it.
pub fn parse_release(text: &str) -> Result<Release, ReleaseError> {
    let mut fields = Vec::new();
    let mut stanzas = Stanzas::new(text);
    if stanzas.read_next(&mut fields)?.is_none() || stanzas.read_next(&mut Vec::new())?.is_some() {
        return Err(ReleaseError::Paragraphs);
    }
    let find = |name| find_field(&fields, name);
    let text_of = |name| find(name).map(|field| field.value.to_owned());
    let words = |name| -> Vec<String> {
        let value = find(name).map_or("", |field| field.value);
        value.split_whitespace().map(str::to_owned).collect()
    };
    let date = |name| -> Result<Option<DateTime<Utc>>, ReleaseError> {
        let Some(field) = find(name) else {
            return Ok(None);
        };
        let expected = "a date such as `Sat, 07 Jun 2025 10:23:47 UTC`";
        let value = parse_date(field.value);
        let refused = || refuse(field.line, name, expected, field.value);
        value.ok_or_else(refused).map(Some)
    };
    let listed = find("SHA256").ok_or(ReleaseError::Missing("SHA256"))?;
    let architectures = words("Architectures");
    let all_is_everywhere = words("No-Support-for-Architecture-all");
    Ok(Release {
        all_is_apart: architectures.iter().any(|it| it == "all")
            && !all_is_everywhere.iter().any(|it| it == "Packages"),
        origin: text_of("Origin"),
        label: text_of("Label"),
        suite: text_of("Suite"),
        codename: text_of("Codename"),
        date: date("Date")?.ok_or(ReleaseError::Missing("Date"))?,
        valid_until: date("Valid-Until")?,
        acquire_by_hash: text_of("Acquire-By-Hash").is_some_and(|value| value == "yes"),
        architectures,
        components: words("Components"),
        files: parse_files(listed.line, listed.value)?,
    })
}

fn refuse(line: usize, field: &'static str, expected: &'static str, value: &str) -> ReleaseError {
    ReleaseError::Value {
        line,
        field,
        expected,
        value: value
            .chars()
            .take(120)
            .flat_map(char::escape_debug)
            .collect(),
    }
}

/// Reads a date of RFC 1123, which is in Coordinated Universal Time, whatever it is called.
fn parse_date(text: &str) -> Option<DateTime<Utc>> {
    let (text, zone) = text.rsplit_once(' ')?;
    if !matches!(zone, "UTC" | "GMT" | "Z" | "+0000") {
        return None;
    }
    let time = NaiveDateTime::parse_from_str(text, "%a, %d %b %Y %H:%M:%S").ok()?;
    Some(time.and_utc())
}

fn parse_files(first: usize, value: &str) -> Result<BTreeMap<String, IndexFile>, ReleaseError> {
    let mut files = BTreeMap::new();
    let lines = value.split('\n').enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let expected = "a list of hash, size and path";
        // The value begins in the line below the field's name.
        let refused = || refuse(first + 1 + index, "SHA256", expected, line.trim());
        let mut words = line.split_whitespace();
        let (Some(hash), Some(size), Some(path), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(refused());
        };
        let digest = format!("sha256:{hash}").parse().map_err(|_| refused())?;
        let size_bytes = size.parse().map_err(|_| refused())?;
        if !is_path_below(path) {
            return Err(refused());
        }
        let file = IndexFile { size_bytes, digest };
        match files.insert(path.to_owned(), file.clone()) {
            Some(old) if old != file => return Err(ReleaseError::Twice(path.to_owned())),
            _ => (),
        }
    }
    Ok(files)
}

/// Tells whether a path of an archive leads to a place below it, and can stand in an address as it is.
#[must_use]
pub fn is_path_below(path: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '\\' | '%');
    path.chars().all(is_plain) && path.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "d0a0325a97c42fd5f66a8c3e29bcea64b9d5cd6a3c39a2ef3a22be8c4f3b7d9a";

    fn text(lines: &str) -> String {
        format!("Origin: Test\nSuite: stable\nDate: Sat, 07 Jun 2025 10:23:47 UTC\n{lines}")
    }

    #[test]
    fn the_fields_are_read() {
        let release = parse_release(&text(&format!(
            "Valid-Until: Sat, 14 Jun 2025 10:23:47 UTC\nAcquire-By-Hash: yes\nArchitectures: all amd64\n\
             Components: main contrib\nMD5Sum:\n x y z\nSHA256:\n {HASH} 8788 main/binary-amd64/Packages.xz\n"
        )))
        .expect("a list");
        assert_eq!(release.suite.as_deref(), Some("stable"));
        assert_eq!(release.date.timestamp(), 1_749_291_827);
        let days = release.valid_until.expect("an end") - release.date;
        assert_eq!(days, Duration::days(7));
        assert!(release.acquire_by_hash);
        assert!(release.all_is_apart);
        assert_eq!(release.architectures, ["all", "amd64"]);
        assert_eq!(release.components, ["main", "contrib"]);
        let file = &release.files["main/binary-amd64/Packages.xz"];
        assert_eq!((file.size_bytes, file.digest.hex()), (8788, HASH));
    }

    #[track_caller]
    fn refused(lines: &str, message: &str) {
        let error = parse_release(&text(lines)).expect_err("no list");
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn what_leads_elsewhere_or_says_nothing_is_refused_with_its_line() {
        refused("", "it has no field `SHA256`");
        for path in ["../x", "/x", "a//b", "a/./b", "a/..", "a?b", "a%2e"] {
            refused(
                &format!("SHA256:\n {HASH} 1 ok\n {HASH} 1 {path}\n"),
                &format!(
                    "line 6 of the signed text: `SHA256` is a list of hash, size and path, not `{HASH} 1 {path}`"
                ),
            );
        }
        refused(
            "SHA256:\n abc 1 ok\n",
            "line 5 of the signed text: `SHA256` is a list of hash, size and path, not `abc 1 ok`",
        );
        refused(
            &format!("SHA256:\n {HASH} 1 a\n {HASH} 2 a\n"),
            "it lists `a` with two different hashes",
        );
        refused(
            "Valid-Until: tomorrow\nSHA256:\n",
            "line 4 of the signed text: `Valid-Until` is a date such as `Sat, 07 Jun 2025 10:23:47 UTC`, not `tomorrow`",
        );
        refused(
            "\nSuite: other\n",
            "the signed text is not one paragraph of fields",
        );
        let error = parse_release("Suite: a\nSHA256:\n").expect_err("no date");
        assert_eq!(error.to_string(), "it has no field `Date`");
    }
}
