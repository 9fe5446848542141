//! What is inside of a value: pairs and parts, the views of a mapping, and tuples whose parts have names.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, ValueKind};
use minijinja::{Error, Value};

use super::arguments::{check_defined, refuse};
use super::print::print_repr;

/// Gives the pairs of a mapping, or of a list of pairs.
pub(in crate::render) fn pairs_of(mapping: &Value) -> Result<Vec<(Value, Value)>, Error> {
    check_defined(mapping)?;
    let keys = mapping.try_iter()?;
    if mapping.kind() != ValueKind::Map {
        let pairs = keys.map(|item| {
            let mut parts = item.try_iter()?;
            match (parts.next(), parts.next(), parts.next()) {
                (Some(key), Some(value), None) => Ok((key, value)),
                _ => Err(refuse(
                    "a mapping is made of another one, or of a list of pairs",
                )),
            }
        });
        return pairs.collect();
    }
    keys.map(|key| mapping.get_item(&key).map(|value| (key, value)))
        .collect()
}

/// Gives a part by its name, or by its number.
pub(in crate::render) fn find_part(value: &Value, part: &str) -> Result<Value, Error> {
    match part.parse::<usize>() {
        Ok(index) => value.get_item_by_index(index),
        Err(_) => value.get_item(&Value::from(part)),
    }
}

/// What `keys()`, `values()` and `items()` of a mapping give.
#[derive(Debug)]
pub(in crate::render) struct View {
    /// `dict_keys`, `dict_values` or `dict_items`.
    name: &'static str,
    items: Vec<Value>,
}

impl View {
    pub(super) fn items(&self) -> &[Value] {
        &self.items
    }

    /// Gives the view of a mapping that a method asks for.
    pub(in crate::render) fn find(mapping: &Value, method: &str) -> Result<Option<Value>, Error> {
        let name = match method {
            "keys" => "dict_keys",
            "values" => "dict_values",
            "items" => "dict_items",
            _ => return Ok(None),
        };
        let items = mapping.try_iter()?.map(|key| {
            let value = mapping.get_item(&key)?;
            Ok(match method {
                "keys" => key,
                "values" => value,
                _ => Value::from(Tuple::from(vec![key, value])),
            })
        });
        let items = items.collect::<Result<_, Error>>()?;
        Ok(Some(Value::from_object(Self { name, items })))
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.items.clone())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = Value::from(self.items.clone());
        write!(f, "{}({})", self.name, print_repr(&items))
    }
}

/// What `groupby` gives: a tuple whose parts have names.
#[derive(Debug)]
pub(in crate::render) struct Group {
    pub(in crate::render) grouper: Value,
    pub(in crate::render) list: Value,
}

impl Object for Group {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match (key.as_str(), key.as_usize()) {
            (Some("grouper"), _) | (_, Some(0)) => Some(self.grouper.clone()),
            (Some("list"), _) | (_, Some(1)) => Some(self.list.clone()),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(2)
    }
}

/// Tells whether a value is a tuple, with names for its parts or without.
pub(super) fn is_tuple(value: &Value) -> bool {
    value.is_tuple() || value.downcast_object_ref::<Group>().is_some()
}
