//! JSON as Python writes it, safe inside of HTML: sorted keys, ASCII only.
//!
//! ```text
//! {"a": "\u00e9\u003c", "b": [1, null, 1e+20]}
//! ```

use std::fmt::Write as _;

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{Error, Value};

use super::texts::margin_of;
use crate::render::python::{
    self, Arguments, DEEPEST, check_defined, check_size, is_lazy, refuse, sorted_keys,
};

pub(super) fn to_json(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<Value, Error> {
    let mut arguments = Arguments::new(rest, names);
    let indent: Option<Value> = arguments.next_or_none("indent")?;
    arguments.finish()?;
    render_json(value, indent.as_ref()).map(Value::from_safe_string)
}

/// Writes a value on one line, or on many with so many blanks, or that text, for each step inward.
fn render_json(value: &Value, indent: Option<&Value>) -> Result<String, Error> {
    let indent = indent.map(margin_of).transpose()?;
    let mut writer = Writer {
        out: String::new(),
        indent,
        depth: 0,
    };
    writer.write(value)?;
    Ok(writer.out)
}

struct Writer {
    out: String,
    indent: Option<String>,
    depth: usize,
}

impl Writer {
    fn write(&mut self, value: &Value) -> Result<(), Error> {
        check_size(self.out.len())?;
        match value.kind() {
            ValueKind::None => self.out.push_str("null"),
            ValueKind::Bool => self.out.push_str(&print_key(value)),
            ValueKind::Number => self.write_number(value),
            ValueKind::String => self.write_text(value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable if self.depth < DEEPEST && !is_lazy(value) => {
                let items: Vec<Value> = value.try_iter()?.collect();
                self.write_all(['[', ']'], items, |writer, item| writer.write(&item))?;
            }
            ValueKind::Map if self.depth < DEEPEST => {
                self.write_all(['{', '}'], sorted_keys(value)?, |writer, key| {
                    writer.write_text(&print_key(&key));
                    writer.out.push_str(": ");
                    writer.write(&value.get_item(&key)?)
                })?;
            }
            _ => {
                check_defined(value)?;
                return Err(refuse(format!(
                    "{} cannot be written as JSON",
                    python::print_repr(value)
                )));
            }
        }
        Ok(())
    }

    fn write_number(&mut self, value: &Value) {
        let text = match f64::try_from(value.clone()) {
            Ok(number) if !value.is_integer() => match python::print_float(number).as_str() {
                "nan" => "NaN".to_owned(),
                "inf" => "Infinity".to_owned(),
                "-inf" => "-Infinity".to_owned(),
                text => text.to_owned(),
            },
            _ => value.to_string(),
        };
        self.out.push_str(&text);
    }

    fn write_all(
        &mut self,
        [open, close]: [char; 2],
        items: Vec<Value>,
        write: impl Fn(&mut Self, Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.out.push(open);
        self.depth += 1;
        let is_empty = items.is_empty();
        for (i, item) in items.into_iter().enumerate() {
            match self.indent {
                _ if i == 0 => {}
                Some(_) => self.out.push(','),
                None => self.out.push_str(", "),
            }
            self.break_line();
            write(self, item)?;
        }
        self.depth -= 1;
        if !is_empty {
            self.break_line();
        }
        self.out.push(close);
        Ok(())
    }

    fn break_line(&mut self) {
        if let Some(indent) = &self.indent {
            self.out.push('\n');
            self.out.push_str(&indent.repeat(self.depth));
        }
    }

    fn write_text(&mut self, text: &str) {
        self.out.push('"');
        for character in text.chars() {
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                '<' | '>' | '&' | '\'' => self.write_escape(character),
                ' '..='~' => self.out.push(character),
                _ => self.write_escape(character),
            }
        }
        self.out.push('"');
    }

    fn write_escape(&mut self, character: char) {
        for unit in character.encode_utf16(&mut [0; 2]) {
            // A string takes everything.
            let _ = write!(self.out, "\\u{unit:04x}");
        }
    }
}

/// Prints a key, which JSON has only as text.
fn print_key(key: &Value) -> String {
    match key.kind() {
        ValueKind::Bool if key.is_true() => "true".to_owned(),
        ValueKind::Bool => "false".to_owned(),
        ValueKind::None => "null".to_owned(),
        _ => python::print_str(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(expression: &str, width: Option<i64>, expected: &str) {
        let environment = minijinja::Environment::new();
        let value = environment.compile_expression(expression).unwrap().eval(());
        assert_eq!(
            render_json(&value.unwrap(), width.map(Value::from).as_ref()).unwrap(),
            expected,
            "{expression}"
        );
    }

    // The results were written by Jinja 3.1.6.

    #[test]
    fn keys_are_sorted_and_texts_are_ascii() {
        case(
            "{'b': 1, 'a': 'z', 'c': [1.5, 1e20, none, true]}",
            None,
            r#"{"a": "z", "b": 1, "c": [1.5, 1e+20, null, true]}"#,
        );
        case("'é<\\n'", None, r#""\u00e9\u003c\n""#);
        case("'\u{1f600}'", None, r#""\ud83d\ude00""#);
        case("[[], {}]", None, "[[], {}]");
    }

    #[test]
    fn many_lines_step_inward() {
        case(
            "{'a': [1], 'b': []}",
            Some(2),
            "{\n  \"a\": [\n    1\n  ],\n  \"b\": []\n}",
        );
    }
}
