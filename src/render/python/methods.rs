//! Methods of Python's lists and mappings that the engine does not give, and the way to those of texts.

use minijinja::value::{Kwargs, Rest, ValueKind, from_args};
use minijinja::{Error, State, Value};
use minijinja_contrib::pycompat;

use super::arguments::{Arguments, refuse};
use super::format::Fields;
use super::text_methods::call_on_text;
use super::views::{View, pairs_of};

/// Calls a method that the engine does not know.
pub(in crate::render) fn call_method(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let called = match (value.as_str(), value.kind()) {
        (Some(text), _) if method == "format" => {
            let (values, names): (Rest<Value>, Kwargs) = from_args(args)?;
            Some(Value::from(Fields::format(text, &values, &names)?))
        }
        (Some(text), _) => {
            let mut arguments = Arguments::of_method(args)?;
            let called = call_on_text(text, method, &mut arguments)?;
            if called.is_some() {
                arguments.finish()?;
            }
            called
        }
        (None, ValueKind::Seq) => call_on_list(value, method, args)?,
        (None, ValueKind::Map) => call_on_mapping(value, method, args)?,
        _ => None,
    };
    match called {
        Some(called) => Ok(called),
        None => pycompat::unknown_method_callback(state, value, method, args),
    }
}

/// What changes a list or a mapping is refused for those of the settings, which all templates share.
fn refuse_change() -> Error {
    refuse("this cannot be changed: it is of the settings, or made by a filter")
}

fn call_on_list(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let mut arguments = Arguments::of_method(args)?;
    let called = match method {
        "index" => {
            let item: Value = arguments.need("value")?;
            let position = value.try_iter()?.position(|other| other == item);
            Value::from(position.ok_or_else(|| refuse("the list has no such item"))?)
        }
        "copy" if !value.is_tuple() => Value::from(value.try_iter()?.collect::<Vec<_>>()),
        "append" | "extend" | "insert" | "pop" | "remove" | "clear" | "sort" | "reverse"
            if !value.is_tuple() =>
        {
            return Err(refuse_change());
        }
        _ => return Ok(None),
    };
    arguments.finish()?;
    Ok(Some(called))
}

fn call_on_mapping(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    match method {
        "update" | "setdefault" | "pop" | "popitem" | "clear" => return Err(refuse_change()),
        "keys" | "values" | "items" | "copy" => Arguments::of_method(args)?.finish()?,
        _ => return Ok(None),
    }
    if method == "copy" {
        return Ok(Some(Value::from_pairs(pairs_of(value)?)));
    }
    View::find(value, method)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::python::print_str;

    #[track_caller]
    fn case(expression: &str, expected: &str) {
        let mut environment = minijinja::Environment::new();
        environment.set_unknown_method_callback(call_method);
        let compiled = environment.compile_expression(expression).unwrap();
        let value = compiled.eval(()).unwrap();
        assert_eq!(print_str(&value), expected, "{expression}");
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
