//! `cycler('a', 'b')`: one value after the other, and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use minijinja::value::{Object, ObjectRepr, Rest, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::arguments::refuse;

#[derive(Debug)]
struct Cycler {
    values: Vec<Value>,
    at: AtomicUsize,
}

pub(super) fn make_cycler(values: Rest<Value>) -> Result<Value, Error> {
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
