//! Problems as text, in the layout that [`Diagnostic`] shows.

use super::look::{Look, Tone};
use super::text::{visible, width, wrap};
use crate::error::{Diagnostic, Severity};
use crate::render::Excerpt;

/// Where there are more places than fit a glance, only the first ones are shown.
const MOST_PLACES: usize = 4;
const FIRST_PLACES: usize = 3;
/// Characters of a line that are shown.
const WIDEST: usize = 100;
/// Characters of them behind where the fault begins.
const MARGIN: usize = 40;

/// Renders a problem, one line per part, each ended; what is wrong is wrapped to `room`.
pub(super) fn render(diagnostic: &Diagnostic, look: Look, room: Option<usize>) -> String {
    let (heading, tone) = match diagnostic.severity {
        Severity::Error => ("error", Tone::Bad),
        Severity::Warning => ("warning", Tone::Caution),
    };
    let first = format!(
        "{}: {}",
        look.paint(tone, heading),
        look.paint(Tone::Strong, &visible(&diagnostic.message))
    );
    let mut text = wrap(&first, room) + "\n";
    let mut line = |heading: &str, tone: Tone, rest: &str| {
        text.push_str(&look.paint(tone, heading));
        text.push(' ');
        text.push_str(&visible(rest));
        text.push('\n');
    };
    let places = &diagnostic.places;
    let shown = if places.len() > MOST_PLACES {
        FIRST_PLACES
    } else {
        places.len()
    };
    for place in &places[..shown] {
        line("  -->", Tone::Accent, &place.to_string());
    }
    if shown < places.len() {
        let more = format!("and {} more places", places.len() - shown);
        line("  …", Tone::Accent, &more);
    }
    if let Some(excerpt) = &diagnostic.excerpt {
        let (written, marks) = quote(excerpt);
        line("   |", Tone::Accent, &written);
        if let Some(marks) = marks {
            line("   |", Tone::Accent, &marks);
        }
    }
    for cause in &diagnostic.causes {
        line("caused by:", Tone::Dim, cause);
    }
    for hint in &diagnostic.hints {
        line("hint:", Tone::Accent, hint);
    }
    text
}

/// Gives a line, cut to what is near its characters at fault, and the marks below them.
fn quote(excerpt: &Excerpt) -> (String, Option<String>) {
    // A tab is as wide as the terminal likes.
    let characters: Vec<char> = excerpt.line.replace('\t', " ").chars().collect();
    let first = excerpt.marked.as_ref().map_or(0, |marked| marked.start);
    let from = (first + MARGIN).saturating_sub(WIDEST);
    let to = characters.len().min(from + WIDEST);
    let shown = |from: usize, to: usize| -> String {
        let piece = characters.get(from..to.max(from)).unwrap_or_default();
        visible(&piece.iter().collect::<String>()).into_owned()
    };
    let (before, after) = (
        if from > 0 { "…" } else { "" },
        if to < characters.len() { "…" } else { "" },
    );
    let written = format!("{before}{}{after}", shown(from, to))
        .trim_end()
        .to_owned();
    let marks = excerpt.marked.as_ref().map(|marked| {
        let blanks = width(before) + width(&shown(from, marked.start.min(to)));
        let marked = width(&shown(marked.start.min(to), marked.end.min(to))).max(1);
        format!("{}{}", " ".repeat(blanks), "^".repeat(marked))
    });
    (written, marks)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::place::Place;

    fn problem() -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            message: "image `nodejs20-devel` needs `nodejs20`, which no directory provides".into(),
            causes: vec!["line\none".into()],
            places: vec![
                Place::line(Path::new("images/nodejs20-devel/control"), 4),
                Place::file(Path::new("images/\u{1b}[2J")),
            ],
            excerpt: None,
            hints: vec!["the closest name is `nodejs20-slim`".into()],
        }
    }

    #[track_caller]
    fn quoted(line: &str, marked: Option<std::ops::Range<usize>>, expected: [&str; 2]) {
        let line = line.to_owned();
        let (written, marks) = quote(&Excerpt { line, marked });
        assert_eq!([written, marks.unwrap_or_default()], expected);
    }

    #[test]
    fn a_line_is_quoted_with_marks_below_its_fault() {
        quoted("RUN {{ x }}", Some(7..8), ["RUN {{ x }}", "       ^"]);
        quoted(
            "\tRUN {{ xyz }}",
            Some(8..11),
            [" RUN {{ xyz }}", "        ^^^"],
        );
        quoted("日本 {{ x }}", Some(6..7), ["日本 {{ x }}", "        ^"]);
        quoted(
            "\u{1b}[2J {{ x }}",
            Some(8..9),
            ["\\u{1b}[2J {{ x }}", "             ^"],
        );
        quoted("ab", Some(2..3), ["ab", "  ^"]);
        quoted("ab", None, ["ab", ""]);
        let long = format!("{}missing{}", "a".repeat(200), "b".repeat(200));
        let written = format!("…{}missing{}…", "a".repeat(60), "b".repeat(33));
        quoted(
            &long,
            Some(200..207),
            [&written, &format!("{}^^^^^^^", " ".repeat(61))],
        );
    }

    #[test]
    fn a_problem_is_readable_without_colour() {
        let expected = r"error: image `nodejs20-devel` needs `nodejs20`, which no directory provides
  --> images/nodejs20-devel/control:4
  --> images/\u{1b}[2J
caused by: line\none
hint: the closest name is `nodejs20-slim`
";
        assert_eq!(render(&problem(), Look::default(), None), expected);
    }

    #[test]
    fn what_is_wrong_breaks_between_its_words_where_a_terminal_ends() {
        let problem = Diagnostic::new(Severity::Warning, "41 versions stay: app 1, web 2, shop 3");
        let expected = "warning: 41 versions\n    stay: app 1, web 2,\n    shop 3\n";
        assert_eq!(render(&problem, Look::default(), Some(24)), expected);
    }

    #[test]
    fn of_many_places_the_first_are_shown() {
        let place = |line| Place::line(Path::new("control"), line);
        let case = |count: usize, expected: &str| {
            let problem = Diagnostic {
                places: (1..=count).map(place).collect(),
                causes: Vec::new(),
                hints: Vec::new(),
                ..problem()
            };
            let text = render(&problem, Look::default(), None);
            let (_, places) = text.split_once('\n').expect("a heading");
            assert_eq!(places, expected);
        };
        let three = "  --> control:1\n  --> control:2\n  --> control:3\n";
        case(4, &format!("{three}  --> control:4\n"));
        case(5, &format!("{three}  … and 2 more places\n"));
        case(25, &format!("{three}  … and 22 more places\n"));
    }

    #[test]
    fn colour_changes_nothing_but_the_colour() {
        let look = Look {
            color: true,
            ..Look::default()
        };
        let mut problem = problem();
        problem.severity = Severity::Warning;
        let colored = render(&problem, look, None);
        assert!(colored.starts_with("\u{1b}[33m\u{1b}[1mwarning\u{1b}[0m: "));
        let plain = render(&problem, Look::default(), None);
        assert_eq!(console::strip_ansi_codes(&colored), plain);
    }
}
