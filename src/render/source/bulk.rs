//! How much code a template may have: the engine reads code by calls inside of each other, as deep as the code is long.

use std::ops::Range;

use super::visit_code;

/// Bytes of code in one tag.
const LONGEST_TAG: usize = 64 << 10;
/// Bytes of code in all tags.
const MOST_CODE: usize = 256 << 10;
/// Each is inside of the one before.
const MOST_BRANCHES: usize = 5_000;
/// As many branches as are too many need more than this.
const SHORTEST: usize = 10 * MOST_BRANCHES;

/// Too much code.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Bulk {
    /// In one tag.
    #[error("this tag is too long: {} KiB is the most", LONGEST_TAG >> 10)]
    Tag,
    /// In all tags together.
    #[error("this file has too much code: {} KiB in all tags is the most", MOST_CODE >> 10)]
    Code,
    /// Too many `elif`.
    #[error("this file has too many `elif`: {MOST_BRANCHES} is the most")]
    Branches,
}

/// Finds the first tag with which the code of a template is too much.
pub(in crate::render) fn find_bulk(text: &str) -> Option<(Bulk, Range<usize>)> {
    if text.len() <= SHORTEST {
        return None;
    }
    let (mut code, mut branches) = (0, 0);
    let mut found = None;
    visit_code(text, |tag| {
        code += tag.range.len();
        let first = tag.tokens.first().map(|token| &text[token.range.clone()]);
        branches += usize::from(tag.is_statement && first == Some("elif"));
        let bulk = if tag.range.len() > LONGEST_TAG {
            Bulk::Tag
        } else if code > MOST_CODE {
            Bulk::Code
        } else if branches > MOST_BRANCHES {
            Bulk::Branches
        } else {
            return;
        };
        let mark = tag.range.start..tag.range.start + 2;
        found.get_or_insert((bulk, mark));
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, expected: Option<(Bulk, usize)>) {
        let found = find_bulk(text).map(|(bulk, range)| (bulk, range.start));
        assert_eq!(found, expected);
    }

    #[test]
    fn code_is_bounded_and_text_is_not() {
        case(&"x".repeat(LARGE), None);
        case(&format!("{{# {} #}}", "x".repeat(LARGE)), None);
        let long = |count| format!("ab{{{{ '{}' }}}}", "x".repeat(count));
        case(&long(LONGEST_TAG - 8), None);
        case(&long(LONGEST_TAG), Some((Bulk::Tag, 2)));
        case(
            &format!("{{{{ '{}", "x".repeat(LARGE)),
            Some((Bulk::Tag, 0)),
        );
        case(&"{{ 1234 }}".repeat(MOST_CODE / 10), None);
        case(
            &"{{ 1234 }}".repeat(MOST_CODE / 10 + 1),
            Some((Bulk::Code, MOST_CODE / 10 * 10)),
        );
        case(&"{%elif 1%}".repeat(MOST_BRANCHES), None);
        case(
            &"{%elif 1%}".repeat(MOST_BRANCHES + 1),
            Some((Bulk::Branches, SHORTEST)),
        );
    }

    const LARGE: usize = 1 << 20;
}
