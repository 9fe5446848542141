//! The settings as the variables of templates.

use minijinja::Value;

use super::python::{Date, integer};
use crate::settings;

/// Gives a value of the settings to templates.
pub(super) fn to_template_value(value: &settings::Value) -> Value {
    match value {
        settings::Value::None => Value::from(()),
        settings::Value::Boolean(value) => Value::from(*value),
        settings::Value::Integer(value) => integer(*value),
        settings::Value::Float(value) => Value::from(*value),
        settings::Value::Text(text) => Value::from(text.as_str()),
        settings::Value::Timestamp(timestamp) => Value::from_object(Date::new(*timestamp)),
        settings::Value::List(items) => items.iter().map(to_template_value).collect(),
        settings::Value::Mapping(pairs) => {
            let pairs = pairs.iter();
            Value::from_pairs(
                pairs.map(|(key, value)| (to_template_value(key), to_template_value(value))),
            )
        }
    }
}
