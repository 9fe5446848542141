//! An image that fails each time is not built each time: after the second failure in a row with the same inputs, further
//! tries wait, longer with each failure.
//!
//! The first failure costs nothing: whoever sees it and tries again at once is not kept waiting, and what failed by chance
//! passes with the next run. The longest wait is below a day, so that a run of every night tries once a night.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta, Timelike as _};
use serde::{Deserialize, Serialize};

/// What a try was made of: when it differs, the next try is another one. What is not known counts as the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TryKey {
    /// The recipe, the version, the context and the tests, and the same of the images of the catalog below.
    pub own: String,
    /// The images from elsewhere that it is built on.
    pub on: Option<String>,
    /// The images of the catalog that it is built on and that its run took as they were, by name, each with all identities by
    /// which it was known.
    #[serde(default)]
    pub parents: BTreeMap<String, Vec<String>>,
    /// A few bits of its secrets.
    #[serde(default)]
    pub secrets: Option<String>,
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
    NotBefore(Due),
}

const WAITS_MINUTES: [i64; 6] = [0, 10, 30, 2 * 60, 6 * 60, 20 * 60];

/// What is older than this says nothing any more.
const LONGEST_MEMORY: TimeDelta = TimeDelta::days(30);

/// What past failures of an image mean for it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastFailures {
    /// How many there were in a row.
    pub failures: u32,
    /// When the last one was.
    pub last: DateTime<FixedOffset>,
    /// The log of that, where it is still there.
    pub log: Option<std::path::PathBuf>,
    /// Whether the image would be made of the same as then.
    pub inputs: InputsSince,
    /// When it is tried again.
    pub next: NextTry,
}

/// How inputs stand to those of a try that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputsSince {
    /// They are the same.
    Same,
    /// They are not.
    Changed,
}

impl TryKey {
    /// Tells whether a try would be the same as another one.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        fn is_same(one: Option<&String>, other: Option<&String>) -> bool {
            one.zip(other).is_none_or(|(one, other)| one == other)
        }
        self.own == other.own
            && is_same(self.on.as_ref(), other.on.as_ref())
            && self.has_same_parents(other)
            && is_same(self.secrets.as_ref(), other.secrets.as_ref())
    }

    /// An image that is pushed or pulled gets one more identity: it is another one where it has none of those that it had.
    fn has_same_parents(&self, other: &Self) -> bool {
        self.parents.iter().all(|(name, identities)| {
            let then = other.parents.get(name).filter(|then| !then.is_empty());
            identities.is_empty()
                || then.is_none_or(|then| identities.iter().any(|it| then.contains(it)))
        })
    }

    /// Fills in what an earlier one of the same inputs knows.
    fn with(self, earlier: &Self) -> Self {
        Self {
            on: self.on.or_else(|| earlier.on.clone()),
            secrets: self.secrets.or_else(|| earlier.secrets.clone()),
            parents: earlier
                .parents
                .clone()
                .into_iter()
                .chain(self.parents)
                .collect(),
            own: self.own,
        }
    }
}

impl Attempt {
    /// Counts one more failure; one with other inputs is the first.
    #[must_use]
    pub fn after(before: Option<&Self>, inputs: TryKey, now: DateTime<FixedOffset>) -> Self {
        let same = before.filter(|before| before.inputs.is_same(&inputs));
        Self {
            failures: same.map_or(0, |before| before.failures).saturating_add(1),
            inputs: match same {
                Some(before) => inputs.with(&before.inputs),
                None => inputs,
            },
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
        let is_now = is_first || !self.inputs.is_same(inputs) || now >= next || is_set_back;
        if is_now {
            NextTry::Now
        } else {
            NextTry::NotBefore(Due {
                time: next,
                wait: next.signed_duration_since(now),
            })
        }
    }

    /// Tells what the failures mean for a try of these inputs.
    #[must_use]
    pub fn judge(&self, inputs: &TryKey, now: DateTime<FixedOffset>) -> PastFailures {
        PastFailures {
            failures: self.failures,
            last: self.last,
            log: self.log.clone().filter(|log| log.exists()),
            inputs: if self.inputs.is_same(inputs) {
                InputsSince::Same
            } else {
                InputsSince::Changed
            },
            next: self.next(inputs, now),
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

/// When something is due, seen from the time at which that was asked.
///
/// ```text
/// 2026-11-21 18:26 (in 9m)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The time.
    pub time: DateTime<FixedOffset>,
    /// How long that is from then on.
    pub wait: TimeDelta,
}

impl fmt::Display for Due {
    /// In whole minutes, and not before it is so far.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begun = i64::from(self.time.second() > 0);
        let time = self.time.checked_add_signed(TimeDelta::minutes(begun));
        let time = render_time(time.unwrap_or(self.time));
        let minutes = self.wait.num_seconds().max(0).unsigned_abs().div_ceil(60);
        match (minutes / 60, minutes % 60) {
            (0, minutes) => write!(f, "{time} (in {minutes}m)"),
            (hours, 0) => write!(f, "{time} (in {hours}h)"),
            (hours, minutes) => write!(f, "{time} (in {hours}h{minutes:02}m)"),
        }
    }
}

/// Writes a time for people of the same zone.
#[must_use]
pub(super) fn render_time(time: DateTime<FixedOffset>) -> String {
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
        TryKey {
            own: own.to_owned(),
            on: Some("base".to_owned()),
            parents: BTreeMap::new(),
            secrets: None,
        }
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
        assert_eq!(
            attempt.next(&inputs("a"), now),
            NextTry::NotBefore(Due {
                time: next,
                wait: TimeDelta::minutes(1200),
            })
        );
        assert_eq!(attempt.next(&inputs("a"), next), NextTry::Now);
        assert_eq!(render_time(next), "2026-11-22 03:30");
    }

    #[test]
    fn a_time_that_is_waited_for_is_rounded_up_and_told_from_now() {
        for (text, seconds, expected) in [
            ("2026-11-21T18:25:00+01:00", 540, "2026-11-21 18:25 (in 9m)"),
            (
                "2026-11-21T18:25:01+01:00",
                541,
                "2026-11-21 18:26 (in 10m)",
            ),
            (
                "2026-11-21T23:59:59+01:00",
                3600,
                "2026-11-22 00:00 (in 1h)",
            ),
            (
                "2026-11-21T18:25:00+01:00",
                5401,
                "2026-11-21 18:25 (in 1h31m)",
            ),
            ("2026-11-21T18:25:00+01:00", 1, "2026-11-21 18:25 (in 1m)"),
        ] {
            let due = Due {
                time: time(text),
                wait: TimeDelta::seconds(seconds),
            };
            assert_eq!(due.to_string(), expected);
        }
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
        let moved = TryKey {
            on: Some("new base".to_owned()),
            ..inputs("a")
        };
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
    fn what_is_not_known_counts_as_the_same_and_is_kept_once_it_is() {
        let now = time("2026-11-21T07:30:00+01:00");
        let with = |on: Option<&str>, secrets: Option<&str>| TryKey {
            on: on.map(str::to_owned),
            secrets: secrets.map(str::to_owned),
            ..inputs("a")
        };
        let first = Attempt::after(None, with(Some("base"), Some("12ab")), now);
        let second = Attempt::after(Some(&first), with(None, None), now);
        assert_eq!((second.failures, &second.inputs), (2, &first.inputs));
        let judged = |key: &TryKey| second.judge(key, now).inputs;
        assert_eq!(judged(&with(None, Some("12ab"))), InputsSince::Same);
        assert_eq!(judged(&with(None, Some("12ac"))), InputsSince::Changed);
        assert_eq!(judged(&with(Some("other"), None)), InputsSince::Changed);
    }

    #[test]
    fn a_parent_is_another_one_where_it_has_no_identity_that_it_had() {
        let with = |identities: &[&str]| {
            let identities = identities.iter().map(|it| (*it).to_owned()).collect();
            TryKey {
                parents: BTreeMap::from([("a".to_owned(), identities)]),
                ..inputs("b")
            }
        };
        let built = with(&["id"]);
        for same in [with(&["id", "manifest"]), with(&[]), inputs("b")] {
            assert!(built.is_same(&same) && same.is_same(&built), "{same:?}");
        }
        assert!(!built.is_same(&with(&["other", "manifest"])));
        let now = time("2026-11-21T07:30:00+01:00");
        let first = Attempt::after(None, built, now);
        let second = Attempt::after(Some(&first), inputs("b"), now);
        assert_eq!((second.failures, second.inputs), (2, with(&["id"])));
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
