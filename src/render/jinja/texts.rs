//! Filters that make texts of texts; each follows Jinja 3.1.

use minijinja::value::{Kwargs, Rest, Tuple, ValueKind};
use minijinja::{Environment, Error, Value};

use super::wrap;
use crate::render::python::{
    self, Arguments, capitalize, center, check_defined, check_size, check_width, format_percent,
    named_pairs, pairs_of, refuse, replace_text, text_of,
};

/// What Jinja adds to the length of a text before it cuts it.
const LEEWAY: i64 = 5;

pub(super) fn add_to_environment(environment: &mut Environment<'_>) {
    environment.add_filter("string", |value: &Value| {
        check_defined(value)?;
        Ok::<_, Error>(match value.as_str() {
            Some(_) => value.clone(),
            None => Value::from(python::print_str(value)),
        })
    });
    environment.add_filter(
        "format",
        |value: &Value, rest: Rest<Value>, names: Kwargs| format(value, rest, &names),
    );
    environment.add_filter("replace", replace);
    environment.add_filter("truncate", truncate);
    environment.add_filter("indent", indent);
    environment.add_filter("trim", trim);
    environment.add_filter("capitalize", |value: &Value| {
        text_of(value).map(|text| capitalize(&text))
    });
    environment.add_filter("wordwrap", wrap::wrap_words);
    environment.add_filter(
        "center",
        |value: &Value, rest: Rest<Value>, names: Kwargs| {
            let mut arguments = Arguments::new(rest, names);
            let width: Option<i64> = arguments.next("width")?;
            arguments.finish()?;
            let text = text_of(value)?;
            Ok::<_, Error>(center(&text, check_width(width.unwrap_or(80))?, ' '))
        },
    );
    environment.add_filter("wordcount", |value: &Value| {
        let text = text_of(value)?;
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        Ok::<_, Error>(words.filter(|word| !word.is_empty()).count())
    });
    environment.add_filter("urlencode", encode_url);
    environment.add_filter("filesizeformat", format_size);
    for name in ["e", "escape"] {
        environment.add_filter(name, |value: &Value| {
            check_defined(value)?;
            Ok::<_, Error>(if value.is_safe() {
                value.clone()
            } else {
                Value::from_safe_string(escape(&python::print_str(value)))
            })
        });
    }
    environment.add_filter("forceescape", |value: &Value| {
        text_of(value).map(|text| Value::from_safe_string(escape(&text)))
    });
}

fn format(value: &Value, rest: Rest<Value>, names: &Kwargs) -> Result<String, Error> {
    check_defined(value)?;
    let operand = match (rest.is_empty(), names.args().next().is_none()) {
        (_, true) => Value::from(Tuple::from(rest.0)),
        (true, false) => Value::from_pairs(named_pairs(names)?),
        (false, false) => {
            return Err(refuse(
                "`format` takes values by position or by name, and not both",
            ));
        }
    };
    format_percent(&python::print_str(value), &operand)
}

fn replace(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<String, Error> {
    let mut arguments = Arguments::new(rest, names);
    let (old, new): (Value, Value) = (arguments.need("old")?, arguments.need("new")?);
    let count: Option<i64> = arguments.next_or_none("count")?;
    arguments.finish()?;
    if value.is_safe() || new.is_safe() {
        return Err(refuse(
            "`replace` with an escaped text is not supported: escape what comes of it",
        ));
    }
    replace_text(
        &text_of(value)?,
        &python::print_str(&old),
        &python::print_str(&new),
        count,
    )
}

fn trim(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<String, Error> {
    let mut arguments = Arguments::new(rest, names);
    let taken: Option<String> = arguments.next_or_none("chars")?;
    arguments.finish()?;
    let text = text_of(value)?;
    Ok(match taken {
        Some(taken) => text.trim_matches(|c| taken.contains(c)).to_owned(),
        None => text.trim().to_owned(),
    })
}

fn truncate(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<String, Error> {
    let mut arguments = Arguments::new(rest, names);
    let length: i64 = arguments.next("length")?.unwrap_or(255);
    let kills_words = arguments.next_truth("killwords")?;
    let end: String = arguments.next("end")?.unwrap_or_else(|| "...".to_owned());
    let leeway: i64 = arguments.next_or_none("leeway")?.unwrap_or(LEEWAY);
    arguments.finish()?;
    let text = text_of(value)?;
    let count = |text: &str| i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let Ok(kept) = usize::try_from(length.saturating_sub(count(&end))) else {
        return Err(refuse(
            "the length is less than that of the text at the end",
        ));
    };
    if leeway < 0 {
        return Err(refuse("the leeway cannot be negative"));
    }
    if count(&text) <= length.saturating_add(leeway) {
        return Ok(text);
    }
    let cut: String = text.chars().take(kept).collect();
    let cut = match cut.rsplit_once(' ') {
        Some((words, _)) if !kills_words => words,
        _ => &cut,
    };
    Ok(format!("{cut}{end}"))
}

/// Gives so many blanks, or the text that stands for them.
pub(super) fn margin_of(width: &Value) -> Result<String, Error> {
    Ok(match width.as_str() {
        Some(margin) => margin.to_owned(),
        None => " ".repeat(check_width(i64::try_from(width.clone())?)?),
    })
}

fn indent(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<String, Error> {
    let mut arguments = Arguments::new(rest, names);
    let width: Value = arguments.next("width")?.unwrap_or_else(|| Value::from(4));
    let is_first = arguments.next_truth("first")?;
    let is_blank = arguments.next_truth("blank")?;
    arguments.finish()?;
    let margin = margin_of(&width)?;
    // Jinja ends the text with a line break, so that one at its end is kept as an empty line.
    let text = text_of(value)? + "\n";
    let lines = text.lines().count();
    check_size(
        text.len()
            .saturating_add(lines.saturating_mul(margin.len())),
    )?;
    let mut indented = String::new();
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

pub(in crate::render) fn escape(text: &str) -> String {
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

/// Encodes a text as a part of an address, or pairs as a query.
fn encode_url(value: &Value) -> Result<String, Error> {
    check_defined(value)?;
    let query = |value: &Value| encode(&python::print_str(value), "").replace("%20", "+");
    let pair = |key: &Value, value: &Value| format!("{}={}", query(key), query(value));
    let pairs: Vec<String> = match value.kind() {
        ValueKind::Map => {
            let pairs = pairs_of(value)?.into_iter();
            pairs.map(|(key, value)| pair(&key, &value)).collect()
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter()?.map(|item| {
                let parts: Vec<Value> = item.try_iter()?.collect();
                match parts.as_slice() {
                    [key, value] => Ok(pair(key, value)),
                    _ => Err(refuse("`urlencode` takes a list of pairs")),
                }
            });
            items.collect::<Result<_, Error>>()?
        }
        _ => return Ok(encode(&python::print_str(value), "/")),
    };
    Ok(pairs.join("&"))
}

fn encode(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let character = char::from(byte);
        if byte.is_ascii_alphanumeric() || "_.-~".contains(character) || kept.contains(character) {
            out.push(character);
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            for half in [byte >> 4, byte & 15] {
                out.push(char::from(DIGITS[usize::from(half)]));
            }
        }
    }
    out
}

fn format_size(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<String, Error> {
    let mut arguments = Arguments::new(rest, names);
    let is_binary = arguments.next_truth("binary")?;
    arguments.finish()?;
    check_defined(value)?;
    let bytes = match value.as_str() {
        Some(text) => python::find_float(text),
        None => python::to_float(value),
    };
    let bytes = bytes.ok_or_else(|| refuse("`filesizeformat` takes a number"))?;
    let base: f64 = if is_binary { 1024.0 } else { 1000.0 };
    if (bytes - 1.0).abs() < f64::EPSILON {
        return Ok("1 Byte".to_owned());
    }
    if bytes < base {
        return Ok(format!("{:.0} Bytes", bytes.trunc()));
    }
    let units = if is_binary {
        ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
    } else {
        ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"]
    };
    let mut unit = base * base;
    for name in &units[..7] {
        if bytes < unit {
            return Ok(format!("{:.1} {name}", base * bytes / unit));
        }
        unit *= base;
    }
    Ok(format!("{:.1} {}", base * bytes / unit, units[7]))
}
