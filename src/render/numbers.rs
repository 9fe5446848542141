//! Filters that make numbers; each follows Jinja 3.1.

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, Value};

use super::arguments::{Arguments, check_defined};
use super::python::{self, truncate_float};

pub(super) fn add_to_environment(environment: &mut Environment<'_>) {
    environment.add_filter("int", to_integer);
    environment.add_filter("float", to_float);
}

fn to_integer(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<Value, Error> {
    let mut arguments = Arguments::new(rest, names);
    let default: Option<Value> = arguments.next("default")?;
    let base: Option<u32> = arguments.next("base")?;
    arguments.finish()?;
    check_defined(value)?;
    let read = match value.as_str() {
        Some(text) => find_integer(text, base.unwrap_or(10))
            .or_else(|| find_float(text).and_then(truncate_float)),
        None => match value.kind() {
            ValueKind::Bool => Some(i128::from(value.is_true())),
            ValueKind::Number => i128::try_from(value.clone())
                .ok()
                .or_else(|| f64::try_from(value.clone()).ok().and_then(truncate_float)),
            _ => None,
        },
    };
    Ok(match read {
        Some(number) => python::integer(number),
        None => default.unwrap_or_else(|| Value::from(0)),
    })
}

fn find_integer(text: &str, base: u32) -> Option<i128> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefix = match base {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    };
    let lower = to_ascii_digits(digits).to_ascii_lowercase();
    let digits = lower.strip_prefix(prefix).unwrap_or(&lower);
    let base = if base == 0 { 10 } else { base };
    let starts = digits.starts_with(char::is_alphanumeric);
    if !starts || !(2..=36).contains(&base) || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    let number = i128::from_str_radix(&digits.replace('_', ""), base).ok()?;
    Some(sign * number)
}

pub(super) fn find_float(text: &str) -> Option<f64> {
    // Rust and Python read the same numbers, with the same words for infinities.
    let text = to_ascii_digits(text.trim());
    let is_between_digits = |at: usize| {
        let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        let bytes = text.as_bytes();
        is_digit(at.checked_sub(1).and_then(|at| bytes.get(at))) && is_digit(bytes.get(at + 1))
    };
    if !text.match_indices('_').all(|(at, _)| is_between_digits(at)) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// Reads the digits of other scripts.
fn to_ascii_digits(text: &str) -> String {
    let ascii = |c: char| python::find_digit(c).and_then(|digit| char::from_digit(digit, 10));
    text.chars().map(|c| ascii(c).unwrap_or(c)).collect()
}

fn to_float(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<Value, Error> {
    let mut arguments = Arguments::new(rest, names);
    let default: Option<Value> = arguments.next("default")?;
    arguments.finish()?;
    check_defined(value)?;
    let read = match value.as_str() {
        Some(text) => find_float(text),
        None if value.kind() == ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        None => f64::try_from(value.clone()).ok(),
    };
    Ok(match read {
        Some(number) => Value::from(number),
        None => default.unwrap_or_else(|| Value::from(0.0)),
    })
}
