//! Lists and mappings that a template changes in place: `{% do items.append(x) %}`.
//!
//! They are shared as in Python: a name that is set to such a list, and a loop or a macro that it is handed to, see every
//! change.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::arguments::{Arguments, refuse};
use super::bounds::DEEPEST;
use super::order::sort_by;
use super::print::print_repr;
use super::views::{View, pairs_of};

/// More items than a template needs.
const MOST_ITEMS: usize = 100_000;
/// More keys than a template needs; they are compared one by one.
const MOST_KEYS: usize = 1_000;
/// More values inside of each other than a template needs.
const MOST_INSIDE: usize = 200_000;

pub(in crate::render) fn make_list(items: &Value) -> Result<Value, Error> {
    let items: Vec<Value> = items.try_iter()?.collect();
    for item in &items {
        check_inside(item, 1, None)?;
    }
    Ok(Value::from_object(List::new(items)))
}

pub(in crate::render) fn make_mapping(pairs: &Value) -> Result<Value, Error> {
    let pairs = pairs_of(pairs)?;
    for (_, value) in &pairs {
        check_inside(value, 1, None)?;
    }
    Ok(Value::from_object(Mapping::new(pairs)))
}

/// Refuses a value with more inside of each other than the stack has room for when it is compared or dropped.
pub(in crate::render) fn check_depth(value: &Value) -> Result<(), Error> {
    check_inside(value, 1, None)
}

/// How many lists and mappings were ever around one: what is inside of it has more.
///
/// As every list knows its own, only what is new has to be looked into where something is put into another.
#[derive(Debug, Default)]
struct Level(AtomicUsize);

impl Level {
    fn inside(&self) -> usize {
        self.0.load(Ordering::Relaxed) + 1
    }

    /// Tells whether it was lower.
    fn raise(&self, level: usize) -> bool {
        self.0.fetch_max(level, Ordering::Relaxed) < level
    }
}

/// Refuses what would hold itself, or grow without end, when it comes to a level in a list or a mapping.
fn check_inside(item: &Value, level: usize, holder: Option<*const ()>) -> Result<(), Error> {
    let mut rest = vec![(item.clone(), level)];
    for _ in 0..MOST_INSIDE {
        let Some((value, level)) = rest.pop() else {
            return Ok(());
        };
        let Some(object) = value.as_object() else {
            continue;
        };
        let mut push = |items: &mut dyn Iterator<Item = Value>| {
            let room = MOST_INSIDE.saturating_sub(rest.len());
            rest.extend(items.take(room).map(|item| (item, level + 1)));
        };
        if let Some(list) = object.downcast::<List>() {
            check_holder(Arc::as_ptr(&list).cast(), holder)?;
            if list.level.raise(level) {
                push(&mut list.items().iter().cloned());
            }
        } else if let Some(mapping) = object.downcast::<Mapping>() {
            check_holder(Arc::as_ptr(&mapping).cast(), holder)?;
            if mapping.level.raise(level) {
                push(&mut mapping.pairs().iter().map(|(_, value)| value.clone()));
            }
        } else if let Some(view) = object.downcast_ref::<View>() {
            push(&mut view.items().iter().cloned());
        } else if value.kind() == ValueKind::Map {
            push(&mut pairs_of(&value)?.into_iter().map(|(_, value)| value));
        } else if value.kind() == ValueKind::Seq {
            push(&mut value.try_iter()?);
        } else {
            continue;
        }
        if level > DEEPEST {
            return Err(refuse(format!(
                "more than {DEEPEST} lists and mappings are inside of each other"
            )));
        }
    }
    Err(refuse("this holds too much"))
}

fn check_holder(value: *const (), holder: Option<*const ()>) -> Result<(), Error> {
    if holder == Some(value) {
        return Err(refuse("a list or a mapping cannot hold itself"));
    }
    Ok(())
}

/// Refuses keys whose comparison would look into lists and mappings, this one among them.
fn check_key(key: &Value) -> Result<(), Error> {
    match key.as_object() {
        Some(_) => Err(refuse("a key has to be a text or a number")),
        None => Ok(()),
    }
}

fn check_size(size: usize, most: usize) -> Result<(), Error> {
    if size > most {
        return Err(refuse("this list or mapping grows too large"));
    }
    Ok(())
}

#[derive(Debug)]
struct List {
    items: Mutex<Vec<Value>>,
    level: Level,
}

impl List {
    fn new(items: Vec<Value>) -> Self {
        Self {
            items: Mutex::new(items),
            level: Level::default(),
        }
    }

    fn items(&self) -> MutexGuard<'_, Vec<Value>> {
        // A render that panicked left its lists to nobody.
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn extend(self: &Arc<Self>, added: Vec<Value>) -> Result<(), Error> {
        for item in &added {
            check_inside(item, self.level.inside(), Some(Arc::as_ptr(self).cast()))?;
        }
        let mut items = self.items();
        check_size(items.len() + added.len(), MOST_ITEMS)?;
        items.extend(added);
        Ok(())
    }

    fn find_position(&self, index: i64, is_end_allowed: bool) -> Option<usize> {
        let length = i64::try_from(self.items().len()).ok()?;
        let position = if index < 0 { index + length } else { index };
        let end = if is_end_allowed { length } else { length - 1 };
        if is_end_allowed {
            return usize::try_from(position.clamp(0, end)).ok();
        }
        usize::try_from(position).ok().filter(|_| position <= end)
    }
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let position = self.find_position(i64::try_from(key.clone()).ok()?, false)?;
        self.items().get(position).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.items().len())
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "append" => {
                let (item,): (Value,) = from_args(args)?;
                self.extend(vec![item])?;
            }
            "extend" => {
                let (added,): (Value,) = from_args(args)?;
                self.extend(added.try_iter()?.collect())?;
            }
            "insert" => {
                let (index, item): (i64, Value) = from_args(args)?;
                check_inside(&item, self.level.inside(), Some(Arc::as_ptr(self).cast()))?;
                check_size(self.items().len() + 1, MOST_ITEMS)?;
                let position = self.find_position(index, true).unwrap_or_default();
                self.items().insert(position, item);
            }
            "pop" => {
                let (index,): (Option<i64>,) = from_args(args)?;
                let position = self.find_position(index.unwrap_or(-1), false);
                let position = position.ok_or_else(|| refuse("the list has no such item"))?;
                return Ok(self.items().remove(position));
            }
            "remove" => {
                let (item,): (Value,) = from_args(args)?;
                // Compared without the lock: the item may be this list.
                let items = self.items().clone();
                let position = items.iter().position(|other| *other == item);
                let position = position.ok_or_else(|| refuse("the list has no such item"))?;
                self.items().remove(position);
            }
            "clear" => self.items().clear(),
            "sort" => {
                let mut arguments = Arguments::of_method(args)?;
                let is_reverse = arguments.next_truth("reverse")?;
                arguments.finish()?;
                let items = self.items().clone();
                let sorted = sort_by(items, is_reverse, |item| Ok(item.clone()))?;
                *self.items() = sorted;
            }
            "copy" => {
                let items = self.items().clone();
                return Ok(Value::from_object(Self::new(items)));
            }
            "reverse" => self.items().reverse(),
            _ => return Err(ErrorKind::UnknownMethod.into()),
        }
        Ok(Value::from(()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print_repr(&Value::from_dyn_object(Arc::clone(self))))
    }
}

#[derive(Debug)]
struct Mapping {
    pairs: Mutex<Vec<(Value, Value)>>,
    level: Level,
}

impl Mapping {
    fn new(pairs: Vec<(Value, Value)>) -> Self {
        Self {
            pairs: Mutex::new(pairs),
            level: Level::default(),
        }
    }

    fn pairs(&self) -> MutexGuard<'_, Vec<(Value, Value)>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &Value) -> Option<Value> {
        check_key(key).ok()?;
        let pairs = self.pairs();
        let pair = pairs.iter().find(|(other, _)| other == key)?;
        Some(pair.1.clone())
    }

    fn set(self: &Arc<Self>, key: Value, value: Value) -> Result<(), Error> {
        check_key(&key)?;
        check_inside(&value, self.level.inside(), Some(Arc::as_ptr(self).cast()))?;
        let mut pairs = self.pairs();
        if let Some(pair) = pairs.iter_mut().find(|(other, _)| *other == key) {
            pair.1 = value;
            return Ok(());
        }
        check_size(pairs.len() + 1, MOST_KEYS)?;
        pairs.push((key, value));
        Ok(())
    }
}

impl Object for Mapping {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.find(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.pairs().iter().map(|(key, _)| key.clone()).collect())
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            // Names given one by one (`update(a=1)`) arrive as a mapping too.
            "update" => {
                for mapping in args {
                    for (key, value) in pairs_of(mapping)? {
                        self.set(key, value)?;
                    }
                }
            }
            "setdefault" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                if let Some(value) = self.find(&key) {
                    return Ok(value);
                }
                let default = default.unwrap_or_else(|| Value::from(()));
                self.set(key, default.clone())?;
                return Ok(default);
            }
            "pop" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                check_key(&key)?;
                let mut pairs = self.pairs();
                return match pairs.iter().position(|(other, _)| *other == key) {
                    Some(position) => Ok(pairs.remove(position).1),
                    None => default.ok_or_else(|| refuse("the mapping has no such key")),
                };
            }
            "clear" => self.pairs().clear(),
            "popitem" => {
                let (key, value) = self
                    .pairs()
                    .pop()
                    .ok_or_else(|| refuse("the mapping is empty"))?;
                return Ok(Value::from(Tuple::from(vec![key, value])));
            }
            "copy" => {
                let pairs = self.pairs().clone();
                return Ok(Value::from_object(Self::new(pairs)));
            }
            _ => return Err(ErrorKind::UnknownMethod.into()),
        }
        Ok(Value::from(()))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print_repr(&Value::from_dyn_object(Arc::clone(self))))
    }
}
