//! The order of values, as Python's `<` and `sorted` have it.

use std::cmp::Ordering;

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::arguments::{name_kind, refuse};
use super::dates::Date;
use super::numbers::is_number;

/// Compares as `<` does, which refuses values of different kinds.
pub(super) fn compare(one: &Value, other: &Value) -> Result<Ordering, Error> {
    let is_list = |value: &Value| value.kind() == ValueKind::Seq && value.is_tuple();
    let is_plain_list = |value: &Value| {
        matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) && !value.is_tuple()
    };
    if (is_number(one) && is_number(other)) || (one.as_str().is_some() && other.as_str().is_some())
    {
        return Ok(one.cmp(other));
    }
    if (is_list(one) && is_list(other)) || (is_plain_list(one) && is_plain_list(other)) {
        let (mut these, mut those) = (one.try_iter()?, other.try_iter()?);
        loop {
            return Ok(match (these.next(), those.next()) {
                (Some(one), Some(other)) if one == other => continue,
                (Some(one), Some(other)) => compare(&one, &other)?,
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
            });
        }
    }
    if let (Some(date), Some(_)) = (one.as_object(), other.downcast_object_ref::<Date>())
        && date.is::<Date>()
    {
        return Ok(one.cmp(other));
    }
    Err(refuse(format!(
        "{} cannot be compared with {}",
        name_kind(one),
        name_kind(other)
    )))
}

/// Sorts by a key, and keeps the order of what is equal.
pub(in crate::render) fn sort_by(
    items: Vec<Value>,
    is_reverse: bool,
    key: impl Fn(&Value) -> Result<Value, Error>,
) -> Result<Vec<Value>, Error> {
    let keyed = items.into_iter().map(|item| Ok((key(&item)?, item)));
    let mut keyed: Vec<(Value, Value)> = keyed.collect::<Result<_, Error>>()?;
    let mut refused = None;
    keyed.sort_by(|(one, _), (other, _)| {
        let order = compare(one, other).unwrap_or_else(|error| {
            refused.get_or_insert(error);
            Ordering::Equal
        });
        if is_reverse { order.reverse() } else { order }
    });
    match refused {
        Some(error) => Err(error),
        None => Ok(keyed.into_iter().map(|(_, item)| item).collect()),
    }
}

/// Gives the keys of a mapping in their order.
pub(in crate::render) fn sorted_keys(mapping: &Value) -> Result<Vec<Value>, Error> {
    sort_by(mapping.try_iter()?.collect(), false, |key| Ok(key.clone()))
}
