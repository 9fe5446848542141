//! Filters of lists and mappings; each follows Jinja 3.1.

use minijinja::value::{Kwargs, Rest, Tuple, ValueKind};
use minijinja::{Environment, Error, Value};

use crate::render::python::{
    self, Arguments, Date, Group, View, check_defined, check_size, check_width, find_part,
    pairs_of, refuse, sort_by,
};

pub(super) fn add_to_environment(environment: &mut Environment<'_>) {
    environment.add_filter("join", join);
    environment.add_filter("sort", sort);
    environment.add_filter("dictsort", sort_pairs);
    environment.add_filter("unique", unique);
    environment.add_filter("groupby", group);
    environment.add_filter("reverse", reverse);
    environment.add_filter("attr", find_attribute);
    environment.add_filter(
        "batch",
        |value: &Value, rest: Rest<Value>, names: Kwargs| {
            let mut arguments = Arguments::new(rest, names);
            let count: i64 = arguments.need("linecount")?;
            batch(value, count, arguments)
        },
    );
    environment.add_filter(
        "slice",
        |value: &Value, rest: Rest<Value>, names: Kwargs| {
            let mut arguments = Arguments::new(rest, names);
            let count: i64 = arguments.need("slices")?;
            slice(value, count, arguments)
        },
    );
    environment.add_filter("items", |value: &Value| {
        if value.is_undefined() {
            return Ok(Value::from(Vec::<Value>::new()));
        }
        if value.kind() != ValueKind::Map {
            return Err(refuse("`items` takes a mapping"));
        }
        Ok(View::find(value, "items")?.unwrap_or_default())
    });
}

fn join(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<String, Error> {
    let mut arguments = Arguments::new(rest, names);
    let separator: Option<Value> = arguments.next("d")?;
    let attribute: Option<Value> = arguments.next_or_none("attribute")?;
    arguments.finish()?;
    check_defined(value)?;
    let separator = separator.map(|separator| python::print_str(&separator));
    let separator = separator.unwrap_or_default();
    let mut joined = String::new();
    for (i, item) in value.try_iter()?.enumerate() {
        let item = look_up(&item, attribute.as_ref())?;
        check_defined(&item)?;
        if i > 0 {
            joined.push_str(&separator);
        }
        joined.push_str(&python::print_str(&item));
        check_size(joined.len())?;
    }
    Ok(joined)
}

/// Gives the value at the end of `a.b.0`; the item itself where nothing is asked for.
fn look_up(item: &Value, attribute: Option<&Value>) -> Result<Value, Error> {
    let Some(attribute) = attribute else {
        return Ok(item.clone());
    };
    let Some(path) = attribute.as_str() else {
        return item.get_item(attribute);
    };
    let mut value = item.clone();
    for part in path.split('.') {
        check_defined(&value)?;
        value = find_part(&value, part)?;
    }
    Ok(value)
}

fn fold_case(value: Value) -> Value {
    match value.as_str() {
        Some(text) => Value::from(text.to_lowercase()),
        None => value,
    }
}

fn sort(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<Value, Error> {
    let mut arguments = Arguments::new(rest, names);
    let is_reverse = arguments.next_truth("reverse")?;
    let is_exact = arguments.next_truth("case_sensitive")?;
    let attribute: Option<Value> = arguments.next_or_none("attribute")?;
    arguments.finish()?;
    check_defined(value)?;
    let paths: Vec<Value> = match attribute.as_ref().and_then(Value::as_str) {
        Some(paths) => paths.split(',').map(Value::from).collect(),
        None => attribute.into_iter().collect(),
    };
    let sorted = sort_by(value.try_iter()?.collect(), is_reverse, |item| {
        let part = |path: Option<&Value>| {
            let part = look_up(item, path)?;
            check_defined(&part)?;
            Ok::<_, Error>(if is_exact { part } else { fold_case(part) })
        };
        match paths.as_slice() {
            [] => part(None),
            paths => paths.iter().map(|path| part(Some(path))).collect(),
        }
    })?;
    Ok(Value::from(sorted))
}

fn sort_pairs(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<Value, Error> {
    let mut arguments = Arguments::new(rest, names);
    let is_exact = arguments.next_truth("case_sensitive")?;
    let by: Option<String> = arguments.next("by")?;
    let is_reverse = arguments.next_truth("reverse")?;
    arguments.finish()?;
    let part = match by.as_deref() {
        None | Some("key") => 0,
        Some("value") => 1,
        Some(_) => return Err(refuse("`dictsort` sorts by `key` or by `value`")),
    };
    check_defined(value)?;
    if value.kind() != ValueKind::Map {
        return Err(refuse("`dictsort` takes a mapping"));
    }
    let pairs = pairs_of(value)?.into_iter();
    let pairs = pairs.map(|(key, value)| Value::from(Tuple::from(vec![key, value])));
    let sorted = sort_by(pairs.collect(), is_reverse, |pair| {
        let part = pair.get_item_by_index(part)?;
        Ok(if is_exact { part } else { fold_case(part) })
    })?;
    Ok(Value::from(sorted))
}

fn unique(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<Value, Error> {
    let mut arguments = Arguments::new(rest, names);
    let is_exact = arguments.next_truth("case_sensitive")?;
    let attribute: Option<Value> = arguments.next_or_none("attribute")?;
    arguments.finish()?;
    check_defined(value)?;
    let mut seen = std::collections::BTreeSet::new();
    let mut kept = Vec::new();
    for item in value.try_iter()? {
        let key = look_up(&item, attribute.as_ref())?;
        if seen.insert(if is_exact { key } else { fold_case(key) }) {
            kept.push(item);
        }
    }
    Ok(Value::from(kept))
}

fn group(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<Value, Error> {
    let mut arguments = Arguments::new(rest, names);
    let attribute: Value = arguments.need("attribute")?;
    let default: Option<Value> = arguments.next_or_none("default")?;
    let is_exact = arguments.next_truth("case_sensitive")?;
    arguments.finish()?;
    check_defined(value)?;
    let key = |item: &Value| {
        let key = look_up(item, Some(&attribute))?;
        match &default {
            Some(default) if key.is_undefined() => Ok(default.clone()),
            _ => check_defined(&key).map(|()| key),
        }
    };
    let folded = |item: &Value| key(item).map(|key| if is_exact { key } else { fold_case(key) });
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for item in sort_by(value.try_iter()?.collect(), false, folded)? {
        let this = folded(&item)?;
        match groups.last_mut() {
            Some((other, items)) if *other == this => items.push(item),
            _ => groups.push((this, vec![item])),
        }
    }
    let groups = groups.into_iter().map(|(_, items)| {
        let grouper = key(&items[0])?;
        let list = Value::from(items);
        Ok(Value::from_object(Group { grouper, list }))
    });
    groups.collect()
}

fn reverse(value: &Value) -> Result<Value, Error> {
    check_defined(value)?;
    if let Some(text) = value.as_str() {
        return Ok(Value::from(text.chars().rev().collect::<String>()));
    }
    let mut items: Vec<Value> = value.try_iter()?.collect();
    items.reverse();
    Ok(Value::from(items))
}

/// Takes a number of lists or of their items, and what fills them.
fn check_count(
    value: &Value,
    count: i64,
    mut arguments: Arguments,
) -> Result<(usize, Option<Value>), Error> {
    let fill: Option<Value> = arguments.next_or_none("fill_with")?;
    arguments.finish()?;
    check_defined(value)?;
    match check_width(count)? {
        0 => Err(refuse("the count has to be more than 0")),
        count => Ok((count, fill)),
    }
}

/// Splits into lists of so many items.
fn batch(value: &Value, count: i64, arguments: Arguments) -> Result<Value, Error> {
    let (count, fill) = check_count(value, count, arguments)?;
    let items: Vec<Value> = value.try_iter()?.collect();
    let lists = items.chunks(count).map(|items| {
        let mut items = items.to_vec();
        if let Some(fill) = &fill {
            items.resize(count, fill.clone());
        }
        Value::from(items)
    });
    Ok(lists.collect())
}

/// Splits into so many lists, the first ones longer by one where it does not come out even.
fn slice(value: &Value, count: i64, arguments: Arguments) -> Result<Value, Error> {
    let (count, fill) = check_count(value, count, arguments)?;
    let mut items = value.try_iter()?.collect::<Vec<_>>().into_iter();
    let (size, longer) = (items.len() / count, items.len() % count);
    let lists = (0..count).map(|at| {
        let is_longer = at < longer;
        let mut list: Vec<Value> = items.by_ref().take(size + usize::from(is_longer)).collect();
        if let (Some(fill), false) = (&fill, is_longer) {
            list.push(fill.clone());
        }
        Value::from(list)
    });
    Ok(lists.collect())
}

/// Gives an attribute, which no item of a mapping is.
fn find_attribute(value: &Value, name: &str) -> Result<Value, Error> {
    check_defined(value)?;
    match value.downcast_object_ref::<Date>() {
        Some(_) => value.get_attr(name),
        None => Err(refuse(
            "`attr` gives attributes, which here only dates have: write `value.name` or `value[\"name\"]`",
        )),
    }
}
