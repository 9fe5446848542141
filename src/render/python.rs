//! How Python prints values: `str()` for what a template writes, `repr()` for what lists and mappings hold.
//!
//! ```text
//! True   None   1e+20   ['a', "it's", 1.0]   {'root': 0}   datetime.date(2026, 1, 2)
//! ```

use std::fmt::{self, Write};

use minijinja::Value;
use minijinja::value::ValueKind;

use super::values::Date;

/// Deeper lists and mappings print as dots.
const DEEPEST: usize = 100;

/// Writes a value as `str()` prints it.
pub(super) fn write_str(out: &mut dyn Write, value: &Value) -> fmt::Result {
    match value.as_str() {
        Some(text) => out.write_str(text),
        None if value.downcast_object_ref::<Date>().is_some() => write!(out, "{value}"),
        None => write_repr(out, value, 0),
    }
}

/// Gives a value as `str()` prints it.
pub(super) fn print_str(value: &Value) -> String {
    let mut text = String::new();
    // A string takes everything.
    let _ = write_str(&mut text, value);
    text
}

/// Gives a value as `repr()` prints it.
pub(super) fn print_repr(value: &Value) -> String {
    let mut text = String::new();
    let _ = write_repr(&mut text, value, 0);
    text
}

fn write_repr(out: &mut dyn Write, value: &Value, depth: usize) -> fmt::Result {
    if let Some(date) = value.downcast_object_ref::<Date>() {
        return out.write_str(&date.print_repr());
    }
    match value.kind() {
        ValueKind::String => write_text_repr(out, value.as_str().unwrap_or_default()),
        ValueKind::Number if !value.is_integer() => match f64::try_from(value.clone()) {
            Ok(number) => out.write_str(&print_float(number)),
            Err(_) => write!(out, "{value}"),
        },
        ValueKind::Seq | ValueKind::Map if depth >= DEEPEST => out.write_str("[...]"),
        ValueKind::Seq => {
            let (open, close) = if value.is_tuple() {
                ("(", ")")
            } else {
                ("[", "]")
            };
            out.write_str(open)?;
            let mut count = 0;
            for item in value.try_iter().into_iter().flatten() {
                out.write_str(if count > 0 { ", " } else { "" })?;
                write_repr(out, &item, depth + 1)?;
                count += 1;
            }
            // A tuple of one keeps a comma.
            out.write_str(if count == 1 && close == ")" { "," } else { "" })?;
            out.write_str(close)
        }
        ValueKind::Map => {
            out.write_str("{")?;
            for (i, key) in value.try_iter().into_iter().flatten().enumerate() {
                out.write_str(if i > 0 { ", " } else { "" })?;
                write_repr(out, &key, depth + 1)?;
                out.write_str(": ")?;
                write_repr(out, &value.get_item(&key).unwrap_or_default(), depth + 1)?;
            }
            out.write_str("}")
        }
        _ => write!(out, "{value}"),
    }
}

/// Prints the shortest digits that give the same number, with an exponent below 1e-4 and from 1e16 on.
pub(super) fn print_float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    // Rust switches to exponents at the same numbers, and writes `1e16` where Python writes `1e+16`.
    let text = format!("{number:?}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            let digits = digits.strip_suffix(".0").unwrap_or(digits);
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

fn write_text_repr(out: &mut dyn Write, text: &str) -> fmt::Result {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.write_char(quote)?;
    for character in text.chars() {
        match character {
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            c if c == quote => write!(out, "\\{c}")?,
            c if is_printable(c) => out.write_char(c)?,
            c if u32::from(c) < 0x100 => write!(out, "\\x{:02x}", u32::from(c))?,
            c if u32::from(c) < 0x1_0000 => write!(out, "\\u{:04x}", u32::from(c))?,
            c => write!(out, "\\U{:08x}", u32::from(c))?,
        }
    }
    out.write_char(quote)
}

/// Tells whether Python prints a character as it is; of the separators and format characters only the usual ones are
/// known here.
fn is_printable(c: char) -> bool {
    !(c.is_control()
        || matches!(
            u32::from(c),
            0xa0 | 0xad
                | 0x1680
                | 0x2000..=0x200f
                | 0x2028..=0x202f
                | 0x205f..=0x206f
                | 0x3000
                | 0xe000..=0xf8ff
                | 0xfeff
                | 0xf_0000..=0x10_ffff
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(value: impl Into<Value>, expected: &str) {
        assert_eq!(print_str(&value.into()), expected);
    }

    #[test]
    fn numbers_print_as_python_prints_them() {
        for (number, expected) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-0.0, "-0.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e20, "1.5e+20"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.25e-7, "1.25e-07"),
            (1e300, "1e+300"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            case(number, expected);
        }
        case(i128::from(i64::MAX) + 1, "9223372036854775808");
    }

    #[test]
    fn texts_in_lists_are_quoted_as_python_quotes_them() {
        case(
            vec![
                "a",
                "it's",
                "a \"b\"",
                "it's \"b\"",
                "\\ \n \t \r \u{1b}",
                "é \u{a0} \u{200b}",
            ],
            r#"['a', "it's", 'a "b"', 'it\'s "b"', '\\ \n \t \r \x1b', 'é \xa0 \u200b']"#,
        );
    }

    #[test]
    fn nothing_and_booleans_begin_with_capitals() {
        case((), "None");
        case(
            vec![Value::from(true), Value::from(false), Value::from(())],
            "[True, False, None]",
        );
    }
}
