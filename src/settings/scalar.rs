//! Scalars of YAML 1.1, with the types that `PyYAML` gives them.
//!
//! ```text
//! yes → True    0777 → 511    1:30 → 90    1.5e+3 → 1500.0    1e3 → the text `1e3`    2026-01-02 → a date
//! ```

use chrono::{FixedOffset, NaiveDate};

use super::value::{Timestamp, Value};

/// Why a scalar has no value.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ScalarError {
    /// It looks like a number, a date or a boolean, and is none.
    #[error("this is not {expected}")]
    Malformed {
        /// What its tag or its looks promise.
        expected: &'static str,
    },
    /// A whole number beyond 127 bits.
    #[error("this number is too large")]
    TooLarge,
    /// `=`, `<<` or `?` where a value is expected.
    #[error("`{0}` has to stand in quotes here")]
    Indicator(&'static str),
}

/// The type of a scalar: told by an explicit tag (`!!str`), else by how the plain text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScalarTag {
    None,
    Boolean,
    Integer,
    Float,
    Timestamp,
    Text,
    Merge,
    Default,
    Question,
}

/// Tells the type of a plain scalar by its looks (YAML 1.1 "Resolution", as `PyYAML` narrows it).
pub(super) fn find_implicit_tag(text: &str) -> ScalarTag {
    let Some(first) = text.bytes().next() else {
        return ScalarTag::None;
    };
    match first {
        b'~' | b'n' | b'N' if matches!(text, "~" | "null" | "Null" | "NULL") => ScalarTag::None,
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O'
            if find_boolean(text).is_some() =>
        {
            ScalarTag::Boolean
        }
        b'<' if text == "<<" => ScalarTag::Merge,
        b'=' if text == "=" => ScalarTag::Default,
        // PyYAML reads `[?]` as a mapping of nothing to nothing, which nobody means.
        b'?' if text == "?" => ScalarTag::Question,
        b'0'..=b'9' | b'-' | b'+' | b'.' => find_number_tag(text),
        _ => ScalarTag::Text,
    }
}

fn find_number_tag(text: &str) -> ScalarTag {
    if is_float(text) {
        ScalarTag::Float
    } else if is_integer(text) {
        ScalarTag::Integer
    } else if split_timestamp(text).is_some() {
        ScalarTag::Timestamp
    } else {
        ScalarTag::Text
    }
}

/// Reads the text of a scalar as its type asks.
pub(super) fn parse_scalar(tag: ScalarTag, text: &str) -> Result<Value, ScalarError> {
    let malformed = |expected| ScalarError::Malformed { expected };
    match tag {
        ScalarTag::None => Ok(Value::None),
        ScalarTag::Boolean => find_boolean(&text.to_lowercase())
            .map(Value::Boolean)
            .ok_or_else(|| malformed("a boolean")),
        ScalarTag::Integer => parse_integer(text).map(Value::Integer),
        ScalarTag::Float => parse_float(text)
            .map(Value::Float)
            .ok_or_else(|| malformed("a number")),
        ScalarTag::Timestamp => parse_timestamp(text)
            .map(Value::Timestamp)
            .ok_or_else(|| malformed("a date of the calendar")),
        ScalarTag::Text => Ok(Value::Text(text.to_owned())),
        ScalarTag::Merge => Err(ScalarError::Indicator("<<")),
        ScalarTag::Default => Err(ScalarError::Indicator("=")),
        ScalarTag::Question => Err(ScalarError::Indicator("?")),
    }
}

fn find_boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn strip_sign(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

/// Splits a run of digits (and underscores where asked) off the front.
fn split_digits(text: &str, with_underscores: bool) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || (with_underscores && c == '_')))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// Skips `:5` and `:05` up to `:59`, at least once.
fn skip_sixties(mut text: &str) -> Option<&str> {
    let mut seen = false;
    while let Some(rest) = text.strip_prefix(':') {
        let (digits, rest) = split_digits(rest, false);
        match digits.as_bytes() {
            [_] | [b'0'..=b'5', _] => {}
            _ => return None,
        }
        (text, seen) = (rest, true);
    }
    seen.then_some(text)
}

fn is_float(text: &str) -> bool {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let unsigned = strip_sign(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    if let Some(fraction) = text.strip_prefix('.') {
        let (digits, rest) = split_digits(fraction, true);
        return digits.starts_with(|c: char| c.is_ascii_digit()) && is_exponent(rest);
    }
    let (digits, rest) = split_digits(unsigned, true);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    if let Some(fraction) = rest.strip_prefix('.') {
        return is_exponent(split_digits(fraction, true).1);
    }
    let fraction = skip_sixties(rest).and_then(|rest| rest.strip_prefix('.'));
    fraction.is_some_and(|fraction| split_digits(fraction, true).1.is_empty())
}

/// Tells whether nothing or an exponent with its sign is left; YAML 1.1 knows none without.
fn is_exponent(text: &str) -> bool {
    let digits = text
        .strip_prefix(['e', 'E'])
        .and_then(|exponent| exponent.strip_prefix(['-', '+']));
    match digits {
        Some(digits) => !digits.is_empty() && split_digits(digits, false).1.is_empty(),
        None => text.is_empty(),
    }
}

fn is_integer(text: &str) -> bool {
    let unsigned = strip_sign(text);
    let all = |digits: &str, is_digit: fn(char) -> bool| {
        !digits.is_empty() && digits.chars().all(|c| c == '_' || is_digit(c))
    };
    if unsigned == "0" {
        return true;
    }
    if let Some(digits) = unsigned.strip_prefix("0b") {
        return all(digits, |c| matches!(c, '0' | '1'));
    }
    if let Some(digits) = unsigned.strip_prefix("0x") {
        return all(digits, |c| c.is_ascii_hexdigit());
    }
    if let Some(digits) = unsigned.strip_prefix('0') {
        return all(digits, |c| c.is_digit(8));
    }
    let (digits, rest) = split_digits(unsigned, true);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && (rest.is_empty() || skip_sixties(rest) == Some(""))
}

fn parse_integer(text: &str) -> Result<i128, ScalarError> {
    let text = text.replace('_', "");
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (-1, unsigned),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (digits, radix) = if unsigned == "0" {
        (unsigned, 10)
    } else if let Some(digits) = unsigned.strip_prefix("0b") {
        (digits, 2)
    } else if let Some(digits) = unsigned.strip_prefix("0x") {
        (digits, 16)
    } else if unsigned.starts_with('0') {
        (unsigned, 8)
    } else {
        (unsigned, 10)
    };
    let mut value: i128 = 0;
    for part in digits.split(':') {
        let read = if part.starts_with(['+', '-']) {
            return Err(malformed_integer());
        } else {
            i128::from_str_radix(part, radix)
        };
        let part = read.map_err(|error| match error.kind() {
            std::num::IntErrorKind::PosOverflow => ScalarError::TooLarge,
            _ => malformed_integer(),
        })?;
        value = value
            .checked_mul(60)
            .and_then(|value| value.checked_add(part))
            .ok_or(ScalarError::TooLarge)?;
    }
    Ok(sign * value)
}

fn malformed_integer() -> ScalarError {
    ScalarError::Malformed {
        expected: "a whole number",
    }
}

fn parse_float(text: &str) -> Option<f64> {
    let text = text.replace('_', "").to_lowercase();
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (-1.0, unsigned),
        None => (1.0, text.strip_prefix('+').unwrap_or(&text)),
    };
    let value = match unsigned {
        ".inf" => f64::INFINITY,
        ".nan" => return Some(f64::NAN),
        _ => {
            // From the right, as PyYAML adds them: the rounding is the same.
            let mut unit = 1.0;
            let mut value = 0.0;
            for part in unsigned.rsplit(':') {
                value += part.parse::<f64>().ok()? * unit;
                unit *= 60.0;
            }
            value
        }
    };
    Some(sign * value)
}

/// The written parts of a timestamp, checked for their form only.
struct TimestampParts<'a> {
    date: [&'a str; 3],
    time: Option<[&'a str; 3]>,
    fraction: &'a str,
    zone: &'a str,
}

fn split_timestamp(text: &str) -> Option<TimestampParts<'_>> {
    let (year, rest) = split_digits(text, false);
    let (month, rest) = split_digits(rest.strip_prefix('-')?, false);
    let (day, rest) = split_digits(rest.strip_prefix('-')?, false);
    let fits = |digits: &str, least: usize| (least..=2).contains(&digits.len());
    if year.len() != 4 || !fits(month, 1) || !fits(day, 1) {
        return None;
    }
    let date = [year, month, day];
    if rest.is_empty() {
        return (fits(month, 2) && fits(day, 2)).then_some(TimestampParts {
            date,
            time: None,
            fraction: "",
            zone: "",
        });
    }
    let blank = [' ', '\t'];
    let rest = match rest.strip_prefix(['T', 't']) {
        Some(rest) => rest,
        None if rest.starts_with(blank) => rest.trim_start_matches(blank),
        None => return None,
    };
    let (hour, rest) = split_digits(rest, false);
    let (minute, rest) = split_digits(rest.strip_prefix(':')?, false);
    let (second, rest) = split_digits(rest.strip_prefix(':')?, false);
    if !fits(hour, 1) || !fits(minute, 2) || !fits(second, 2) {
        return None;
    }
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest, false),
        None => ("", rest),
    };
    let zone = rest.trim_start_matches(blank);
    let is_zone = match zone.strip_prefix(['-', '+']) {
        Some(offset) => {
            let (hours, minutes) = match offset.split_once(':') {
                Some((hours, minutes)) => (hours, Some(minutes)),
                None => (offset, None),
            };
            let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            fits(hours, 1)
                && digits(hours)
                && minutes.is_none_or(|minutes| fits(minutes, 2) && digits(minutes))
        }
        None => zone == "Z" || rest.is_empty(),
    };
    is_zone.then_some(TimestampParts {
        date,
        time: Some([hour, minute, second]),
        fraction,
        zone,
    })
}

fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let parts = split_timestamp(text)?;
    let [_, month, day] = parts.date.map(|part| part.parse::<u32>().ok());
    let year: i32 = parts.date[0].parse().ok()?;
    let date = NaiveDate::from_ymd_opt(year, month?, day?).filter(|_| year > 0)?;
    let Some(time) = parts.time else {
        return Some(Timestamp::Date(date));
    };
    let [hour, minute, second] = time.map(|part| part.parse::<u32>().ok());
    let fraction: u32 = format!("{:0<6.6}", parts.fraction).parse().ok()?;
    let time = date.and_hms_micro_opt(hour?, minute?, second?, fraction)?;
    let offset = match parts.zone {
        "" => None,
        "Z" => Some(FixedOffset::east_opt(0)?),
        zone => {
            let (hours, minutes) = zone[1..].split_once(':').unwrap_or((&zone[1..], "0"));
            let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
            let east = if zone.starts_with('-') {
                -seconds
            } else {
                seconds
            };
            Some(FixedOffset::east_opt(east)?)
        }
    };
    Some(Timestamp::Time(time, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(text: &str) -> String {
        match parse_scalar(find_implicit_tag(text), text) {
            Ok(Value::None) => "none".to_owned(),
            Ok(Value::Boolean(value)) => value.to_string(),
            Ok(Value::Integer(value)) => value.to_string(),
            Ok(Value::Float(value)) => format!("{value:?}"),
            Ok(Value::Timestamp(value)) => format!("time {value}"),
            Ok(Value::Text(text)) => format!("`{text}`"),
            other => format!("{other:?}"),
        }
    }

    #[track_caller]
    fn case(text: &str, expected: &str) {
        assert_eq!(print(text), expected, "{text}");
    }

    /// Every pair was read off `PyYAML` 6.0.3.
    #[test]
    fn plain_scalars_have_the_types_of_yaml_1_1() {
        for text in ["", "~", "null", "Null", "NULL"] {
            case(text, "none");
        }
        for text in [
            "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE",
        ] {
            case(text, "true");
        }
        for text in [
            "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE",
        ] {
            case(text, "false");
        }
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("+1", "1"),
            ("00", "0"),
            ("01", "1"),
            ("0777", "511"),
            ("-0777", "-511"),
            ("0x1F", "31"),
            ("-0b11", "-3"),
            ("0b1010_0111_0100_1010_1110", "685230"),
            ("1_000", "1000"),
            ("1__0", "10"),
            ("0_", "0"),
            ("1:30", "90"),
            ("-1:30", "-90"),
            ("+1:30", "90"),
            ("1:30:00", "5400"),
            ("1:2:3:4:5", "13403045"),
            ("99999999999999999999", "99999999999999999999"),
            ("1.5", "1.5"),
            ("1.", "1.0"),
            (".5", "0.5"),
            ("1.5e+3", "1500.0"),
            ("1.e+3", "1000.0"),
            ("1.5e-3", "0.0015"),
            ("1.0e+400", "inf"),
            ("-0.0", "-0.0"),
            ("1_0.5_0", "10.5"),
            ("685.230_15e+03", "685230.15"),
            ("190:20:30.15", "685230.15"),
            ("1:5:3.2", "3903.2"),
            (".inf", "inf"),
            ("-.INF", "-inf"),
            ("+.Inf", "inf"),
            (".nan", "NaN"),
        ] {
            case(text, expected);
        }
    }

    #[test]
    fn dates_print_as_python_prints_them() {
        for (text, expected) in [
            ("2026-01-02", "time 2026-01-02"),
            ("2001-12-14T21:59:43", "time 2001-12-14 21:59:43"),
            ("2001-12-14T21:59:43Z", "time 2001-12-14 21:59:43+00:00"),
            ("2001-12-15 2:59:43.10", "time 2001-12-15 02:59:43.100000"),
            (
                "2001-12-14t21:59:43.10-05:00",
                "time 2001-12-14 21:59:43.100000-05:00",
            ),
            (
                "2001-12-14 21:59:43.1234567 -5",
                "time 2001-12-14 21:59:43.123456-05:00",
            ),
        ] {
            case(text, expected);
        }
    }

    #[test]
    fn what_only_looks_like_a_number_is_a_text() {
        for text in [
            "08", "09", "0o17", "0X1F", "0b", "_1", "1:60", "01:30", "-.5", "+.5", "1e3", "1.5e3",
            "1e+3", "12e03", "._1", ".", "..", "1.2.3", "1.22-1", "inf", "nan", "nUll", "yEs", "y",
            "n", "tRue", "2026-1-2", "0.1e+1_0", "abc", "a b", "-c", "1:2:",
        ] {
            case(text, &format!("`{text}`"));
        }
    }

    #[test]
    fn what_breaks_its_promise_is_an_error() {
        for text in [
            "0b_",
            "0x_",
            "2026-13-01",
            "0000-01-01",
            "2026-01-01 24:00:00",
            "<<",
            "=",
            "?",
        ] {
            parse_scalar(find_implicit_tag(text), text).expect_err(text);
        }
        let long = "9".repeat(40);
        assert_eq!(
            parse_scalar(find_implicit_tag(&long), &long),
            Err(ScalarError::TooLarge)
        );
    }
}
