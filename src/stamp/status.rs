//! What a status command prints: a line for each key, and its value behind the first blank.
//!
//! ```text
//! STABLE_GIT_COMMIT 4f2a91c0
//! BRANCH main
//! ```
//!
//! A value is the rest of its line, which may be empty. No value can hold what ends a line of a Dockerfile, or joins
//! another one to it.

use std::collections::BTreeMap;

use super::stamps::TIMESTAMP;

/// The most bytes of a status.
pub const LARGEST_STATUS: usize = 64 * 1024;
/// The most bytes of a value: a label has room for it.
const LONGEST_VALUE: usize = 4096;
const LONGEST_KEY: usize = 128;

/// What a status command printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status(BTreeMap<String, String>);

/// Why a line is none of a status.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StatusFault {
    /// It does not begin with a key.
    #[error("a line is `KEY value`, and a key is letters, digits and `_`, the first no digit")]
    Key,
    /// Another line has the key already.
    #[error("`{key}` stands in line {first} already")]
    Twice {
        /// The key.
        key: String,
        /// The line that has it.
        first: usize,
    },
    /// The value holds a control character.
    #[error("the value holds a control character")]
    Control,
    /// The value would take the next line of a Dockerfile to its own.
    #[error("the value ends in `\\`, which joins the next line of a Dockerfile to its own")]
    Continued,
    /// The value is no text.
    #[error("the value is no UTF-8 text")]
    NoText,
    /// The value is too long.
    #[error("the value is longer than {LONGEST_VALUE} bytes")]
    Long,
}

/// A line that is none of a status.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {line}: {fault}")]
pub struct StatusError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: StatusFault,
}

/// Parses what a status command printed; empty lines say nothing.
pub fn parse_status(text: &str) -> Result<Status, StatusError> {
    let mut values = BTreeMap::new();
    let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
    for (line, written) in (1..).zip(text.lines()) {
        if written.trim().is_empty() {
            continue;
        }
        let refused = |fault| StatusError { line, fault };
        let (key, value) = written.split_once(' ').unwrap_or((written, ""));
        if !is_key(key) {
            return Err(refused(StatusFault::Key));
        }
        check_value(value).map_err(refused)?;
        if let Some(first) = lines.insert(key, line) {
            let key = key.to_owned();
            return Err(refused(StatusFault::Twice { key, first }));
        }
        values.insert(key.to_owned(), value.to_owned());
    }
    Ok(Status(values))
}

/// Tells whether a text can be a key: it is one name in a template too.
pub(crate) fn is_key(text: &str) -> bool {
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=LONGEST_KEY).contains(&text.len())
        && text.bytes().all(may_stand)
        && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// Tells what keeps a text from being the value of a key.
pub(crate) fn check_value(text: &str) -> Result<(), StatusFault> {
    if text.len() > LONGEST_VALUE {
        Err(StatusFault::Long)
    } else if text.contains(char::is_control) {
        Err(StatusFault::Control)
    } else if text.contains(char::REPLACEMENT_CHARACTER) {
        Err(StatusFault::NoText)
    } else if text.trim_end_matches(' ').ends_with('\\') {
        // Docker drops blanks that stand behind it.
        Err(StatusFault::Continued)
    } else {
        Ok(())
    }
}

impl Status {
    /// Adds the second at which the run began, unless the command has another one.
    #[must_use]
    pub fn at(mut self, seconds: i64) -> Self {
        let timestamp = self.0.entry(TIMESTAMP.to_owned());
        timestamp.or_insert_with(|| seconds.to_string());
        self
    }

    /// Finds the value of a key.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_the_rest_of_the_line() {
        let text = "STABLE_A 1\nB  two words \"x\" \r\n\nC\nD \n_e1 ü\n";
        let status = parse_status(text).expect("a status");
        let expected = [
            ("STABLE_A", "1"),
            ("B", " two words \"x\" "),
            ("C", ""),
            ("D", ""),
            ("_e1", "ü"),
        ];
        for (key, value) in expected {
            assert_eq!(status.find(key), Some(value), "{key}");
        }
        assert_eq!(status.find("E"), None);
        assert_eq!(parse_status(""), Ok(Status::default()));
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = parse_status(text).expect_err(text);
        assert_eq!(error.to_string(), expected, "{text}");
    }

    #[test]
    fn what_is_no_line_of_a_status_is_refused_with_its_number() {
        let key = "a line is `KEY value`, and a key is letters, digits and `_`, the first no digit";
        refused("A 1\nfatal: no repository\n", &format!("line 2: {key}"));
        for text in ["1A x", "A-B x", " A x", "A=1", "\u{fc} x", "A\tx"] {
            refused(text, &format!("line 1: {key}"));
        }
        refused("A 1\n\nB 2\nA 1\n", "line 4: `A` stands in line 1 already");
        refused("A x\u{7}\n", "line 1: the value holds a control character");
        refused("A x\ry\n", "line 1: the value holds a control character");
        let continued =
            "the value ends in `\\`, which joins the next line of a Dockerfile to its own";
        for text in ["A 1\nB x\\", "A 1\nB \\  \n", "A 1\nB x\\\\\n"] {
            refused(text, &format!("line 2: {continued}"));
        }
        refused("A \u{fffd}\n", "line 1: the value is no UTF-8 text");
        let long = format!("A {}\n", "x".repeat(LONGEST_VALUE + 1));
        refused(&long, "line 1: the value is longer than 4096 bytes");
    }

    #[test]
    fn the_time_of_the_run_is_there_unless_the_command_has_another_one() {
        let time = |text: &str| {
            let status = parse_status(text).expect("a status").at(5);
            status.find("BUILD_TIMESTAMP").map(str::to_owned)
        };
        assert_eq!(time("A 1\n"), Some("5".to_owned()));
        assert_eq!(time("BUILD_TIMESTAMP 9\n"), Some("9".to_owned()));
    }
}
