//! Days and times as they are asked for: `2026-11-01`, `30d`, `4w`, `1y`, `yesterday`, `2026-11-01T12:00:00Z`.

use chrono::{DateTime, Days, FixedOffset, NaiveDate};

/// A day, in whatever zone an entry was written, or a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A whole day.
    Day(NaiveDate),
    /// A point in time.
    Time(DateTime<FixedOffset>),
}

/// The text means no day and no time.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("no day and no time: `{0}`")]
pub struct MomentError(String);

/// Reads a day or a time; `now` is the time of the run.
pub fn parse_moment(text: &str, now: DateTime<FixedOffset>) -> Result<Moment, MomentError> {
    let today = now.date_naive();
    let before = |days: u64| today.checked_sub_days(Days::new(days));
    let day = match text {
        "today" => Some(today),
        "yesterday" => before(1),
        _ => match find_days(text) {
            Some(days) => before(days),
            None => find_day(text),
        },
    };
    let instant = || DateTime::parse_from_rfc3339(text).ok();
    day.map(Moment::Day)
        .or_else(|| instant().map(Moment::Time))
        .ok_or_else(|| MomentError(text.to_owned()))
}

/// Finds the number of days in `30d`, `4w` and `1y`.
fn find_days(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let days = match unit {
        'd' => 1,
        'w' => 7,
        'y' => 365,
        _ => return None,
    };
    let number = text.strip_suffix(unit)?;
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    number
        .parse::<u64>()
        .ok()
        .filter(|_| is_number)?
        .checked_mul(days)
}

/// Finds the day in `2026-11-01`; chrono alone also takes `2026-11-1` and `+2026-11-01`.
fn find_day(text: &str) -> Option<NaiveDate> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (day.to_string() == text).then_some(day)
}

impl Moment {
    /// Gives the day: of a point in time, the one in its own zone.
    #[must_use]
    pub fn day(self) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::Time(instant) => instant.date_naive(),
        }
    }

    /// Tells whether a date is before it: before the day, or before the point in time.
    #[must_use]
    pub fn is_after(self, date: DateTime<FixedOffset>) -> bool {
        match self {
            Self::Day(day) => date.date_naive() < day,
            Self::Time(instant) => date < instant,
        }
    }

    /// Tells whether a date is behind it: after the day, or after the point in time.
    #[must_use]
    pub fn is_before(self, date: DateTime<FixedOffset>) -> bool {
        match self {
            Self::Day(day) => date.date_naive() > day,
            Self::Time(instant) => date > instant,
        }
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Day(day) => write!(f, "{day}"),
            Self::Time(instant) => f.write_str(&instant.to_rfc3339()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339(text).expect("a time")
    }

    #[track_caller]
    fn case(text: &str, expected: &str) {
        let now = date("2026-11-21T00:30:00+01:00");
        let moment = parse_moment(text, now).expect("a day or a time");
        assert_eq!(moment.to_string(), expected);
    }

    #[test]
    fn days_and_times_are_taken_in_every_form() {
        case("2026-11-01", "2026-11-01");
        case("today", "2026-11-21");
        case("yesterday", "2026-11-20");
        case("0d", "2026-11-21");
        case("30d", "2026-10-22");
        case("4w", "2026-10-24");
        case("1y", "2025-11-21");
        case("2026-11-01T12:00:00Z", "2026-11-01T12:00:00+00:00");
        case(
            "2026-11-01T12:00:00.5+02:00",
            "2026-11-01T12:00:00.500+02:00",
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "d",
            "-1d",
            "+1d",
            "1 d",
            "1m",
            "30",
            "1.5d",
            "tomorrow",
            "Yesterday",
            "2026-11",
            "2026-11-1",
            "2026-02-30",
            "+2026-11-01",
            "2026-11-01T12:00",
            "01.11.2026",
            "99999999d",
            "99999999999999999999d",
            "9999999999999999999y",
            "é",
        ] {
            let error = parse_moment(text, date("2026-11-21T00:00:00Z")).expect_err("no day");
            assert_eq!(error.to_string(), format!("no day and no time: `{text}`"));
        }
    }

    #[test]
    fn a_day_is_the_one_that_an_entry_names_in_its_own_zone() {
        let day = Moment::Day(date("2026-11-21T00:00:00Z").date_naive());
        let late = date("2026-11-21T23:30:00-08:00");
        assert!(!day.is_before(late) && !day.is_after(late));
        assert!(day.is_after(date("2026-11-20T23:30:00-08:00")));
        assert!(day.is_before(date("2026-11-22T00:30:00+14:00")));
        let instant = Moment::Time(date("2026-11-21T12:00:00Z"));
        assert!(instant.is_after(date("2026-11-21T13:59:59+02:00")));
        assert!(instant.is_before(date("2026-11-21T14:00:01+02:00")));
        let same = date("2026-11-21T14:00:00+02:00");
        assert!(!instant.is_before(same) && !instant.is_after(same));
    }
}
