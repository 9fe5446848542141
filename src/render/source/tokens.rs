//! The words of the code in a tag.

use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    Text,
    Sign,
}

/// A word, a number, a text in quotes or a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

/// Reads the code from a position up to the closing mark outside of brackets; gives its tokens and the position behind.
pub(super) fn read_tokens(text: &str, start: usize, end: &str) -> (Vec<Token>, usize) {
    let mut tokens = Vec::new();
    let mut at = start;
    // The mark that keeps or takes white space away.
    if text[at..].starts_with(['-', '+']) {
        at += 1;
    }
    let mut open = 0_usize;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        if open == 0 {
            let closing = rest.strip_prefix(['-', '+']).unwrap_or(rest);
            if closing.starts_with(end) {
                return (tokens, at + rest.len() - closing.len() + end.len());
            }
        }
        let (kind, length) = match next {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '\'' | '"' => match find_text_end(rest, next) {
                Some(length) => (Kind::Text, length),
                // It has no end, which the engine refuses.
                None => return (Vec::new(), text.len()),
            },
            c if c.is_ascii_digit() => (Kind::Number, find_number_end(rest)),
            c if is_part(c) => (Kind::Name, rest.find(|c| !is_part(c)).unwrap_or(rest.len())),
            c => {
                match c {
                    '(' | '[' | '{' => open += 1,
                    ')' | ']' | '}' => open = open.saturating_sub(1),
                    _ => {}
                }
                let is_long = ["**", "//", "==", "!=", ">=", "<="]
                    .iter()
                    .any(|sign| rest.starts_with(sign));
                (Kind::Sign, if is_long { 2 } else { c.len_utf8() })
            }
        };
        tokens.push(Token {
            kind,
            range: at..at + length,
        });
        at += length;
    }
    (tokens, at)
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn find_number_end(text: &str) -> usize {
    let whole = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let Some(fraction) = text[whole..].strip_prefix('.') else {
        return whole;
    };
    if !fraction.starts_with(|c: char| c.is_ascii_digit()) {
        return whole;
    }
    whole + 1 + fraction.find(|c| !is_part(c)).unwrap_or(fraction.len())
}

/// Finds the length of a tag without arguments (`{%- raw -%}`) at the start of a text.
pub(super) fn find_tag(text: &str, name: &str) -> Option<usize> {
    let inside = text.strip_prefix("{%")?;
    let inside = inside.strip_prefix(['-', '+']).unwrap_or(inside);
    let rest = inside.trim_start().strip_prefix(name)?.trim_start();
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    Some(text.len() - rest.strip_prefix("%}")?.len())
}

/// Finds the length of a text in quotes, with its quotes.
fn find_text_end(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if is_escaped {
            is_escaped = false;
        } else if character == '\\' {
            is_escaped = true;
        } else if character == quote {
            return Some(at + 1);
        }
    }
    None
}
