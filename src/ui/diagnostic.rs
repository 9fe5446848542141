//! Problems as text, in the layout that [`Diagnostic`] shows.

use super::look::{Look, Tone};
use super::text::visible;
use crate::error::{Diagnostic, Severity};

/// Renders a problem, one line per part, each ended.
pub(super) fn render(diagnostic: &Diagnostic, look: Look) -> String {
    let (heading, tone) = match diagnostic.severity {
        Severity::Error => ("error", Tone::Bad),
        Severity::Warning => ("warning", Tone::Caution),
    };
    let mut text = format!(
        "{}: {}\n",
        look.paint(tone, heading),
        look.paint(Tone::Strong, &visible(&diagnostic.message))
    );
    let mut line = |heading: &str, tone: Tone, rest: &str| {
        text.push_str(&look.paint(tone, heading));
        text.push(' ');
        text.push_str(&visible(rest));
        text.push('\n');
    };
    for place in &diagnostic.places {
        line("  -->", Tone::Accent, &place.to_string());
    }
    for cause in &diagnostic.causes {
        line("caused by:", Tone::Dim, cause);
    }
    for hint in &diagnostic.hints {
        line("hint:", Tone::Accent, hint);
    }
    text
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
            hints: vec!["the closest name is `nodejs20-slim`".into()],
        }
    }

    #[test]
    fn a_problem_is_readable_without_colour() {
        let expected = r"error: image `nodejs20-devel` needs `nodejs20`, which no directory provides
  --> images/nodejs20-devel/control:4
  --> images/\u{1b}[2J
caused by: line\none
hint: the closest name is `nodejs20-slim`
";
        assert_eq!(render(&problem(), Look::default()), expected);
    }

    #[test]
    fn colour_changes_nothing_but_the_colour() {
        let look = Look {
            color: true,
            ..Look::default()
        };
        let mut problem = problem();
        problem.severity = Severity::Warning;
        let colored = render(&problem, look);
        assert!(colored.starts_with("\u{1b}[33m\u{1b}[1mwarning\u{1b}[0m: "));
        let plain = render(&problem, Look::default());
        assert_eq!(console::strip_ansi_codes(&colored), plain);
    }
}
