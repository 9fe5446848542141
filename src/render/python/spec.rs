//! How one value is formatted: `[[fill]align][sign][#][0][width][,][.precision][kind]`, as Python has it.

use minijinja::Error;

use super::arguments::refuse;
use super::bounds::check_width;
use super::print::{print_exponent, print_float};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spec {
    pub(super) fill: Option<char>,
    pub(super) align: Option<char>,
    pub(super) sign: Option<char>,
    pub(super) is_alternate: bool,
    pub(super) is_zero: bool,
    pub(super) width: usize,
    pub(super) grouping: Option<char>,
    pub(super) precision: Option<usize>,
    pub(super) kind: Option<char>,
}

impl Spec {
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let mut spec = Self::default();
        let mut characters = text.chars();
        let is_align = |c: Option<char>| c.filter(|c| "<>^=".contains(*c));
        let (first, second) = (text.chars().next(), text.chars().nth(1));
        if let Some(align) = is_align(second) {
            (spec.fill, spec.align) = (first, Some(align));
            characters.nth(1);
        } else if let Some(align) = is_align(first) {
            spec.align = Some(align);
            characters.next();
        }
        let mut rest = characters.as_str();
        let take = |rest: &mut &str, allowed: &str| {
            let found = rest.chars().next().filter(|c| allowed.contains(*c));
            if let Some(found) = found {
                *rest = &rest[found.len_utf8()..];
            }
            found
        };
        spec.sign = take(&mut rest, "+- ").filter(|sign| *sign != '-');
        spec.is_alternate = take(&mut rest, "#").is_some();
        spec.is_zero = take(&mut rest, "0").is_some();
        spec.width = read_number(&mut rest)?.unwrap_or_default();
        spec.grouping = take(&mut rest, ",_");
        if take(&mut rest, ".").is_some() {
            let precision = read_number(&mut rest)?;
            spec.precision =
                Some(precision.ok_or_else(|| refuse("behind the `.` stands a precision"))?);
        }
        spec.kind = rest.chars().next();
        if rest.chars().count() > 1 {
            return Err(refuse(format!("`{text}` is no format")));
        }
        Ok(spec)
    }

    /// Fills up to the width; zeros go between the sign and the digits.
    fn pad(&self, sign: &str, digits: &str, default_align: char) -> String {
        let (mut fill, mut align) = (
            self.fill.unwrap_or(' '),
            self.align.unwrap_or(default_align),
        );
        if self.is_zero && self.align.is_none() {
            (fill, align) = ('0', if default_align == '<' { '<' } else { '=' });
        }
        let length = sign.chars().count() + digits.chars().count();
        let missing = self.width.saturating_sub(length);
        let left = match align {
            '<' => 0,
            '^' => missing / 2,
            _ => missing,
        };
        let blanks = |count: usize| std::iter::repeat_n(fill, count).collect::<String>();
        let (before, after) = (blanks(left), blanks(missing - left));
        match align {
            '=' => format!("{sign}{before}{digits}"),
            _ => format!("{before}{sign}{digits}{after}"),
        }
    }

    fn sign_of(&self, is_negative: bool) -> String {
        match (is_negative, self.sign) {
            (true, _) => "-".to_owned(),
            (false, sign) => sign.map(String::from).unwrap_or_default(),
        }
    }
}

fn read_number(rest: &mut &str) -> Result<Option<usize>, Error> {
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    if digits.is_empty() {
        return Ok(None);
    }
    check_width(digits.parse().unwrap_or(i64::MAX)).map(Some)
}

pub(super) fn format_text(text: &str, spec: &Spec) -> Result<String, Error> {
    if spec.sign.is_some()
        || spec.is_alternate
        || spec.grouping.is_some()
        || spec.align == Some('=')
    {
        return Err(refuse("this format is one of numbers, and this is a text"));
    }
    let cut: String = match spec.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    };
    Ok(spec.pad("", &cut, '<'))
}

pub(super) fn format_integer(number: i128, kind: char, spec: &Spec) -> Result<String, Error> {
    if spec.precision.is_some() {
        return Err(refuse("a whole number has no precision"));
    }
    let size = number.unsigned_abs();
    let (prefix, digits) = match kind {
        'x' => ("0x", format!("{size:x}")),
        'X' => ("0X", format!("{size:X}")),
        'o' => ("0o", format!("{size:o}")),
        'b' => ("0b", format!("{size:b}")),
        _ => ("", size.to_string()),
    };
    let digits = match spec.grouping {
        Some(mark) if prefix.is_empty() => group(&digits, mark, 3),
        Some('_') => group(&digits, '_', 4),
        Some(_) => return Err(refuse("only decimal numbers are grouped by `,`")),
        None => digits,
    };
    if spec.grouping.is_some() && spec.is_zero {
        return Err(refuse("zeros before a grouped number are not supported"));
    }
    let prefix = if spec.is_alternate { prefix } else { "" };
    let sign = format!("{}{prefix}", spec.sign_of(number < 0));
    Ok(spec.pad(&sign, &digits, '>'))
}

/// Formats a number; the kind `r` is that of a format without one.
pub(super) fn format_float(number: f64, kind: char, spec: &Spec) -> Result<String, Error> {
    let size = number.abs();
    let precision = spec.precision.unwrap_or(6);
    let digits = if number.is_finite() {
        match kind.to_ascii_lowercase() {
            'e' => format_exponent(size, precision),
            'f' => format!("{size:.precision$}"),
            '%' => format!("{:.precision$}%", size * 100.0),
            'g' => format_general(size, precision.max(1), spec.is_alternate),
            _ if spec.precision.is_some() => {
                return Err(refuse(
                    "a precision needs a kind: write `f`, `e` or `g` behind it",
                ));
            }
            _ => print_float(size),
        }
    } else if size.is_nan() {
        "nan".to_owned()
    } else {
        "inf".to_owned()
    };
    let digits = match spec.grouping {
        Some(mark) => {
            let whole = digits.find(|c: char| !c.is_ascii_digit());
            let (whole, rest) = digits.split_at(whole.unwrap_or(digits.len()));
            group(whole, mark, 3) + rest
        }
        None => digits,
    };
    let digits = match kind {
        'E' | 'F' | 'G' => digits.to_ascii_uppercase(),
        _ => digits,
    };
    let is_negative = number.is_sign_negative() && !number.is_nan();
    Ok(spec.pad(&spec.sign_of(is_negative), &digits, '>'))
}

fn format_exponent(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let Some((digits, exponent)) = text.split_once('e') else {
        return text;
    };
    print_exponent(digits, exponent)
}

/// Takes the shorter of both ways, without zeros at the end.
fn format_general(number: f64, precision: usize, keeps_zeros: bool) -> String {
    let text = format!("{number:.*e}", precision - 1);
    let exponent = text
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse::<i64>().ok())
        .unwrap_or_default();
    let most = i64::try_from(precision).unwrap_or(i64::MAX);
    let text = if (-4..most).contains(&exponent) {
        let places = usize::try_from(most - 1 - exponent).unwrap_or_default();
        format!("{number:.places$}")
    } else {
        format_exponent(number, precision - 1)
    };
    if keeps_zeros {
        return text;
    }
    let (digits, exponent) = match text.find('e') {
        Some(at) => text.split_at(at),
        None => (text.as_str(), ""),
    };
    if !digits.contains('.') {
        return text;
    }
    let digits = digits.trim_end_matches('0').trim_end_matches('.');
    format!("{digits}{exponent}")
}

fn group(digits: &str, mark: char, size: usize) -> String {
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(size) {
            grouped.push(mark);
        }
        grouped.push(digit);
    }
    grouped
}
