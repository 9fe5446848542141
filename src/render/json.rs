//! JSON as Python writes it, safe inside of HTML: sorted keys, ASCII only.
//!
//! ```text
//! {"a": "\u00e9\u003c", "b": [1, null, 1e+20]}
//! ```

use std::fmt::Write as _;

use minijinja::Value;
use minijinja::value::ValueKind;

use super::python;

/// Writes a value on one line, or on many with so many blanks for each step inward.
pub(super) fn render_json(value: &Value, width: Option<usize>) -> String {
    let mut writer = Writer {
        out: String::new(),
        width: width.map(|width| width.min(100)),
        depth: 0,
    };
    writer.write(value);
    writer.out
}

struct Writer {
    out: String,
    width: Option<usize>,
    depth: usize,
}

impl Writer {
    fn write(&mut self, value: &Value) {
        match value.kind() {
            ValueKind::Undefined | ValueKind::None => self.out.push_str("null"),
            ValueKind::Bool => self
                .out
                .push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.write_number(value),
            // Deeper values come from nowhere but a mistake.
            ValueKind::Seq | ValueKind::Iterable if self.depth < 100 => {
                let items: Vec<Value> = value.try_iter().into_iter().flatten().collect();
                self.write_all(['[', ']'], items, |writer, item| writer.write(&item));
            }
            ValueKind::Map if self.depth < 100 => {
                let mut keys: Vec<Value> = value.try_iter().into_iter().flatten().collect();
                keys.sort();
                self.write_all(['{', '}'], keys, |writer, key| {
                    writer.write_text(&python::print_str(&key));
                    writer.out.push_str(": ");
                    writer.write(&value.get_item(&key).unwrap_or_default());
                });
            }
            _ => self.write_text(&python::print_str(value)),
        }
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
        write: impl Fn(&mut Self, Value),
    ) {
        self.out.push(open);
        self.depth += 1;
        let is_empty = items.is_empty();
        for (i, item) in items.into_iter().enumerate() {
            match self.width {
                _ if i == 0 => {}
                Some(_) => self.out.push(','),
                None => self.out.push_str(", "),
            }
            self.break_line();
            write(self, item);
        }
        self.depth -= 1;
        if !is_empty {
            self.break_line();
        }
        self.out.push(close);
    }

    fn break_line(&mut self) {
        if let Some(width) = self.width {
            self.out.push('\n');
            self.out
                .extend(std::iter::repeat_n(' ', width * self.depth));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(expression: &str, width: Option<usize>, expected: &str) {
        let environment = minijinja::Environment::new();
        let value = environment.compile_expression(expression).unwrap().eval(());
        assert_eq!(
            render_json(&value.unwrap(), width),
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
