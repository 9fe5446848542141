//! Filters of Jinja that the engine gives otherwise, or not at all; each follows Jinja 3.1.

use minijinja::value::{ArgType, Kwargs, Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value};

use super::{json, methods, python};

/// What Jinja adds to the length of a text before it cuts it.
const LEEWAY: usize = 5;
/// Wider texts are a mistake.
const WIDEST: usize = 10_000;

pub(super) fn add_to_environment(environment: &mut Environment<'_>) {
    environment.set_unknown_method_callback(methods::call);
    environment.add_filter("string", python::print_str);
    environment.add_filter("int", to_integer);
    environment.add_filter("float", to_float);
    environment.add_filter("join", join);
    environment.add_filter("replace", replace);
    environment.add_filter("truncate", truncate);
    environment.add_filter("indent", indent);
    environment.add_filter("center", |value: &Value, width: Option<usize>| {
        center(&python::print_str(value), width.unwrap_or(80), ' ')
    });
    environment.add_filter("wordcount", |value: &Value| {
        let text = python::print_str(value);
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        words.filter(|word| !word.is_empty()).count()
    });
    environment.add_filter("tojson", |value: &Value, kwargs: Kwargs| {
        let width: Option<usize> = kwargs.get("indent")?;
        kwargs.assert_all_used()?;
        Ok::<_, Error>(json::render_json(value, width))
    });
    for name in ["e", "escape", "forceescape"] {
        environment.add_filter(name, |value: &Value| escape(&python::print_str(value)));
    }
}

/// The arguments of a filter behind its value, each by position or by name.
struct Arguments {
    by_position: std::vec::IntoIter<Value>,
    by_name: Kwargs,
}

impl Arguments {
    fn new(Rest(values): Rest<Value>, by_name: Kwargs) -> Self {
        Self {
            by_position: values.into_iter(),
            by_name,
        }
    }

    fn next<T>(&mut self, name: &str) -> Result<Option<T>, Error>
    where
        T: for<'a> ArgType<'a, Output = T>,
    {
        match self.by_position.next() {
            Some(value) => T::from_value(Some(&value)).map(Some),
            None if self.by_name.has(name) => {
                let value: Value = self.by_name.get(name)?;
                T::from_value(Some(&value)).map(Some)
            }
            None => Ok(None),
        }
    }

    fn finish(mut self) -> Result<(), Error> {
        match self.by_position.next() {
            Some(_) => Err(ErrorKind::TooManyArguments.into()),
            None => self.by_name.assert_all_used(),
        }
    }
}

fn to_integer(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<Value, Error> {
    let mut arguments = Arguments::new(rest, names);
    let default: Option<Value> = arguments.next("default")?;
    let base: Option<u32> = arguments.next("base")?;
    arguments.finish()?;
    let read = match value.as_str() {
        Some(text) => find_integer(text, base.unwrap_or(10))
            .or_else(|| find_float(text).and_then(truncate_float)),
        None => match value.kind() {
            ValueKind::Bool => Some(i128::from(value.is_true())),
            ValueKind::Number => i128::try_from(value.clone())
                .ok()
                .or_else(|| f64::try_from(value.clone()).ok().and_then(truncate_float)),
            _ => None,
        },
    };
    Ok(match read {
        Some(number) => match i64::try_from(number) {
            Ok(number) => Value::from(number),
            Err(_) => Value::from(number),
        },
        None => default.unwrap_or_else(|| Value::from(0)),
    })
}

fn find_integer(text: &str, base: u32) -> Option<i128> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefix = match base {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    };
    let lower = digits.to_ascii_lowercase();
    let digits = lower.strip_prefix(prefix).unwrap_or(&lower);
    let starts = digits.starts_with(char::is_alphanumeric);
    if !starts || !(2..=36).contains(&base) || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    let number = i128::from_str_radix(&digits.replace('_', ""), base).ok()?;
    Some(sign * number)
}

fn find_float(text: &str) -> Option<f64> {
    // Rust and Python read the same numbers, with the same words for infinities.
    text.trim().parse().ok()
}

fn truncate_float(number: f64) -> Option<i128> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the number is whole and within bounds"
    )]
    (number.is_finite() && number.abs() < 1e38).then(|| number.trunc() as i128)
}

fn to_float(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<Value, Error> {
    let mut arguments = Arguments::new(rest, names);
    let default: Option<Value> = arguments.next("default")?;
    arguments.finish()?;
    let read = match value.as_str() {
        Some(text) => find_float(text),
        None if value.kind() == ValueKind::Bool => Some(f64::from(u8::from(value.is_true()))),
        None => f64::try_from(value.clone()).ok(),
    };
    Ok(match read {
        Some(number) => Value::from(number),
        None => default.unwrap_or_else(|| Value::from(0.0)),
    })
}

fn join(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<String, Error> {
    let mut arguments = Arguments::new(rest, names);
    let separator: Option<Value> = arguments.next("d")?;
    let attribute: Option<String> = arguments.next("attribute")?;
    arguments.finish()?;
    let separator = separator.map(|separator| python::print_str(&separator));
    let items = value.try_iter()?.map(|item| {
        let item = match &attribute {
            Some(attribute) => item.get_attr(attribute)?,
            None => item,
        };
        if item.is_undefined() {
            return Err(ErrorKind::UndefinedError.into());
        }
        Ok(python::print_str(&item))
    });
    let items: Vec<String> = items.collect::<Result<_, Error>>()?;
    Ok(items.join(&separator.unwrap_or_default()))
}

fn replace(value: &Value, old: &Value, new: &Value, count: Option<i64>) -> String {
    let text = python::print_str(value);
    let (old, new) = (python::print_str(old), python::print_str(new));
    match count.and_then(|count| usize::try_from(count).ok()) {
        Some(count) => text.replacen(&old, &new, count),
        None => text.replace(&old, &new),
    }
}

fn truncate(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<String, Error> {
    let mut arguments = Arguments::new(rest, names);
    let length: usize = arguments.next("length")?.unwrap_or(255);
    let kills_words: bool = arguments.next("killwords")?.unwrap_or(false);
    let end: String = arguments.next("end")?.unwrap_or_else(|| "...".to_owned());
    let leeway: usize = arguments.next("leeway")?.unwrap_or(LEEWAY);
    arguments.finish()?;
    let text = python::print_str(value);
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(text);
    }
    let Some(kept) = length.checked_sub(end.chars().count()) else {
        let detail = "the length is less than that of the text at the end";
        return Err(Error::new(ErrorKind::InvalidOperation, detail));
    };
    let cut: String = text.chars().take(kept).collect();
    let cut = match cut.rsplit_once(' ') {
        Some((words, _)) if !kills_words => words,
        _ => &cut,
    };
    Ok(format!("{cut}{end}"))
}

fn indent(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<String, Error> {
    let mut arguments = Arguments::new(rest, names);
    let width: Value = arguments.next("width")?.unwrap_or_else(|| Value::from(4));
    let is_first: bool = arguments.next("first")?.unwrap_or(false);
    let is_blank: bool = arguments.next("blank")?.unwrap_or(false);
    arguments.finish()?;
    let margin = match width.as_str() {
        Some(margin) => margin.to_owned(),
        None => " ".repeat(usize::try_from(width)?.min(WIDEST)),
    };
    // Jinja ends the text with a line break, so that one at its end is kept as an empty line.
    let text = python::print_str(value) + "\n";
    let mut indented = String::with_capacity(text.len() * 2);
    for (i, line) in text.lines().enumerate() {
        if i > 0 {
            indented.push('\n');
        }
        if (i == 0 && is_first) || (i > 0 && (is_blank || !line.is_empty())) {
            indented.push_str(&margin);
        }
        indented.push_str(line);
    }
    Ok(indented)
}

/// Puts a text into the middle; where the blanks are odd, Python's rule says which side gets more.
pub(super) fn center(text: &str, width: usize, fill: char) -> String {
    let width = width.min(WIDEST);
    let missing = width.saturating_sub(text.chars().count());
    let left = missing / 2 + (missing & width & 1);
    let pad = |count| std::iter::repeat_n(fill, count).collect::<String>();
    pad(left) + text + &pad(missing - left)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(expression: &str, expected: &str) {
        let mut environment = Environment::new();
        add_to_environment(&mut environment);
        let text = format!("{{{{ {expression} }}}}");
        assert_eq!(
            environment.render_str(&text, ()).unwrap(),
            expected,
            "{text}"
        );
    }

    // The results were written by Jinja 3.1.6.

    #[test]
    fn numbers_are_read_from_texts() {
        case("'x'|int", "0");
        case("'1.9'|int", "1");
        case("'0x1f'|int(base=16)", "31");
        case("''|int(7)", "7");
        case("none|int", "0");
        case("' 5 '|int", "5");
        case("-1.9|int", "-1");
        case("'1_000'|int", "1000");
        case("'x'|float", "0.0");
        case("'1e3'|float", "1000.0");
    }

    #[test]
    fn texts_are_cut_and_moved() {
        case("'hello world foo'|truncate(5)", "he...");
        case("'hello world foo bar'|truncate(12)", "hello...");
        case("'foo bar baz qux'|truncate(11, True)", "foo bar baz qux");
        case(
            "'foo bar baz qux'|truncate(length=9, killwords=true, end='', leeway=0)",
            "foo bar b",
        );
        case("'a\\nb'|indent('> ')", "a\n> b");
        case("'a\\nb\\n\\nc'|indent(2)", "a\n  b\n\n  c");
        case("'a\\nb\\n'|indent(2, true)", "  a\n  b\n");
        case("'a\\n\\nb'|indent(1, blank=true)", "a\n \n b");
        case("'a'|center(5)", "  a  ");
        case("'ab'|center(5)", "  ab ");
        case("'a b_c d'|wordcount", "3");
        case("'aaa'|replace('a', 'b', 2)", "bba");
        case("5|replace(5, 6)", "6");
    }

    #[test]
    fn values_become_texts_as_in_python() {
        case("1e20|string", "1e+20");
        case("[1, none, 1e20]|join(',')", "1,None,1e+20");
        case("[{'a': 1}, {'a': 2}]|join('-', attribute='a')", "1-2");
        case("'\"<>&'|e ~ \"'\"|escape", "&#34;&lt;&gt;&amp;&#39;");
    }
}
