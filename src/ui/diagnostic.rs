//! Problems as text, in the layout that [`Diagnostic`] shows.

use super::look::{Look, Tone};
use super::text::visible;
use crate::error::{Diagnostic, Severity};

/// Where there are more places than fit a glance, only the first ones are shown.
const MOST_PLACES: usize = 4;
const FIRST_PLACES: usize = 3;

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
    fn of_many_places_the_first_are_shown() {
        let place = |line| Place::line(Path::new("control"), line);
        let case = |count: usize, expected: &str| {
            let problem = Diagnostic {
                places: (1..=count).map(place).collect(),
                causes: Vec::new(),
                hints: Vec::new(),
                ..problem()
            };
            let text = render(&problem, Look::default());
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
        let colored = render(&problem, look);
        assert!(colored.starts_with("\u{1b}[33m\u{1b}[1mwarning\u{1b}[0m: "));
        let plain = render(&problem, Look::default());
        assert_eq!(console::strip_ansi_codes(&colored), plain);
    }
}
