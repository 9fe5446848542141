//! What is wrong with a `structure-test.yaml`.

use std::fmt;

use crate::near::find_near;
use crate::place::Place;
use crate::yaml::YamlFault;

/// A fault of a file, with its place.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{fault}")]
pub struct StructureError {
    /// Where.
    pub place: Place,
    /// What.
    #[source]
    pub fault: StructureFault,
}

/// All faults of the files of tests that are run together; there is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StructureErrors(pub Vec<StructureError>);

impl std::error::Error for StructureErrors {}

impl fmt::Display for StructureErrors {
    /// Writes the first one with its place, and how many more there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(first) = self.0.first() {
            write!(f, "{}: {first}", first.place)?;
        }
        match self.0.len() {
            0 | 1 => Ok(()),
            count => write!(f, " (and {} more)", count - 1),
        }
    }
}

/// The kinds of faults.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StructureFault {
    /// It is not the YAML of tests.
    #[error("{0}")]
    Yaml(String),
    /// A key that nothing knows.
    #[error("there is no key `{key}` here")]
    UnknownKey {
        /// As it is written.
        key: String,
        /// What may have been meant, the closest first; where nothing is close, all that there is.
        near: Vec<&'static str>,
    },
    /// A version of the schema that nothing knows.
    #[error("`schemaVersion` is 2.0.0 or 1.0.0, and this is `{0}`")]
    Version(String),
    /// A key that the other version of the schema has.
    #[error("`{key}` {rule} in schema {version}")]
    Schema {
        /// The key.
        key: &'static str,
        /// What holds of it; completes "`key` …".
        rule: &'static str,
        /// The version of the file.
        version: &'static str,
    },
    /// Nothing stands where something has to.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// A text that is no regular expression, or too large a one.
    #[error("`{pattern}` is no regular expression: {reason}")]
    Pattern {
        /// As it is written.
        pattern: String,
        /// Why.
        reason: String,
    },
    /// A text that no file's mode is written as.
    #[error("`{0}` is no mode of a file as Go writes it")]
    Permissions(String),
    /// A variable without a name, or with a sign in it that ends one.
    #[error("`{0}` cannot be the name of a variable")]
    Variable(String),
    /// More than any tests need.
    #[error("this is too large: {0}")]
    TooLarge(&'static str),
}

impl From<YamlFault> for StructureFault {
    fn from(fault: YamlFault) -> Self {
        match fault.unknown {
            None => Self::Yaml(fault.message),
            Some(unknown) => {
                let near = find_near(&unknown.key, unknown.known.iter().copied());
                let near = near
                    .iter()
                    .filter_map(|name| unknown.known.iter().find(|known| *known == name).copied());
                let near: Vec<&'static str> = near.collect();
                Self::UnknownKey {
                    key: unknown.key,
                    near: if near.is_empty() { unknown.known } else { near },
                }
            }
        }
    }
}

impl StructureFault {
    /// Says what can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { near, .. } => {
                let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
                Some(match near.as_slice() {
                    [one] => format!("the closest key is {one}"),
                    several => format!("the closest keys are {}", several.join(", ")),
                })
            }
            Self::Permissions(_) => Some(
                "a kind and nine letters: `-rw-r--r--`, `drwxr-xr-x`, `Lrwxrwxrwx`, with setuid `urwxr-xr-x`, with setgid \
                 `grwxr-xr-x`, a sticky directory `dtrwxrwxrwx`"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
