//! Methods of Python's texts that the engine does not give.

use minijinja::{Error, Value};

use super::arguments::{Arguments, name_kind, refuse};
use super::bounds::{LARGEST, check_size, check_width};
use super::format::Fields;
use super::letters::{capitalize, swap_case, to_title};
use super::numbers::find_digit;
use super::print::is_printable;
use super::splits::{partition, split, split_lines};

/// Calls a method of a text, if it is one of those that are known here.
pub(super) fn call_on_text(
    text: &str,
    method: &str,
    arguments: &mut Arguments,
) -> Result<Option<Value>, Error> {
    if let Some(is_so) = tell_of_text(text, method) {
        return Ok(Some(Value::from(is_so)));
    }
    if let Some(found) = find_in_text(text, method, arguments)? {
        return Ok(Some(found));
    }
    if let Some(changed) = change_text(text, method, arguments)? {
        return Ok(Some(Value::from(changed)));
    }
    Ok(Some(match method {
        "split" | "rsplit" => {
            let separator: Option<String> = arguments.next_or_none("sep")?;
            let most: Option<i64> = arguments.next("maxsplit")?;
            let (separator, is_from_right) = (separator.as_deref(), method == "rsplit");
            Value::from(split(text, separator, most, is_from_right)?)
        }
        "partition" | "rpartition" => {
            let separator: String = arguments.need("sep")?;
            if separator.is_empty() {
                return Err(refuse("a text cannot be split at nothing"));
            }
            Value::from(partition(text, &separator, method == "rpartition"))
        }
        "splitlines" => {
            let keeps_ends = arguments.next_truth("keepends")?;
            Value::from(split_lines(text, keeps_ends))
        }
        "join" => {
            let items: Value = arguments.need("iterable")?;
            Value::from(join(text, &items)?)
        }
        "format_map" => {
            let mapping: Value = arguments.need("mapping")?;
            let fields = Fields {
                by_position: &[],
                by_name: &mapping,
            };
            Value::from(fields.write(text, &mut 0, 0)?)
        }
        _ => return Ok(None),
    }))
}

/// Answers the questions that a text is asked without arguments.
fn tell_of_text(text: &str, method: &str) -> Option<bool> {
    let all = |test: fn(char) -> bool| !text.is_empty() && text.chars().all(test);
    Some(match method {
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isdecimal" => all(|c| c.is_numeric() && find_digit(c).is_some()),
        "isdigit" => all(|c| {
            find_digit(c).is_some()
                || matches!(c, '\u{b2}' | '\u{b3}' | '\u{b9}' | '\u{2070}' | '\u{2074}'..='\u{2079}' | '\u{2080}'..='\u{2089}')
        }),
        "isnumeric" => all(char::is_numeric),
        "isspace" => all(char::is_whitespace),
        "isascii" => text.is_ascii(),
        "isprintable" => text.chars().all(is_printable),
        "isidentifier" => {
            let is_start = |c: char| c.is_alphabetic() || c == '_';
            text.starts_with(is_start) && text.chars().all(|c| c.is_alphanumeric() || c == '_')
        }
        "istitle" => {
            let is_cased = |c: char| c.is_uppercase() || c.is_lowercase();
            text.chars().any(is_cased) && to_title(text) == text
        }
        _ => return None,
    })
}

/// Finds parts: `find('x', start, end)` and its like.
fn find_in_text(
    text: &str,
    method: &str,
    arguments: &mut Arguments,
) -> Result<Option<Value>, Error> {
    if !matches!(
        method,
        "find" | "rfind" | "index" | "rindex" | "count" | "startswith" | "endswith"
    ) {
        return Ok(None);
    }
    let part: Value = arguments.need("sub")?;
    let (start, end) = find_bounds(text.chars().count(), arguments)?;
    let is_within = start <= end;
    let inside: String = text
        .chars()
        .skip(start)
        .take(end.saturating_sub(start))
        .collect();
    if matches!(method, "startswith" | "endswith") {
        let parts: Vec<Value> = match part.as_str() {
            Some(_) => vec![part],
            None if part.is_tuple() => part.try_iter()?.collect(),
            None => {
                return Err(refuse(format!(
                    "`{method}` takes a text or a tuple of texts"
                )));
            }
        };
        let is_there = |part: &str| match method {
            "startswith" => inside.starts_with(part),
            _ => inside.ends_with(part),
        };
        let is_there = is_within && parts.iter().filter_map(Value::as_str).any(is_there);
        return Ok(Some(Value::from(is_there)));
    }
    let part = part
        .as_str()
        .ok_or_else(|| refuse(format!("`{method}` looks for a text")))?;
    if method == "count" {
        let count = if is_within {
            inside.matches(part).count()
        } else {
            0
        };
        return Ok(Some(Value::from(count)));
    }
    let at = match method {
        _ if !is_within => None,
        "find" | "index" => inside.find(part),
        _ => inside.rfind(part),
    };
    match at {
        Some(at) => Ok(Some(Value::from(start + inside[..at].chars().count()))),
        None if method.ends_with("index") => Err(refuse("the text has no such part")),
        None => Ok(Some(Value::from(-1))),
    }
}

/// Takes where a search starts and ends.
fn find_bounds(length: usize, arguments: &mut Arguments) -> Result<(usize, usize), Error> {
    let mut bound = |name| {
        let bound: Option<i64> = arguments.next_or_none(name)?;
        Ok::<_, Error>(bound.map(|bound| match usize::try_from(bound) {
            Ok(bound) => bound.min(length + 1),
            Err(_) => {
                length.saturating_sub(usize::try_from(bound.unsigned_abs()).unwrap_or(usize::MAX))
            }
        }))
    };
    let start = bound("start")?.unwrap_or(0);
    Ok((start, bound("end")?.unwrap_or(length).min(length)))
}

/// Gives a text that is made of this one.
fn change_text(
    text: &str,
    method: &str,
    arguments: &mut Arguments,
) -> Result<Option<String>, Error> {
    Ok(Some(match method {
        "removeprefix" => {
            let prefix: String = arguments.need("prefix")?;
            text.strip_prefix(&*prefix).unwrap_or(text).to_owned()
        }
        "removesuffix" => {
            let suffix: String = arguments.need("suffix")?;
            text.strip_suffix(&*suffix).unwrap_or(text).to_owned()
        }
        "strip" | "lstrip" | "rstrip" => {
            let taken: Option<String> = arguments.next_or_none("chars")?;
            let is_taken = |c: char| match &taken {
                Some(taken) => taken.contains(c),
                None => c.is_whitespace(),
            };
            match method {
                "strip" => text.trim_matches(is_taken),
                "lstrip" => text.trim_start_matches(is_taken),
                _ => text.trim_end_matches(is_taken),
            }
            .to_owned()
        }
        "replace" => {
            let (old, new): (String, String) = (arguments.need("old")?, arguments.need("new")?);
            let count: Option<i64> = arguments.next("count")?;
            replace_text(text, &old, &new, count)?
        }
        "zfill" => fill_with_zeros(text, check_width(arguments.need("width")?)?),
        "center" | "ljust" | "rjust" => {
            let width = check_width(arguments.need("width")?)?;
            let fill: Option<String> = arguments.next("fillchar")?;
            let fill = find_fill(fill.as_deref())?;
            let missing = width.saturating_sub(text.chars().count());
            let blanks: String = std::iter::repeat_n(fill, missing).collect();
            match method {
                "center" => center(text, width, fill),
                "ljust" => format!("{text}{blanks}"),
                _ => format!("{blanks}{text}"),
            }
        }
        "expandtabs" => {
            let size: Option<i64> = arguments.next("tabsize")?;
            let size = check_width(size.unwrap_or(8))?;
            check_size(text.matches('\t').count().saturating_mul(size))?;
            expand_tabs(text, size)
        }
        "capitalize" => capitalize(text),
        "swapcase" => swap_case(text),
        "title" => to_title(text),
        // Of the letters that fold otherwise than they are made small, the usual ones.
        "casefold" => text.to_lowercase().replace('ß', "ss").replace('ς', "σ"),
        "translate" => translate(text, &arguments.need("table")?)?,
        _ => return Ok(None),
    }))
}

fn join(separator: &str, items: &Value) -> Result<String, Error> {
    let mut joined = String::new();
    for (i, item) in items.try_iter()?.enumerate() {
        let Some(text) = item.as_str() else {
            let found = name_kind(&item);
            return Err(refuse(format!(
                "`join` joins texts, and one item is {found}"
            )));
        };
        joined.push_str(if i > 0 { separator } else { "" });
        joined.push_str(text);
        check_size(joined.len())?;
    }
    Ok(joined)
}

/// Replaces so many parts; all where the number is negative.
pub(in crate::render) fn replace_text(
    text: &str,
    old: &str,
    new: &str,
    count: Option<i64>,
) -> Result<String, Error> {
    let count = count.map_or(usize::MAX, |count| {
        usize::try_from(count).unwrap_or(usize::MAX)
    });
    let most = if old.is_empty() {
        text.len() + 1
    } else {
        text.len() / old.len()
    };
    // The parts are counted only where they could be too many.
    if most.min(count).saturating_mul(new.len()) > LARGEST {
        let found = text.matches(old).count().min(count);
        check_size(text.len().saturating_add(found.saturating_mul(new.len())))?;
    }
    Ok(text.replacen(old, new, count))
}

/// Puts a text into the middle; where the blanks are odd, Python's rule says which side gets more.
pub(in crate::render) fn center(text: &str, width: usize, fill: char) -> String {
    let missing = width.saturating_sub(text.chars().count());
    let left = missing / 2 + (missing & width & 1);
    let pad = |count| std::iter::repeat_n(fill, count).collect::<String>();
    pad(left) + text + &pad(missing - left)
}

fn find_fill(fill: Option<&str>) -> Result<char, Error> {
    let mut characters = fill.unwrap_or(" ").chars();
    match (characters.next(), characters.next()) {
        (Some(fill), None) => Ok(fill),
        _ => Err(refuse("the text to fill with has to be one character")),
    }
}

fn expand_tabs(text: &str, size: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for character in text.chars() {
        match character {
            '\t' => {
                let blanks = size.saturating_sub(column % size.max(1));
                out.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
            }
            '\n' | '\r' => {
                out.push(character);
                column = 0;
            }
            _ => {
                out.push(character);
                column += 1;
            }
        }
    }
    out
}

fn translate(text: &str, table: &Value) -> Result<String, Error> {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        check_size(out.len())?;
        let found = table.get_item(&Value::from(u32::from(character)))?;
        match found.as_str() {
            Some(text) => out.push_str(text),
            None if found.is_undefined() => out.push(character),
            None if found.is_none() => {}
            None => {
                let code = u32::try_from(found).ok().and_then(char::from_u32);
                out.push(code.ok_or_else(|| refuse("there is no such character"))?);
            }
        }
    }
    Ok(out)
}

fn fill_with_zeros(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.chars().count());
    let sign = text.starts_with(['+', '-']);
    let (sign, digits) = text.split_at(usize::from(sign));
    format!("{sign}{}{digits}", "0".repeat(missing))
}
