//! Lengths of time as a user writes them: `90` (seconds), `15m`, `1h30m`.

use std::time::Duration;

/// Reads a length of time: whole seconds, or numbers with `h`, `m` and `s` in that order; never zero.
#[must_use]
pub fn find_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Some(seconds) = find_number(text) {
        return not_zero(seconds);
    }
    let mut seconds: u64 = 0;
    let mut rest = text;
    for (unit, length) in [('h', 3600), ('m', 60), ('s', 1)] {
        if let Some((number, after)) = rest.split_once(unit) {
            let part = find_number(number)?.checked_mul(length)?;
            seconds = seconds.checked_add(part)?;
            rest = after;
        }
    }
    if rest.is_empty() {
        not_zero(seconds)
    } else {
        None
    }
}

/// A year: beyond it, a deadline is none.
pub(super) const LONGEST: u64 = 366 * 24 * 3600;

fn not_zero(seconds: u64) -> Option<Duration> {
    (1..=LONGEST)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

fn find_number(text: &str) -> Option<u64> {
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_units_are_read() {
        for (text, seconds) in [
            ("90", 90),
            ("90s", 90),
            ("15m", 900),
            ("2h", 7200),
            ("1h30m", 5400),
            ("1h1s", 3601),
            (" 1m ", 60),
        ] {
            assert_eq!(
                find_duration(text),
                Some(Duration::from_secs(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        for text in [
            "",
            "0",
            "0h",
            "-1",
            "+1",
            "1d",
            "1.5h",
            "30m1h",
            "h",
            "m5",
            "1h30",
            "99999999999999999999h",
        ] {
            assert_eq!(find_duration(text), None, "{text}");
        }
    }
}
