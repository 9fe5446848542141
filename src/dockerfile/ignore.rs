//! `.dockerignore`: what of a directory stays out of the build context.
//!
//! ```text
//! # everything but the source
//! *
//! !src
//! src/**/*.tmp
//! ```
//!
//! The rules are those of the Docker reference (docs.docker.com/build/concepts/context, "`.dockerignore` files"): a pattern
//! matches from the root of the context; `*` and `?` stay within a name, `**` does not; what matches a directory matches all
//! below it; the last pattern that matches decides, and `!` takes back. The engine never reads this file; the sender does.

use std::fmt::Write as _;

use regex::bytes::{Regex, RegexSet};

/// The patterns of a `.dockerignore`; by default none.
#[derive(Clone, Debug, Default)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
    matchers: Option<RegexSet>,
}

/// Why a text is no `.dockerignore`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IgnoreError {
    /// A pattern cannot be read.
    #[error("`{pattern}` is no pattern: {cause}")]
    Pattern {
        /// The line, counted from 1.
        line: usize,
        /// The pattern as written.
        pattern: String,
        /// What is wrong with it.
        cause: PatternError,
    },
    /// The patterns are too many or too long to be matched together.
    #[error("the patterns are too many or too long to be matched")]
    TooMany,
}

/// What is wrong with a pattern.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PatternError {
    /// `!` alone.
    #[error("after `!` something has to follow")]
    Empty,
    /// `[` without `]`, or nothing or no full range between.
    #[error("after `[` follow characters or ranges and `]`")]
    Class,
    /// A backslash at the end.
    #[error("after the last backslash something has to follow")]
    Escape,
    /// It is too long to be matched.
    #[error("it is too long")]
    TooLong,
}

impl IgnoreError {
    /// Gives the line at fault, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        match self {
            Self::Pattern { line, .. } => *line,
            Self::TooMany => 1,
        }
    }
}

#[derive(Clone, Debug)]
struct Rule {
    takes_back: bool,
    /// Each component of the pattern up to one that may span several; only for a rule that takes back.
    components: Vec<Regex>,
    is_open_ended: bool,
}

impl IgnoreRules {
    /// Reads the lines of a `.dockerignore`.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rules = Vec::new();
        let mut expressions = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let failed = |cause| IgnoreError::Pattern {
                line: index + 1,
                pattern: line.trim().escape_debug().collect(),
                cause,
            };
            // A comment begins in the first column; `\#` or a blank before it makes a pattern.
            let pattern = line.trim();
            if line.starts_with('#') || pattern.is_empty() {
                continue;
            }
            let (takes_back, pattern) = match pattern.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, pattern),
            };
            if pattern.is_empty() {
                return Err(failed(PatternError::Empty));
            }
            let Some(pattern) = clean(pattern) else {
                continue;
            };
            let (rule, expression) = compile(&pattern, takes_back).map_err(failed)?;
            rules.push(rule);
            expressions.push(expression);
        }
        let matchers = if expressions.is_empty() {
            None
        } else {
            Some(RegexSet::new(expressions).map_err(|_| IgnoreError::TooMany)?)
        };
        Ok(Self { rules, matchers })
    }

    /// Tells whether a path below the root of the context stays out; names are parted by `/`, with none at the start or the end.
    #[must_use]
    pub fn excludes(&self, path: &[u8]) -> bool {
        self.find_decisive(path)
            .is_some_and(|index| !self.rules[index].takes_back)
    }

    /// Tells whether anything below a directory may go in, even where the directory itself stays out.
    #[must_use]
    pub fn may_include_below(&self, directory: &[u8]) -> bool {
        let Some(decisive) = self.find_decisive(directory) else {
            return true;
        };
        // What is below matches the decisive rule as well; only a later one can take it back.
        self.rules[decisive].takes_back
            || self.rules[decisive..]
                .iter()
                .any(|rule| rule.may_take_back_below(directory))
    }

    fn find_decisive(&self, path: &[u8]) -> Option<usize> {
        self.matchers.as_ref()?.matches(path).iter().next_back()
    }
}

impl Rule {
    fn may_take_back_below(&self, directory: &[u8]) -> bool {
        let names: Vec<&[u8]> = directory.split(|&b| b == b'/').collect();
        self.takes_back
            && (self.is_open_ended || self.components.len() > names.len())
            && self
                .components
                .iter()
                .zip(names)
                .all(|(component, name)| component.is_match(name))
    }
}

/// Takes `.`, `..`, doubled and outer slashes out; gives nothing for a pattern of the root itself or of what is above it.
fn clean(pattern: &str) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in pattern.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                // Above the root of a rooted pattern is the root; else nothing in the context is meant.
                if names.pop().is_none() && !pattern.starts_with('/') {
                    return None;
                }
            }
            _ => names.push(name),
        }
    }
    (!names.is_empty()).then(|| names.join("/"))
}

fn compile(pattern: &str, takes_back: bool) -> Result<(Rule, String), PatternError> {
    // A directory that matches takes along what is below it.
    let expression = format!("^(?:{})(?:/{ANY}*)?$", translate(pattern)?);
    Regex::new(&expression).map_err(|_| PatternError::TooLong)?;
    let mut rule = Rule {
        takes_back,
        components: Vec::new(),
        is_open_ended: false,
    };
    if takes_back {
        for component in pattern.split('/') {
            // `**` spans names, a class such as `[^a]` matches a slash, and a slash may be escaped.
            if component.contains("**") || component.contains('[') || component.ends_with('\\') {
                rule.is_open_ended = true;
                break;
            }
            let expression = format!("^(?:{})$", translate(component)?);
            rule.components
                .push(Regex::new(&expression).map_err(|_| PatternError::TooLong)?);
        }
    }
    Ok((rule, expression))
}

/// Any byte: names need not be UTF-8.
const ANY: &str = "(?s-u:.)";
const NOT_SLASH: &str = "(?-u:[^/])";
/// A whole character, or a byte that is a part of none.
const ONE_NOT_SLASH: &str = r"(?:[^/]|(?-u:[\x80-\xff]))";

fn translate(pattern: &str) -> Result<String, PatternError> {
    // Docker holds a pattern that begins with `**` and has no other sign against the end of the whole path.
    if let Some(end) = pattern.strip_prefix("**")
        && !end.starts_with('/')
        && !end.contains(['*', '?', '[', ']', '\\'])
    {
        return Ok(format!("{ANY}*{}", regex::escape(end)));
    }
    let mut result = String::new();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                if rest.peek().is_none() {
                    result.push_str(ANY);
                    result.push('*');
                } else {
                    let _ = write!(result, "(?:{ANY}*/)?");
                }
            }
            '*' => {
                result.push_str(NOT_SLASH);
                result.push('*');
            }
            '?' => result.push_str(ONE_NOT_SLASH),
            '[' => translate_class(&mut rest, &mut result)?,
            '\\' => push_literal(&mut result, rest.next().ok_or(PatternError::Escape)?),
            _ => push_literal(&mut result, c),
        }
    }
    Ok(result)
}

/// Translates what follows a `[`: `^`, then characters and ranges, each with an optional backslash, then `]`.
fn translate_class(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    result: &mut String,
) -> Result<(), PatternError> {
    fn character(rest: &mut impl Iterator<Item = char>) -> Result<char, PatternError> {
        match rest.next() {
            None | Some('-' | ']') => Err(PatternError::Class),
            Some('\\') => rest.next().ok_or(PatternError::Class),
            Some(c) => Ok(c),
        }
    }
    result.push('[');
    if rest.next_if_eq(&'^').is_some() {
        result.push('^');
    }
    loop {
        let low = character(rest)?;
        let high = match rest.next_if_eq(&'-') {
            Some(_) => character(rest)?,
            None => low,
        };
        if high < low {
            return Err(PatternError::Class);
        }
        let _ = write!(
            result,
            r"\x{{{:x}}}-\x{{{:x}}}",
            u32::from(low),
            u32::from(high)
        );
        if rest.next_if_eq(&']').is_some() {
            break;
        }
    }
    result.push(']');
    Ok(())
}

fn push_literal(result: &mut String, c: char) {
    result.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> IgnoreRules {
        IgnoreRules::parse(text).expect("patterns")
    }

    #[track_caller]
    fn case(text: &str, excluded: &[&str], included: &[&str]) {
        let rules = parse(text);
        for path in excluded {
            assert!(rules.excludes(path.as_bytes()), "{text:?} excludes {path}");
        }
        for path in included {
            assert!(
                !rules.excludes(path.as_bytes()),
                "{text:?} does not exclude {path}"
            );
        }
    }

    #[test]
    fn patterns_match_from_the_root_and_take_along_what_is_below() {
        case("", &[], &["a"]);
        case("a", &["a", "a/b", "a/b/c"], &["ab", "b/a"]);
        case("/a", &["a", "a/b"], &["b/a"]);
        case("a/", &["a", "a/b"], &["ab"]);
        case("./a//b/../c", &["a/c", "a/c/d"], &["a", "a/b"]);
        case("/../a", &["a"], &["b"]);
        case("a/b", &["a/b", "a/b/c"], &["a", "b", "a/bc"]);
        case(".", &[], &["a"]);
        case("/", &[], &["a"]);
        case("../a", &[], &["a"]);
        case("a.b+(c)|{d}$^", &["a.b+(c)|{d}$^"], &["axb+(c)|{d}$^", "a"]);
    }

    #[test]
    fn wildcards_stay_within_a_name_and_two_stars_do_not() {
        case("*", &["a", ".a", "a/b"], &[]);
        case("*/*", &["a/b", "a/b/c"], &["a"]);
        case("*.md", &["a.md", ".md", "a.md/b"], &["a/b.md", "amd"]);
        case(
            "*/temp*",
            &["a/temp", "a/temporary/x"],
            &["temp", "a/b/temp"],
        );
        case(
            "temp?",
            &["tempa", "tempé", "temp1/x"],
            &["temp", "tempab", "temp/a"],
        );
        case("**", &["a", "a/b"], &[]);
        case("**/*.go", &["a.go", "a/b/c.go"], &["a.gox"]);
        case("**/a", &["a", "b/a", "b/c/a", "b/a/c"], &["ba", "b/ca"]);
        case("**a", &["a", "xa", "b/xa"], &["ab"]);
        case("a/**", &["a/b", "a/b/c"], &["a", "ab"]);
        case("a**", &["a", "ab", "a/b"], &["b/a"]);
        case(
            "a/**/b",
            &["a/b", "a/x/b", "a/x/y/b/z"],
            &["a", "a/xb", "ab"],
        );
        case("a**/b", &["ab", "ax/b", "a/b"], &["axb"]);
        case("**/.git/**", &[".git/a", "b/.git/c"], &[".git", "git/a"]);
    }

    #[test]
    fn classes_and_escapes_are_read() {
        case("[a-c]x", &["ax", "cx"], &["dx", "x"]);
        case("[^a-c]x", &["dx"], &["ax"]);
        case("[!a]", &["!", "a"], &["b"]);
        case("[\\]\\-é]", &["]", "-", "é"], &["\\"]);
        case("[a&&b]", &["&"], &["c"]);
        case("[[]", &["["], &["a"]);
        case("\\*", &["*"], &["a"]);
        case("\\!a", &["!a"], &["a"]);
        case("a]", &["a]"], &["a"]);
        case("*\n!a\\/b", &["a"], &["a/b"]);
    }

    #[test]
    fn comments_blank_lines_blanks_and_the_mark_at_the_start_are_passed_over() {
        case("\u{feff}# a\n\n \t\n  b  \r\n", &["b"], &["a", "# a", "#"]);
        case(" #a\n\\#b", &["#a", "#b"], &["a"]);
        case("\u{feff}a", &["a"], &[]);
        case("!  a\n", &[], &["a"]);
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        case("*\n!a", &["b", "b/a"], &["a", "a/b"]);
        case("*\n!a/b", &["a", "a/c", "b"], &["a/b", "a/b/c"]);
        case("!a\n*", &["a"], &[]);
        case(
            "*.md\n!README*.md\nREADME-secret.md",
            &["a.md", "README-secret.md"],
            &["README.md"],
        );
        case(
            "a\n!a/b\na/b/c",
            &["a", "a/x", "a/b/c/d"],
            &["a/b", "a/b/d"],
        );
        case(
            "**\n!**/keep",
            &["a", "a/b"],
            &["keep", "a/keep", "a/keep/b"],
        );
    }

    #[test]
    fn names_that_are_no_text_are_matched() {
        let rules = parse("a*\n?b\n**/c");
        for path in [&b"a\xff"[..], b"\xffb", b"\xff/\xfe/c"] {
            assert!(rules.excludes(path), "{path:?}");
        }
        assert!(!rules.excludes(b"b\xff"));
    }

    #[track_caller]
    fn below(text: &str, directory: &str, expected: bool) {
        assert_eq!(
            parse(text).may_include_below(directory.as_bytes()),
            expected
        );
    }

    #[test]
    fn a_walk_goes_only_where_something_can_be_taken_back() {
        below("", "a", true);
        below("a", "a", false);
        below("a", "b", true);
        below("*\n!a/b", "a", true);
        below("*\n!a/b", "b", false);
        below("*\n!a/b", "a/b", true);
        below("*\n!a/b", "a/c", false);
        below("*\n!a/b", "a/c/d", false);
        below("*\n!*/b", "x", true);
        below("*\n!**/keep", "x/y/z", true);
        below("*\n!a/**/b", "a/c", true);
        below("*\n!a/**/b", "c", false);
        below("!a/b\n*", "a", false);
        below("*\n!a\na/b", "a/b", false);
        below("*\n!x[^a]b", "xy", true);
    }

    #[track_caller]
    fn refused(text: &str, line: usize, message: &str) {
        let error = IgnoreRules::parse(text).expect_err("no pattern");
        assert_eq!((error.line(), error.to_string().as_str()), (line, message));
    }

    #[test]
    fn a_bad_pattern_is_refused_with_its_line() {
        refused(
            "a\n!",
            2,
            "`!` is no pattern: after `!` something has to follow",
        );
        for pattern in [
            "[", "[a", "[]", "[]a]", "[a-]", "[-a]", "[z-a]", "a/[^]", "[\\",
        ] {
            let message = format!(
                "`{}` is no pattern: after `[` follow characters or ranges and `]`",
                pattern.escape_debug()
            );
            refused(pattern, 1, &message);
        }
        refused(
            "a\\",
            1,
            "`a\\\\` is no pattern: after the last backslash something has to follow",
        );
    }

    proptest! {
        #[test]
        fn no_text_panics_and_a_walk_misses_nothing(
            text in "([ab*?!/\\[\\]^\\\\\n-]|\\*\\*|!a/|\\PC){0,16}", path in "[ab]{1,2}(/[ab]{1,2}){0,3}",
        ) {
            if let Ok(rules) = IgnoreRules::parse(&text)
                && !rules.excludes(path.as_bytes())
            {
                for (end, _) in path.match_indices('/') {
                    prop_assert!(rules.may_include_below(&path.as_bytes()[..end]), "{text:?} {path}");
                }
            }
        }
    }
}
