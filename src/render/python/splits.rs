//! The parts of a text: lines, words, and what stands between separators.

use minijinja::value::Tuple;
use minijinja::{Error, Value};

use super::arguments::refuse;

/// Splits lines as Python does, which knows more ends of lines than this one.
pub(super) fn split_lines(text: &str, keeps_ends: bool) -> Vec<String> {
    let is_end = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let at = rest.find(is_end).unwrap_or(rest.len());
        let end = match rest[at..].chars().next() {
            Some('\r') if rest[at..].starts_with("\r\n") => at + 2,
            Some(end) => at + end.len_utf8(),
            None => at,
        };
        lines.push(rest[..if keeps_ends { end } else { at }].to_owned());
        rest = &rest[end..];
    }
    lines
}

pub(super) fn split(
    text: &str,
    separator: Option<&str>,
    most: Option<i64>,
    is_from_right: bool,
) -> Result<Vec<String>, Error> {
    let most = most.and_then(|most| usize::try_from(most).ok());
    let pieces = most.map_or(usize::MAX, |most| most.saturating_add(1));
    let owned = str::to_owned;
    Ok(match separator {
        Some("") => return Err(refuse("a text cannot be split at nothing")),
        Some(separator) if is_from_right => {
            let mut parts: Vec<_> = text.rsplitn(pieces, separator).map(owned).collect();
            parts.reverse();
            parts
        }
        Some(separator) => text.splitn(pieces, separator).map(owned).collect(),
        None if is_from_right => split_words_from_right(text, pieces),
        None => split_words(text, pieces),
    })
}

fn split_words(text: &str, pieces: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if parts.len() + 1 == pieces {
            // Python keeps the blanks at the end of what it does not split.
            parts.push(rest.to_owned());
            break;
        }
        let word = rest.split(char::is_whitespace).next().unwrap_or(rest);
        parts.push(word.to_owned());
        rest = rest[word.len()..].trim_start();
    }
    parts
}

fn split_words_from_right(text: &str, pieces: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim_end();
    while !rest.is_empty() {
        if parts.len() + 1 == pieces {
            parts.push(rest.to_owned());
            break;
        }
        let word = rest.rsplit(char::is_whitespace).next().unwrap_or(rest);
        parts.push(word.to_owned());
        rest = rest[..rest.len() - word.len()].trim_end();
    }
    parts.reverse();
    parts
}

pub(super) fn partition(text: &str, separator: &str, from_right: bool) -> Tuple {
    let split = if from_right {
        text.rsplit_once(separator)
    } else {
        text.split_once(separator)
    };
    let parts = match split {
        Some((before, after)) => [before, separator, after],
        None if from_right => ["", "", text],
        None => [text, "", ""],
    };
    Tuple::from(parts.map(Value::from).to_vec())
}
