//! Foreign text made fit for a line of a terminal: measured in columns, cut, padded, its control characters visible.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Measures the columns that a text takes; colour takes none.
pub(super) fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// Cuts a text to at most `columns`, its end replaced by the ellipsis.
pub(super) fn cut<'a>(text: &'a str, columns: usize, ellipsis: &str) -> Cow<'a, str> {
    let tail = if width(ellipsis) <= columns {
        ellipsis
    } else {
        ""
    };
    console::truncate_str(text, columns, tail)
}

/// Fills a text with spaces up to `columns`.
pub(super) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// Breaks a text between its words where `room` ends, and indents what follows; a word that is too long stays whole.
pub(super) fn wrap(text: &str, room: Option<usize>) -> String {
    let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    flow("", &words, "", room)
}

/// Lists items after a heading, parted by commas; with `room` it breaks lines between items and indents what follows.
pub(super) fn list(heading: &str, items: &[String], room: Option<usize>) -> String {
    flow(heading, items, ",", room)
}

fn flow(heading: &str, items: &[String], between: &str, room: Option<usize>) -> String {
    let mut list = heading.to_owned();
    let mut column = width(heading);
    for (index, item) in items.iter().enumerate() {
        let comma = if index + 1 < items.len() { between } else { "" };
        let item_columns = width(item) + comma.len();
        // A word may take no room, and is one all the same.
        if !list.is_empty() {
            let fits = room.is_none_or(|room| column + 1 + item_columns <= room);
            let gap = if fits { " " } else { "\n    " };
            list.push_str(gap);
            column = if fits { column + 1 } else { 4 };
        }
        list.extend([item, comma]);
        column += item_columns;
    }
    list
}

/// Makes characters that would move the cursor, change colours or turn the direction of writing visible: `\u{1b}`.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_treacherous) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_treacherous(character) {
            // Writing to a String never fails.
            let _ = write!(shown, "{}", character.escape_debug());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Makes one line of what a program printed: colours dropped, runs of white space one space, the rest visible.
pub(super) fn one_line(text: &str) -> String {
    let plain = console::strip_ansi_codes(text);
    let words: Vec<&str> = plain.split_whitespace().collect();
    visible(&words.join(" ")).into_owned()
}

/// Makes a log line fit to be shown as it stands: colours dropped, tabs spaces, the rest visible.
pub(super) fn log_line(text: &str) -> String {
    let plain = console::strip_ansi_codes(text);
    let plain = plain.trim_end().replace('\t', "    ");
    visible(&plain).into_owned()
}

/// Control characters, and the marks of Unicode's bidirectional algorithm, which can show a text as another one.
fn is_treacherous(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn cut_case(text: &str, columns: usize, expected: &str) {
        assert_eq!(cut(text, columns, "…"), expected);
        assert!(width(expected) <= columns);
    }

    #[test]
    fn a_text_is_cut_by_the_columns_it_takes() {
        cut_case("nginx", 5, "nginx");
        cut_case("nginx", 4, "ngi…");
        cut_case("nginx", 1, "…");
        cut_case("nginx", 0, "");
        cut_case("映像檔案", 8, "映像檔案");
        cut_case("映像檔案", 7, "映像檔…");
        cut_case("映像檔案", 6, "映像…");
        cut_case("cafe\u{301}s", 5, "cafe\u{301}s");
        cut_case("cafe\u{301}s", 4, "caf…");
    }

    #[test]
    fn colour_takes_no_columns_and_survives_a_cut() {
        let red = "\u{1b}[31mnginx\u{1b}[0m";
        assert_eq!(width(red), 5);
        assert_eq!(cut(red, 3, "…"), "\u{1b}[31mng…\u{1b}[0m");
        assert_eq!(pad(red, 7), format!("{red}  "));
    }

    #[test]
    fn an_ellipsis_that_does_not_fit_is_left_out() {
        assert_eq!(cut("nginx", 2, "..."), "ng");
        assert_eq!(cut("nginx", 4, "..."), "n...");
    }

    #[track_caller]
    fn list_case(heading: &str, room: Option<usize>, expected: &str) {
        let items = ["nginx 1", "redis 7", "映像 3", "a"].map(str::to_owned);
        assert_eq!(list(heading, &items, room), expected);
    }

    #[test]
    fn a_list_breaks_between_its_items() {
        list_case("– by php:", None, "– by php: nginx 1, redis 7, 映像 3, a");
        let narrow = "– by php: nginx 1,\n    redis 7, 映像 3,\n    a";
        list_case("– by php:", Some(20), narrow);
        list_case("", Some(27), "nginx 1, redis 7, 映像 3, a");
        list_case("", Some(1), "nginx 1,\n    redis 7,\n    映像 3,\n    a");
    }

    #[test]
    fn a_text_breaks_between_its_words_and_nowhere_else() {
        let text = "✗ failed to build: `r.example.org/nginx` is gone";
        assert_eq!(wrap(text, None), text);
        assert_eq!(wrap("\u{2063} a", Some(80)), "\u{2063} a");
        let narrow = "✗ failed to\n    build:\n    `r.example.org/nginx`\n    is gone";
        assert_eq!(wrap(text, Some(14)), narrow);
    }

    #[test]
    fn characters_that_deceive_are_made_visible() {
        assert_eq!(visible("plain ünïcode"), "plain ünïcode");
        assert_eq!(visible("a\u{1b}[2Jb\nc\u{7}"), r"a\u{1b}[2Jb\nc\u{7}");
        assert_eq!(visible("a\u{202e}b"), r"a\u{202e}b");
        assert_eq!(visible("a\u{9b}2Jb"), r"a\u{9b}2Jb");
    }

    #[test]
    fn a_step_becomes_one_line() {
        let step = "\u{1b}[36mRUN\u{1b}[0m apt-get\tupdate \\\n    && true\r\n\u{8}";
        assert_eq!(one_line(step), r"RUN apt-get update \ && true \u{8}");
    }

    #[test]
    fn a_log_line_keeps_its_indentation() {
        assert_eq!(log_line("\tE: \u{1b}[1mno\u{1b}[0m \r\n"), "    E: no");
    }
}
