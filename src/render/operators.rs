//! Operators that mean more to Python than to the engine.

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, Value};

use super::arguments::{check_defined, refuse};
use super::format::format_percent;
use super::python;
use super::source::{METHOD_FILTER, PERCENT_FILTER, PLAIN_FILTER, TEXT_FILTER};

pub(super) fn add_to_environment(environment: &mut Environment<'_>) {
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

/// Gives a remainder with the sign of the divisor.
fn find_remainder(left: &Value, right: &Value) -> Result<Value, Error> {
    let is_number = |value: &Value| matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
    if !is_number(left) || !is_number(right) {
        return Err(refuse(format!(
            "`%` takes two numbers, or a text on its left, and not {} and {}",
            python::name_kind(left),
            python::name_kind(right)
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
        return Ok(python::integer(remainder));
    }
    let (left, right) = (python::to_float(left), python::to_float(right));
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
