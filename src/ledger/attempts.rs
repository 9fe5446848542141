//! An image that fails each time is not built each time: after the second failure in a row with the same inputs, further
//! tries wait, longer with each failure.
//!
//! The first failure costs nothing: whoever sees it and tries again at once is not kept waiting, and what failed by chance
//! passes with the next run. The longest wait is below a day, so that a run of every night tries once a night.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::oci::Digest;

/// What a try was made of: when it differs, the next try is another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TryKey {
    /// The recipe, the version, the context and the tests.
    pub own: String,
    /// What it was built on, or, for tests alone, which image they ran on.
    pub on: String,
}

/// The failures of one image in a row, all with the same inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The inputs.
    pub inputs: TryKey,
    /// How many times it failed, from 1.
    pub failures: u32,
    /// When it failed last.
    pub last: DateTime<FixedOffset>,
    /// The log of that.
    pub log: Option<std::path::PathBuf>,
}

/// Whether an image that failed is tried again now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextTry {
    /// It is.
    Now,
    /// Not before this time.
    NotBefore(DateTime<FixedOffset>),
}

const WAITS_MINUTES: [i64; 6] = [0, 10, 30, 2 * 60, 6 * 60, 20 * 60];

/// What is older than this says nothing any more.
const LONGEST_MEMORY: TimeDelta = TimeDelta::days(30);

impl TryKey {
    /// Puts inputs together of what an image is made from and of what it is built on.
    #[must_use]
    pub fn new(own: &Digest, on: &Digest) -> Self {
        Self {
            own: own.to_string(),
            on: on.to_string(),
        }
    }
}

impl Attempt {
    /// Counts one more failure; one with other inputs is the first.
    #[must_use]
    pub fn after(before: Option<&Self>, inputs: TryKey, now: DateTime<FixedOffset>) -> Self {
        let same = before.filter(|before| before.inputs == inputs);
        Self {
            failures: same.map_or(0, |before| before.failures).saturating_add(1),
            inputs,
            last: now,
            log: None,
        }
    }

    /// Tells when these inputs are tried again.
    #[must_use]
    pub fn next(&self, inputs: &TryKey, now: DateTime<FixedOffset>) -> NextTry {
        let next = self.next_try();
        // A clock that was set back must not make anybody wait for years.
        let is_set_back = self.last.signed_duration_since(now) > TimeDelta::days(1);
        let is_first = self.failures <= 1;
        let is_now = is_first || self.inputs != *inputs || now >= next || is_set_back;
        if is_now {
            NextTry::Now
        } else {
            NextTry::NotBefore(next)
        }
    }

    /// Gives the time from which on the same inputs are tried again.
    #[must_use]
    pub fn next_try(&self) -> DateTime<FixedOffset> {
        let most = WAITS_MINUTES.len() - 1;
        let step = usize::try_from(self.failures.saturating_sub(1)).unwrap_or(most);
        let wait = TimeDelta::minutes(WAITS_MINUTES[step.min(most)]);
        self.last.checked_add_signed(wait).unwrap_or(self.last)
    }

    pub(super) fn is_forgotten(&self, now: DateTime<FixedOffset>) -> bool {
        now.signed_duration_since(self.last) > LONGEST_MEMORY
    }
}

/// Writes a time for people of the same zone.
#[must_use]
pub fn render_time(time: DateTime<FixedOffset>) -> String {
    time.format("%Y-%m-%d %H:%M").to_string()
}

/// Gives the time that it is when so much of a run has passed.
pub(super) fn later(began: DateTime<FixedOffset>, passed: Duration) -> DateTime<FixedOffset> {
    let passed = TimeDelta::from_std(passed).unwrap_or(TimeDelta::zero());
    began.checked_add_signed(passed).unwrap_or(began)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339(text).expect("a time")
    }

    fn inputs(own: &str) -> TryKey {
        TryKey::new(&Digest::of(own.as_bytes()), &Digest::of(b"base"))
    }

    #[test]
    fn the_wait_begins_with_the_second_failure_and_grows() {
        let now = time("2026-11-21T07:30:00+01:00");
        let mut attempt: Option<Attempt> = None;
        let mut waits = Vec::new();
        for _ in 0..8 {
            let next = Attempt::after(attempt.as_ref(), inputs("a"), now);
            waits.push((next.next_try() - now).num_minutes());
            attempt = Some(next);
        }
        assert_eq!(waits, [0, 10, 30, 120, 360, 1200, 1200, 1200]);
        let attempt = attempt.expect("eight");
        assert_eq!(attempt.failures, 8);
        let next = now + TimeDelta::minutes(1200);
        assert_eq!(attempt.next(&inputs("a"), now), NextTry::NotBefore(next));
        assert_eq!(attempt.next(&inputs("a"), next), NextTry::Now);
        assert_eq!(render_time(next), "2026-11-22 03:30");
    }

    #[test]
    fn other_inputs_are_tried_at_once_and_begin_anew() {
        let now = time("2026-11-21T07:30:00+01:00");
        let failed = |times| {
            let first = Attempt::after(None, inputs("a"), now);
            (1..times).fold(first, |it, _| Attempt::after(Some(&it), inputs("a"), now))
        };
        let attempt = failed(5);
        assert_eq!(attempt.next(&inputs("b"), now), NextTry::Now);
        let moved = TryKey::new(&Digest::of(b"a"), &Digest::of(b"new base"));
        assert_eq!(attempt.next(&moved, now), NextTry::Now);
        assert_eq!(Attempt::after(Some(&attempt), inputs("b"), now).failures, 1);
        let earlier = now - TimeDelta::seconds(1);
        assert_eq!(failed(1).next(&inputs("a"), earlier), NextTry::Now);
        assert!(matches!(
            failed(2).next(&inputs("a"), earlier),
            NextTry::NotBefore(_)
        ));
    }

    #[test]
    fn a_clock_that_was_set_back_holds_nothing_up() {
        let now = time("2036-11-21T07:30:00+01:00");
        let first = Attempt::after(None, inputs("a"), now);
        let second = Attempt::after(Some(&first), inputs("a"), now);
        let earlier = time("2026-11-21T07:30:00+01:00");
        assert_eq!(second.next(&inputs("a"), earlier), NextTry::Now);
        assert!(!second.is_forgotten(now + TimeDelta::days(30)));
        assert!(second.is_forgotten(now + TimeDelta::days(31)));
        let last = DateTime::<chrono::Utc>::MAX_UTC.fixed_offset();
        let at_the_end = Attempt { last, ..second };
        assert_eq!(at_the_end.next_try(), last);
    }
}
