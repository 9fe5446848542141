//! The functions that every template has: `range(3)`, `dict(a=1)`, and `cycler('a', 'b')`, which gives one value after
//! the other, and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, from_args};
use minijinja::{Environment, Error, ErrorKind, State, Value};

use crate::render::python::{Range, named_pairs, pairs_of, refuse};

pub(super) fn add_to_environment(environment: &mut Environment<'_>) {
    environment.add_function("range", make_range);
    environment.add_function("dict", |rest: Rest<Value>, names: Kwargs| {
        make_dict(&rest, &names)
    });
    environment.add_function("cycler", make_cycler);
}

fn make_range(first: i64, stop: Option<i64>, step: Option<i64>) -> Result<Value, Error> {
    let (start, stop) = match stop {
        Some(stop) => (first, stop),
        None => (0, first),
    };
    Range::new(start, stop, step.unwrap_or(1)).map(Value::from_object)
}

fn make_dict(rest: &[Value], names: &Kwargs) -> Result<Value, Error> {
    let mut pairs = Vec::new();
    if rest.len() > 1 {
        return Err(ErrorKind::TooManyArguments.into());
    }
    if let Some(given) = rest.first() {
        pairs = pairs_of(given)?;
    }
    pairs.extend(named_pairs(names)?);
    Ok(Value::from_pairs(pairs))
}

#[derive(Debug)]
struct Cycler {
    values: Vec<Value>,
    at: AtomicUsize,
}

fn make_cycler(values: Rest<Value>) -> Result<Value, Error> {
    if values.is_empty() {
        return Err(refuse("`cycler` takes at least one value"));
    }
    Ok(Value::from_object(Cycler {
        values: values.0,
        at: AtomicUsize::new(0),
    }))
}

impl Cycler {
    fn current(&self) -> Value {
        self.values[self.at.load(Ordering::Relaxed)].clone()
    }
}

impl Object for Cycler {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str() == Some("current")).then(|| self.current())
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let () = from_args(args)?;
        match method {
            "next" => {
                let value = self.current();
                let next = (self.at.load(Ordering::Relaxed) + 1) % self.values.len();
                self.at.store(next, Ordering::Relaxed);
                Ok(value)
            }
            "reset" => {
                self.at.store(0, Ordering::Relaxed);
                Ok(Value::from(()))
            }
            _ => Err(ErrorKind::UnknownMethod.into()),
        }
    }
}
