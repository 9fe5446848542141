//! Where in a template an error is: positions of the engine, in the text that the user wrote.

use std::ops::Range;
use std::path::{Path, PathBuf};

use minijinja::Error;

use super::error::Excerpt;
use super::source::{self, OUTSIDE};
use super::template::{Template, find_path};
use crate::place::Place;

/// The file of an error, and what in it is at fault.
pub(super) struct Whereabouts {
    path: PathBuf,
    /// The file as the user wrote it, with the engine's line breaks.
    text: String,
    line: Option<usize>,
    /// The piece at fault.
    range: Option<Range<usize>>,
}

impl Whereabouts {
    /// Finds where an error of the engine is.
    pub(super) fn find(
        error: &Error,
        template: Template<'_>,
        read: &dyn Fn(&Path) -> Option<String>,
    ) -> Self {
        let path = error.name().and_then(find_path);
        let path = path.unwrap_or_else(|| template.path.to_owned());
        let text = if path == template.path {
            source::normalize(template.text).into_owned()
        } else {
            let text = read(&path).unwrap_or_default();
            source::normalize(&text).into_owned()
        };
        let translation = source::translate(&text);
        let is_same = error.template_source() == Some(&*translation.text);
        let range = error.range().filter(|_| is_same).map(|range| {
            let start = translation.find_origin(range.start);
            start..translation.find_origin(range.end).max(start)
        });
        let range = range.filter(|range| text.get(range.clone()).is_some());
        Self {
            path,
            line: error.line(),
            range,
            text,
        }
    }

    /// Points at a piece of a file, counted with the engine's line breaks.
    pub(super) fn at(path: &Path, text: &str, range: Range<usize>) -> Self {
        let text = source::normalize(text).into_owned();
        Self {
            path: path.to_owned(),
            line: None,
            range: Some(range).filter(|range| text.get(range.clone()).is_some()),
            text,
        }
    }

    pub(super) fn place(&self) -> Place {
        match (self.line(), self.column()) {
            (Some(line), Some(column)) => Place::column(&self.path, line, column),
            (Some(line), None) => Place::line(&self.path, line),
            (None, _) => Place::file(&self.path),
        }
    }

    fn line(&self) -> Option<usize> {
        match &self.range {
            Some(range) => Some(self.text[..range.start].matches('\n').count() + 1),
            None => self.line,
        }
    }

    fn column(&self) -> Option<usize> {
        let before = &self.text[..self.range.as_ref()?.start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Some(before[line_start..].chars().count() + 1)
    }

    /// Gives the line, with the piece at fault as far as it goes on that line.
    pub(super) fn excerpt(&self) -> Option<Excerpt> {
        let line = self.text.lines().nth(self.line()?.checked_sub(1)?)?;
        let marked = self.column().map(|column| {
            let range = self.range.clone().unwrap_or_default();
            let piece = self.text[range].lines().next().unwrap_or_default();
            let start = column - 1;
            start..start + piece.chars().count().max(1)
        });
        Some(Excerpt {
            line: line.to_owned(),
            marked,
        })
    }

    /// Narrows the piece at fault down to a name in it, and gives the name as the user wrote it.
    pub(super) fn point_at(&mut self, name: &str) -> String {
        let name = name.trim_start_matches(OUTSIDE);
        let name = name.strip_prefix("__file.").unwrap_or(name);
        let name = if name == source::NO_LOOP {
            "loop"
        } else {
            name
        };
        // What the engine does not describe is what stands there.
        if let (true, Some(range)) = (name.contains("(...)"), &self.range) {
            return self.text[range.clone()].replace('\n', " ");
        }
        let root = name.split(['.', '[']).next().unwrap_or(name);
        if let Some(range) = &self.range {
            let last_line = self.text[range.end..].find('\n');
            let line_end = last_line.map_or(self.text.len(), |at| range.end + at);
            let within = |end: usize, what: &str| {
                let at = find_word(&self.text[range.start..end], what)?;
                Some(range.start + at..range.start + at + what.len())
            };
            let found = within(range.end, name)
                .or_else(|| within(line_end, name))
                .or_else(|| within(range.end, root));
            self.range = found.or_else(|| self.range.clone());
        }
        name.to_owned()
    }

    /// Finds a name without a value where the engine tells none: the last one before the piece at fault that nobody
    /// gives a value to, else the first one behind.
    pub(super) fn find_undefined(&mut self, known: &[String]) -> Option<String> {
        let range = self.range.clone()?;
        let piece = &self.text[range.clone()];
        let is_name = |c: char| c.is_alphanumeric() || "_.".contains(c);
        if !piece.is_empty() && piece.chars().all(is_name) && !self.is_filter(range.start) {
            return Some(piece.to_owned());
        }
        let names = source::find_read_names(&self.text, range.start);
        let assigned = source::find_bound(&self.text);
        let mut unknown = names.into_iter().filter(|name| {
            let name = &self.text[name.clone()];
            !known.iter().any(|known| known == name) && !assigned.contains(&name)
        });
        let first = unknown.next()?;
        let last = unknown.take_while(|name| name.start < range.start).last();
        let found = last.unwrap_or(first);
        let name = self.text[found.clone()].to_owned();
        self.range = Some(found);
        Some(name)
    }

    /// Finds the block without an end where the engine came to the end of the file, and points at its beginning.
    pub(super) fn find_unclosed(&mut self, said: &str) -> Option<String> {
        if !said.starts_with("unexpected end of input") {
            return None;
        }
        let word = source::find_unclosed(&self.text)?;
        let name = self.text[word.clone()].to_owned();
        self.range = Some(word);
        Some(name)
    }

    /// Gives the piece at fault, if it is a filter.
    pub(super) fn filter(&self) -> Option<&str> {
        let range = self.range.clone()?;
        self.is_filter(range.start).then(|| &self.text[range])
    }

    fn is_filter(&self, at: usize) -> bool {
        self.text[..at].trim_end().ends_with('|')
    }

    /// Gives the names that the file sets itself.
    pub(super) fn assigned(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in source::find_assigned(&self.text) {
            if !names.iter().any(|other| other == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    pub(super) fn mentions(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.text.contains(word))
    }

    pub(super) fn line_mentions(&self, word: &str) -> bool {
        let line = self.line().and_then(|line| self.text.lines().nth(line - 1));
        line.is_some_and(|line| line.contains(word))
    }
}

/// Finds a name that is no part of a longer one.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut found = text.match_indices(word);
    let is_whole = |at: &usize| {
        !is_part(text[..*at].chars().next_back())
            && !is_part(text[at + word.len()..].chars().next())
    };
    found.find_map(|(at, _)| Some(at).filter(is_whole))
}
