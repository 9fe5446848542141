//! Blocks of a template: what `{% if … %}` begins and `{% endif %}` ends.

use std::ops::Range;

use super::{Tag, visit_code};

const BLOCKS: [&str; 9] = [
    "if",
    "for",
    "set",
    "with",
    "macro",
    "call",
    "filter",
    "block",
    "autoescape",
];

/// Finds the word that begins the innermost block without an end; nothing where a tag itself has none.
pub(in crate::render) fn find_unclosed(text: &str) -> Option<Range<usize>> {
    let mut open: Vec<Range<usize>> = Vec::new();
    let mut is_cut = false;
    visit_code(text, |tag| {
        is_cut |= !tag.has_end(text);
        let Some(first) = tag.tokens.first().filter(|_| tag.is_statement) else {
            return;
        };
        let word = &text[first.range.clone()];
        if let Some(ended) = word.strip_prefix("end") {
            let begins_it = |begun: &Range<usize>| &text[begun.clone()] == ended;
            if let Some(index) = open.iter().rposition(begins_it) {
                open.truncate(index);
            }
        } else if BLOCKS.contains(&word) && !is_whole(text, &tag) {
            open.push(first.range.clone());
        }
    });
    open.pop().filter(|_| !is_cut)
}

impl Tag {
    fn has_end(&self, text: &str) -> bool {
        let end = if self.is_statement { "%}" } else { "}}" };
        // A text in quotes without an end leaves no tokens.
        !self.tokens.is_empty() && text[self.range.clone()].ends_with(end)
    }
}

/// Tells whether a tag has no end of its own: `{% set name = value %}`.
fn is_whole(text: &str, tag: &Tag) -> bool {
    let mut words = tag.tokens.iter().map(|token| &text[token.range.clone()]);
    words.next() == Some("set") && words.any(|word| word == "=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, expected: Option<usize>) {
        assert_eq!(
            find_unclosed(text).map(|word| word.start),
            expected,
            "{text}"
        );
    }

    #[test]
    fn the_innermost_block_without_an_end_is_found() {
        case("", None);
        case("{% if a %}{% else %}{% endif %}", None);
        case("{% if a %}x", Some(3));
        case("{%- for a in b %}{% if a %}{% endif %}", Some(4));
        case("{% if a %}{% for b in c %}{% endfor %}{% endif %}", None);
        case("{% for b in c %}{% if b %}", Some(19));
        case("{% set a = 1 %}{% set b %}", Some(18));
        case(
            "{# {% if a %} #}{% raw %}{% if a %}{% endraw %}{{ 'if' }}",
            None,
        );
        case("{% include 'a' %}{% endif %}", None);
        case("{% if a %}{{ b", None);
        case("{% if a %}{% set b = 'c %}", None);
    }
}
