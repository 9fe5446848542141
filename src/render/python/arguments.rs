//! Arguments of filters and methods, as Python takes them, each by position or by name; and how they are refused.

use minijinja::value::{ArgType, Kwargs, Rest, ValueKind, from_args};
use minijinja::{Error, ErrorKind, Value};

/// The arguments behind a value.
pub(in crate::render) struct Arguments {
    by_position: std::vec::IntoIter<Value>,
    by_name: Kwargs,
}

impl Arguments {
    pub(in crate::render) fn new(Rest(values): Rest<Value>, by_name: Kwargs) -> Self {
        Self {
            by_position: values.into_iter(),
            by_name,
        }
    }

    /// Takes the arguments of a method.
    pub(in crate::render) fn of_method(args: &[Value]) -> Result<Self, Error> {
        let (values, by_name): (Rest<Value>, Kwargs) = from_args(args)?;
        Ok(Self::new(values, by_name))
    }

    pub(in crate::render) fn next<T>(&mut self, name: &str) -> Result<Option<T>, Error>
    where
        T: for<'a> ArgType<'a, Output = T>,
    {
        let value = match self.by_position.next() {
            Some(value) => value,
            None if self.by_name.has(name) => self.by_name.get(name)?,
            None => return Ok(None),
        };
        check_defined(&value)?;
        T::from_value(Some(&value)).map(Some)
    }

    /// Takes an argument for which `none` is the same as nothing.
    pub(in crate::render) fn next_or_none<T>(&mut self, name: &str) -> Result<Option<T>, Error>
    where
        T: for<'a> ArgType<'a, Output = T>,
    {
        let value: Option<Value> = self.next(name)?;
        match value {
            Some(value) if !value.is_none() => T::from_value(Some(&value)).map(Some),
            _ => Ok(None),
        }
    }

    /// Takes an argument that has to be there.
    pub(in crate::render) fn need<T>(&mut self, name: &str) -> Result<T, Error>
    where
        T: for<'a> ArgType<'a, Output = T>,
    {
        let value = self.next(name)?;
        value.ok_or_else(|| ErrorKind::MissingArgument.into())
    }

    /// Takes a truth, which Python reads from any value.
    pub(in crate::render) fn next_truth(&mut self, name: &str) -> Result<bool, Error> {
        let value: Option<Value> = self.next(name)?;
        Ok(value.is_some_and(|value| value.is_true()))
    }

    pub(in crate::render) fn finish(mut self) -> Result<(), Error> {
        match self.by_position.next() {
            Some(_) => Err(ErrorKind::TooManyArguments.into()),
            None => self.by_name.assert_all_used(),
        }
    }
}

/// Gives the arguments that are given by name.
pub(in crate::render) fn named_pairs(names: &Kwargs) -> Result<Vec<(Value, Value)>, Error> {
    let pairs = names
        .args()
        .map(|name| Ok((Value::from(name), names.get(name)?)));
    pairs.collect()
}

/// Refuses a value that is none.
pub(in crate::render) fn check_defined(value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    Ok(())
}

/// Refuses an operation, with a reason.
pub(in crate::render) fn refuse(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}

/// Names the kind of a value, as messages tell it.
pub(super) fn name_kind(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "nothing",
        ValueKind::None => "`none`",
        ValueKind::Bool => "a boolean",
        ValueKind::Number => "a number",
        ValueKind::String | ValueKind::Bytes => "a text",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "a mapping",
        _ => "an object",
    }
}
