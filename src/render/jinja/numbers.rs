//! Filters that make numbers; each follows Jinja 3.1.

use minijinja::value::{Kwargs, Rest};
use minijinja::{Environment, Error, Value};

use crate::render::python::{
    self, Arguments, check_defined, find_float, find_integer, truncate_float,
};

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
        None => python::truncate(value).ok(),
    };
    Ok(match read {
        Some(number) => python::integer(number),
        None => default.unwrap_or_else(|| Value::from(0)),
    })
}

fn to_float(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<Value, Error> {
    let mut arguments = Arguments::new(rest, names);
    let default: Option<Value> = arguments.next("default")?;
    arguments.finish()?;
    check_defined(value)?;
    let read = match value.as_str() {
        Some(text) => find_float(text),
        None => python::to_float(value),
    };
    Ok(match read {
        Some(number) => Value::from(number),
        None => default.unwrap_or_else(|| Value::from(0.0)),
    })
}
