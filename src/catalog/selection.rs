//! `--select`: a shell pattern on the full label, as Python's `fnmatch` reads it.
//!
//! `*` any run of characters, also across `/`; `?` one character; `[abc]`, `[a-z]`, `[!abc]` one of a set; everything
//! else, also `\`, is itself. Upper and lower case differ.

use regex::Regex;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

/// The pattern is too large to be compiled.
#[derive(Debug, thiserror::Error)]
#[error("`{text}…` is too long for a pattern")]
pub struct PatternError {
    /// How it begins.
    text: String,
}

impl Pattern {
    /// Compiles a pattern; every text is one, as long as it is not huge.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        // Far longer than any label; a set that has no end is looked for to the end of the text, each one anew.
        const LONGEST: usize = 4096; // bytes
        let too_large = || PatternError {
            text: text.chars().take(40).collect(),
        };
        if text.len() > LONGEST {
            return Err(too_large());
        }
        let regex = regex::RegexBuilder::new(&translate(text))
            .dot_matches_new_line(true)
            .size_limit(1 << 20)
            .build()
            .map_err(|_| too_large())?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }

    /// Tells whether the whole label fits the pattern.
    #[must_use]
    pub fn matches(&self, label: &str) -> bool {
        self.regex.is_match(label)
    }

    /// Gives the pattern as the user wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Finds the first of some rules whose pattern matches the name of an image.
pub fn find_of_name<'a, T>(
    rules: &'a [T],
    name: &str,
    pattern: impl Fn(&T) -> &String,
) -> Option<&'a T> {
    rules
        .iter()
        .find(|rule| Pattern::parse(pattern(rule)).is_ok_and(|pattern| pattern.matches(name)))
}

fn translate(pattern: &str) -> String {
    let characters: Vec<char> = pattern.chars().collect();
    let mut regex = String::from("^(?:");
    let mut i = 0;
    while i < characters.len() {
        match characters[i] {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => {
                if let Some(end) = find_set_end(&characters, i) {
                    push_set(&mut regex, &characters[i + 1..end]);
                    i = end;
                } else {
                    regex.push_str("\\[");
                }
            }
            other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
        i += 1;
    }
    regex.push_str(")$");
    regex
}

/// A `]` that comes first, or right after `!`, belongs to the set.
fn find_set_end(characters: &[char], open: usize) -> Option<usize> {
    let mut i = open + 1;
    if characters.get(i) == Some(&'!') {
        i += 1;
    }
    if characters.get(i) == Some(&']') {
        i += 1;
    }
    (i..characters.len()).find(|&j| characters[j] == ']')
}

fn push_set(regex: &mut String, members: &[char]) {
    let (negated, members) = match members {
        ['!', rest @ ..] => (true, rest),
        all => (false, all),
    };
    let mut ranges = Vec::new();
    let mut i = 0;
    while i < members.len() {
        let (low, high) = match members[i..] {
            [low, '-', high, ..] => {
                i += 3;
                (low, high)
            }
            [one, ..] => {
                i += 1;
                (one, one)
            }
            [] => break,
        };
        // An empty range matches nothing, as in Python.
        if low <= high {
            let (low, high) = (u32::from(low), u32::from(high));
            ranges.push(format!("\\x{{{low:x}}}-\\x{{{high:x}}}"));
        }
    }
    match (ranges.is_empty(), negated) {
        (true, true) => regex.push('.'),
        (true, false) => regex.push_str("[^\\s\\S]"),
        (false, _) => {
            regex.push_str(if negated { "[^" } else { "[" });
            regex.push_str(&ranges.concat());
            regex.push(']');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(pattern: &str, label: &str, matches: bool) {
        assert_eq!(
            Pattern::parse(pattern).expect("a pattern").matches(label),
            matches,
            "{pattern} on {label}"
        );
    }

    #[test]
    fn patterns_read_as_fnmatch_does() {
        case("*python*", "registry.example.org/base/python3:3.11", true);
        case(
            "*/python3:*",
            "registry.example.org/base/python3:3.11",
            true,
        );
        case("python3", "registry.example.org/base/python3:3.11", false);
        case("*PYTHON*", "registry.example.org/base/python3:3.11", false);
        case("*:3.1?", "a:3.11", true);
        case("*:3.1?", "a:3.1", false);
        case("a[0-9]b", "a5b", true);
        case("a[!0-9]b", "a5b", false);
        case("a[!0-9]b", "axb", true);
        case("a[]]b", "a]b", true);
        case("a[!]]b", "a]b", false);
        case("a[b", "a[b", true);
        case("a.b", "axb", false);
        case("a\\b", "a\\b", true);
        case("a[z-a]b", "azb", false);
        case("a[^b]c", "a^c", true);
        case("{a,b}", "a", false);
        case("", "", true);
        case("*", "a\nb", true);
    }

    #[test]
    fn a_huge_pattern_is_an_error() {
        let error = Pattern::parse(&"[a-z]?".repeat(200_000)).expect_err("over the size limit");
        let begin = "[a-z]?".repeat(6);
        assert_eq!(
            error.to_string(),
            format!("`{begin}[a-z…` is too long for a pattern")
        );
        Pattern::parse(&"[".repeat(4097)).expect_err("one bracket over");
    }
}
