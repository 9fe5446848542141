//! What is wrong or doubtful in settings, with its place.

use std::error::Error as _;
use std::fmt;

use super::file::YamlError;
use super::limits::LimitsError;
use crate::oci::{Reference, ReferenceError};
use crate::place::Place;

/// One fault of a settings file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SettingsError {
    /// The file cannot be read as YAML.
    #[error("the settings cannot be read")]
    Yaml {
        /// Where.
        place: Place,
        /// What breaks the rules.
        source: Box<YamlError>,
    },
    /// The file holds something else than a mapping.
    #[error("settings are `name: value` pairs, and this is {found}")]
    NoMapping {
        /// Where.
        place: Place,
        /// What is there.
        found: &'static str,
    },
    /// A name that is no text, such as `yes` without quotes.
    #[error("the name of a setting has to be a text, and this is {found}")]
    Name {
        /// Where.
        place: Place,
        /// What is there.
        found: &'static str,
    },
    /// A value of the wrong type.
    #[error("`{key}` has to be {expected}, and this is {found}")]
    Type {
        /// Where.
        place: Place,
        /// The name of the setting.
        key: &'static str,
        /// What it has to be.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A value of the right type that the setting cannot have.
    #[error("`{key}` has to be {expected}")]
    Value {
        /// Where.
        place: Place,
        /// The name of the setting.
        key: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// A base image that is no reference.
    #[error("`base_images` holds a name that cannot be read")]
    BaseImage {
        /// Where.
        place: Place,
        /// What is wrong with it.
        source: Box<ReferenceError>,
    },
    /// Registry and namespace that make no name.
    #[error("`{key}` cannot be part of an image's name")]
    Naming {
        /// Where.
        place: Place,
        /// The name of the setting.
        key: &'static str,
        /// What is wrong with it.
        source: Box<ReferenceError>,
    },
    /// One base image with two versions, of which templates could get either.
    #[error("`base_images` lists `{}` twice, as `{first}` and as `{second}`", first.name())]
    BaseImageTwice {
        /// Where it is listed again.
        place: Place,
        /// As it is listed first.
        first: Box<Reference>,
        /// As it is listed again.
        second: Box<Reference>,
    },
    /// Limits that cannot be read.
    #[error("`container_limits` cannot be read")]
    Limits {
        /// Where.
        place: Place,
        /// What is wrong.
        source: Box<LimitsError>,
    },
    /// A rule that no audit has.
    #[error("there is no rule `{rule}`{}", near.map(|near| format!("; `{near}` may be meant")).unwrap_or_default())]
    Rule {
        /// Where.
        place: Place,
        /// The id as written.
        rule: String,
        /// The rule that it may mean.
        near: Option<&'static str>,
    },
}

impl SettingsError {
    /// Gives the place.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            Self::Yaml { place, .. }
            | Self::NoMapping { place, .. }
            | Self::Name { place, .. }
            | Self::Type { place, .. }
            | Self::Value { place, .. }
            | Self::BaseImage { place, .. }
            | Self::Naming { place, .. }
            | Self::BaseImageTwice { place, .. }
            | Self::Limits { place, .. }
            | Self::Rule { place, .. } => place,
        }
    }
}

/// All faults that were found, in the order of files and lines; never none.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingsErrors(pub(super) Vec<SettingsError>);

impl SettingsErrors {
    /// Gathers faults; nothing where there is none.
    #[must_use]
    pub fn of(mut errors: Vec<SettingsError>) -> Option<Self> {
        errors.sort_by(|a, b| a.place().cmp(b.place()));
        (!errors.is_empty()).then_some(Self(errors))
    }

    /// Gives the faults one by one.
    pub fn iter(&self) -> impl Iterator<Item = &SettingsError> {
        self.0.iter()
    }
}

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}: {error}", error.place())?;
            if let Some(cause) = error.source() {
                write!(f, ": {cause}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for SettingsErrors {}

/// Something doubtful that does not stop a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingsWarning {
    /// An unknown name that looks like a known one.
    NearMiss {
        /// Where.
        place: Place,
        /// The name as written.
        key: String,
        /// The setting that it may mean.
        known: &'static str,
    },
    /// Only one of `username` and `password`.
    HalfCredentials {
        /// Where the one is.
        place: Place,
        /// The one that is missing.
        missing: &'static str,
    },
    /// A driver that does not exist here.
    Driver {
        /// Where.
        place: Place,
        /// The name as written.
        driver: String,
    },
}

impl SettingsWarning {
    /// Gives the place.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            Self::NearMiss { place, .. }
            | Self::HalfCredentials { place, .. }
            | Self::Driver { place, .. } => place,
        }
    }
}

impl fmt::Display for SettingsWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NearMiss { key, known, .. } => {
                write!(f, "there is no setting `{key}`; `{known}` may be meant")
            }
            Self::HalfCredentials { missing, .. } => {
                write!(f, "credentials need `{missing}` too, so nobody logs in")
            }
            Self::Driver { driver, .. } => {
                write!(
                    f,
                    "there is no driver `{driver}`, so images are built with `docker`"
                )
            }
        }
    }
}
