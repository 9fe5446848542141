//! A template as the engine reads it, made from a template as Jinja reads it; every line keeps its number, and every
//! position is known again.
//!
//! - Line breaks are `\n`.
//! - Texts in quotes have Python's escapes. Above all, a backslash before a line break takes both away:
//!
//!   ```text
//!   {% set packages = "git \
//!     curl" %}
//!   ```
//! - `{% do … %}` takes any expression, not only calls.
//! - What an operator means for Python is asked of a filter: `a % b` is `(a)|__percent(b)`, `a[1:]` is
//!   `(a|__slice(1,none))`, and the operands of `~` are made texts.
//! - Where a template has more brackets and commas than a person writes, what is set to a name is asked for its depth.
//! - Where a template changes lists or mappings in place (`items.append(…)`), those that it writes down (`[…]`, `{…}`)
//!   can be changed.

mod blocks;
mod bulk;
mod escapes;
mod expression;
mod tokens;

use std::borrow::Cow;
use std::ops::Range;

pub(super) use blocks::find_unclosed;
pub use bulk::Bulk;
pub(super) use bulk::find_bulk;
use expression::{Reader, Sets};
use tokens::{Kind, Token, find_tag, read_tokens};

/// The filter that makes a list changeable.
pub(super) const LIST_FILTER: &str = "__list";
/// The filter that makes a mapping changeable.
pub(super) const MAPPING_FILTER: &str = "__mapping";
/// The filter that is the operator `%`.
pub(super) const PERCENT_FILTER: &str = "__percent";
/// The filter that is a slice in brackets.
pub(super) const SLICE_FILTER: &str = "__slice";
/// The filter that makes a text of an operand of `~`.
pub(super) const TEXT_FILTER: &str = "__text";
/// The filter that refuses an attribute that Python has as a method.
pub(super) const METHOD_FILTER: &str = "__method";
/// The filter that refuses an escaped text as an operand of `+`.
pub(super) const PLAIN_FILTER: &str = "__plain";
/// The filter that refuses a value that is too deep.
pub(super) const DEPTH_FILTER: &str = "__depth";
/// What the name of a value outside of `with` begins with.
pub(super) const OUTSIDE: &str = "__outside_";
/// The name of `loop` outside of loops.
pub(super) const NO_LOOP: &str = "__no_loop";
/// The name of a file that parts are imported from.
pub(super) const FILE: &str = "__file";
/// The name that the value of `do` is given to.
const DONE: &str = "set __done =";

/// More brackets and commas than a person writes.
const MOST_MARKS: usize = 1_000;

const CHANGES: [&str; 11] = [
    ".append(",
    ".extend(",
    ".insert(",
    ".pop(",
    ".popitem(",
    ".remove(",
    ".clear(",
    ".sort(",
    ".reverse(",
    ".update(",
    ".setdefault(",
];

/// The methods of Python's texts, lists and mappings.
const METHODS: [&str; 68] = [
    "append",
    "capitalize",
    "casefold",
    "center",
    "clear",
    "copy",
    "count",
    "decode",
    "encode",
    "endswith",
    "expandtabs",
    "extend",
    "find",
    "format",
    "format_map",
    "fromkeys",
    "get",
    "index",
    "insert",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "items",
    "join",
    "keys",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "pop",
    "popitem",
    "remove",
    "removeprefix",
    "removesuffix",
    "replace",
    "reverse",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "setdefault",
    "sort",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "update",
    "upper",
    "values",
    "zfill",
    "isoformat",
    "strftime",
    "weekday",
];

/// What makes texts that are marked as escaped.
const MARKS: [&str; 3] = ["escape", "|e", "safe"];

/// A translated template.
pub(super) struct Translation<'a> {
    /// What the engine reads.
    pub(super) text: Cow<'a, str>,
    edits: Vec<Edit>,
}

/// A piece of the template that the engine reads otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edit {
    taken: Range<usize>,
    put: Cow<'static, str>,
}

impl Translation<'_> {
    /// Finds the byte of the template behind a byte of the translation.
    pub(super) fn find_origin(&self, position: usize) -> usize {
        let (mut read, mut written) = (0, 0);
        for edit in &self.edits {
            let copied = edit.taken.start - read;
            if position < written + copied {
                break;
            }
            written += copied;
            read = edit.taken.start;
            if position < written + edit.put.len() {
                return read;
            }
            written += edit.put.len();
            read = edit.taken.end;
        }
        read + position.saturating_sub(written)
    }
}

/// Makes line breaks those of the engine.
pub(super) fn normalize(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Translates a whole template, whose line breaks are normal.
pub(super) fn translate(text: &str) -> Translation<'_> {
    let mut edits = Vec::new();
    let is_changing = CHANGES.iter().any(|change| text.contains(change));
    let is_marking = MARKS.iter().any(|mark| text.contains(mark));
    let marks = text.bytes().filter(|byte| b"([{,".contains(byte));
    let sets = if marks.count() > MOST_MARKS {
        Sets::Asked
    } else {
        Sets::Free
    };
    let mut loops = 0_usize;
    visit_code(text, |tag| {
        match tag.tokens.first().map(|token| &text[token.range.clone()]) {
            Some("for") if tag.is_statement => loops += 1,
            Some("endfor") if tag.is_statement => loops = loops.saturating_sub(1),
            _ => {}
        }
        let before = edits.len();
        let mut reader = Reader::new(text, &tag.tokens, &mut edits);
        (reader.is_changing, reader.is_marking) = (is_changing, is_marking);
        reader.is_in_loop = loops > 0;
        reader.sets = sets;
        let is_read = if tag.is_statement {
            reader.read_statement()
        } else {
            reader.read_value()
        };
        // The engine tells what is wrong with the tag.
        if is_read.is_none() {
            edits.truncate(before);
        }
    });
    if edits.is_empty() {
        return Translation {
            text: Cow::Borrowed(text),
            edits,
        };
    }
    // What is put between comes before what is put in the place of something; among equals, the inner one is older.
    edits.sort_by_key(|edit| (edit.taken.start, !edit.taken.is_empty()));
    let mut out = String::with_capacity(text.len() + edits.len() * 8);
    let mut read = 0;
    for edit in &edits {
        out.push_str(&text[read..edit.taken.start]);
        out.push_str(&edit.put);
        read = edit.taken.end;
    }
    out.push_str(&text[read..]);
    Translation {
        text: Cow::Owned(out),
        edits,
    }
}

/// Gives the names that a template sets itself, in order.
pub(super) fn find_assigned(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    visit_code(text, |tag| {
        let mut words = tag.tokens.iter().map(|token| &text[token.range.clone()]);
        if tag.is_statement && matches!(words.next(), Some("set" | "macro")) {
            let targets = words.take_while(|word| !matches!(*word, "=" | "("));
            names.extend(targets.filter(|word| word.starts_with(|c: char| c.is_alphabetic())));
        }
    });
    names
}

/// Gives the names that something in a template gives a value to, arguments and targets of loops among them.
pub(super) fn find_bound(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    visit_code(text, |tag| {
        let mut words = tag.tokens.iter().map(|token| &text[token.range.clone()]);
        match words.next() {
            Some("set" | "for") if tag.is_statement => {
                names.extend(words.take_while(|word| !matches!(*word, "=" | "in")));
            }
            Some("macro" | "with" | "call" | "import" | "from") if tag.is_statement => {
                names.extend(words);
            }
            _ => {}
        }
    });
    names
}

/// Gives the places of the names whose values the tag around a position asks for.
pub(super) fn find_read_names(text: &str, position: usize) -> Vec<Range<usize>> {
    const WORDS: [&str; 22] = [
        "and",
        "or",
        "not",
        "in",
        "is",
        "if",
        "else",
        "elif",
        "for",
        "set",
        "do",
        "with",
        "include",
        "import",
        "true",
        "false",
        "none",
        "True",
        "False",
        "None",
        "loop",
        "recursive",
    ];
    let mut names = Vec::new();
    visit_code(text, |tag| {
        let is_around =
            |first: &Token, last: &Token| (first.range.start..=last.range.end).contains(&position);
        let (Some(first), Some(last)) = (tag.tokens.first(), tag.tokens.last()) else {
            return;
        };
        if !is_around(first, last) {
            return;
        }
        for (i, token) in tag.tokens.iter().enumerate() {
            let word = |at: usize| tag.tokens.get(at).map(|token| &text[token.range.clone()]);
            let before = i.checked_sub(1).and_then(word);
            let is_read = token.kind == Kind::Name
                && !WORDS.contains(&&text[token.range.clone()])
                && !matches!(before, Some("." | "|" | "is" | "filter"))
                && word(i + 1) != Some("=");
            if is_read {
                names.push(token.range.clone());
            }
        }
    });
    names
}

/// The code of a tag.
struct Tag {
    is_statement: bool,
    /// With its marks.
    range: Range<usize>,
    tokens: Vec<Token>,
}

/// Visits the code of every tag, in order.
fn visit_code(text: &str, mut visit: impl FnMut(Tag)) {
    let mut at = 0;
    while let Some(start) = find_start(text, at) {
        let past = |mark: &str| match text[start..].find(mark) {
            Some(found) => start + found + mark.len(),
            None => text.len(),
        };
        let is_statement = text.as_bytes()[start + 1] == b'%';
        if text.as_bytes()[start + 1] == b'#' {
            at = past("#}");
        } else if let Some(length) = find_tag(&text[start..], "raw") {
            at = find_raw_end(text, start + length);
        } else {
            let end = if is_statement { "%}" } else { "}}" };
            let tokens;
            (tokens, at) = read_tokens(text, start + 2, end);
            visit(Tag {
                is_statement,
                range: start..at,
                tokens,
            });
        }
    }
}

fn find_raw_end(text: &str, mut at: usize) -> usize {
    while let Some(found) = text[at..].find("{%") {
        at += found;
        match find_tag(&text[at..], "endraw") {
            Some(length) => return at + length,
            None => at += 2,
        }
    }
    text.len()
}

fn find_start(text: &str, mut from: usize) -> Option<usize> {
    loop {
        let at = from + text[from..].find('{')?;
        if matches!(text.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#')) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, expected: &str) {
        let normal = normalize(text);
        let translated = translate(&normal).text;
        assert_eq!(translated, expected);
        assert_eq!(
            translated.lines().count(),
            text.replace("\r\n", "\n")
                .replace('\r', "\n")
                .lines()
                .count(),
            "lines keep their numbers"
        );
    }

    #[test]
    fn what_needs_no_translation_is_not_copied() {
        let text = "FROM {{ 'build' | image_tag }}\nRUN echo [x] {a}\n";
        assert!(matches!(translate(text).text, Cow::Borrowed(_)));
    }

    #[test]
    fn a_backslash_takes_the_line_break_away_and_the_line_comes_back_behind_the_text() {
        case("{% set p = 'a \\\n  b' %}\nx", "{% set p = 'a   b'\n %}\nx");
        case("RUN a \\\n  b {{ \"'\" }}", "RUN a \\\n  b {{ \"'\" }}");
    }

    #[test]
    fn escapes_are_pythons() {
        case(
            r"{{ '\d \/ \a \' \x41 \n' }}",
            "{{ '\\d \\\\/ \u{7} \\' \\x41 \\n' }}",
        );
        case(r"{{ '\101\0' }}", "{{ 'A\0' }}");
        case(r"{{ '\U0001f600 \Uzz' }}", "{{ '\u{1f600} \\\\Uzz' }}");
        case("{{ '\\12' }}", "{{ '\\n' }}");
    }

    #[test]
    fn comments_raw_blocks_and_data_stay_as_they_are() {
        case("{# '\\\n' #}'\\\n'", "{# '\\\n' #}'\\\n'");
        case(
            "{% raw %}{{ '\\\n' }}{% endraw %}{{ '\\\n' }}",
            "{% raw %}{{ '\\\n' }}{% endraw %}{{ ''\n }}",
        );
        case("a\r\nb\rc\\", "a\nb\nc\\");
        case("{{ 'open \\\n", "{{ 'open \\\n");
    }

    #[test]
    fn operators_that_mean_more_to_python_are_filters() {
        case(
            "{{ 2 * f % (a, 'b') ~ c }}",
            "{{ ((2 * f )|__percent( (a, 'b')))|__text ~ (c)|__text }}",
        );
        case(
            "{{ '%s'\n%\n-a.b|c }}",
            "{{ ('%s'\n)|__percent(\n-a.b|c) }}",
        );
        case(
            "{{ 5 % 3 % 2 + 1 }}",
            "{{ ((5 )|__percent( 3) )|__percent( 2) + 1 }}",
        );
        case(
            "{{ a[1:] }}{{ a.b[:-1][0] }}",
            "{{ (a|__slice(1,none)) }}{{ (a.b|__slice(none,-1))[0] }}",
        );
        case(
            "{{ a[::2] }}{{ a['x:y'] }}",
            "{{ (a|__slice(none,none,2)) }}{{ a['x:y'] }}",
        );
        case(
            "{{ +1 + +a }}{{+ 2 }}{%+ if +1 +%}",
            "{{ - -1 + - -a }}{{+ 2 }}{%+ if - -1 +%}",
        );
        case(
            "{{ 1, 2 }}{% for x in 1, 2 %}{% endfor %}",
            "{{ (1, 2) }}{% for x in (1, 2) %}{% endfor %}",
        );
        case("{% if a == 'x'%}(b)", "{% if a == 'x'%}(b)");
    }

    #[test]
    fn names_mean_what_they_mean_in_jinja() {
        case(
            "{% with a = 1, b = a + x.a %}",
            "{% with __outside_a = a, a = 1, b = __outside_a + x.a %}",
        );
        case(
            "{% from 'x' import a, b as c without context -%}",
            "{% import 'x' as __file %}{% set a = __file.a %}{% set   c = __file.b   -%}",
        );
        case(
            "{{ a.b.keys.c }}{{ a.keys() }}{% set a.count = 1 %}{{ a.name }}",
            "{{ (a.b.keys|__method).c }}{{ a.keys() }}{% set a.count = 1 %}{{ a.name }}",
        );
        case(
            "{{ loop }}{% for x in y %}{{ loop.index }}{% endfor %}{{ f(loop=1) }}",
            "{{ __no_loop }}{% for x in y %}{{ loop.index }}{% endfor %}{{ f(loop=1) }}",
        );
    }

    #[test]
    fn what_may_grow_inside_of_itself_is_asked_for_its_depth() {
        let text = "{% set a = [a] %}{% set a, b = 1, 2 -%}{% set a|f(b=a) %}";
        case(text, text);
        let many = "()".repeat(MOST_MARKS);
        case(
            &format!("{many}{text}"),
            &format!(
                "{many}{{% set a = ([a])|__depth %}}{{% set a, b = ((1, 2))|__depth -%}}{{% set a|f(b=a) %}}"
            ),
        );
    }

    #[test]
    fn what_is_no_expression_stays_for_the_engine_to_refuse() {
        for text in [
            "{{ a % }}",
            "{{ a[1: }}",
            "{{ (1, 2 }}",
            "{% from x import %}",
            "{{ a. % b }}",
            "{% for x in %}",
        ] {
            assert_eq!(translate(text).text, text);
        }
        let deep = format!("{{{{ {}1 % 2", "(".repeat(100_000));
        assert_eq!(translate(&deep).text, deep);
    }

    #[test]
    fn positions_are_found_again() {
        let text = "a\n{{ 'x' ~ a % b ~ missing }} {{ +gone }}";
        let translation = translate(text);
        for name in ["missing", "gone", "x"] {
            let position = translation.text.find(name).expect("the name");
            assert_eq!(Some(translation.find_origin(position)), text.find(name));
        }
        let inserted = translation.text.find("|__text").expect("a filter");
        assert_eq!(
            translation.find_origin(inserted),
            text.find(" ~ missing").expect("an operator")
        );
    }

    #[test]
    fn the_names_that_a_template_sets_are_known() {
        let text =
            "{% set a, b = 1, 2 %}{% macro m(x) %}{% endmacro %}{% set c %}{% endset %}{{ d }}";
        assert_eq!(find_assigned(text), ["a", "b", "m", "c"]);
    }

    #[test]
    fn lists_can_be_changed_only_where_a_template_changes_some() {
        case("{% set a = [1] %}\\", "{% set a = [1] %}\\");
        case(
            "{% set a = [1, b[0], {'x': [2]}] %}{% do a.append(3) %}",
            "{% set a = ([1, b[0], ({'x': ([2]|__list)}|__mapping)]|__list) %}{% set __done = a.append(3) %}",
        );
        case(
            "{% for x in [1] if x not in [2] %}{% do(y.pop()) %}",
            "{% for x in ([1]|__list) if x not in ([2]|__list) %}{% set __done =(y.pop()) %}",
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_and_every_position_is_found_again(
            pieces in proptest::collection::vec(proptest::sample::select(PIECES.as_slice()), 0..40),
        ) {
            let text = pieces.concat();
            let translation = translate(&text);
            proptest::prop_assert_eq!(translation.text.matches('\n').count(), text.matches('\n').count());
            let mut last = 0;
            for (position, _) in translation.text.char_indices() {
                let origin = translation.find_origin(position);
                proptest::prop_assert!(text.is_char_boundary(origin) && origin >= last);
                last = origin;
            }
            find_assigned(&text);
            find_bound(&text);
            find_read_names(&text, text.len() / 2);
        }
    }

    const PIECES: [&str; 54] = [
        "{{", "}}", "{%", "%}", "{#", "#}", "-%}", "{%-", "{{+", " ", "\n", "a", "é", "loop",
        "keys", "5", "1.5", "'x'", "\"\\n\"", "'\\\n'", "'\\U'", "'", "\\", "(", ")", "[", "]",
        "{", "}", ",", ":", ".", "|", "=", "==", "+", "-", "*", "**", "%", "~", " if ", " else ",
        " is ", " not ", " in ", "for ", "endfor", "set ", "with ", "from ", " import ", "raw",
        "endraw",
    ];
}
