//! A regular expression of a test, which is looked for anywhere in a text.

use regex::{Regex, RegexBuilder};

use super::re2::translate;

/// A regular expression as it is written, and compiled.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

/// The sizes in bytes that are tried for one expression: the last is the largest that is taken.
const SIZES: [usize; 3] = [64 << 10, 512 << 10, 4 << 20];
/// What is compiled of all expressions of a file.
const ALL_BYTES: usize = 128 << 20;
/// What stands for any one cache of a match.
const CACHE_BYTES: usize = 1 << 20;

/// What is left for the expressions of a file.
#[derive(Debug)]
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(ALL_BYTES)
    }
}

impl Pattern {
    /// Compiles a regular expression; fails with the reason on one line.
    pub(super) fn compile(text: &str, room: &mut Room) -> Result<Self, String> {
        let translated = translate(text);
        for size in SIZES.into_iter().filter(|size| *size <= room.0) {
            let built = RegexBuilder::new(&translated)
                .size_limit(size)
                .dfa_size_limit(CACHE_BYTES)
                .octal(true)
                .build();
            match built {
                Ok(regex) => {
                    room.0 -= size;
                    let text = text.to_owned();
                    return Ok(Self { text, regex });
                }
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(error) => return Err(reason_of(&error)),
            }
        }
        Err("it is too large".to_owned())
    }

    /// Compiles one that stands alone.
    #[cfg(test)]
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Self::compile(text, &mut Room::default())
    }

    /// Tells whether it is found in a text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// Gives it as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The library draws the place on several lines, and says last what is wrong.
fn reason_of(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    let reason = last.strip_prefix("error: ").unwrap_or(last);
    reason.chars().take(200).collect()
}

/// What is wrong with a text that has to match some patterns and may not match others.
pub(super) fn judge(
    what: &str,
    text: &str,
    (expected, excluded): (&[Pattern], &[Pattern]),
) -> Vec<String> {
    let missing = expected.iter().filter(|pattern| !pattern.matches(text));
    let missing = missing.map(|pattern| format!("{what} does not match `{}`", pattern.as_str()));
    let found = excluded.iter().filter(|pattern| pattern.matches(text));
    let found =
        found.map(|pattern| format!("{what} matches `{}`, which it may not", pattern.as_str()));
    missing.chain(found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, reason: &str) {
        assert_eq!(Pattern::parse(text).expect_err(text), reason);
    }

    #[test]
    fn what_is_none_is_refused_with_the_reason_on_one_line() {
        refused("(", "unclosed group");
        refused("a**[", "unclosed character class");
        refused("*", "repetition operator missing expression");
        refused(r"\C", "unrecognized escape sequence");
        refused(r"(a)\8", "unrecognized escape sequence");
        refused(
            "(?=a)",
            "look-around, including look-ahead and look-behind, is not supported",
        );
        refused("((a{1000}){1000}){1000}", "it is too large");
    }

    #[test]
    fn all_expressions_of_a_file_share_their_room() {
        let mut room = Room::default();
        let large = format!("(?i)({}){{20}}", r"\pL");
        let compiled = (0..10_000).take_while(|_| Pattern::compile(&large, &mut room).is_ok());
        let count = compiled.count();
        assert!((1..1000).contains(&count), "{count}");
        assert!(room.0 < SIZES[2]);
    }

    #[test]
    fn every_expected_one_has_to_match_and_no_excluded_one_may() {
        let patterns = |texts: &[&str]| -> Vec<Pattern> {
            texts
                .iter()
                .map(|text| Pattern::parse(text).unwrap())
                .collect()
        };
        let told = judge(
            "stdout",
            "one two",
            (&patterns(&["one", "^two"]), &patterns(&["three", "o$"])),
        );
        let expected = [
            "stdout does not match `^two`",
            "stdout matches `o$`, which it may not",
        ];
        assert_eq!(told, expected);
    }
}
