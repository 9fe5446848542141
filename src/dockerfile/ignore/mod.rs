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

#[cfg(test)]
mod cases;

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
    fn of(index: usize, line: &str, cause: PatternError) -> Self {
        Self::Pattern {
            line: index + 1,
            pattern: line.trim().escape_debug().collect(),
            cause,
        }
    }

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
        let (mut expressions, mut written) = (Vec::new(), Vec::new());
        for (index, line) in text.lines().enumerate() {
            let failed = |cause| IgnoreError::of(index, line, cause);
            // A comment begins in the first column; `\#` or a blank before it makes a pattern.
            let pattern = line.trim();
            if line.starts_with('#') || pattern.is_empty() {
                continue;
            }
            let (takes_back, pattern) = match pattern.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, pattern),
            };
            let pattern = match clean(pattern) {
                Some(pattern) => pattern,
                // Without the root's slash nothing is left after the `!`.
                None if takes_back && (pattern.is_empty() || pattern.starts_with('/')) => {
                    return Err(failed(PatternError::Empty));
                }
                None => continue,
            };
            let (rule, expression) = compile(&pattern, takes_back).map_err(failed)?;
            rules.push(rule);
            expressions.push(expression);
            written.push((index, line));
        }
        if expressions.is_empty() {
            return Ok(Self::default());
        }
        // Which one is too long is looked for only where they are too long together.
        let matchers = RegexSet::new(&expressions).map_err(|_| {
            let alone = expressions.iter().zip(&written);
            let mut alone = alone.filter(|(expression, _)| Regex::new(expression).is_err());
            alone
                .next()
                .map_or(IgnoreError::TooMany, |(_, (index, line))| {
                    IgnoreError::of(*index, line, PatternError::TooLong)
                })
        })?;
        Ok(Self {
            rules,
            matchers: Some(matchers),
        })
    }

    /// Judges a path below the root of the context by what was found of the directory that it is in; names are parted by
    /// `/`, with none at the start or the end.
    #[must_use]
    pub fn judge(&self, path: &[u8], parent: &Verdict) -> Verdict {
        let mut verdict = Verdict::default();
        let Some(matchers) = &self.matchers else {
            return verdict;
        };
        let matching = matchers.matches(path);
        for (index, rule) in self.rules.iter().enumerate() {
            let is_inherited = parent.applied.contains(&index);
            // A pattern that would change nothing is not held against the path, and so not against what is below it.
            let may_apply = rule.takes_back == verdict.is_out && matching.matched(index);
            if is_inherited || may_apply {
                verdict.applied.push(index);
                verdict.is_out = !rule.takes_back;
            }
        }
        verdict
    }

    /// Tells whether a path below the root of the context stays out.
    #[must_use]
    pub fn excludes(&self, path: &[u8]) -> bool {
        let ends = path.iter().enumerate().filter(|&(_, &byte)| byte == b'/');
        let ends = ends.map(|(end, _)| end).chain([path.len()]);
        let judged = ends.fold(Verdict::default(), |parent, end| {
            self.judge(&path[..end], &parent)
        });
        judged.is_out
    }

    /// Tells whether anything below a directory that stays out may go in.
    #[must_use]
    pub fn may_include_below(&self, directory: &[u8]) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.may_take_back_below(directory))
    }
}

/// What the patterns say of one path. Docker hands it down: below a directory, each pattern holds that decided there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the path stays out.
    pub is_out: bool,
    /// The rules that decided, in order.
    applied: Vec<usize>,
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
    let expression = format!("^(?:{})$", translate(pattern)?);
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
        if let Some(name) = take_named_class(rest) {
            let _ = write!(result, "[:{name}:]");
            if rest.next_if_eq(&']').is_some() {
                break;
            }
            continue;
        }
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

/// Takes `[:digit:]` within a class, which Docker reads as regular expressions do.
fn take_named_class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<&'static str> {
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
        "space", "upper", "word", "xdigit",
    ];
    let ahead: String = rest.clone().take("[:xdigit:]".len()).collect();
    let inner = ahead.strip_prefix("[:")?;
    let name = NAMES
        .into_iter()
        .find(|name| inner.starts_with(&format!("{name}:]")))?;
    for _ in 0..name.len() + "[::]".len() {
        rest.next();
    }
    Some(name)
}

fn push_literal(result: &mut String, c: char) {
    result.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::cases::{CASES, CASES_OF_BUILDKIT, REFUSED};
    use super::*;

    fn parse(text: &str) -> IgnoreRules {
        IgnoreRules::parse(text).expect("patterns")
    }

    #[test]
    fn each_case_of_the_table_is_decided_as_docker_decides_it() {
        let mut count = 0;
        for (text, out, within) in CASES.iter().chain(CASES_OF_BUILDKIT) {
            let rules = parse(text);
            // These two go in by the sender's doing.
            let plain = |name: &&&str| !["Dockerfile", ".dockerignore"].contains(*name);
            for path in *out {
                assert!(
                    rules.excludes(path.as_bytes()),
                    "{text:?} keeps {path:?} out"
                );
                count += 1;
            }
            for path in within.iter().filter(plain) {
                assert!(
                    !rules.excludes(path.as_bytes()),
                    "{text:?} lets {path:?} in"
                );
                count += 1;
            }
        }
        assert!(count > 200, "{count}");
    }

    #[test]
    fn a_pattern_decides_below_a_directory_only_where_it_decided_there() {
        // `!a` changes nothing at `a`, which nothing keeps out, so it takes nothing back below.
        assert!(parse("a/**\n!a").excludes(b"a/b"));
        // The second `a` changes nothing at `a`, which is out already.
        assert!(!parse("a\n!a/b\na").excludes(b"a/b"));
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
        below("a", "a", false);
        below("*\n!a/b", "a", true);
        below("*\n!a/b", "b", false);
        below("*\n!a/b", "a/c", false);
        below("*\n!a/b", "a/c/d", false);
        below("*\n!*/b", "x", true);
        below("*\n!**/keep", "x/y/z", true);
        below("*\n!a/**/b", "a/c", true);
        below("*\n!a/**/b", "c", false);
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
        for (text, line) in REFUSED {
            let error = IgnoreRules::parse(text).expect_err(text);
            assert_eq!(error.line(), *line, "{text:?}");
        }
        for pattern in ["[a", "[^]"] {
            let message =
                format!("`{pattern}` is no pattern: after `[` follow characters or ranges and `]`");
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
                    let above = &path.as_bytes()[..end];
                    prop_assert!(!rules.excludes(above) || rules.may_include_below(above), "{text:?} {path}");
                }
            }
        }
    }
}
