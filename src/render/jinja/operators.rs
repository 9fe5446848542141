//! The filters that stand in a translated template for what means more to Python than to the engine: operators, slices,
//! and lists and mappings that change.

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, Value};

use crate::render::python::{
    self, check_defined, check_depth, find_remainder, format_percent, make_list, make_mapping,
    refuse,
};
use crate::render::source::{
    DEPTH_FILTER, LIST_FILTER, MAPPING_FILTER, METHOD_FILTER, PERCENT_FILTER, PLAIN_FILTER,
    SLICE_FILTER, TEXT_FILTER,
};

pub(super) fn add_to_environment(environment: &mut Environment<'_>) {
    environment.add_filter(LIST_FILTER, make_list);
    environment.add_filter(MAPPING_FILTER, make_mapping);
    environment.add_filter(DEPTH_FILTER, |value: &Value| {
        check_depth(value).map(|()| value.clone())
    });
    environment.add_filter(
        SLICE_FILTER,
        |value: &Value, start: &Value, stop: &Value, step: Option<Value>| {
            slice(value, [start, stop], step.as_ref())
        },
    );
    environment.add_filter(PERCENT_FILTER, |left: &Value, right: &Value| {
        check_defined(left)?;
        check_defined(right)?;
        match left.as_str() {
            Some(text) if left.is_safe() || right.is_safe() => {
                let _ = text;
                Err(refuse(
                    "`%` with an escaped text is not supported: escape what comes of it",
                ))
            }
            Some(text) => format_percent(text, right).map(Value::from),
            None => find_remainder(left, right),
        }
    });
    // What has no value goes on as it is: the operator itself tells of it, with its place.
    environment.add_filter(TEXT_FILTER, |value: &Value| match value.kind() {
        ValueKind::Undefined | ValueKind::String => value.clone(),
        _ => Value::from(python::print_str(value)),
    });
    environment.add_filter(METHOD_FILTER, |value: &Value| {
        if value.is_undefined() {
            return Err(refuse(
                "this is no value, but may be the name of a method, which is called with `()`",
            ));
        }
        Ok(value.clone())
    });
    environment.add_filter(PLAIN_FILTER, |value: &Value| {
        if value.is_safe() {
            return Err(refuse(
                "`+` with an escaped text is not supported: write `~`",
            ));
        }
        Ok(value.clone())
    });
}

fn slice(value: &Value, [start, stop]: [&Value; 2], step: Option<&Value>) -> Result<Value, Error> {
    let bound = |value: &Value| {
        check_defined(value)?;
        if value.is_none() {
            return Ok(None);
        }
        i64::try_from(value.clone()).map(Some)
    };
    let step = step.map(bound).transpose()?.flatten();
    python::slice(value, bound(start)?, bound(stop)?, step.unwrap_or(1))
}
