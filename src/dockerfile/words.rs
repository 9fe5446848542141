//! Words of an instruction, as a shell would part them, with their places.

use std::ops::Range;

/// Gives the words of a text: parted by blanks outside of quotes, quotes and escapes left in.
pub(super) struct Words<'a> {
    text: &'a str,
    at: usize,
    escape: char,
    is_open: bool,
}

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str, escape: char) -> Self {
        Self {
            text,
            at: 0,
            escape,
            is_open: false,
        }
    }

    /// Tells, after the last word, whether a quote was never closed.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let rest = &self.text[self.at..];
        let start = self.at + rest.find(|c: char| !c.is_whitespace())?;
        let mut quote = None;
        let mut is_escaped = false;
        let mut end = self.text.len();
        for (offset, c) in self.text[start..].char_indices() {
            if is_escaped {
                is_escaped = false;
            } else if c == self.escape && quote != Some('\'') {
                is_escaped = true;
            } else if quote == Some(c) {
                quote = None;
            } else if quote.is_none() && (c == '"' || c == '\'') {
                quote = Some(c);
            } else if quote.is_none() && c.is_whitespace() {
                end = start + offset;
                break;
            }
        }
        self.is_open = quote.is_some();
        self.at = end;
        Some(start..end)
    }
}

/// Finds what a heredoc is called that a word begins: `<<EOF`, `<<-EOF`, `3<<"EOF"`.
pub(super) fn find_heredoc(word: &str) -> Option<HeredocName> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let rest = rest.strip_prefix("<<")?;
    let (is_indented, quoted) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let name: String = quoted.chars().filter(|c| !"\"'".contains(*c)).collect();
    (!name.is_empty() && !name.contains('<')).then_some(HeredocName { name, is_indented })
}

/// The line that ends a heredoc.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HeredocName {
    pub(super) name: String,
    /// The lines may begin with tabs, the last one too (`<<-`).
    pub(super) is_indented: bool,
}

/// Takes the quotes off both ends of a part of a text: one that begins or ends elsewhere in its word is no part of a value.
pub(super) fn without_quotes(text: &str, part: Range<usize>) -> Range<usize> {
    let quotes = ['"', '\''];
    let word = &text[part.clone()];
    let end = part.start + word.trim_end_matches(quotes).len();
    let start = end - text[part.start..end].trim_start_matches(quotes).len();
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, expected: &[&str], is_open: bool) {
        let mut words = Words::of(text, '\\');
        let found: Vec<&str> = words.by_ref().map(|range| &text[range]).collect();
        assert_eq!(found, expected);
        assert_eq!(words.is_open(), is_open);
    }

    #[test]
    fn words_are_parted_by_blanks_outside_of_quotes() {
        case("", &[], false);
        case("  a\tb  ", &["a", "b"], false);
        case("a 'b c' \"d e\"f", &["a", "'b c'", "\"d e\"f"], false);
        case("a\\ b '\\' c", &["a\\ b", "'\\'", "c"], false);
        case("echo it's late", &["echo", "it's late"], true);
    }

    #[test]
    fn heredocs_are_told_from_other_uses_of_the_sign() {
        for (word, name, is_indented) in [
            ("<<EOF", "EOF", false),
            ("<<-EOF", "EOF", true),
            ("3<<'EOF'", "EOF", false),
            ("<<\"END\"", "END", false),
        ] {
            let name = name.to_owned();
            assert_eq!(find_heredoc(word), Some(HeredocName { name, is_indented }));
        }
        for word in [
            "<<",
            "<<<EOF",
            "<EOF",
            "a<<EOF",
            "\"<<EOF\"",
            "<<''",
            "1<<a<b",
        ] {
            assert_eq!(find_heredoc(word), None, "{word}");
        }
    }
}
