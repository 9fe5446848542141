//! Breaks lines between words, as Jinja's `wordwrap` does.

use minijinja::value::{Kwargs, Rest};
use minijinja::{Error, Value};

use crate::render::python::{Arguments, check_size, check_width, refuse, text_of};

pub(super) fn wrap_words(value: &Value, rest: Rest<Value>, names: Kwargs) -> Result<String, Error> {
    let mut arguments = Arguments::new(rest, names);
    let width: i64 = arguments.next("width")?.unwrap_or(79);
    let breaks_words: Option<Value> = arguments.next("break_long_words")?;
    let mark: Option<String> = arguments.next_or_none("wrapstring")?;
    let breaks_at_hyphens: Option<Value> = arguments.next("break_on_hyphens")?;
    arguments.finish()?;
    let is_set = |value: Option<Value>| value.is_none_or(|value| value.is_true());
    let wrapping = Wrapping {
        width: check_width(width)?,
        breaks_words: is_set(breaks_words),
        breaks_at_hyphens: is_set(breaks_at_hyphens),
    };
    if width <= 0 {
        return Err(refuse("the width has to be more than 0"));
    }
    let text = text_of(value)?;
    if wrapping.breaks_at_hyphens && text.contains("--") {
        return Err(refuse(
            "`wordwrap` of a text with `--` is not supported: write `wordwrap(…, break_on_hyphens=false)`",
        ));
    }
    let mark = mark.unwrap_or_else(|| "\n".to_owned());
    check_size(text.len().saturating_mul(mark.len().saturating_add(1)))?;
    let lines = text.lines().map(|line| wrapping.wrap(line).join(&mark));
    Ok(lines.collect::<Vec<_>>().join(&mark))
}

struct Wrapping {
    width: usize,
    breaks_words: bool,
    breaks_at_hyphens: bool,
}

impl Wrapping {
    fn wrap(&self, line: &str) -> Vec<String> {
        let mut chunks = self.split(line);
        chunks.reverse();
        let mut lines: Vec<String> = Vec::new();
        let is_blank = |chunk: &[char]| chunk.iter().all(|c| c.is_whitespace());
        while !chunks.is_empty() {
            let mut current: Vec<Vec<char>> = Vec::new();
            let mut length = 0;
            if !lines.is_empty() && chunks.last().is_some_and(|chunk| is_blank(chunk)) {
                chunks.pop();
            }
            while let Some(chunk) = chunks.last() {
                if length + chunk.len() > self.width {
                    break;
                }
                length += chunk.len();
                current.extend(chunks.pop());
            }
            if chunks.last().is_some_and(|chunk| chunk.len() > self.width) {
                self.break_chunk(&mut chunks, &mut current, self.width - length);
            }
            if current.last().is_some_and(|chunk| is_blank(chunk)) {
                current.pop();
            }
            if !current.is_empty() {
                lines.push(current.into_iter().flatten().collect());
            }
        }
        lines
    }

    /// Takes as much of a word as fits, or all of it where words stay whole and the line is empty.
    fn break_chunk(&self, chunks: &mut Vec<Vec<char>>, current: &mut Vec<Vec<char>>, space: usize) {
        let Some(mut chunk) = chunks.pop() else {
            return;
        };
        if !self.breaks_words {
            if current.is_empty() {
                current.push(chunk);
            } else {
                chunks.push(chunk);
            }
            return;
        }
        let mut end = space;
        if self.breaks_at_hyphens && chunk.len() > space {
            let hyphen = chunk[..space].iter().rposition(|c| *c == '-');
            if let Some(hyphen) = hyphen.filter(|at| chunk[..*at].iter().any(|c| *c != '-')) {
                end = hyphen + 1;
            }
        }
        let rest = chunk.split_off(end);
        current.push(chunk);
        if !rest.is_empty() {
            chunks.push(rest);
        }
    }

    /// Splits into blanks and words; a word may be broken behind a hyphen between letters.
    fn split(&self, line: &str) -> Vec<Vec<char>> {
        let characters: Vec<char> = line.chars().collect();
        let is_letter = |at: Option<usize>| {
            let character = at.and_then(|at| characters.get(at));
            character.is_some_and(|c| c.is_alphabetic() || *c == '_')
        };
        let is_hyphen = |at: Option<usize>| at.is_some_and(|at| characters.get(at) == Some(&'-'));
        let mut chunks: Vec<Vec<char>> = Vec::new();
        for (at, character) in characters.iter().enumerate() {
            let back = |count: usize| at.checked_sub(count);
            let is_break = self.breaks_at_hyphens
                && is_hyphen(back(1))
                && is_letter(back(2))
                && (is_letter(back(3)) || (is_hyphen(back(3)) && is_letter(back(4))))
                && is_letter(Some(at))
                && (is_letter(Some(at + 1))
                    || (is_hyphen(Some(at + 1)) && is_letter(Some(at + 2))));
            match chunks.last_mut() {
                Some(chunk)
                    if !is_break && chunk[0].is_whitespace() == character.is_whitespace() =>
                {
                    chunk.push(*character);
                }
                _ => chunks.push(vec![*character]),
            }
        }
        chunks
    }
}
