//! The date that a refresh puts behind a version.
//!
//! ```text
//! 1.2-3  →  1.2-3-20261121  →  1.2-3-20261121.1  →  1.2-3-20261128
//!           on one day         on the same          on a later one
//! ```

use std::fmt;

use chrono::NaiveDate;

/// A date at the end of a version, and how often a version of that day had followed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The day.
    pub date: NaiveDate,
    /// Nothing for the first version of the day, 1 for the one after it.
    pub again: u64,
}

impl Stamp {
    /// Gives the first one of a day.
    #[must_use]
    pub fn of(date: NaiveDate) -> Self {
        Self { date, again: 0 }
    }

    /// Finds what a text is as a whole.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (date, again) = match text.split_once('.') {
            Some((date, again)) => (date, Some(again.parse::<u64>().ok()?)),
            None => (text, None),
        };
        // `20261121.01` and `+1` are somebody else's.
        let stamp = Self {
            date: NaiveDate::parse_from_str(date, "%Y%m%d").ok()?,
            again: again.unwrap_or_default(),
        };
        (stamp.to_string() == text).then_some(stamp)
    }

    /// Gives the next one, on this day or where that is not later on the day of this one.
    #[must_use]
    pub fn next(self, date: NaiveDate) -> Self {
        if date > self.date {
            return Self::of(date);
        }
        Self {
            date: self.date,
            again: self.again.saturating_add(1),
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date.format("%Y%m%d");
        match self.again {
            0 => write!(f, "{date}"),
            again => write!(f, "{date}.{again}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_date_is_one() {
        for text in ["20261121", "20261121.1", "20261121.12"] {
            assert_eq!(
                Stamp::parse(text).map(|stamp| stamp.to_string()).as_deref(),
                Some(text)
            );
        }
        for text in [
            "",
            "2026112",
            "20261399",
            "20261121.0",
            "20261121.01",
            "20261121.+1",
            "20261121.",
            "120261121",
            "s1",
        ] {
            assert_eq!(Stamp::parse(text), None, "{text}");
        }
    }
}
