//! Puts variables into a word, such as the one that names a base: `${release:-bookworm}-slim`.

use super::error::ExpandError;
use super::scope::{Scope, Value};

/// What a word is with its variables put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expanded {
    /// The whole word, without quotes.
    Text(String),
    /// A part of it depends on the machine, or on a form of variable that only the engine knows.
    Unknown,
}

/// No name of an image is longer, and what an `ARG` doubles again and again stays small.
const MAX_LEN: usize = 512;
const MAX_DEPTH: usize = 16;

/// Puts variables in and takes quotes off; a variable without a value is nothing, as for the engine.
pub(super) fn expand(word: &str, escape: char, scope: &Scope) -> Result<Expanded, ExpandError> {
    let mut expander = Expander {
        escape,
        scope,
        is_known: true,
    };
    let text = expander.expand(word, 0)?;
    Ok(if expander.is_known {
        Expanded::Text(text)
    } else {
        Expanded::Unknown
    })
}

struct Expander<'a> {
    escape: char,
    scope: &'a Scope,
    is_known: bool,
}

impl Expander<'_> {
    fn expand(&mut self, word: &str, depth: usize) -> Result<String, ExpandError> {
        if depth > MAX_DEPTH {
            return Err(ExpandError::TooDeep);
        }
        let mut result = String::new();
        let mut quote = None;
        let mut rest = word;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            if c == self.escape && quote != Some('\'') {
                let escaped = rest.chars().next();
                result.extend(escaped);
                rest = &rest[escaped.map_or(0, char::len_utf8)..];
            } else if quote == Some(c) {
                quote = None;
            } else if quote.is_none() && (c == '"' || c == '\'') {
                quote = Some(c);
            } else if c == '$' && quote != Some('\'') {
                let (value, after) = self.variable(rest, depth)?;
                result.push_str(&value);
                rest = after;
            } else {
                result.push(c);
            }
            if result.len() > MAX_LEN {
                return Err(ExpandError::TooLong);
            }
        }
        Ok(result)
    }

    /// Reads what follows a `$`: gives the value and the rest of the word.
    fn variable<'w>(
        &mut self,
        text: &'w str,
        depth: usize,
    ) -> Result<(String, &'w str), ExpandError> {
        let Some(inner) = text.strip_prefix('{') else {
            let (name, after) = split_name(text);
            let value = if name.is_empty() {
                "$".to_owned()
            } else {
                self.value(name).unwrap_or_default()
            };
            return Ok((value, after));
        };
        let (name, after) = split_name(inner);
        let end = find_closing(after).ok_or(ExpandError::Braces)?;
        if name.is_empty() {
            return Err(ExpandError::Braces);
        }
        let (modifier, after) = (&after[..end], &after[end + 1..]);
        let value = self.value(name);
        // `:` makes an empty value count as none.
        let (operator, has_value) = match modifier.strip_prefix(':') {
            Some(operator) => (
                operator,
                value.as_deref().is_some_and(|value| !value.is_empty()),
            ),
            None => (modifier, value.is_some()),
        };
        let value = match (operator.chars().next(), has_value) {
            (None, _) | (Some('-' | '?'), true) => value.unwrap_or_default(),
            (Some('-'), false) | (Some('+'), true) => self.expand(&operator[1..], depth + 1)?,
            (Some('+'), false) => String::new(),
            (Some('?'), false) => return Err(ExpandError::Required),
            (Some(_), _) => {
                self.is_known = false;
                String::new()
            }
        };
        Ok((value, after))
    }

    fn value(&mut self, name: &str) -> Option<String> {
        let is_of_platform = ["BUILD", "TARGET"].iter().any(|start| {
            let rest = name.strip_prefix(start);
            rest.is_some_and(|rest| ["PLATFORM", "OS", "ARCH", "VARIANT"].contains(&rest))
        });
        let value = self.scope.value(name);
        self.is_known &= !is_of_platform && *value != Value::Unknown;
        match value {
            Value::Text(value) => Some(value.clone()),
            Value::Unset | Value::Unknown => None,
        }
    }
}

fn split_name(text: &str) -> (&str, &str) {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return ("", text);
    }
    text.split_at(text.find(|c| !is_of_name(c)).unwrap_or(text.len()))
}

/// Finds the brace that closes one that was opened before the text.
fn find_closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments() -> Scope {
        let mut scope = Scope::empty();
        scope.set_argument("A", Value::Text("a".to_owned()));
        scope.set_argument("EMPTY", Value::Text(String::new()));
        scope.set_argument("OFF", Value::Unknown);
        scope
    }

    #[track_caller]
    fn case(word: &str, expected: &str) {
        let expanded = expand(word, '\\', &arguments());
        assert_eq!(expanded, Ok(Expanded::Text(expected.to_owned())), "{word}");
    }

    #[test]
    fn variables_take_their_values_and_defaults() {
        case("debian:12", "debian:12");
        case("$A:${A}x$A-1", "a:axa-1");
        case("x${UNSET}y$NONE", "xy");
        case("${UNSET:-d}${EMPTY:-d}${EMPTY-d}${A:-d}", "dda");
        case("${A:+y}${EMPTY:+y}${EMPTY+z}", "yz");
        case("${UNSET:-${NONE:-$A}}/b", "a/b");
        case("${A:?no}", "a");
        case("'$A'\"$A\"\\$A", "$Aa$A");
        case("a$", "a$");
        case("$1", "$1");
    }

    #[test]
    fn what_only_the_engine_knows_is_unknown() {
        for word in [
            "a-$TARGETARCH",
            "${A#a}",
            "${A/a/b}",
            "${BUILDPLATFORM}",
            "$OFF",
        ] {
            assert_eq!(
                expand(word, '\\', &arguments()),
                Ok(Expanded::Unknown),
                "{word}"
            );
        }
    }

    #[test]
    fn broken_and_endless_words_are_refused() {
        for (word, error) in [
            ("${", ExpandError::Braces),
            ("${A", ExpandError::Braces),
            ("${}", ExpandError::Braces),
            ("${NONE:?no}", ExpandError::Required),
            (&"${N:-".repeat(20), ExpandError::Braces),
            (
                &format!("{}{}", "${N:-".repeat(20), "}".repeat(20)),
                ExpandError::TooDeep,
            ),
            (&"a".repeat(5000), ExpandError::TooLong),
        ] {
            assert_eq!(expand(word, '\\', &arguments()), Err(error), "{word}");
        }
    }
}
