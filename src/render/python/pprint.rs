//! Prints values as Python's `pprint` does: on one line where they fit, with sorted keys.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::arguments::{check_defined, refuse};
use super::bounds::{DEEPEST, check_size};
use super::order::sorted_keys;
use super::print::print_repr;
use super::ranges::is_lazy;
use super::views::is_tuple;

/// The columns of a line.
const WIDTH: usize = 80;

pub(in crate::render) fn print_pretty(value: &Value) -> Result<String, Error> {
    check_defined(value)?;
    let mut out = String::new();
    write(&mut out, value, 0, 0, 0)?;
    Ok(out)
}

/// Writes a value that begins in a column and has so many characters behind it.
fn write(
    out: &mut String,
    value: &Value,
    column: usize,
    behind: usize,
    depth: usize,
) -> Result<(), Error> {
    check_size(out.len())?;
    let line = print_line(value, depth)?;
    let fits = column + line.chars().count() + behind <= WIDTH;
    match value.kind() {
        _ if fits || is_lazy(value) || depth > DEEPEST => out.push_str(&line),
        ValueKind::Map => {
            let keys = sort_keys(value)?;
            write_all(
                out,
                ["{", "}"],
                &keys,
                |out, key, last| {
                    let key_text = print_repr(key);
                    out.push_str(&key_text);
                    out.push_str(": ");
                    let column = column + 3 + key_text.chars().count();
                    let behind = if last { behind + 1 } else { 1 };
                    write(out, &value.get_item(key)?, column, behind, depth + 1)
                },
                column,
            )?;
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items: Vec<Value> = value.try_iter()?.collect();
            let brackets = match is_tuple(value) {
                true if items.len() == 1 => ["(", ",)"],
                true => ["(", ")"],
                false => ["[", "]"],
            };
            write_all(
                out,
                brackets,
                &items,
                |out, item, last| {
                    let behind = if last { behind + brackets[1].len() } else { 1 };
                    write(out, item, column + 1, behind, depth + 1)
                },
                column,
            )?;
        }
        ValueKind::String if line.contains(' ') || line.contains("\\n") => {
            return Err(refuse(
                "`pprint` of a text that is longer than a line is not supported",
            ));
        }
        _ => out.push_str(&line),
    }
    Ok(())
}

fn write_all(
    out: &mut String,
    [open, close]: [&str; 2],
    items: &[Value],
    write: impl Fn(&mut String, &Value, bool) -> Result<(), Error>,
    column: usize,
) -> Result<(), Error> {
    out.push_str(open);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(",\n");
            out.push_str(&" ".repeat(column + 1));
        }
        write(out, item, i + 1 == items.len())?;
    }
    out.push_str(close);
    Ok(())
}

fn sort_keys(mapping: &Value) -> Result<Vec<Value>, Error> {
    sorted_keys(mapping)
        .map_err(|_| refuse("`pprint` of a mapping with keys of several kinds is not supported"))
}

/// Writes a value on one line.
fn print_line(value: &Value, depth: usize) -> Result<String, Error> {
    if depth > DEEPEST {
        return Ok(print_repr(value));
    }
    Ok(match value.kind() {
        ValueKind::Map => {
            let pairs = sort_keys(value)?.into_iter().map(|key| {
                let value = print_line(&value.get_item(&key)?, depth + 1)?;
                Ok(format!("{}: {value}", print_repr(&key)))
            });
            format!(
                "{{{}}}",
                pairs.collect::<Result<Vec<_>, Error>>()?.join(", ")
            )
        }
        ValueKind::Seq | ValueKind::Iterable if !is_lazy(value) => {
            let items = value.try_iter()?.map(|item| print_line(&item, depth + 1));
            let items = items.collect::<Result<Vec<_>, Error>>()?;
            let joined = items.join(", ");
            check_size(joined.len())?;
            match (is_tuple(value), items.len()) {
                (true, 1) => format!("({joined},)"),
                (true, _) => format!("({joined})"),
                (false, _) => format!("[{joined}]"),
            }
        }
        _ => print_repr(value),
    })
}
