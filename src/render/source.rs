//! A template as the engine reads it, made from a template as Jinja reads it; every line keeps its number.
//!
//! - Line breaks are `\n`.
//! - Texts in quotes have Python's escapes. Above all, a backslash before a line break takes both away:
//!
//!   ```text
//!   {% set packages = "git \
//!     curl" %}
//!   ```
//! - `{% do … %}` takes any expression, not only calls.
//! - `"%s-%s" % (a, b)` is the filter `format`, which reads the same.
//! - Where a template changes lists or mappings in place (`items.append(…)`), those that it writes down (`[…]`, `{…}`)
//!   can be changed.

use std::borrow::Cow;

/// The filter that makes a list changeable.
pub(super) const LIST_FILTER: &str = "__list";
/// The filter that makes a mapping changeable.
pub(super) const MAPPING_FILTER: &str = "__mapping";

const CHANGES: [&str; 10] = [
    ".append(",
    ".extend(",
    ".insert(",
    ".pop(",
    ".remove(",
    ".clear(",
    ".sort(",
    ".reverse(",
    ".update(",
    ".setdefault(",
];

/// Translates a whole template.
pub(super) fn translate(text: &str) -> Cow<'_, str> {
    let text = if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    };
    let is_changing = CHANGES.iter().any(|change| text.contains(change));
    let has_do = || text.contains("do ") || text.contains("do\n") || text.contains("do\t");
    let has_percent = || {
        text.contains("' %") || text.contains("\" %") || text.contains("'%") || text.contains("\"%")
    };
    if !is_changing && !text.contains('\\') && !has_do() && !has_percent() {
        return text;
    }
    let mut translator = Translator {
        rest: &text,
        out: String::with_capacity(text.len() + 64),
        is_changing,
    };
    translator.translate_data();
    Cow::Owned(translator.out)
}

struct Translator<'a> {
    rest: &'a str,
    out: String,
    is_changing: bool,
}

impl<'a> Translator<'a> {
    /// Copies so many bytes.
    fn copy(&mut self, length: usize) -> &'a str {
        let (copied, rest) = self.rest.split_at(length);
        self.out.push_str(copied);
        self.rest = rest;
        copied
    }

    /// Copies up to the end of a mark, or to the end of the text.
    fn copy_past(&mut self, mark: &str) {
        let length = self
            .rest
            .find(mark)
            .map_or(self.rest.len(), |at| at + mark.len());
        self.copy(length);
    }

    fn translate_data(&mut self) {
        while let Some(at) = find_start(self.rest) {
            self.copy(at);
            if self.rest.starts_with("{#") {
                self.copy_past("#}");
            } else if self.rest.starts_with("{{") {
                self.copy(2);
                self.translate_code("}}");
            } else if let Some(length) = find_tag(self.rest, "raw") {
                self.copy(length);
                self.copy_raw();
            } else {
                self.copy(2);
                self.translate_do();
                self.translate_code("%}");
            }
        }
        self.copy(self.rest.len());
    }

    fn copy_raw(&mut self) {
        while let Some(at) = self.rest.find("{%") {
            self.copy(at);
            let end = find_tag(self.rest, "endraw");
            self.copy(end.unwrap_or(2));
            if end.is_some() {
                return;
            }
        }
    }

    /// Writes `do` as a `set` of a name that nobody reads.
    fn translate_do(&mut self) {
        let code = self.rest.trim_start_matches(['-', '+']).trim_start();
        let blank = self.rest.len() - code.len();
        if let Some(rest) = code.strip_prefix("do")
            && rest.starts_with(|c: char| c.is_whitespace() || c == '(')
        {
            self.copy(blank);
            self.out.push_str("set __done = ");
            self.rest = rest;
        }
    }

    fn translate_code(&mut self, end: &str) {
        // The closing text of each open bracket.
        let mut open: Vec<&str> = Vec::new();
        let mut is_operand = false;
        while let Some(next) = self.rest.chars().next() {
            if open.is_empty() && self.rest.starts_with(end) {
                self.copy(end.len());
                return;
            }
            match next {
                '\'' | '"' => {
                    let start = self.out.len();
                    self.translate_text(next);
                    if self.translate_percent(start) {
                        open.push(")");
                    }
                    is_operand = true;
                }
                '(' | '[' | '{' => {
                    open.push(self.open(next, is_operand));
                    is_operand = false;
                }
                ')' | ']' | '}' => {
                    self.copy(1);
                    let close = open.pop().unwrap_or_default();
                    self.out.push_str(close);
                    is_operand = true;
                }
                c if c.is_alphanumeric() || c == '_' => {
                    let is_part = |c: char| c.is_alphanumeric() || c == '_';
                    let length = self.rest.find(|c| !is_part(c));
                    let word = self.copy(length.unwrap_or(self.rest.len()));
                    is_operand = !matches!(
                        word,
                        "in" | "if" | "else" | "elif" | "and" | "or" | "not" | "is" | "do"
                    );
                }
                c => {
                    self.copy(c.len_utf8());
                    is_operand &= c.is_whitespace();
                }
            }
        }
    }

    /// Writes `text % (…)` and `text % name` as `(text|format(…))`, the text being written already; tells whether a
    /// bracket is left open.
    fn translate_percent(&mut self, start: usize) -> bool {
        let Some(operand) = self.rest.trim_start().strip_prefix('%') else {
            return false;
        };
        if operand.starts_with('}') {
            return false;
        }
        let operand = operand.trim_start();
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let end = operand.find(|c| !is_part(c)).unwrap_or(operand.len());
        let (name, rest) = operand.split_at(end);
        let is_tuple = operand.starts_with('(');
        // A call, an item or a filter behind the name would be part of the operand.
        let is_name =
            !name.is_empty() && !rest.trim_start().starts_with(['(', '[', '|', '\'', '"']);
        if !is_tuple && !is_name {
            return false;
        }
        let lines = self.rest[..self.rest.len() - operand.len()]
            .matches('\n')
            .count();
        self.out.insert(start, '(');
        self.out.push_str("|format(");
        self.out.extend(std::iter::repeat_n('\n', lines));
        if is_tuple {
            self.rest = &operand[1..];
        } else {
            self.out.push_str(name);
            self.out.push_str("))");
            self.rest = rest;
        }
        is_tuple
    }

    /// Opens a bracket; gives what is written behind the one that closes it.
    fn open(&mut self, bracket: char, is_operand: bool) -> &'static str {
        let close = match bracket {
            '[' if self.is_changing && !is_operand => "|__list)",
            '{' if self.is_changing => "|__mapping)",
            _ => "",
        };
        if !close.is_empty() {
            self.out.push('(');
        }
        self.copy(1);
        close
    }

    /// Translates a text in quotes, with its escapes; one without an end is left for the engine to refuse.
    fn translate_text(&mut self, quote: char) {
        let Some(length) = find_text_end(self.rest, quote) else {
            self.copy(self.rest.len());
            return;
        };
        let (literal, rest) = self.rest.split_at(length);
        if !literal.contains('\\') {
            self.copy(length);
            return;
        }
        self.rest = rest;
        self.out.push(quote);
        let taken = self.translate_escapes(&literal[1..length - 1]);
        self.out.push(quote);
        // The lines that went with the backslashes come back behind the text.
        self.out.extend(std::iter::repeat_n('\n', taken));
    }

    /// Writes the inside of a text, and counts the line breaks that were taken away.
    fn translate_escapes(&mut self, mut inside: &str) -> usize {
        let mut taken = 0;
        while let Some(at) = inside.find('\\') {
            self.out.push_str(&inside[..at]);
            let escape = &inside[at + 1..];
            let Some(kind) = escape.chars().next() else {
                return taken;
            };
            let mut length = kind.len_utf8();
            match kind {
                '\n' => taken += 1,
                'a' => self.out.push('\u{7}'),
                'v' => self.out.push('\u{b}'),
                '/' => self.out.push_str("\\\\/"),
                'U' => match find_character(escape) {
                    Some(character) => {
                        length = 9;
                        self.out.push(character);
                    }
                    None => self.out.push_str("\\\\U"),
                },
                '0'..='7' => {
                    let digits = escape
                        .bytes()
                        .take(3)
                        .take_while(|b| matches!(b, b'0'..=b'7'));
                    length = digits.count();
                    let number = u32::from_str_radix(&escape[..length], 8);
                    let character = number.ok().and_then(char::from_u32);
                    self.push_plain(character.unwrap_or_default());
                }
                // The engine knows the others, and leaves those that nobody knows as they are.
                c => {
                    self.out.push('\\');
                    self.out.push(c);
                }
            }
            inside = &escape[length..];
        }
        self.out.push_str(inside);
        taken
    }

    /// Writes a character that may be one of those with a meaning in texts.
    fn push_plain(&mut self, character: char) {
        match character {
            '\n' => self.out.push_str("\\n"),
            '\\' | '\'' | '"' => {
                self.out.push('\\');
                self.out.push(character);
            }
            _ => self.out.push(character),
        }
    }
}

fn find_start(text: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find('{')?;
        if matches!(text.as_bytes().get(at + 1), Some(b'{' | b'%' | b'#')) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Finds the length of a tag without arguments (`{%- raw -%}`) at the start of a text.
fn find_tag(text: &str, name: &str) -> Option<usize> {
    let inside = text.strip_prefix("{%")?;
    let inside = inside.strip_prefix(['-', '+']).unwrap_or(inside);
    let rest = inside.trim_start().strip_prefix(name)?.trim_start();
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    Some(text.len() - rest.strip_prefix("%}")?.len())
}

/// Finds the length of a text in quotes, with its quotes.
fn find_text_end(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if is_escaped {
            is_escaped = false;
        } else if character == '\\' {
            is_escaped = true;
        } else if character == quote {
            return Some(at + 1);
        }
    }
    None
}

/// Reads `U0001f600`.
fn find_character(escape: &str) -> Option<char> {
    let digits = escape.get(1..9)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, expected: &str) {
        let translated = translate(text);
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
        assert!(matches!(translate(text), Cow::Borrowed(_)));
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
    fn percent_formats_texts() {
        case(
            "{{ '%s-%s' % (a, 'b') ~ c }}",
            "{{ ('%s-%s'|format(a, 'b')) ~ c }}",
        );
        case(
            "{{ '%s' % a.b }}{{ 'a' %}",
            "{{ ('%s'|format(a.b)) }}{{ 'a' %}",
        );
        case("{{ '%s'\n%\n(a) }}", "{{ ('%s'|format(\n\na)) }}");
        case(
            "{{ '%s' % f(x) }}{{ 5 % 3 }}",
            "{{ '%s' % f(x) }}{{ 5 % 3 }}",
        );
        case(
            "{% if a == 'x' %}{% set b = '' %}",
            "{% if a == 'x' %}{% set b = '' %}",
        );
        case("{% if a == 'x'%}(b)", "{% if a == 'x'%}(b)");
    }

    #[test]
    fn lists_can_be_changed_only_where_a_template_changes_some() {
        case("{% set a = [1] %}\\", "{% set a = [1] %}\\");
        case(
            "{% set a = [1, b[0], {'x': [2]}] %}{% do a.append(3) %}",
            "{% set a = ([1, b[0], ({'x': ([2]|__list)}|__mapping)]|__list) %}{% set __done =  a.append(3) %}",
        );
        case(
            "{% for x in [1] if x not in [2] %}{% do(y.pop()) %}",
            "{% for x in ([1]|__list) if x not in ([2]|__list) %}{% set __done = (y.pop()) %}",
        );
    }
}
