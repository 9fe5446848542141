//! Finds the line of a template from which a line of the rendered text came.
//!
//! A line of the template is a pattern: what stands outside of tags is literal, a tag is anything. A rendered line belongs to
//! the one line that it fits; of several that fit the same, each in its order. Where that is not clear, only the file is told:
//! a wrong line is worse than none.

use std::path::Path;

use crate::place::Place;

/// Lines with less literal text than this could be any.
const LEAST_LITERAL: usize = 3;
/// What stands for a tag.
const TAG: char = '\0';

/// Gives the place in a template of a line of what it gave, counted from 1.
#[must_use]
pub fn place_in_template(path: &Path, source: &str, rendered: &str, line: usize) -> Place {
    Origin::new(path, source, rendered).place(line)
}

/// A template and what it gave.
pub(super) struct Origin<'a> {
    path: &'a Path,
    literal: String,
    rendered: Vec<&'a str>,
}

impl<'a> Origin<'a> {
    pub(super) fn new(path: &'a Path, source: &str, rendered: &'a str) -> Self {
        Self {
            path,
            literal: without_tags(source),
            rendered: rendered.lines().collect(),
        }
    }

    /// Gives the place of a line of the rendered text, counted from 1.
    pub(super) fn place(&self, line: usize) -> Place {
        match self.find_line(line) {
            Some(line) => Place::line(self.path, line),
            None => Place::file(self.path),
        }
    }

    /// Gives the literal text of a line of the template, with something else where tags stand.
    pub(super) fn literal_line(&self, place: &Place) -> &str {
        let line = place.line_number();
        line.and_then(|line| self.literal.lines().nth(line - 1))
            .unwrap_or_default()
    }

    fn find_line(&self, line: usize) -> Option<usize> {
        let candidates = self.candidates(self.rendered.get(line.checked_sub(1)?)?);
        if let [only] = candidates.as_slice() {
            return Some(*only);
        }
        let alike: Vec<usize> = (1..=self.rendered.len())
            .filter(|&other| self.candidates(self.rendered[other - 1]) == candidates)
            .collect();
        let order = alike.iter().position(|&other| other == line)?;
        (alike.len() == candidates.len()).then(|| candidates[order])
    }

    /// Gives the lines that fit with the most literal text: `FROM {{ a }}/b` comes before `FROM {{ c }}`.
    fn candidates(&self, rendered: &str) -> Vec<usize> {
        let lines = self.literal.lines().enumerate();
        let fitting: Vec<(usize, usize)> = lines
            .filter(|(_, pattern)| fits(pattern, rendered))
            .map(|(index, pattern)| (index + 1, weight(pattern)))
            .collect();
        let most = fitting.iter().map(|(_, weight)| *weight).max();
        let best = fitting.iter().filter(|(_, weight)| Some(*weight) == most);
        best.map(|(line, _)| *line).collect()
    }
}

/// Counts the characters that are literal and no blanks.
fn weight(pattern: &str) -> usize {
    let is_literal = |c: &char| *c != TAG && !c.is_whitespace();
    pattern.chars().filter(is_literal).count()
}

fn fits(pattern: &str, line: &str) -> bool {
    let (pattern, line) = (pattern.trim_end(), line.trim_end());
    if !pattern.contains(TAG) {
        return pattern == line;
    }
    if weight(pattern) < LEAST_LITERAL {
        return false;
    }
    let parts: Vec<&str> = pattern.split(TAG).collect();
    let [first, between @ .., last] = parts.as_slice() else {
        return false;
    };
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    for part in between {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Puts one sign in the place of each tag, and keeps the ends of lines inside of it.
fn without_tags(source: &str) -> String {
    let mut literal = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = find_tag(rest) {
        literal.push_str(&rest[..start]);
        let length = tag_length(&rest[start..]);
        literal.push(TAG);
        for _ in rest[start..start + length].matches('\n') {
            literal.push('\n');
            literal.push(TAG);
        }
        rest = &rest[start + length..];
    }
    literal.push_str(rest);
    literal
}

fn find_tag(text: &str) -> Option<usize> {
    let starts = ["{{", "{%", "{#"].iter();
    starts.filter_map(|start| text.find(start)).min()
}

/// Gives the length of the tag with which the text begins; what stands in quotes does not end it.
fn tag_length(text: &str) -> usize {
    let end = match text.as_bytes().get(1) {
        Some(b'%') => "%}",
        Some(b'#') => {
            let end = text.find("#}");
            return end.map_or(text.len(), |end| end + 2);
        }
        _ => "}}",
    };
    let mut quote = None;
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(2) {
        if is_escaped {
            is_escaped = false;
        } else if quote.is_some() {
            is_escaped = c == '\\';
            if quote == Some(c) {
                quote = None;
            }
        } else if c == '"' || c == '\'' {
            quote = Some(c);
        } else if text[at..].starts_with(end) {
            return at + 2;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(source: &str, rendered: &str, expected: &[Option<usize>]) {
        let origin = Origin::new(Path::new("t"), source, rendered);
        let found: Vec<_> = (1..=rendered.lines().count())
            .map(|line| origin.place(line).line_number())
            .collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn a_line_is_found_by_what_is_literal_in_it() {
        case(
            "FROM {{ x }}\nUSER 33",
            "FROM a\nUSER 33",
            &[Some(1), Some(2)],
        );
        case(
            "FROM a\nRUN {{ 'x\ny' | f }} && make\nUSER 1\n",
            "FROM a\nRUN apt x y && make\nUSER 1\n",
            &[Some(1), Some(3), Some(4)],
        );
        case(
            "{% set a = '}}' %}FROM {{ a }} AS {{ b }}\n",
            "FROM x AS y\n",
            &[Some(1)],
        );
        case(
            "RUN {{ p | apt_install }}\n",
            "RUN apt-get update \\\n  && apt-get install p\n",
            &[Some(1), None],
        );
    }

    #[test]
    fn of_lines_that_fit_the_one_that_says_more_is_meant() {
        case(
            "FROM {{ r }}/a as b\nFROM {{ 'c' | image_tag }}\n",
            "FROM r/a as b\nFROM r/c:1\n",
            &[Some(1), Some(2)],
        );
    }

    #[test]
    fn lines_that_look_alike_are_told_apart_by_their_order_alone() {
        case(
            "USER root\nRUN a\nUSER root\n",
            "USER root\nRUN a\nUSER root\n",
            &[Some(1), Some(2), Some(3)],
        );
        case(
            "{% if x %}\nUSER root\n{% else %}\nUSER root\n{% endif %}\n",
            "\nUSER root\n",
            &[None, None],
        );
        case("{{ all }}\n", "USER root\n", &[None]);
        case("{# USER root #}\nRUN {{ x", "USER root\n", &[None]);
    }
}
