//! Methods of Python's texts and lists that the engine does not give.

use minijinja::value::{Tuple, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;

use super::compat::center;

/// Wider texts are a mistake.
const WIDEST: usize = 10_000;

/// Calls a method that the engine does not know.
pub(super) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let called = match value.as_str() {
        Some(text) => call_on_text(text, method, args)?,
        None if method == "index" => Some(find_item(value, args)?),
        None => None,
    };
    match called {
        Some(called) => Ok(called),
        None => pycompat::unknown_method_callback(state, value, method, args),
    }
}

fn find_item(value: &Value, args: &[Value]) -> Result<Value, Error> {
    let (item,): (Value,) = from_args(args)?;
    let position = value.try_iter()?.position(|other| other == item);
    position
        .map(Value::from)
        .ok_or_else(|| refuse("the list has no such item"))
}

fn refuse(detail: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}

/// Calls a method of a text, if it is one of those that are known here.
fn call_on_text(text: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    Ok(Some(match method {
        "rsplit" => {
            let (separator, most): (Option<&str>, Option<i64>) = from_args(args)?;
            Value::from(split_from_right(text, separator, most)?)
        }
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            Value::from(partition(text, separator, method == "rpartition"))
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "zfill" => {
            let (width,): (usize,) = from_args(args)?;
            Value::from(fill_with_zeros(text, width))
        }
        "center" | "ljust" | "rjust" => {
            let (width, fill): (usize, Option<&str>) = from_args(args)?;
            let fill = find_fill(fill)?;
            let missing = width.min(WIDEST).saturating_sub(text.chars().count());
            let blanks: String = std::iter::repeat_n(fill, missing).collect();
            Value::from(match method {
                "center" => center(text, width, fill),
                "ljust" => format!("{text}{blanks}"),
                _ => format!("{blanks}{text}"),
            })
        }
        "index" => {
            let (part,): (&str,) = from_args(args)?;
            let at = text
                .find(part)
                .ok_or_else(|| refuse("the text has no such part"))?;
            Value::from(text[..at].chars().count())
        }
        "swapcase" => {
            let () = from_args(args)?;
            let swap = |c: char| {
                if c.is_uppercase() {
                    c.to_lowercase().to_string()
                } else {
                    c.to_uppercase().to_string()
                }
            };
            Value::from(text.chars().map(swap).collect::<String>())
        }
        _ => return Ok(None),
    }))
}

fn find_fill(fill: Option<&str>) -> Result<char, Error> {
    let mut characters = fill.unwrap_or(" ").chars();
    match (characters.next(), characters.next()) {
        (Some(fill), None) => Ok(fill),
        _ => Err(refuse("the text to fill with has to be one character")),
    }
}

fn split_from_right(
    text: &str,
    separator: Option<&str>,
    most: Option<i64>,
) -> Result<Vec<String>, Error> {
    let most = most.and_then(|most| usize::try_from(most).ok());
    let pieces = most.map_or(usize::MAX, |most| most.saturating_add(1));
    let mut parts: Vec<String> = match separator {
        Some("") => return Err(refuse("a text cannot be split at nothing")),
        Some(separator) => text.rsplitn(pieces, separator).map(str::to_owned).collect(),
        None => {
            let mut parts = Vec::new();
            let mut rest = text.trim_end();
            while !rest.is_empty() {
                if parts.len() + 1 == pieces {
                    parts.push(rest.to_owned());
                    break;
                }
                let word = rest.rsplit(char::is_whitespace).next().unwrap_or(rest);
                parts.push(word.to_owned());
                rest = rest[..rest.len() - word.len()].trim_end();
            }
            parts
        }
    };
    parts.reverse();
    Ok(parts)
}

fn partition(text: &str, separator: &str, from_right: bool) -> Tuple {
    let split = if from_right {
        text.rsplit_once(separator)
    } else {
        text.split_once(separator)
    };
    let parts = match split {
        Some((before, after)) => [before, separator, after],
        None if from_right => ["", "", text],
        None => [text, "", ""],
    };
    Tuple::from(parts.map(Value::from).to_vec())
}

fn fill_with_zeros(text: &str, width: usize) -> String {
    let missing = width.min(WIDEST).saturating_sub(text.chars().count());
    let sign = text.starts_with(['+', '-']);
    let (sign, digits) = text.split_at(usize::from(sign));
    format!("{sign}{}{digits}", "0".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::python;

    #[track_caller]
    fn case(expression: &str, expected: &str) {
        let mut environment = minijinja::Environment::new();
        environment.set_unknown_method_callback(call);
        let compiled = environment.compile_expression(expression).unwrap();
        let value = compiled.eval(()).unwrap();
        assert_eq!(python::print_str(&value), expected, "{expression}");
    }

    // The results were written by Python 3.11.

    #[test]
    fn texts_are_split_from_either_side() {
        case("'a,b,c'.rsplit(',', 1)", "['a,b', 'c']");
        case("'a,b,c'.rsplit(',')", "['a', 'b', 'c']");
        case("' a  b c '.rsplit()", "['a', 'b', 'c']");
        case("' a  b c '.rsplit(none, 1)", "[' a  b', 'c']");
        case("'a-b-c'.partition('-')", "('a', '-', 'b-c')");
        case("'a-b-c'.rpartition('-')", "('a-b', '-', 'c')");
        case("'abc'.partition('-')", "('abc', '', '')");
        case("'abc'.rpartition('-')", "('', '', 'abc')");
        case("'a b'.split()", "['a', 'b']");
    }

    #[test]
    fn texts_are_filled_and_stripped() {
        case("'7'.zfill(3)", "007");
        case("'-7'.zfill(4)", "-007");
        case("'a'.center(4, '*')", "*a**");
        case("'ab'.ljust(4) ~ '|'", "ab  |");
        case("'ab'.rjust(4, '.')", "..ab");
        case("'v1'.removeprefix('v')", "1");
        case("'v1'.removesuffix('2')", "v1");
        case("'aBc'.swapcase()", "AbC");
    }

    #[test]
    fn items_and_parts_have_their_place() {
        case("'äbc'.index('c')", "2");
        case("['a', 'b'].index('b')", "1");
    }
}
