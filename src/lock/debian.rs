//! A lock of Debian's packages.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::checksum::checksum_of;
use super::kinds::LockError;
use crate::apk::LockConfig;
use crate::debian::{Version, is_package_name, is_path_below};
use crate::oci::Digest;

/// A lock of Debian's packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DebianLock {
    version: Shape,
    /// What it was made from.
    pub config: LockConfig,
    /// What was chosen for each architecture, in the order of their names.
    #[serde(serialize_with = "one_or_several")]
    pub contents: Vec<DebianPins>,
}

/// The shapes that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Shape {
    /// For one architecture.
    #[serde(rename = "debian-1")]
    One,
    /// For several, `contents` being a list.
    #[serde(rename = "debian-2")]
    Several,
}

fn one_or_several<S: Serializer>(all: &[DebianPins], serializer: S) -> Result<S::Ok, S::Error> {
    match all {
        [one] => one.serialize(serializer),
        all => all.serialize(serializer),
    }
}

/// Packages of Debian, each with its file, and what they were chosen from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DebianPins {
    /// The architecture in Debian's words: `amd64`.
    #[serde(deserialize_with = "architecture")]
    pub architecture: String,
    /// What they were chosen from, in the order in which it is preferred.
    pub archives: Vec<ArchivePin>,
    /// The packages, by their names.
    pub packages: Vec<Pin>,
}

/// What a suite of an archive listed when packages were chosen from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchivePin {
    /// `bookworm`.
    #[serde(deserialize_with = "word")]
    pub suite: String,
    /// `main`.
    pub components: Vec<String>,
    /// Where it lies, as far as the declaration says so; nothing where settings or the machine do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uris: Vec<String>,
    /// The SHA-256 of the file with its keys, where that is one of the image's directory.
    #[serde(
        default,
        deserialize_with = "some_sha256",
        skip_serializing_if = "Option::is_none"
    )]
    pub keys: Option<String>,
    /// The SHA-256 of its `InRelease`, 64 lower-case hex digits.
    #[serde(deserialize_with = "sha256")]
    pub release: String,
    /// When that was made: `2026-11-15T10:38:02Z`.
    #[serde(deserialize_with = "date")]
    pub date: String,
}

/// One package in exactly one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Its name.
    #[serde(deserialize_with = "name")]
    pub name: String,
    /// Its version.
    #[serde(deserialize_with = "version")]
    pub version: String,
    /// The architecture of the lock, or `all`.
    #[serde(deserialize_with = "architecture")]
    pub architecture: String,
    /// Its file, below the address of the archive.
    #[serde(deserialize_with = "path")]
    pub path: String,
    /// The size of the file.
    pub size: u64,
    /// The SHA-256 of the file, 64 lower-case hex digits.
    #[serde(deserialize_with = "sha256")]
    pub sha256: String,
    /// The archive that lists it, as [`name_archives`] names it.
    pub archive: String,
}

/// Names archives: each by its suite, and behind the first one of a name by a number (`stable#2`).
#[must_use]
pub fn name_archives<'a>(suites: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let names = suites.into_iter().map(|suite| {
        let count = seen.entry(suite).or_default();
        *count += 1;
        match *count {
            1 => suite.to_owned(),
            count => format!("{suite}#{count}"),
        }
    });
    names.collect()
}

impl ArchivePin {
    /// Takes down a list.
    #[must_use]
    pub fn new(suite: &str, components: &[String], release: (&Digest, DateTime<Utc>)) -> Self {
        Self {
            suite: suite.to_owned(),
            components: components.to_vec(),
            uris: Vec::new(),
            keys: None,
            release: release.0.hex().to_owned(),
            date: release.1.to_rfc3339_opts(SecondsFormat::Secs, true),
        }
    }
}

impl Pin {
    /// Gives the hash of the file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        // It is 64 hex digits, or was never read.
        format!("sha256:{}", self.sha256)
            .parse()
            .unwrap_or_else(|_| Digest::of(b""))
    }
}

impl DebianPins {
    /// Gives the names of the archives, as packages have them.
    #[must_use]
    pub fn archive_names(&self) -> Vec<String> {
        name_archives(self.archives.iter().map(|archive| archive.suite.as_str()))
    }

    /// Finds what does not go together: the package, and why.
    fn find_fault(&self) -> Option<(String, &'static str)> {
        let archives: HashSet<String> = self.archive_names().into_iter().collect();
        let mut last: Option<&str> = None;
        for pin in &self.packages {
            let fault = if ![self.architecture.as_str(), "all"].contains(&&*pin.architecture) {
                Some("is for another architecture than the lock")
            } else if !archives.contains(&pin.archive) {
                Some("names an archive that the lock does not have")
            } else if last.is_some_and(|last| last >= pin.name.as_str()) {
                Some("does not stand in the order of names, or twice")
            } else {
                None
            };
            if let Some(fault) = fault {
                return Some((pin.name.clone(), fault));
            }
            last = Some(&pin.name);
        }
        None
    }
}

impl DebianLock {
    /// Makes the lock of a declaration; `name` is that of its file.
    #[must_use]
    pub fn new(name: &str, texts: &[String], mut contents: Vec<DebianPins>) -> Self {
        contents.sort_by(|one, other| one.architecture.cmp(&other.architecture));
        Self {
            version: Shape::of(&contents),
            config: LockConfig {
                name: name.to_owned(),
                checksum: checksum_of(texts),
            },
            contents,
        }
    }

    /// Finds what was chosen for an architecture.
    #[must_use]
    pub fn find(&self, architecture: &str) -> Option<&DebianPins> {
        let mut all = self.contents.iter();
        all.find(|pins| pins.architecture == architecture)
    }

    /// Gives the architectures.
    pub fn architectures(&self) -> impl Iterator<Item = &str> {
        self.contents.iter().map(|pins| pins.architecture.as_str())
    }

    /// Gives all packages, an architecture after the other.
    pub fn pins(&self) -> impl Iterator<Item = (&DebianPins, &Pin)> {
        let all = self.contents.iter();
        all.flat_map(|pins| pins.packages.iter().map(move |pin| (pins, pin)))
    }

    /// Renders the text of the file, with a line feed at its end.
    pub fn render(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Reads a lock of this shape.
    pub(super) fn parse(text: &str) -> Result<Self, LockError> {
        let of = |error: serde_json::Error| LockError::of(&error);
        let head: Head = serde_json::from_str(text).map_err(of)?;
        let (config, contents) = match head.version {
            Shape::One => {
                let written: Written<DebianPins> = serde_json::from_str(text).map_err(of)?;
                (written.config, vec![written.contents])
            }
            Shape::Several => {
                let written: Written<Vec<DebianPins>> = serde_json::from_str(text).map_err(of)?;
                (written.config, written.contents)
            }
        };
        let mut pairs = contents.windows(2);
        let is_sorted = pairs.all(|pair| pair[0].architecture < pair[1].architecture);
        if head.version != Shape::of(&contents) || !is_sorted {
            return Err(LockError::Architectures);
        }
        if let Some((name, fault)) = contents.iter().find_map(DebianPins::find_fault) {
            let quoted = format!("\"name\": \"{name}\"");
            let at = text.lines().position(|line| line.contains(&quoted));
            return Err(LockError::Package {
                name,
                fault,
                line: at.map(|index| index + 1),
            });
        }
        Ok(Self {
            version: head.version,
            config,
            contents,
        })
    }
}

impl Shape {
    fn of(contents: &[DebianPins]) -> Self {
        match contents {
            [] | [_] => Self::One,
            _ => Self::Several,
        }
    }
}

/// What is looked at first.
#[derive(Deserialize)]
struct Head {
    version: Shape,
}

/// The lock as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<T> {
    #[serde(rename = "version")]
    _version: Shape,
    config: LockConfig,
    contents: T,
}

/// Reads a text that has to be something.
fn read<'de, D: Deserializer<'de>>(
    deserializer: D,
    expected: &str,
    is_fine: impl Fn(&str) -> bool,
) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_fine(&text) {
        return Ok(text);
    }
    let message = format!("`{}` is {expected}", text.escape_debug());
    Err(D::Error::custom(message))
}

fn architecture<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    read(deserializer, "no architecture", |text| {
        let is_fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !text.is_empty() && text.bytes().all(is_fine)
    })
}

fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    read(deserializer, "no suite", |text| {
        let is_strange = |c: char| c.is_whitespace() || c.is_control() || c == '#';
        !text.is_empty() && !text.contains(is_strange)
    })
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    read(deserializer, "no name of a package", is_package_name)
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    read(deserializer, "no version of Debian's", |text| {
        text.parse::<Version>()
            .is_ok_and(|version| version.as_str() == text)
    })
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    read(deserializer, "no path below an archive", is_path_below)
}

fn some_sha256<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    sha256(deserializer).map(Some)
}

fn sha256<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    read(deserializer, "no SHA-256 in 64 lower-case digits", |text| {
        let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        text.len() == 64 && text.bytes().all(is_digit)
    })
}

fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    read(
        deserializer,
        "no date such as 2026-11-21T07:30:00Z",
        |text| DateTime::parse_from_rfc3339(text).is_ok(),
    )
}
