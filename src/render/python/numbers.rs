//! Numbers as Python makes them of values, reads them from texts, and divides them.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::arguments::{name_kind, refuse};

/// Gives a whole number as small as the engine has it.
pub(in crate::render) fn integer(number: i128) -> Value {
    match i64::try_from(number) {
        Ok(number) => Value::from(number),
        Err(_) => Value::from(number),
    }
}

/// Tells whether a value is a number, as booleans are.
pub(super) fn is_number(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Number | ValueKind::Bool)
}

/// Gives a number or a boolean as a number with a fraction.
pub(in crate::render) fn to_float(value: &Value) -> Option<f64> {
    match value.kind() {
        ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        _ => None,
    }
}

/// Gives a number or a boolean without its fraction.
pub(in crate::render) fn truncate(value: &Value) -> Result<i128, Error> {
    if value.kind() == ValueKind::Bool {
        return Ok(i128::from(value.is_true()));
    }
    let whole = i128::try_from(value.clone()).ok();
    let whole = whole.or_else(|| to_float(value).and_then(truncate_float));
    whole.ok_or_else(|| refuse("this number is too large"))
}

/// Takes the fraction of a number away.
pub(in crate::render) fn truncate_float(number: f64) -> Option<i128> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the number is whole and within bounds"
    )]
    (number.is_finite() && number.abs() < 1e38).then(|| number.trunc() as i128)
}

/// Finds the value of a decimal digit, in the scripts that are known here.
pub(super) fn find_digit(c: char) -> Option<u32> {
    const ZEROS: [u32; 12] = [
        0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xe50, 0xff10,
    ];
    let code = u32::from(c);
    let zero = ZEROS
        .iter()
        .find(|zero| (**zero..**zero + 10).contains(&code))?;
    Some(code - zero)
}

pub(in crate::render) fn find_integer(text: &str, base: u32) -> Option<i128> {
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

pub(in crate::render) fn find_float(text: &str) -> Option<f64> {
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
    let ascii = |c: char| find_digit(c).and_then(|digit| char::from_digit(digit, 10));
    text.chars().map(|c| ascii(c).unwrap_or(c)).collect()
}

/// Gives a remainder with the sign of the divisor.
pub(in crate::render) fn find_remainder(left: &Value, right: &Value) -> Result<Value, Error> {
    if !is_number(left) || !is_number(right) {
        return Err(refuse(format!(
            "`%` takes two numbers, or a text on its left, and not {} and {}",
            name_kind(left),
            name_kind(right)
        )));
    }
    let whole = |value: &Value| match value.kind() {
        ValueKind::Bool => Some(i128::from(value.is_true())),
        _ if value.is_integer() => i128::try_from(value.clone()).ok(),
        _ => None,
    };
    if let (Some(left), Some(right)) = (whole(left), whole(right)) {
        let remainder = left.checked_rem(right);
        let remainder = remainder.ok_or_else(|| refuse("a number cannot be divided by 0"))?;
        let has_other_sign = remainder != 0 && (remainder < 0) != (right < 0);
        let remainder = remainder + if has_other_sign { right } else { 0 };
        return Ok(integer(remainder));
    }
    let (left, right) = (to_float(left), to_float(right));
    let (left, right) = (left.unwrap_or(f64::NAN), right.unwrap_or(f64::NAN));
    if right == 0.0 {
        return Err(refuse("a number cannot be divided by 0"));
    }
    let remainder = left % right;
    Ok(Value::from(if remainder == 0.0 {
        0.0_f64.copysign(right)
    } else if (remainder < 0.0) == (right < 0.0) {
        remainder
    } else {
        remainder + right
    }))
}
