//! Checks a value against a JSON schema, as far as this program's own schemas go.

use regex::Regex;
use serde_json::Value as Json;

/// Lists what is wrong with a value; a keyword that is not known here fails the test.
pub(crate) fn find_faults(schema: &Json, value: &Json) -> Vec<String> {
    let mut faults = Vec::new();
    check(schema, value, "", &mut faults);
    faults
}

fn check(schema: &Json, value: &Json, path: &str, faults: &mut Vec<String>) {
    let Json::Object(keywords) = schema else {
        if schema == &Json::Bool(false) {
            faults.push(format!("{path}: nothing may be here"));
        }
        return;
    };
    for (keyword, argument) in keywords {
        match find_children(schema, keyword, argument, value) {
            Some(children) => {
                for (name, schema, value) in children {
                    check(&schema, &value, &format!("{path}/{name}"), faults);
                }
            }
            None if is_kept(keyword, argument, value) => {}
            None => faults.push(format!("{path}: {value} breaks {keyword} {argument}")),
        }
    }
}

/// A part of a value, with its name and the schema that it has to keep to.
type Child = (String, Json, Json);

/// Finds the parts that a keyword is about; a keyword that is about the value itself gives none.
fn find_children(
    schema: &Json,
    keyword: &str,
    argument: &Json,
    value: &Json,
) -> Option<Vec<Child>> {
    let members = || value.as_object().into_iter().flatten();
    Some(match keyword {
        "items" => {
            let items = value.as_array().into_iter().flatten().enumerate();
            items
                .map(|(i, item)| (i.to_string(), argument.clone(), item.clone()))
                .collect()
        }
        "propertyNames" => members()
            .map(|(name, _)| (name.clone(), argument.clone(), name.as_str().into()))
            .collect(),
        "properties" => members()
            .filter_map(|(name, value)| {
                let schema = argument.get(name)?;
                Some((name.clone(), schema.clone(), value.clone()))
            })
            .collect(),
        "additionalProperties" => members()
            .filter(|(name, _)| schema["properties"].get(name).is_none())
            .map(|(name, value)| (name.clone(), argument.clone(), value.clone()))
            .collect(),
        _ => return None,
    })
}

fn is_kept(keyword: &str, argument: &Json, value: &Json) -> bool {
    let list = || argument.as_array().expect("a list");
    match keyword {
        "$schema" | "$id" | "title" | "description" | "default" | "examples" | "deprecated" => true,
        "type" => match argument {
            Json::Array(types) => types.iter().any(|name| is_of_type(name, value)),
            name => is_of_type(name, value),
        },
        "enum" => list().contains(value),
        "const" => argument == value,
        "pattern" => value.as_str().is_none_or(|text| {
            let pattern = Regex::new(argument.as_str().expect("a text")).expect("a pattern");
            pattern.is_match(text)
        }),
        "minimum" => value
            .as_f64()
            .is_none_or(|number| Some(number) >= argument.as_f64()),
        "maximum" => value
            .as_f64()
            .is_none_or(|number| Some(number) <= argument.as_f64()),
        "maxLength" => value
            .as_str()
            .is_none_or(|text| Some(text.chars().count() as u64) <= argument.as_u64()),
        "minItems" => value
            .as_array()
            .is_none_or(|items| Some(items.len() as u64) >= argument.as_u64()),
        "anyOf" => list().iter().any(|one| find_faults(one, value).is_empty()),
        "required" => list().iter().all(|name| {
            let name = name.as_str().expect("a name");
            value
                .as_object()
                .is_none_or(|object| object.contains_key(name))
        }),
        other => panic!("the keyword `{other}` is not known to this check"),
    }
}

fn is_of_type(name: &Json, value: &Json) -> bool {
    match name.as_str().expect("a type") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type `{other}` is not known to this check"),
    }
}
