//! The clock of a run: read once, so that every name and date of one run agrees; and the machine's, by which it is told how
//! long ago something was.

use chrono::{DateTime, Datelike as _, FixedOffset, Local, TimeZone, Utc};

use super::Environment;

/// The time at which the run began.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    now: DateTime<FixedOffset>,
}

/// `SOURCE_DATE_EPOCH` is set to something that is no number of seconds.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("SOURCE_DATE_EPOCH is no number of seconds since 1970: `{0}`")]
pub struct ClockError(String);

impl Clock {
    /// Takes `SOURCE_DATE_EPOCH` (reproducible-builds.org) where it is set, else the machine's time, in the local zone.
    pub fn of_run(environment: &Environment) -> Result<Self, ClockError> {
        let now = match environment.find("SOURCE_DATE_EPOCH") {
            None => return Ok(Self::of_machine()),
            Some(text) => text
                .parse()
                .ok()
                .and_then(|seconds| Utc.timestamp_opt(seconds, 0).single())
                // No format of a date that is written here has room for more.
                .filter(|time| (1970..=9998).contains(&time.year()))
                .map(|time| time.with_timezone(&Local).fixed_offset())
                .ok_or(ClockError(text))?,
        };
        Ok(Self { now })
    }

    /// Takes the machine's time, in the local zone, whatever the dates of a run are to be.
    ///
    /// Only what waits for time to pass asks for it: `SOURCE_DATE_EPOCH` may be the same for ever.
    #[must_use]
    pub fn of_machine() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the clock")]
        let now = Local::now();
        Self {
            now: now.fixed_offset(),
        }
    }

    /// Gives the time at which the run began, in the local zone.
    #[must_use]
    pub fn now(self) -> DateTime<FixedOffset> {
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_date_epoch_is_the_time_of_the_run() {
        let clock =
            Clock::of_run(&Environment::from([("SOURCE_DATE_EPOCH", "86400")])).expect("a clock");
        assert_eq!(clock.now().timestamp(), 86400);
        let error = Clock::of_run(&Environment::from([("SOURCE_DATE_EPOCH", "today")]))
            .expect_err("no number");
        assert_eq!(error, ClockError("today".to_owned()));
        for text in ["-1", "253402300800", "9223372036854775807"] {
            Clock::of_run(&Environment::from([("SOURCE_DATE_EPOCH", text)]))
                .expect_err("no year of four digits");
        }
    }
}
