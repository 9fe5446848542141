//! YAML read strictly into values: a key that nothing knows is an error, and every error has its place.
//!
//! ```yaml
//! schemaVersion: 2.0.0
//! commandTest: []          # line 2, column 1: unknown, and what there is instead
//! ```

use serde::de::{DeserializeOwned, IgnoredAny};

/// What is wrong with a text of YAML.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{message}")]
pub struct YamlFault {
    /// What is wrong, on one line.
    pub message: String,
    /// The line, counted from 1, where the parser knew it.
    pub line: Option<usize>,
    /// The column, counted from 1, where the parser knew it.
    pub column: Option<usize>,
    /// The key that nothing knows, where that is what is wrong.
    pub unknown: Option<UnknownKey>,
}

/// A key that nothing knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// As it is written.
    pub key: String,
    /// The keys that are known in its place.
    pub known: Vec<&'static str>,
}

/// Reads the one document of a text.
pub fn read_yaml<T: DeserializeOwned>(text: &str) -> Result<T, YamlFault> {
    // What is no YAML at all is told before what its values have to be.
    let _: IgnoredAny = read_as(text)?;
    read_as(text)
}

fn read_as<T: DeserializeOwned>(text: &str) -> Result<T, YamlFault> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| YamlFault::of(&error))
}

impl YamlFault {
    fn of(error: &serde_saphyr::Error) -> Self {
        let message = error.to_string();
        let message = message.lines().next().unwrap_or("not readable as YAML");
        let location = error.location();
        // The place is told beside the message.
        let said = location.and_then(|location| {
            let place = format!(" at line {}, column {}", location.line(), location.column());
            message.strip_suffix(place.as_str())
        });
        let number = |number: u64| usize::try_from(number).ok().filter(|number| *number > 0);
        let unknown = match error.without_snippet() {
            serde_saphyr::Error::SerdeUnknownField {
                field, expected, ..
            } => Some(UnknownKey {
                key: field.clone(),
                known: expected.clone(),
            }),
            _ => None,
        };
        Self {
            line: location.and_then(|location| number(location.line())),
            column: location.and_then(|location| number(location.column())),
            message: said.unwrap_or(message).to_owned(),
            unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        #[expect(dead_code, reason = "what it holds is not looked at")]
        suite: String,
    }

    #[test]
    fn a_fault_has_its_place_and_an_unknown_key_its_neighbours() {
        let fault = read_yaml::<Example>("suite: a\nsuit: b\n").expect_err("an unknown key");
        assert_eq!((fault.line, fault.column), (Some(2), Some(1)));
        let unknown = fault.unknown.expect("a key");
        assert_eq!(
            (unknown.key.as_str(), unknown.known),
            ("suit", vec!["suite"])
        );
        let fault = read_yaml::<Example>("a: [1\n").expect_err("no YAML");
        assert!(fault.line.is_some() && fault.unknown.is_none(), "{fault:?}");
        assert!(!fault.message.contains("line"), "{fault:?}");
    }
}
