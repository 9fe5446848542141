//! Explains errors of the template engine in the user's terms: place, line and hints.

use std::error::Error as _;

use minijinja::{Environment, Error, ErrorKind, Value};

use super::error::{RenderError, RenderFault};
use super::filters::FilterError;
use super::renderer::{Template, find_path};
use crate::near::find_near;
use crate::place::Place;

/// The filters that exist, as the engine keeps no list of them.
pub(super) const FILTERS: [&str; 58] = [
    "abs",
    "add_user",
    "apt_install",
    "apt_remove",
    "attr",
    "batch",
    "capitalize",
    "center",
    "count",
    "d",
    "default",
    "dictsort",
    "e",
    "escape",
    "filesizeformat",
    "first",
    "float",
    "forceescape",
    "format",
    "groupby",
    "image_tag",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "striptags",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "uid",
    "unique",
    "upper",
    "upstream_version",
    "urlencode",
    "wordcount",
    "zip",
];

/// Filters of Jinja that no repository was seen to use.
const NOT_HERE: [&str; 4] = ["random", "urlize", "wordwrap", "xmlattr"];

/// What is known when an error comes.
pub(super) struct Diagnosis<'a> {
    pub(super) template: Template<'a>,
    pub(super) variables: &'a Value,
    pub(super) environment: &'a Environment<'a>,
}

impl Diagnosis<'_> {
    /// Explains an error of the engine.
    pub(super) fn explain(&self, error: &Error) -> RenderError {
        let error = find_innermost(error);
        let fault = find_fault(error);
        let hints = self.find_hints(&fault);
        RenderError {
            place: self.find_place(error),
            source_line: self.find_line(error),
            fault,
            hints,
        }
    }

    fn find_hints(&self, fault: &RenderFault) -> Vec<String> {
        let near = match fault {
            RenderFault::Undefined(name) if name == "password" => {
                return vec![
                    "a template never sees the password: it would go into the image".to_owned(),
                ];
            }
            RenderFault::Undefined(name) => {
                let names: Vec<Value> = self.variables.try_iter().into_iter().flatten().collect();
                let globals: Vec<&str> = self.environment.globals().map(|(name, _)| name).collect();
                let names = names.iter().filter_map(Value::as_str);
                let near = owned(find_near(name, names.chain(globals)));
                if near.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                    return vec![format!(
                        "set it in the settings, or write `{{% set {name} = … %}}` before"
                    )];
                }
                near
            }
            RenderFault::UnknownFilter(name) if NOT_HERE.contains(&name.as_str()) => {
                return vec!["Jinja has it, and it is not supported here".to_owned()];
            }
            RenderFault::UnknownFilter(name) => owned(find_near(name, FILTERS)),
            RenderFault::Filter(FilterError::UnknownImage { near, .. }) if near.is_empty() => {
                return vec![
                    "give the directory that holds it as well, or list it in `base_images`"
                        .to_owned(),
                ];
            }
            RenderFault::Filter(FilterError::UnknownImage { near, .. }) => near.clone(),
            RenderFault::Filter(FilterError::UnknownUser(user)) => {
                return vec![format!(
                    "add `{user}: NUMBER` to `known_uid_mappings` of the settings"
                )];
            }
            _ => return Vec::new(),
        };
        if near.is_empty() {
            return Vec::new();
        }
        let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
        let verb = if near.len() > 1 {
            "names are"
        } else {
            "name is"
        };
        vec![format!("the closest {verb} {}", near.join(", "))]
    }

    fn find_place(&self, error: &Error) -> Place {
        let path = error.name().and_then(find_path);
        let path = path.unwrap_or_else(|| self.template.path.to_owned());
        let Some(line) = error.line() else {
            return Place::file(&path);
        };
        let column = find_column(error);
        match column {
            Some(column) => Place::column(&path, line, column),
            None => Place::line(&path, line),
        }
    }

    /// Finds the line as the user wrote it; that of an included file as the engine read it.
    fn find_line(&self, error: &Error) -> Option<String> {
        let line = error.line()?.checked_sub(1)?;
        let is_own = error
            .name()
            .and_then(find_path)
            .is_none_or(|path| path == self.template.path);
        let text = if is_own {
            self.template.text
        } else {
            error.template_source()?
        };
        text.lines().nth(line).map(str::to_owned)
    }
}

fn find_fault(error: &Error) -> RenderFault {
    if let Some(fault) = find_source::<FilterError>(error) {
        return RenderFault::Filter(fault.clone());
    }
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::SyntaxError | ErrorKind::BadEscape => RenderFault::Syntax(describe(error)),
        ErrorKind::UndefinedError => match find_expression(error) {
            Some(expression) => RenderFault::Undefined(expression.to_owned()),
            None => RenderFault::Engine(describe(error)),
        },
        ErrorKind::UnknownFilter => match quoted(detail).or(find_expression(error)) {
            // The engine may point at the whole call.
            Some(name) => {
                let name = name.split('(').next().unwrap_or(name).trim();
                RenderFault::UnknownFilter(name.to_owned())
            }
            None => RenderFault::Engine(describe(error)),
        },
        ErrorKind::TemplateNotFound => {
            let name = quoted(detail).unwrap_or(detail);
            let (_, file) = name.split_once("//").unwrap_or(("", name));
            RenderFault::NoFile(file.to_owned())
        }
        ErrorKind::OutOfFuel => RenderFault::TooLong,
        ErrorKind::WriteFailure => RenderFault::TooLarge,
        _ => RenderFault::Engine(describe(error)),
    }
}

/// Finds the error behind those that only say which include or block it happened in.
fn find_innermost(error: &Error) -> &Error {
    let mut innermost = error;
    while matches!(
        innermost.kind(),
        ErrorKind::BadInclude | ErrorKind::EvalBlock
    ) {
        match innermost
            .source()
            .and_then(|source| source.downcast_ref::<Error>())
        {
            Some(source) => innermost = source,
            None => break,
        }
    }
    innermost
}

fn find_source<T: std::error::Error + 'static>(error: &Error) -> Option<&T> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        source = error.source();
    }
    None
}

fn describe(error: &Error) -> String {
    match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    }
}

/// Finds the first text between backquotes, single or double quotes, or behind the last blank.
fn quoted(detail: &str) -> Option<&str> {
    let quote = detail.find(['`', '\'', '"'])?;
    let mark = detail[quote..].chars().next()?;
    let (name, _) = detail[quote + 1..].split_once(mark)?;
    Some(name)
}

fn find_expression(error: &Error) -> Option<&str> {
    let text = error.template_source()?.get(error.range()?)?;
    (!text.is_empty() && !text.contains('\n')).then_some(text)
}

fn find_column(error: &Error) -> Option<usize> {
    let before = error.template_source()?.get(..error.range()?.start)?;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let is_line = before.matches('\n').count() + 1 == error.line()?;
    is_line.then(|| before[line_start..].chars().count() + 1)
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}
