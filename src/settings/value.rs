//! The values that a settings file holds, as Python sees them: what a template prints depends on their types.

use std::fmt;

use chrono::{FixedOffset, NaiveDate, NaiveDateTime};

/// One value of a settings file.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: `null`, `~` or no text at all. A template prints `None`.
    None,
    /// `true`, `yes`, `on` and their counterparts. A template prints `True` or `False`.
    Boolean(bool),
    /// A whole number.
    Integer(i128),
    /// A number with a fraction, or an infinity.
    Float(f64),
    /// A text.
    Text(String),
    /// A date, with or without a time.
    Timestamp(Timestamp),
    /// A sequence.
    List(Vec<Value>),
    /// A mapping in the order of the file.
    Mapping(Vec<(Value, Value)>),
}

impl Value {
    /// Says what kind of value this is, in the words of an error.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::Timestamp(_) => "a date",
            Self::List(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }

    /// Gives a text or a whole number as text, and the kind of anything else.
    pub(super) fn print(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            other => other.kind().to_owned(),
        }
    }

    /// Gives a text that two keys of a mapping share exactly when Python holds them equal (`1`, `1.0` and `true`).
    ///
    /// Lists and mappings are no keys.
    pub(super) fn find_identity(&self) -> Option<String> {
        Some(match self {
            Self::None => "none".to_owned(),
            Self::Boolean(value) => format!("number {}", i128::from(*value)),
            Self::Integer(value) => format!("number {value}"),
            Self::Float(value) => format!("number {value}"),
            Self::Text(text) => format!("text {text}"),
            Self::Timestamp(timestamp) => format!("timestamp {timestamp}"),
            Self::List(_) | Self::Mapping(_) => return None,
        })
    }
}

/// A date of a settings file, which prints as Python's `datetime` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamp {
    /// `2026-01-02`
    Date(NaiveDate),
    /// `2026-01-02 03:04:05`, with an offset from UTC where the file gives one.
    Time(NaiveDateTime, Option<FixedOffset>),
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(date) => write!(f, "{}", date.format("%Y-%m-%d")),
            Self::Time(time, offset) => {
                write!(f, "{}", time.format("%Y-%m-%d %H:%M:%S"))?;
                let microseconds = time.and_utc().timestamp_subsec_micros();
                if microseconds > 0 {
                    write!(f, ".{microseconds:06}")?;
                }
                match offset {
                    Some(offset) => write!(f, "{offset}"),
                    None => Ok(()),
                }
            }
        }
    }
}
