//! When to come back: the header `Retry-After` (RFC 9110, section 10.2.3), in seconds or as a date.

use std::time::Duration;

use chrono::NaiveDateTime;

/// The three ways in which a date is written in HTTP (RFC 9110, section 5.6.7): the preferred one, and two old ones.
const DATE_FORMATS: [&str; 3] = [
    "%a, %d %b %Y %H:%M:%S GMT",
    "%A, %d-%b-%y %H:%M:%S GMT",
    "%a %b %e %H:%M:%S %Y",
];

/// Parses the header's value; a date is taken against the answer's own `Date`, so no clock of ours has to be right.
pub(crate) fn parse_retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let wait = parse_date(value)? - parse_date(date?.trim())?;
    Some(wait.to_std().unwrap_or(Duration::ZERO))
}

fn parse_date(text: &str) -> Option<NaiveDateTime> {
    let parse = |format| NaiveDateTime::parse_from_str(text, format).ok();
    DATE_FORMATS.iter().copied().find_map(parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    #[track_caller]
    fn case(value: &str, seconds: Option<u64>) {
        assert_eq!(
            parse_retry_after(value, Some(NOW)),
            seconds.map(Duration::from_secs)
        );
    }

    #[test]
    fn seconds_are_read() {
        case("0", Some(0));
        case(" 120 ", Some(120));
        case("99999999999999999999999", Some(u64::MAX));
    }

    #[test]
    fn dates_are_read_in_all_three_forms() {
        case("Sun, 06 Nov 1994 08:50:37 GMT", Some(60));
        case("Sunday, 06-Nov-94 08:50:37 GMT", Some(60));
        case("Sun Nov  6 08:50:37 1994", Some(60));
    }

    #[test]
    fn a_date_that_is_over_means_now() {
        case("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
    }

    #[test]
    fn a_date_without_the_servers_clock_says_nothing() {
        assert_eq!(parse_retry_after(NOW, None), None);
        assert_eq!(parse_retry_after(NOW, Some("now")), None);
    }

    #[test]
    fn other_text_says_nothing() {
        for value in ["", "-1", "1.5", "soon", "Sun, 06 Nov 1994"] {
            case(value, None);
        }
    }
}
