//! Regular expressions as Go reads them (RE2), in the syntax of the library that matches them here.
//!
//! ```text
//! "key": {       →   "key": \{           a brace that repeats nothing
//! \d+\s          →   [0-9]+[\t\n\x0C\r ]     classes of ASCII
//! \Qa.b\E        →   a\.b
//! [[a]&&]        →   [\[a]\&\&]          a class holds letters, no classes
//! ```
//!
//! What is left of a difference: `\C` (a byte) is refused, `\B` knows all letters and not those of ASCII only, and a count above
//! 1000 is taken.

use std::iter::Peekable;
use std::str::Chars;

/// Translates a regular expression; one that is none stays none.
pub(super) fn translate(pattern: &str) -> String {
    let mut translation = Translation {
        rest: pattern.chars().peekable(),
        out: String::with_capacity(pattern.len() + 8),
    };
    while let Some(c) = translation.rest.next() {
        match c {
            '\\' => translation.escape(),
            '[' => translation.class(),
            '{' if !translation.is_count() => translation.out.push_str("\\{"),
            c => translation.out.push(c),
        }
    }
    translation.out
}

struct Translation<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
}

impl Translation<'_> {
    fn escape(&mut self) {
        match self.rest.next() {
            None => self.out.push('\\'),
            Some('Q') => self.quoted(),
            Some('d') => self.out.push_str("[0-9]"),
            Some('D') => self.out.push_str("[^0-9]"),
            Some('w') => self.out.push_str("[0-9A-Za-z_]"),
            Some('W') => self.out.push_str("[^0-9A-Za-z_]"),
            Some('s') => self.out.push_str("[\\t\\n\\x0C\\r ]"),
            Some('S') => self.out.push_str("[^\\t\\n\\x0C\\r ]"),
            Some('b') => self.out.push_str("(?-u:\\b)"),
            Some(c) => self.escaped(c),
        }
    }

    /// `\<` is a sign in RE2 and the beginning of a word here; braces of `\x{…}` and `\p{…}` repeat nothing.
    fn escaped(&mut self, c: char) {
        match c {
            '<' | '>' => self.out.push(c),
            // A group that was matched before, which neither knows.
            '1'..='7'
                if !self
                    .rest
                    .peek()
                    .is_some_and(|next| ('0'..='7').contains(next)) =>
            {
                self.out.push_str("\\8");
            }
            c => {
                self.out.extend(['\\', c]);
                if matches!(c, 'x' | 'p' | 'P') && self.rest.peek() == Some(&'{') {
                    let braced = self.rest.by_ref();
                    for inside in braced {
                        self.out.push(inside);
                        if inside == '}' {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Behind `\Q`, up to `\E` or the end, signs are signs.
    fn quoted(&mut self) {
        let mut text = String::new();
        while let Some(c) = self.rest.next() {
            if c == '\\' && self.rest.next_if_eq(&'E').is_some() {
                break;
            }
            text.push(c);
        }
        self.out.push_str(&regex::escape(&text));
    }

    /// Tells whether `{2}`, `{2,}` or `{2,3}` begins here.
    fn is_count(&self) -> bool {
        let mut ahead = self.rest.clone();
        let digits = |ahead: &mut Peekable<Chars<'_>>| {
            let mut count = 0;
            while ahead.next_if(char::is_ascii_digit).is_some() {
                count += 1;
            }
            count
        };
        if digits(&mut ahead) == 0 {
            return false;
        }
        if ahead.next_if_eq(&',').is_some() {
            digits(&mut ahead);
        }
        ahead.next() == Some('}')
    }

    /// `[…]`: a bracket at its beginning is a sign, and so are `[` and doubled signs, which are more here.
    fn class(&mut self) {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        if self.rest.next_if_eq(&']').is_some() {
            self.out.push_str("\\]");
        } else if self.rest.next_if_eq(&'-').is_some() {
            self.out.push_str("\\-");
        }
        while let Some(c) = self.rest.next() {
            match c {
                ']' => {
                    self.out.push(']');
                    return;
                }
                '[' if self.rest.peek() == Some(&':') => self.named_class(),
                '[' => self.out.push_str("\\["),
                '&' | '~' => self.out.extend(['\\', c]),
                // The end of a range.
                '-' if self.rest.next_if_eq(&'-').is_some() => self.out.push_str("-\\-"),
                '\\' => self.escape_in_class(),
                c => self.out.push(c),
            }
        }
    }

    /// `[:alpha:]`, which is no such thing without its end.
    fn named_class(&mut self) {
        let ahead: String = self.rest.clone().take(20).collect();
        match ahead.split_once(":]") {
            Some((name, _))
                if name[1..]
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c == '^') =>
            {
                self.out.push('[');
                self.out.push_str(name);
                self.out.push_str(":]");
                for _ in 0..name.chars().count() + 2 {
                    self.rest.next();
                }
            }
            _ => self.out.push_str("\\["),
        }
    }

    fn escape_in_class(&mut self) {
        match self.rest.next() {
            None => self.out.push('\\'),
            Some('d') => self.out.push_str("0-9"),
            Some('w') => self.out.push_str("0-9A-Za-z_"),
            Some('s') => self.out.push_str("\\t\\n\\x0C\\r "),
            Some(c @ ('D' | 'W' | 'S')) => {
                let lower = c.to_ascii_lowercase();
                self.out.push_str(match lower {
                    'd' => "[^0-9]",
                    'w' => "[^0-9A-Za-z_]",
                    _ => "[^\\t\\n\\x0C\\r ]",
                });
            }
            Some(c) => self.escaped(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::pattern::Pattern;
    use super::*;

    #[track_caller]
    fn case(pattern: &str, matched: &[&str], not: &[&str]) {
        let read = Pattern::parse(pattern).expect(pattern);
        for text in matched {
            assert!(read.matches(text), "{pattern} does not match {text:?}");
        }
        for text in not {
            assert!(!read.matches(text), "{pattern} matches {text:?}");
        }
    }

    #[test]
    fn what_go_takes_for_signs_are_signs() {
        case(r#""key": {"#, &[r#""key": {}"#], &["key"]);
        case("{a}", &["{a}"], &["a"]);
        case("a{,2}", &["a{,2}"], &["aa"]);
        case("a{2}b{1,}c{0,1}d", &["aabbd"], &["abd"]);
        case(r"\Qa.b(\E+", &["a.b(("], &["axb("]);
        case(r"\Qa.b\", &[r"a.b\"], &["a.b"]);
        case(r"\<a\>", &["<a>"], &["a"]);
        case("[[a]x", &["[x", "ax"], &["x"]);
        case("[]a]x", &["]x", "ax"], &["x"]);
        case("[^]a]", &["b"], &["]", "a"]);
        case("^[a&&b]+$", &["a&b"], &["c"]);
        case("^[a~~]+$", &["a~"], &["b"]);
        case("^[+--]+$", &["+,-"], &["."]);
        case("^[--/]+$", &["-./"], &[","]);
        case("^[a[:digit:]]+$", &["a1"], &["b", ":"]);
        case("^[[:^digit:]]+$", &["ab"], &["1"]);
        case("^[[:x]+$", &["[:x"], &["y"]);
    }

    #[test]
    fn classes_are_those_of_ascii() {
        case(r"^\d$", &["1"], &["٣", "a"]);
        case(r"^\D$", &["٣", "a"], &["1"]);
        case(r"^\w\s$", &["a "], &["ä ", "a\u{a0}"]);
        case(r"^\W\S$", &["äa"], &["a ", "aa"]);
        case(r"^[\d\s.]+$", &["1 ."], &["a"]);
        case(r"^[\D]$", &["a"], &["1"]);
        case(r"^[^\W]$", &["a"], &["ä", "-"]);
        case(r"\ba\b", &["äaä"], &["ba"]);
    }

    #[test]
    fn the_rest_is_as_it_is_here() {
        case(r"^\x{e4}\xe4\344\pL\p{Greek}$", &["ääääα"], &["aaaaa"]);
        case("(?i)ABC", &["abc"], &["abd"]);
        case("(?s)a.b", &["a\nb"], &[]);
        case("a.b", &["axb"], &["a\nb"]);
        case("^b$", &["b"], &["a\nb\nc", "b\n"]);
        case("(?m)^b$", &["a\nb\nc"], &["abc"]);
        case(r"\Aa\z", &["a"], &["a\n"]);
        case("(?P<n>a)|b", &["b"], &["c"]);
        case("a+?b*", &["aa"], &["b"]);
        case("", &[""], &[]);
    }

    proptest! {
        /// Without the signs above, nothing is changed; and whatever it is, nothing is lost of it.
        #[test]
        fn plain_texts_stay_as_they_are(text in "[a-z0-9 .*+?|()^$/\"=,:;<>_-]{0,40}") {
            prop_assert_eq!(translate(&text), text);
        }

        #[test]
        fn a_quoted_text_matches_itself(text in "\\PC{0,20}") {
            prop_assume!(!text.contains('\\'));
            let pattern = Pattern::parse(&format!("^\\Q{text}\\E$")).unwrap();
            prop_assert!(pattern.matches(&text));
        }
    }
}
