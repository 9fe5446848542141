//! Finds the line of a template from which a line of the rendered text came.
//!
//! A line of the template is a pattern: what stands outside of tags is literal, a tag is anything. A rendered line belongs to
//! the one line that it fits; of several that fit the same, each in its order. Where that is not clear, only the file is told:
//! a wrong line is worse than none.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use crate::place::Place;

/// Lines with less literal text than this could be any.
const LEAST_LITERAL: usize = 3;
/// What stands for a tag.
const TAG: char = '\0';
/// So often lines are held against each other for one template; where that is not enough, only the file is told.
const MOST_LOOKS: usize = 2_000_000;

/// Gives the place in a template of a line of what it gave, counted from 1.
#[must_use]
pub fn place_in_template(path: &Path, source: &str, rendered: &str, line: usize) -> Place {
    Origin::new(path, source, rendered).place(line)
}

/// A template and what it gave.
#[derive(Debug)]
pub struct Origin<'a> {
    path: &'a Path,
    source: &'a str,
    rendered: &'a str,
    /// Made by the first question, for all lines at once.
    lines: OnceCell<Lines>,
}

/// The lines of both texts.
#[derive(Debug)]
struct Lines {
    /// The template with signs in the place of its tags.
    literal: Vec<String>,
    /// For each rendered line the one of the template, counted from 1.
    origins: Vec<Option<usize>>,
}

impl<'a> Origin<'a> {
    pub(super) fn new(path: &'a Path, source: &'a str, rendered: &'a str) -> Self {
        Self {
            path,
            source,
            rendered,
            lines: OnceCell::new(),
        }
    }

    /// Gives the place of a line of the rendered text, counted from 1.
    #[must_use]
    pub fn place(&self, line: usize) -> Place {
        let origins = &self.lines().origins;
        let origin = line.checked_sub(1).and_then(|index| *origins.get(index)?);
        match origin {
            Some(line) => Place::line(self.path, line),
            None => Place::file(self.path),
        }
    }

    /// Gives the literal text of a line of the template, with something else where tags stand.
    pub(super) fn literal_line(&self, place: &Place) -> &str {
        let literal = &self.lines().literal;
        let index = place.line_number().and_then(|line| line.checked_sub(1));
        index
            .and_then(|index| literal.get(index))
            .map_or("", String::as_str)
    }

    fn lines(&self) -> &Lines {
        self.lines.get_or_init(|| {
            let literal = without_tags(self.source);
            Lines {
                origins: find_origins(&literal, self.rendered),
                literal: literal.lines().map(str::to_owned).collect(),
            }
        })
    }
}

/// Finds the line of the template for each rendered line.
fn find_origins(literal: &str, rendered: &str) -> Vec<Option<usize>> {
    let patterns = Patterns::of(literal);
    let mut left = MOST_LOOKS;
    let mut fitting: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut alike: HashMap<Vec<usize>, Vec<usize>> = HashMap::new();
    for (index, line) in rendered.lines().enumerate() {
        let line = line.trim_end();
        let found = fitting
            .entry(line)
            .or_insert_with(|| patterns.find_best(line, &mut left));
        alike.entry(found.clone()).or_default().push(index);
    }
    let mut origins = vec![None; rendered.lines().count()];
    if left == 0 {
        return origins;
    }
    for (found, indexes) in alike {
        let written = found.iter().flat_map(|&index| &patterns.all[index].lines);
        let mut written: Vec<usize> = written.copied().collect();
        written.sort_unstable();
        if let [only] = written.as_slice() {
            for index in indexes {
                origins[index] = Some(*only);
            }
        } else if written.len() == indexes.len() {
            for (index, line) in indexes.into_iter().zip(written) {
                origins[index] = Some(line);
            }
        }
    }
    origins
}

/// The different lines of a template.
struct Patterns<'a> {
    all: Vec<Pattern<'a>>,
    /// Those without tags, by their text.
    plain: HashMap<&'a str, usize>,
    /// Those with tags, by the text before the first one and behind the last one.
    tagged: HashMap<(&'a str, &'a str), Vec<usize>>,
    /// How long these texts are.
    lengths: BTreeMap<usize, BTreeSet<usize>>,
}

/// What stands in some lines of a template.
struct Pattern<'a> {
    /// The literal texts between the tags.
    parts: Vec<&'a str>,
    /// How many characters are literal and no blanks.
    weight: usize,
    /// The lines, counted from 1.
    lines: Vec<usize>,
}

impl<'a> Patterns<'a> {
    fn of(literal: &'a str) -> Self {
        let mut patterns = Self {
            all: Vec::new(),
            plain: HashMap::new(),
            tagged: HashMap::new(),
            lengths: BTreeMap::new(),
        };
        let mut known: HashMap<&str, usize> = HashMap::new();
        for (index, text) in literal.lines().enumerate() {
            let text = text.trim_end();
            let next = patterns.all.len();
            let number = *known.entry(text).or_insert(next);
            if number == next {
                patterns.add(text);
            }
            patterns.all[number].lines.push(index + 1);
        }
        patterns
    }

    fn add(&mut self, text: &'a str) {
        let number = self.all.len();
        let is_literal = |c: &char| *c != TAG && !c.is_whitespace();
        let pattern = Pattern {
            parts: text.split(TAG).collect(),
            weight: text.chars().filter(is_literal).count(),
            lines: Vec::new(),
        };
        match pattern.parts.as_slice() {
            [first, .., last] if pattern.weight >= LEAST_LITERAL => {
                let lengths = self.lengths.entry(first.len()).or_default();
                lengths.insert(last.len());
                self.tagged.entry((*first, *last)).or_default().push(number);
            }
            [text] => {
                self.plain.insert(*text, number);
            }
            _ => {}
        }
        self.all.push(pattern);
    }

    /// Gives the patterns that fit with the most literal text: `FROM {{ a }}/b` comes before `FROM {{ c }}`.
    fn find_best(&self, line: &str, left: &mut usize) -> Vec<usize> {
        let mut fitting: Vec<usize> = self.plain.get(line).copied().into_iter().collect();
        for (&before, behind) in &self.lengths {
            for &behind in behind {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    return Vec::new();
                }
                let Some(end) = line.len().checked_sub(behind).filter(|end| *end >= before) else {
                    continue;
                };
                let (Some(first), Some(inner), Some(last)) =
                    (line.get(..before), line.get(before..end), line.get(end..))
                else {
                    continue;
                };
                let numbers = self
                    .tagged
                    .get(&(first, last))
                    .map_or(&[][..], Vec::as_slice);
                *left = left.saturating_sub(numbers.len());
                let numbers = numbers.iter().copied();
                fitting.extend(numbers.filter(|&number| self.all[number].holds(inner)));
            }
        }
        let most = fitting.iter().map(|&number| self.all[number].weight).max();
        fitting.retain(|&number| Some(self.all[number].weight) == most);
        fitting
    }
}

impl Pattern<'_> {
    /// Tells whether the texts between the tags stand in their order in what is between the first and the last of them.
    fn holds(&self, mut inner: &str) -> bool {
        let between = self.parts.get(1..self.parts.len() - 1).unwrap_or_default();
        between.iter().all(|part| {
            let at = inner.find(part);
            at.inspect(|at| inner = &inner[at + part.len()..]).is_some()
        })
    }
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
    let braces = text.match_indices('{').map(|(at, _)| at);
    let mut tags =
        braces.filter(|at| matches!(text.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#')));
    tags.next()
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

    #[test]
    fn a_text_between_two_tags_counts_as_well() {
        case(
            "RUN {{ a }} x {{ b }}\nRUN {{ a }} y {{ b }}\n",
            "RUN 1 y 2\nRUN 1 x 2\nRUN y x\n",
            &[Some(2), Some(1), None],
        );
        case("ENV a{{ b }}a\n", "ENV a\nENV aa\n", &[None, Some(1)]);
    }

    fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
        let lines: Vec<String> = (1..=count).map(line).collect();
        lines.concat()
    }

    #[test]
    fn many_lines_are_found_as_quickly_as_few() {
        let count = 20_000;
        let same = |_| "RUN apt-get install foo\n".to_owned();
        let plain = |n| format!("RUN apt-get install foo{n}\n");
        let tagged = |n| format!("RUN {{{{ a }}}} b{n}\n");
        for (source, rendered) in [
            (lines(count, same), lines(count, same)),
            (lines(count, plain), lines(count, plain)),
            (
                lines(count, tagged),
                lines(count, |n| format!("RUN x b{n}\n")),
            ),
            (
                lines(count, |_| "RUN {{ a }}\n".to_owned()),
                lines(count, plain),
            ),
        ] {
            let origin = Origin::new(Path::new("t"), &source, &rendered);
            for line in 1..=count {
                assert_eq!(origin.place(line).line_number(), Some(line));
            }
        }
    }

    #[test]
    fn what_would_take_too_long_is_told_by_the_file() {
        let source = lines(3000, |n| format!("RUN {}{{{{ a }}}}\n", "x".repeat(n)));
        let rendered = lines(3000, |n| format!("RUN {}y\n", "x".repeat(n)));
        let origin = Origin::new(Path::new("t"), &source, &rendered);
        assert_eq!(origin.place(7).line_number(), None);
    }
}
