//! The index of an archive's packages, `Packages` (Debian's `RepositoryFormat`, "Packages indices").
//!
//! ```text
//! Package: hello
//! Version: 2.10-3
//! Architecture: amd64
//! Depends: libc6 (>= 2.34)
//! Filename: pool/main/h/hello/hello_2.10-3_amd64.deb
//! Size: 53104
//! SHA256: fd9ffa7f6a8d3d4f4a6c9b4d7f0a8b7e3c1d2e5f6a7b8c9d0e1f2a3b4c5d6e7f
//! ```
//!
//! What is read stays in the text; versions and relations are read when somebody asks for them, since of 65,000 packages
//! an image needs a hundred.

use super::relations::{Alternatives, RelationError, is_package_name, parse_relations};
use super::release::is_path_below;
use super::stanza::{StanzaError, StanzaField, Stanzas};
use super::{Version, VersionError};
use crate::oci::Digest;

/// One package of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package<'a> {
    /// The name.
    pub name: &'a str,
    /// The version as written; [`Package::version`] reads it.
    pub version: &'a str,
    /// `amd64`, or `all`.
    pub architecture: &'a str,
    /// How it can stand in for other architectures.
    pub multi_arch: MultiArch,
    /// Whether every system is to have it.
    pub is_essential: bool,
    /// How much it is wanted on a usual system.
    pub priority: Priority,
    /// The source that it is made from, where it is not called the same; a version may follow in parentheses.
    pub source: Option<&'a str>,
    /// Its place below the archive's address; it leads nowhere else.
    pub filename: &'a str,
    /// The size of the file.
    pub size_bytes: u64,
    /// The hash of the file, 64 lower-case hex digits.
    pub sha256: &'a str,
    /// What it takes when it is unpacked, by its own account.
    pub installed_kib: Option<u64>,
    /// The whole paragraph.
    pub stanza: &'a str,
    /// Its first line in the index, counted from 1.
    pub line: usize,
    relations: [&'a str; RELATIONS.len()],
}

/// The fields that name other packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationField {
    /// What has to be configured before it is unpacked.
    PreDepends,
    /// What it needs.
    Depends,
    /// What it is also called.
    Provides,
    /// What cannot be there at the same time.
    Conflicts,
    /// What it breaks.
    Breaks,
    /// Whose files it may overwrite.
    Replaces,
}

const RELATIONS: [RelationField; 6] = [
    RelationField::PreDepends,
    RelationField::Depends,
    RelationField::Provides,
    RelationField::Conflicts,
    RelationField::Breaks,
    RelationField::Replaces,
];

impl RelationField {
    /// Gives the name as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreDepends => "Pre-Depends",
            Self::Depends => "Depends",
            Self::Provides => "Provides",
            Self::Conflicts => "Conflicts",
            Self::Breaks => "Breaks",
            Self::Replaces => "Replaces",
        }
    }
}

/// Whether a package can be used across architectures (Multi-Arch of deb-control(5)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MultiArch {
    /// Not at all.
    #[default]
    No,
    /// Several architectures of it can be there at once.
    Same,
    /// It serves packages of all architectures.
    Foreign,
    /// It serves those that ask for `:any`.
    Allowed,
}

/// How much a package is wanted (Policy 2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Without it the system breaks.
    Required,
    /// One expects it on any system.
    Important,
    /// A small system has it.
    Standard,
    /// All others; what is unknown counts as this.
    #[default]
    Optional,
    /// An old word for even less.
    Extra,
}

/// Why a text is no index; lines are counted from 1.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PackagesError {
    /// It has no paragraphs of fields.
    #[error("line {}: {source}", source.line())]
    Stanza {
        /// Why.
        #[from]
        source: StanzaError,
    },
    /// A package lacks a field.
    #[error("line {line}: the package `{name}` has no field `{field}`")]
    Missing {
        /// The first line of its paragraph.
        line: usize,
        /// Its name, where it has one.
        name: String,
        /// The field.
        field: &'static str,
    },
    /// A field stands twice in a paragraph.
    #[error("line {line}: `{field}` stands here for the second time")]
    Twice {
        /// The line.
        line: usize,
        /// The field.
        field: String,
    },
    /// A field says what it cannot say.
    #[error("line {line}: `{field}` is {expected}, not `{value}`")]
    Value {
        /// The line.
        line: usize,
        /// The field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        value: String,
    },
}

/// Reads all packages of an index.
pub fn parse_packages(text: &str) -> Result<Vec<Package<'_>>, PackagesError> {
    // As many as there are in Debian's, where a paragraph has some 750 bytes.
    let mut packages = Vec::with_capacity(text.len() / 700);
    let mut stanzas = Stanzas::new(text);
    let mut fields = Vec::with_capacity(32);
    while let Some(stanza) = stanzas.read_next(&mut fields)? {
        packages.push(Draft::read(&fields)?.package(stanza)?);
    }
    Ok(packages)
}

/// The places of the fields in a [`Draft`].
const KEYS: [&str; 17] = [
    "Pre-Depends",
    "Depends",
    "Provides",
    "Conflicts",
    "Breaks",
    "Replaces",
    "Package",
    "Version",
    "Architecture",
    "Filename",
    "Size",
    "SHA256",
    "Multi-Arch",
    "Essential",
    "Priority",
    "Source",
    "Installed-Size",
];
const NAME: usize = 6;
const VERSION: usize = 7;
const ARCHITECTURE: usize = 8;
const FILENAME: usize = 9;
const SIZE: usize = 10;
const SHA256: usize = 11;
const MULTI_ARCH: usize = 12;
const ESSENTIAL: usize = 13;
const PRIORITY: usize = 14;
const SOURCE: usize = 15;
const INSTALLED_SIZE: usize = 16;

/// The fields of one paragraph in the order of [`KEYS`].
struct Draft<'a> {
    found: [Option<StanzaField<'a>>; KEYS.len()],
    line: usize,
}

/// An index has a million fields: of a length there are few names.
fn find_key(name: &str) -> Option<usize> {
    let of_length: &[usize] = match name.len() {
        4 => &[SIZE],
        6 => &[SHA256, SOURCE, RelationField::Breaks as usize],
        7 => &[NAME, VERSION, RelationField::Depends as usize],
        8 => &[
            FILENAME,
            PRIORITY,
            RelationField::Provides as usize,
            RelationField::Replaces as usize,
        ],
        9 => &[ESSENTIAL, RelationField::Conflicts as usize],
        10 => &[MULTI_ARCH],
        11 => &[RelationField::PreDepends as usize],
        12 => &[ARCHITECTURE],
        14 => &[INSTALLED_SIZE],
        _ => &[],
    };
    let mut keys = of_length.iter().copied();
    keys.find(|key| KEYS[*key].eq_ignore_ascii_case(name))
}

impl<'a> Draft<'a> {
    fn read(fields: &[StanzaField<'a>]) -> Result<Self, PackagesError> {
        let mut draft = Self {
            found: [None; KEYS.len()],
            line: fields.first().map_or(1, |field| field.line),
        };
        for field in fields {
            let Some(key) = find_key(field.name) else {
                continue;
            };
            if draft.found[key].replace(*field).is_some() {
                return Err(PackagesError::Twice {
                    line: field.line,
                    field: KEYS[key].to_owned(),
                });
            }
        }
        Ok(draft)
    }

    fn value(&self, key: usize) -> Option<&'a str> {
        self.found[key].map(|field| field.value)
    }

    fn needed(&self, key: usize) -> Result<StanzaField<'a>, PackagesError> {
        self.found[key].ok_or_else(|| PackagesError::Missing {
            line: self.line,
            name: self.value(NAME).unwrap_or_default().to_owned(),
            field: KEYS[key],
        })
    }

    /// Gives a field that has to be there and to be what it should.
    fn checked(
        &self,
        key: usize,
        expected: &'static str,
        is_right: impl FnOnce(&str) -> bool,
    ) -> Result<&'a str, PackagesError> {
        let field = self.needed(key)?;
        if is_right(field.value) {
            Ok(field.value)
        } else {
            Err(refuse(field, key, expected))
        }
    }

    fn package(&self, stanza: &'a str) -> Result<Package<'a>, PackagesError> {
        let size = self.needed(SIZE)?;
        let number = |text: &str| text.parse::<u64>().ok();
        Ok(Package {
            name: self.checked(NAME, "the name of a package", is_package_name)?,
            version: self.checked(VERSION, "a version", |it| !it.is_empty())?,
            architecture: self.checked(ARCHITECTURE, "an architecture", is_architecture)?,
            filename: self
                .checked(FILENAME, "a path below the archive", |it| {
                    is_path_below(without_dot(it))
                })
                .map(without_dot)?,
            size_bytes: number(size.value)
                .ok_or_else(|| refuse(size, SIZE, "a number of bytes"))?,
            sha256: self.checked(SHA256, "64 lower-case hex digits", is_sha256)?,
            multi_arch: match self.value(MULTI_ARCH) {
                Some("same") => MultiArch::Same,
                Some("foreign") => MultiArch::Foreign,
                Some("allowed") => MultiArch::Allowed,
                _ => MultiArch::No,
            },
            is_essential: self.value(ESSENTIAL) == Some("yes"),
            priority: match self.value(PRIORITY) {
                Some("required") => Priority::Required,
                Some("important") => Priority::Important,
                Some("standard") => Priority::Standard,
                Some("extra") => Priority::Extra,
                _ => Priority::Optional,
            },
            source: self.value(SOURCE),
            installed_kib: self.value(INSTALLED_SIZE).and_then(number),
            stanza,
            line: self.line,
            relations: RELATIONS.map(|field| self.value(field as usize).unwrap_or_default()),
        })
    }
}

fn refuse(field: StanzaField<'_>, key: usize, expected: &'static str) -> PackagesError {
    PackagesError::Value {
        line: field.line,
        field: KEYS[key],
        expected,
        value: field
            .value
            .chars()
            .take(120)
            .flat_map(char::escape_debug)
            .collect(),
    }
}

/// Flat archives write `./hello.deb`.
fn without_dot(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

fn is_architecture(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_part)
}

fn is_sha256(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 64 && text.bytes().all(is_hex)
}

impl<'a> Package<'a> {
    /// Reads its version.
    pub fn version(&self) -> Result<Version, VersionError> {
        self.version.parse()
    }

    /// Gives the hash of its file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let text = format!("sha256:{}", self.sha256);
        // It was checked when it was read.
        text.parse().unwrap_or_else(|_| Digest::of(b""))
    }

    /// Gives a field of relations as it is written.
    #[must_use]
    pub fn written(&self, field: RelationField) -> &'a str {
        self.relations[field as usize]
    }

    /// Reads a field of relations; one that is not there is empty.
    pub fn relations(&self, field: RelationField) -> Result<Vec<Alternatives>, RelationError> {
        parse_relations(self.written(field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "d0a0325a97c42fd5f66a8c3e29bcea64b9d5cd6a3c39a2ef3a22be8c4f3b7d9a";

    fn stanza(lines: &str) -> String {
        format!(
            "Package: hello\nVersion: 2.10-3\nArchitecture: amd64\nSize: 5\nSHA256: {HASH}\n{lines}"
        )
    }

    #[test]
    fn the_fields_are_read() {
        let one = stanza(
            "Filename: pool/h.deb\nMulti-Arch: foreign\nEssential: yes\nPriority: required\nInstalled-Size: 12\n\
             Source: hello-src (2.10)\nPre-Depends: libc6\nDepends: a (>= 1),\n b | c\nDescription: x\n y\n",
        );
        let other = one
            .replace("pool/h.deb", "./h.deb")
            .replace("Depends", "depends");
        let text = format!("{one}\n{other}");
        let packages = parse_packages(&text).expect("packages");
        let [first, second] = packages.as_slice() else {
            panic!("{packages:?}");
        };
        assert_eq!((first.name, first.version), ("hello", "2.10-3"));
        assert_eq!((first.filename, second.filename), ("pool/h.deb", "h.deb"));
        assert_eq!((first.size_bytes, first.installed_kib), (5, Some(12)));
        assert_eq!(first.digest().hex(), HASH);
        assert!(first.is_essential);
        assert_eq!(first.multi_arch, MultiArch::Foreign);
        assert_eq!(first.priority, Priority::Required);
        assert_eq!(first.source, Some("hello-src (2.10)"));
        assert_eq!((first.line, second.line), (1, 18));
        assert_eq!(first.stanza, one);
        for package in &packages {
            assert_eq!(package.written(RelationField::PreDepends), "libc6");
            let depends = package
                .relations(RelationField::Depends)
                .expect("relations");
            assert_eq!(depends.len(), 2);
            assert_eq!(depends[1][1].name, "c");
            assert_eq!(package.written(RelationField::Breaks), "");
        }
        assert_eq!(parse_packages(""), Ok(Vec::new()));
    }

    #[test]
    fn every_field_is_found_by_its_name_in_any_case() {
        for (index, key) in KEYS.iter().enumerate() {
            assert_eq!(find_key(key), Some(index));
            assert_eq!(find_key(&key.to_uppercase()), Some(index));
        }
        for field in RELATIONS {
            assert_eq!(find_key(field.as_str()), Some(field as usize));
        }
        assert_eq!(find_key("Description"), None);
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        let error = parse_packages(text).expect_err("no index");
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn what_leads_out_of_the_archive_or_is_missing_is_refused_with_its_line() {
        for path in [
            "../h.deb",
            "/h.deb",
            "pool/../../h.deb",
            "",
            "pool//h.deb",
            "a b.deb",
            "h.deb?x",
        ] {
            refused(
                &stanza(&format!("Filename: {path}\n")),
                &format!("line 6: `Filename` is a path below the archive, not `{path}`"),
            );
        }
        let good = stanza("Filename: h.deb\n");
        refused(
            &stanza(""),
            "line 1: the package `hello` has no field `Filename`",
        );
        refused(
            &format!("{good}\n{}", good.replace("Size: 5", "Size: -5")),
            "line 11: `Size` is a number of bytes, not `-5`",
        );
        refused(
            &good.replace(HASH, &HASH.to_uppercase()),
            &format!(
                "line 5: `SHA256` is 64 lower-case hex digits, not `{}`",
                HASH.to_uppercase()
            ),
        );
        refused(
            &format!("{good}version: 3\n"),
            "line 7: `Version` stands here for the second time",
        );
        refused(
            &good.replace("hello", "he/llo"),
            "line 1: `Package` is the name of a package, not `he/llo`",
        );
        refused(
            "Package\n",
            "line 1: expected `Field: value` or a line that continues a field, not `Package`",
        );
    }
}
