//! Texts with places for values: `'%05.2f' % x`, and `'{:>5}'.format(x)`.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, Value};

use super::arguments::{check_defined, name_kind, named_pairs, refuse};
use super::bounds::check_width;
use super::dates::Date;
use super::numbers::{is_number, to_float, truncate};
use super::print::{print_ascii, print_repr, print_str};
use super::spec::{Spec, format_float, format_integer, format_text};
use super::views::find_part;

/// Formats as `%` does: with a tuple of values, a mapping, or one value.
pub(in crate::render) fn format_percent(text: &str, operand: &Value) -> Result<String, Error> {
    let is_tuple = operand.is_tuple();
    let values: Vec<Value> = if is_tuple {
        operand.try_iter()?.collect()
    } else {
        vec![operand.clone()]
    };
    let mut percent = Percent {
        rest: text,
        values: values.into_iter(),
        mapping: operand,
    };
    let mut out = String::with_capacity(text.len());
    while let Some((before, directive)) = percent.rest.split_once('%') {
        out.push_str(before);
        percent.rest = directive;
        percent.write(&mut out)?;
    }
    out.push_str(percent.rest);
    let is_mapping = matches!(operand.kind(), ValueKind::Map | ValueKind::Seq) && !is_tuple;
    if percent.values.next().is_some() && !is_mapping {
        return Err(refuse("there are more values than places in the text"));
    }
    Ok(out)
}

struct Percent<'a> {
    rest: &'a str,
    values: std::vec::IntoIter<Value>,
    mapping: &'a Value,
}

impl Percent<'_> {
    fn next(&mut self) -> Result<Value, Error> {
        let value = self.values.next();
        let value =
            value.ok_or_else(|| refuse("there are fewer values than places in the text"))?;
        check_defined(&value)?;
        Ok(value)
    }

    fn take(&mut self, is_taken: impl Fn(char) -> bool) -> &str {
        let end = self.rest.find(|c| !is_taken(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Reads digits, or takes a value for a `*`.
    fn read_number(&mut self) -> Result<Option<i64>, Error> {
        if let Some(rest) = self.rest.strip_prefix('*') {
            self.rest = rest;
            return i64::try_from(self.next()?).map(Some);
        }
        let digits = self.take(|c| c.is_ascii_digit());
        match digits.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) if digits.is_empty() => Ok(None),
            Err(_) => check_width(i64::MAX).map(|_| None),
        }
    }

    /// Writes what stands behind a `%`.
    fn write(&mut self, out: &mut String) -> Result<(), Error> {
        let mut named = None;
        if let Some(rest) = self.rest.strip_prefix('(') {
            let (name, rest) = rest
                .split_once(')')
                .ok_or_else(|| refuse("a `%(` without its `)`"))?;
            self.rest = rest;
            let value = self.mapping.get_item(&Value::from(name))?;
            if self.mapping.kind() != ValueKind::Map || value.is_undefined() {
                return Err(refuse(format!("there is no value for `%({name})`")));
            }
            named = Some(value);
        }
        let flags = self.take(|c| "-+ #0".contains(c)).to_owned();
        let mut spec = Spec {
            align: flags.contains('-').then_some('<'),
            sign: ['+', ' '].into_iter().find(|sign| flags.contains(*sign)),
            is_alternate: flags.contains('#'),
            is_zero: flags.contains('0') && !flags.contains('-'),
            ..Spec::default()
        };
        if let Some(width) = self.read_number()? {
            if width < 0 {
                spec.align = Some('<');
            }
            spec.width = check_width(width.saturating_abs())?;
        }
        if let Some(rest) = self.rest.strip_prefix('.') {
            self.rest = rest;
            spec.precision = Some(check_width(self.read_number()?.unwrap_or_default())?);
        }
        self.rest = self.rest.trim_start_matches(['h', 'l', 'L']);
        let kind = self.rest.chars().next();
        let kind = kind.ok_or_else(|| refuse("the text ends inside of a place for a value"))?;
        self.rest = &self.rest[kind.len_utf8()..];
        if kind == '%' {
            out.push('%');
            return Ok(());
        }
        let value = match named {
            Some(value) => value,
            None => self.next()?,
        };
        out.push_str(&format_directive(kind, &value, spec)?);
        Ok(())
    }
}

fn format_directive(kind: char, value: &Value, mut spec: Spec) -> Result<String, Error> {
    match kind {
        's' | 'r' | 'a' => {
            let text = convert(value, kind)?;
            spec.is_zero = false;
            spec.align = spec.align.or(Some('>'));
            spec.sign = None;
            format_text(&text, &spec)
        }
        'd' | 'i' | 'u' if is_number(value) => {
            if spec.precision.take().is_some() {
                return Err(refuse("a precision of whole numbers is not supported"));
            }
            format_integer(truncate(value)?, 'd', &spec)
        }
        'x' | 'X' | 'o' if value.is_integer() || value.kind() == ValueKind::Bool => {
            format_integer(truncate(value)?, kind, &spec)
        }
        'e' | 'E' | 'f' | 'F' | 'g' | 'G' if is_number(value) => {
            let number = to_float(value).unwrap_or(f64::NAN);
            format_float(number, kind, &spec)
        }
        'c' => {
            let text = match value.as_str() {
                Some(text) if text.chars().count() == 1 => text.to_owned(),
                _ => {
                    let code = u32::try_from(value.clone()).ok();
                    let character = code.and_then(char::from_u32);
                    let character = character.ok_or_else(|| refuse("`%c` takes one character"))?;
                    character.to_string()
                }
            };
            spec.align = spec.align.or(Some('>'));
            format_text(&text, &spec)
        }
        'd' | 'i' | 'u' | 'x' | 'X' | 'o' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' => {
            let found = name_kind(value);
            Err(refuse(format!("`%{kind}` takes a number, and not {found}")))
        }
        _ => Err(refuse(format!("`%{kind}` is no place for a value"))),
    }
}

fn convert(value: &Value, how: char) -> Result<String, Error> {
    match how {
        's' => Ok(print_str(value)),
        'r' => Ok(print_repr(value)),
        'a' => Ok(print_ascii(value)),
        _ => Err(refuse(format!("`!{how}` is not `!r`, `!s` or `!a`"))),
    }
}

/// The values that `format` takes.
pub(super) struct Fields<'a> {
    pub(super) by_position: &'a [Value],
    pub(super) by_name: &'a Value,
}

impl Fields<'_> {
    /// Gives the fields of a call.
    pub(super) fn format(
        text: &str,
        by_position: &[Value],
        by_name: &Kwargs,
    ) -> Result<String, Error> {
        let by_name = Value::from_pairs(named_pairs(by_name)?);
        let fields = Fields {
            by_position,
            by_name: &by_name,
        };
        fields.write(text, &mut 0, 0)
    }

    /// Writes a text with its fields.
    pub(super) fn write(
        &self,
        text: &str,
        next: &mut usize,
        depth: usize,
    ) -> Result<String, Error> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let mark = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(mark) {
                out.push_str(mark);
                rest = after;
                continue;
            }
            if mark == "}" {
                return Err(refuse("a `}` without its `{` in the text"));
            }
            let end = find_field_end(rest);
            let end = end.ok_or_else(|| refuse("a `{` without its `}` in the text"))?;
            out.push_str(&self.write_field(&rest[..end], next, depth)?);
            rest = &rest[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Writes `name!conversion:format`.
    fn write_field(&self, field: &str, next: &mut usize, depth: usize) -> Result<String, Error> {
        let name_end = field.find(['!', ':']).unwrap_or(field.len());
        let value = self.find(&field[..name_end], next)?;
        check_defined(&value)?;
        let mut rest = &field[name_end..];
        let mut converted = None;
        if let Some(after) = rest.strip_prefix('!') {
            let how = after.chars().next().unwrap_or(' ');
            rest = &after[how.len_utf8().min(after.len())..];
            converted = Some(Value::from(convert(&value, how)?));
        }
        let spec = match rest.strip_prefix(':') {
            Some(spec) if spec.contains('{') && depth == 0 => self.write(spec, next, 1)?,
            Some(spec) => spec.to_owned(),
            None if rest.is_empty() => String::new(),
            None => return Err(refuse("behind a conversion stands `:` or nothing")),
        };
        format_value(converted.as_ref().unwrap_or(&value), &spec)
    }

    /// Finds the value of `name.attribute[item]`.
    fn find(&self, field: &str, next: &mut usize) -> Result<Value, Error> {
        let end = field.find(['.', '[']).unwrap_or(field.len());
        let (name, mut rest) = field.split_at(end);
        let missing = || refuse(format!("there is no value for `{{{field}}}`"));
        let mut value = if name.is_empty() {
            *next += 1;
            self.by_position.get(*next - 1).cloned()
        } else if let Ok(index) = name.parse::<usize>() {
            self.by_position.get(index).cloned()
        } else {
            let value = self.by_name.get_item(&Value::from(name))?;
            Some(value).filter(|value| !value.is_undefined())
        }
        .ok_or_else(missing)?;
        while !rest.is_empty() {
            let (part, after) = if let Some(item) = rest.strip_prefix('[') {
                item.split_once(']').ok_or_else(missing)?
            } else {
                let attribute = &rest[1..];
                let end = attribute.find(['.', '[']).unwrap_or(attribute.len());
                // A mapping has no attributes but its methods.
                if value.downcast_object_ref::<Date>().is_none() {
                    return Err(missing());
                }
                attribute.split_at(end)
            };
            value = find_part(&value, part)?;
            if value.is_undefined() {
                return Err(missing());
            }
            rest = after;
        }
        Ok(value)
    }
}

fn find_field_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn format_value(value: &Value, spec: &str) -> Result<String, Error> {
    if let Some(date) = value.downcast_object_ref::<Date>()
        && !spec.is_empty()
    {
        return date.print_format(spec);
    }
    if spec.is_empty() {
        return Ok(print_str(value));
    }
    let spec = Spec::parse(spec)?;
    let kind = spec.kind;
    let refused = || {
        let found = name_kind(value);
        let kind = kind.map_or("this format".to_owned(), |kind| format!("`{kind}`"));
        refuse(format!("{kind} does not fit {found}"))
    };
    match value.kind() {
        ValueKind::String if matches!(kind, None | Some('s')) => {
            format_text(value.as_str().unwrap_or_default(), &spec)
        }
        _ if is_number(value) => match kind {
            Some(kind @ ('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%')) => {
                let number = to_float(value).unwrap_or(f64::NAN);
                format_float(number, kind, &spec)
            }
            None | Some('d' | 'x' | 'X' | 'o' | 'b' | 'n')
                if value.is_integer() || value.kind() == ValueKind::Bool =>
            {
                format_integer(truncate(value)?, kind.unwrap_or('d'), &spec)
            }
            Some('c') if value.is_integer() => {
                let code = u32::try_from(value.clone()).ok().and_then(char::from_u32);
                format_text(&code.ok_or_else(refused)?.to_string(), &spec)
            }
            None => format_float(to_float(value).unwrap_or(f64::NAN), 'r', &spec),
            Some(_) => Err(refused()),
        },
        _ => Err(refused()),
    }
}
