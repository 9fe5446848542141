//! Explains errors of the template engine in the user's terms: what is wrong, and where.

use std::error::Error as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use minijinja::{Error, ErrorKind};

use super::error::{RenderError, RenderFault};
use super::filters::FilterError;
use super::hints::{Names, find_hints};
use super::source::Bulk;
use super::template::{DIRECTORY_END, Template};
use super::whereabouts::Whereabouts;

/// What is known when an error comes.
pub(super) struct Diagnosis<'a> {
    pub(super) template: Template<'a>,
    pub(super) names: Names<'a>,
    /// Reads a file that is included.
    pub(super) read: &'a dyn Fn(&Path) -> Option<String>,
}

/// An included file that has too much code.
#[derive(Debug, thiserror::Error)]
#[error("{bulk}")]
pub(super) struct BulkInside {
    pub(super) path: PathBuf,
    pub(super) bulk: Bulk,
    pub(super) range: Range<usize>,
}

impl From<BulkInside> for Error {
    fn from(inside: BulkInside) -> Self {
        Self::new(ErrorKind::InvalidOperation, inside.to_string()).with_source(inside)
    }
}

impl Diagnosis<'_> {
    /// Tells of too much code, which the engine is never given.
    pub(super) fn explain_bulk(&self, inside: &BulkInside) -> RenderError {
        let text = if inside.path == self.template.path {
            self.template.text.to_owned()
        } else {
            (self.read)(&inside.path).unwrap_or_default()
        };
        let whereabouts = Whereabouts::at(&inside.path, &text, inside.range.clone());
        RenderError {
            place: whereabouts.place(),
            excerpt: whereabouts.excerpt(),
            fault: inside.bulk.into(),
            hints: Vec::new(),
        }
    }

    /// Explains an error of the engine.
    pub(super) fn explain(&self, error: &Error) -> RenderError {
        if let Some(inside) = find_source::<BulkInside>(error) {
            return self.explain_bulk(inside);
        }
        let error = find_innermost(error);
        let mut whereabouts = Whereabouts::find(error, self.template, self.read);
        let fault = self.find_fault(error, &mut whereabouts).shorten();
        let hints = find_hints(&self.names, &fault, &whereabouts);
        RenderError {
            place: whereabouts.place(),
            excerpt: whereabouts.excerpt(),
            fault,
            hints,
        }
    }

    fn find_fault(&self, error: &Error, whereabouts: &mut Whereabouts) -> RenderFault {
        if let Some(fault) = find_source::<FilterError>(error) {
            return RenderFault::Filter(fault.clone());
        }
        let detail = error.detail().unwrap_or_default();
        if let Some(name) = find_undefined(detail) {
            if let Some(filter) = whereabouts.filter().filter(|_| name.contains("(...)")) {
                let said = format!("`{filter}` was given something without a value");
                return RenderFault::Engine(said);
            }
            return RenderFault::Undefined(whereabouts.point_at(name));
        }
        match error.kind() {
            ErrorKind::BadEscape => RenderFault::Escape,
            ErrorKind::SyntaxError => match whereabouts.find_unclosed(detail) {
                Some(word) => RenderFault::Unclosed(word),
                None => RenderFault::Syntax(describe(error)),
            },
            ErrorKind::UndefinedError => match whereabouts.find_undefined(&self.names.known()) {
                Some(name) => RenderFault::Undefined(name),
                None => RenderFault::Engine(describe(error)),
            },
            ErrorKind::UnknownFunction => match detail.strip_suffix(" is unknown") {
                Some(name) => RenderFault::Undefined(whereabouts.point_at(name)),
                None => RenderFault::Engine(describe(error)),
            },
            ErrorKind::UnknownFilter => match find_subject(detail, "filter") {
                Some(name) => RenderFault::UnknownFilter(whereabouts.point_at(name)),
                None => RenderFault::Engine(describe(error)),
            },
            ErrorKind::UnknownTest => match find_subject(detail, "test") {
                Some(name) => RenderFault::UnknownTest(whereabouts.point_at(name)),
                None => RenderFault::Engine(describe(error)),
            },
            ErrorKind::UnknownMethod => match detail.split_once(" has no method named ") {
                Some((kind, name)) => RenderFault::UnknownMethod {
                    name: whereabouts.point_at(name),
                    kind: name_kind(kind),
                },
                None => RenderFault::Engine(describe(error)),
            },
            ErrorKind::TemplateNotFound => {
                let name = quoted(detail).unwrap_or(detail);
                let (_, file) = name.split_once(DIRECTORY_END).unwrap_or(("", name));
                RenderFault::NoFile(file.to_owned())
            }
            ErrorKind::OutOfFuel => RenderFault::TooLong,
            ErrorKind::WriteFailure => RenderFault::TooLarge,
            _ => RenderFault::Engine(describe(error)),
        }
    }
}

/// Finds `name` in "… `name` is undefined …".
fn find_undefined(detail: &str) -> Option<&str> {
    let (before, _) = detail.split_once("` is undefined")?;
    let (_, name) = before.rsplit_once('`')?;
    Some(name)
}

/// Finds `name` in "filter name is unknown".
fn find_subject<'a>(detail: &'a str, kind: &str) -> Option<&'a str> {
    let name = detail.strip_prefix(kind)?.trim_start();
    name.strip_suffix(" is unknown")
}

/// Gives a kind of value as the user knows it.
fn name_kind(kind: &str) -> &'static str {
    match kind {
        "string" => "a text",
        "map" => "a mapping",
        "sequence" | "iterator" => "a list",
        "number" => "a number",
        "none" => "`none`",
        "bool" => "a boolean",
        _ => "this value",
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
