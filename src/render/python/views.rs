//! What looks at other values: the views of a mapping, and tuples whose parts have names.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple};
use minijinja::{Error, Value};

use super::print::print_repr;

/// What `keys()`, `values()` and `items()` of a mapping give.
#[derive(Debug)]
pub(in crate::render) struct View {
    /// `dict_keys`, `dict_values` or `dict_items`.
    pub(super) name: &'static str,
    pub(super) items: Vec<Value>,
}

impl View {
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
