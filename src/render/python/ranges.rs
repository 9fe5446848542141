//! Ranges of numbers, and slices of what is in order.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Tuple, ValueKind};
use minijinja::{Error, Value};

use super::arguments::{check_defined, name_kind, refuse};
use super::views::View;

/// More numbers than a template needs.
const LONGEST: i64 = 1_000_000;

/// The numbers from `start` to before `stop`.
#[derive(Debug)]
pub(in crate::render) struct Range {
    start: i64,
    stop: i64,
    step: i64,
}

impl Range {
    pub(in crate::render) fn new(start: i64, stop: i64, step: i64) -> Result<Self, Error> {
        let range = Self { start, stop, step };
        if step == 0 {
            return Err(refuse("the step of a range cannot be 0"));
        }
        if range.len() > LONGEST {
            return Err(refuse("this range is too long"));
        }
        Ok(range)
    }

    fn len(&self) -> i64 {
        let (start, stop, step) = (
            i128::from(self.start),
            i128::from(self.stop),
            i128::from(self.step),
        );
        let distance = if step > 0 { stop - start } else { start - stop };
        let step = step.abs();
        i64::try_from(((distance + step - 1) / step).max(0)).unwrap_or(i64::MAX)
    }

    fn print(&self) -> String {
        let Self { start, stop, step } = self;
        match step {
            1 => format!("range({start}, {stop})"),
            _ => format!("range({start}, {stop}, {step})"),
        }
    }
}

impl Object for Range {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let index = i64::try_from(key.clone()).ok()?;
        let index = if index < 0 { index + self.len() } else { index };
        (0..self.len())
            .contains(&index)
            .then(|| Value::from(self.start + index * self.step))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(usize::try_from(self.len()).unwrap_or_default())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.print())
    }
}

/// Tells whether a value is a range or a view, which are lists to nobody and print with their names.
pub(in crate::render) fn is_lazy(value: &Value) -> bool {
    value.downcast_object_ref::<Range>().is_some() || value.downcast_object_ref::<View>().is_some()
}

/// Takes a slice as Python does.
pub(in crate::render) fn slice(
    value: &Value,
    start: Option<i64>,
    stop: Option<i64>,
    step: i64,
) -> Result<Value, Error> {
    check_defined(value)?;
    if step == 0 {
        return Err(refuse("the step of a slice cannot be 0"));
    }
    if let Some(text) = value.as_str() {
        let characters: Vec<char> = text.chars().collect();
        let picked = pick(characters.len(), start, stop, step);
        let text: String = picked.map(|index| characters[index]).collect();
        return Ok(Value::from(text));
    }
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
        || value.downcast_object_ref::<View>().is_some()
    {
        return Err(refuse(format!("{} has no slices", name_kind(value))));
    }
    let items: Vec<Value> = value.try_iter()?.collect();
    if let Some(range) = value.downcast_object_ref::<Range>() {
        let bounds = bounds(items.len(), start, stop, step);
        let at = |index: i64| range.start + index * range.step;
        let (start, stop, step) = (at(bounds.0), at(bounds.1), range.step * step);
        return Ok(Value::from_object(Range { start, stop, step }));
    }
    let picked: Vec<Value> = pick(items.len(), start, stop, step)
        .map(|index| items[index].clone())
        .collect();
    Ok(if value.is_tuple() {
        Value::from(Tuple::from(picked))
    } else {
        Value::from(picked)
    })
}

/// The first index and the one that is no longer taken.
fn bounds(length: usize, start: Option<i64>, stop: Option<i64>, step: i64) -> (i64, i64) {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let (least, most) = if step > 0 {
        (0, length)
    } else {
        (-1, length - 1)
    };
    let bound = |value: i64| {
        let value = if value < 0 {
            value.saturating_add(length)
        } else {
            value
        };
        value.clamp(least, most)
    };
    let (first, last) = if step > 0 {
        (least, most)
    } else {
        (most, least)
    };
    (start.map_or(first, bound), stop.map_or(last, bound))
}

fn pick(
    length: usize,
    start: Option<i64>,
    stop: Option<i64>,
    step: i64,
) -> impl Iterator<Item = usize> {
    let (start, stop) = bounds(length, start, stop, step);
    let next = move |at: &i64| at.checked_add(step);
    std::iter::successors(Some(start), next)
        .take_while(move |at| if step > 0 { *at < stop } else { *at > stop })
        .filter_map(|at| usize::try_from(at).ok())
}
