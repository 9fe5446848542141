//! What is said of a package, by an index (`P:zlib`) and by itself (`pkgname = zlib`).

use super::checksum::{Checksum, ChecksumError};
use super::requirement::{Provide, Requirement, RequirementError};
use super::version::{Version, VersionError};

/// A package as its index or its `.PKGINFO` describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub name: Box<str>,
    /// Its version.
    pub version: Version,
    /// What it was built for: `x86_64`, `noarch`.
    pub architecture: Box<str>,
    /// The sum of its control part.
    pub checksum: Checksum,
    /// Of its file, where an index says it.
    pub size_bytes: u64,
    /// Of what it installs.
    pub installed_bytes: u64,
    /// One line.
    pub description: Box<str>,
    /// Its home page.
    pub url: Box<str>,
    /// Its licence, an SPDX expression.
    pub license: Box<str>,
    /// The source package; empty where none is named.
    pub origin: Box<str>,
    /// Who keeps it.
    pub maintainer: Box<str>,
    /// The commit of the recipe.
    pub commit: Box<str>,
    /// When it was built, in whole seconds since 1970.
    pub built: i64,
    /// Of those that provide the same name, the one with the larger number is preferred.
    pub provider_priority: u64,
    /// What has to be there, and what may not be.
    pub depends: Vec<Requirement>,
    /// With all of these it is installed by itself.
    pub install_if: Vec<Requirement>,
    /// Names that it has beside its own.
    pub provides: Vec<Provide>,
    /// Packages whose files it may overwrite.
    pub replaces: Vec<Requirement>,
}

/// What is wrong with a record.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RecordError {
    /// A field that each package has is not there.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// The name or the architecture could not be a part of a file's name.
    #[error("`{0}` cannot be the name of a package or an architecture")]
    Name(String),
    /// The version is none.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// A dependency cannot be read.
    #[error(transparent)]
    Requirement(#[from] RequirementError),
    /// The checksum is none.
    #[error(transparent)]
    Checksum(#[from] ChecksumError),
    /// What has to be a number is none.
    #[error("`{0}` is no number")]
    Number(String),
    /// More than any package has.
    #[error("it has more than {MOST_REQUIREMENTS} dependencies")]
    TooMany,
}

/// The largest in use have some hundred.
const MOST_REQUIREMENTS: usize = 4096;

impl Record {
    /// Gives name and version as files and messages have them: `zlib-1.3.1-r0`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Gives the name of its file beside the index: `zlib-1.3.1-r0.apk`.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}-{}.apk", self.name, self.version)
    }

    /// Tells whether another package has the same source package, at any version.
    #[must_use]
    pub fn has_origin_of(&self, other: &Self) -> bool {
        !self.origin.is_empty() && self.origin == other.origin
    }

    /// Tells whether it says that it replaces a package.
    #[must_use]
    pub fn replaces(&self, other: &Self) -> bool {
        let is_other = |one: &Requirement| *one.name() == *other.name && one.allows(&other.version);
        self.replaces.iter().any(is_other)
    }
}

/// The fields that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    Version,
    Architecture,
    Checksum,
    Size,
    InstalledSize,
    Description,
    Url,
    License,
    Origin,
    Maintainer,
    Commit,
    Built,
    Priority,
    Depends,
    InstallIf,
    Provides,
    Replaces,
}

/// A record while it is read.
#[derive(Default)]
pub(super) struct Draft {
    name: Option<Box<str>>,
    version: Option<Version>,
    checksum: Option<Checksum>,
    architecture: Box<str>,
    sizes: [u64; 2],
    texts: [Box<str>; 6],
    built: i64,
    priority: u64,
    requirements: [Vec<Requirement>; 3],
    provides: Vec<Provide>,
}

impl Draft {
    /// Takes a field; of lists, what is in it comes to what was there before.
    pub(super) fn set(&mut self, field: Field, value: &str) -> Result<(), RecordError> {
        match field {
            Field::Name => self.name = Some(parse_name(value)?),
            Field::Version => self.version = Some(value.parse()?),
            Field::Architecture => self.architecture = parse_name(value)?,
            Field::Checksum => self.checksum = Some(Checksum::parse(value)?),
            Field::Size => self.sizes[0] = parse_number(value)?,
            Field::InstalledSize => self.sizes[1] = parse_number(value)?,
            Field::Description => self.texts[0] = value.into(),
            Field::Url => self.texts[1] = value.into(),
            Field::License => self.texts[2] = value.into(),
            Field::Origin => self.texts[3] = value.into(),
            Field::Maintainer => self.texts[4] = value.into(),
            Field::Commit => self.texts[5] = value.into(),
            Field::Built => self.built = parse_number(value)?,
            Field::Priority => self.priority = parse_number(value)?,
            Field::Depends => self.require(0, value)?,
            Field::InstallIf => self.require(1, value)?,
            Field::Replaces => self.require(2, value)?,
            Field::Provides => {
                let provides = value.split_ascii_whitespace().map(Provide::parse);
                self.provides.extend(provides);
            }
        }
        Ok(())
    }

    fn require(&mut self, list: usize, value: &str) -> Result<(), RecordError> {
        let list = &mut self.requirements[list];
        for text in value.split_ascii_whitespace() {
            list.push(text.parse()?);
            if list.len() > MOST_REQUIREMENTS {
                return Err(RecordError::TooMany);
            }
        }
        Ok(())
    }

    /// Gives the record, with the sum of the control part where no field has it.
    pub(super) fn finish(self, checksum: Option<Checksum>) -> Result<Record, RecordError> {
        let missing = RecordError::Missing;
        let [description, url, license, origin, maintainer, commit] = self.texts;
        let [depends, install_if, replaces] = self.requirements;
        let [size_bytes, installed_bytes] = self.sizes;
        let checksum = self.checksum.or(checksum);
        Ok(Record {
            name: self.name.ok_or_else(|| missing("name"))?,
            version: self.version.ok_or_else(|| missing("version"))?,
            checksum: checksum.ok_or_else(|| missing("checksum"))?,
            architecture: self.architecture,
            size_bytes,
            installed_bytes,
            description,
            url,
            license,
            origin,
            maintainer,
            commit,
            built: self.built,
            provider_priority: self.priority,
            depends,
            install_if,
            provides: self.provides,
            replaces,
        })
    }
}

fn parse_name(text: &str) -> Result<Box<str>, RecordError> {
    let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
    if text.is_empty() || text.starts_with(['.', '-']) || !text.bytes().all(is_taken) {
        return Err(RecordError::Name(text.to_owned()));
    }
    Ok(text.into())
}

fn parse_number<T: std::str::FromStr>(text: &str) -> Result<T, RecordError> {
    let number = text.parse();
    number.map_err(|_| RecordError::Number(text.to_owned()))
}
