//! How Python prints values: `str()` for what a template writes, `repr()` for what lists and mappings hold.
//!
//! ```text
//! True   None   1e+20   ['a', "it's", 1.0]   {'root': 0}   datetime.date(2026, 1, 2)
//! ```

use std::fmt::{self, Write};

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::arguments::{check_defined, refuse};
use super::bounds::DEEPEST;
use super::dates::Date;
use super::ranges::is_lazy;
use super::views::is_tuple;

/// Writes a value as `str()` prints it.
pub(in crate::render) fn write_str(out: &mut dyn Write, value: &Value) -> fmt::Result {
    match value.as_str() {
        Some(text) => out.write_str(text),
        None if value.downcast_object_ref::<Date>().is_some() => write!(out, "{value}"),
        // The strict ones come not so far; this is that of an `if` without an `else`.
        None if value.is_undefined() => Ok(()),
        None => write_repr(out, value, 0),
    }
}

/// Refuses what Python prints as the name of an object: nobody wants that in a Dockerfile.
pub(in crate::render) fn check_printable(value: &Value) -> Result<(), Error> {
    let Some(object) = value.as_object() else {
        return Ok(());
    };
    let what = match object.type_name().rsplit("::").next() {
        Some("Loop" | "ExtendedLoop") => "the loop itself",
        Some("Macro") => "a macro, and not what it gives: call it with `()`",
        Some("Cycler") => "a cycler, and not its value: write `.current` or `.next()`",
        Some("Module") => "a whole file, and not a part of it",
        Some(name) if name.contains("Function") => {
            "a function, and not what it gives: call it with `()`"
        }
        _ => return Ok(()),
    };
    Err(refuse(format!("this prints {what}")))
}

/// Gives a value as `str()` prints it.
pub(in crate::render) fn print_str(value: &Value) -> String {
    let mut text = String::new();
    // A string takes everything.
    let _ = write_str(&mut text, value);
    text
}

/// Gives the text of any value that is one.
pub(in crate::render) fn text_of(value: &Value) -> Result<String, Error> {
    check_defined(value)?;
    Ok(print_str(value))
}

/// Gives a value as `repr()` prints it.
pub(in crate::render) fn print_repr(value: &Value) -> String {
    let mut text = String::new();
    let _ = write_repr(&mut text, value, 0);
    text
}

/// Gives a value as `ascii()` prints it.
pub(super) fn print_ascii(value: &Value) -> String {
    let mut text = String::new();
    for character in print_repr(value).chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            text.push_str(&print_escape(character));
        }
    }
    text
}

fn write_repr(out: &mut dyn Write, value: &Value, depth: usize) -> fmt::Result {
    if let Some(date) = value.downcast_object_ref::<Date>() {
        return out.write_str(&date.print_repr());
    }
    if is_lazy(value) {
        return write!(out, "{value}");
    }
    match value.kind() {
        ValueKind::String if value.is_safe() => {
            out.write_str("Markup(")?;
            write_text_repr(out, value.as_str().unwrap_or_default())?;
            out.write_str(")")
        }
        ValueKind::String => write_text_repr(out, value.as_str().unwrap_or_default()),
        ValueKind::Undefined => out.write_str("Undefined"),
        ValueKind::Number if !value.is_integer() => match f64::try_from(value.clone()) {
            Ok(number) => out.write_str(&print_float(number)),
            Err(_) => write!(out, "{value}"),
        },
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map if depth >= DEEPEST => {
            out.write_str("[...]")
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let (open, close) = if is_tuple(value) {
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
pub(in crate::render) fn print_float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    // Rust switches to exponents at the same numbers, and writes `1e16` where Python writes `1e+16`.
    let text = format!("{number:?}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            print_exponent(digits.strip_suffix(".0").unwrap_or(digits), exponent)
        }
        None => text,
    }
}

/// Writes an exponent with its sign, and with two digits at the least.
pub(super) fn print_exponent(digits: &str, exponent: &str) -> String {
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
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
            c => out.write_str(&print_escape(c))?,
        }
    }
    out.write_char(quote)
}

/// Gives a character by its number.
fn print_escape(c: char) -> String {
    match u32::from(c) {
        code @ ..0x100 => format!("\\x{code:02x}"),
        code @ ..0x1_0000 => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}

/// Tells whether Python prints a character as it is; of the separators and format characters only the usual ones are
/// known here.
pub(super) fn is_printable(c: char) -> bool {
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
