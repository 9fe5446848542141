//! Paragraphs at several depths: running text that wraps where the terminal ends.
//!
//! ```text
//! Fri 2026-11-20
//!   nginx 1.22.1-9 by Ann Example
//!     New upstream release, with the module that the
//!         gateway needs.
//! ```

use super::look::{Look, Tone};
use super::table::Cell;
use super::text::{visible, width};

/// What follows the first line of a paragraph stands so much deeper.
const DEEPER: usize = 4;
/// Text is not squeezed into less than this, however deep it stands.
const NARROWEST: usize = 18;

/// A text of several tones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paragraph {
    indent: usize,
    cells: Vec<Cell>,
}

impl Paragraph {
    /// Makes a paragraph so many columns from the left; its parts stand side by side as they are.
    #[must_use]
    pub fn new(indent: usize, cells: Vec<Cell>) -> Self {
        Self { indent, cells }
    }

    /// Makes the empty line between two parts of an outline.
    #[must_use]
    pub fn gap() -> Self {
        Self::new(0, Vec::new())
    }
}

/// Renders paragraphs, one line each where there is no end to a line.
pub(super) fn render(paragraphs: &[Paragraph], look: Look, room: Option<usize>) -> String {
    let mut text = String::new();
    for paragraph in paragraphs {
        render_one(paragraph, look, room, &mut text);
        text.push('\n');
    }
    text
}

fn render_one(paragraph: &Paragraph, look: Look, room: Option<usize>, text: &mut String) {
    let room = room.map(|room| room.max(paragraph.indent + DEEPER + NARROWEST));
    let mut line = Line::new(paragraph.indent);
    for word in words(&paragraph.cells) {
        let columns: usize = word.iter().map(|(_, part)| width(part)).sum();
        let fits = room.is_none_or(|room| line.columns + 1 + columns <= room);
        if line.parts.is_empty() {
            line.push(word, columns);
        } else if fits {
            line.push_behind_blank(word, columns);
        } else {
            text.push_str(&line.render(look));
            text.push('\n');
            line = Line::new(paragraph.indent + DEEPER);
            line.push(word, columns);
        }
    }
    text.push_str(&line.render(look));
}

/// A line that is being filled; what has one tone is one part.
struct Line {
    indent: usize,
    columns: usize,
    parts: Vec<(Tone, String)>,
}

impl Line {
    fn new(indent: usize) -> Self {
        Self {
            indent,
            columns: indent,
            parts: Vec::new(),
        }
    }

    fn push_behind_blank(&mut self, word: Vec<(Tone, String)>, columns: usize) {
        let tones = (self.parts.last(), word.first());
        let tone = match tones {
            (Some((before, _)), Some((behind, _))) if before == behind => *before,
            _ => Tone::Plain,
        };
        self.push(vec![(tone, " ".to_owned())], 1);
        self.push(word, columns);
    }

    fn push(&mut self, word: Vec<(Tone, String)>, columns: usize) {
        for (tone, part) in word {
            match self.parts.last_mut() {
                Some((last, text)) if *last == tone => text.push_str(&part),
                _ => self.parts.push((tone, part)),
            }
        }
        self.columns += columns;
    }

    fn render(&self, look: Look) -> String {
        if self.parts.is_empty() {
            return String::new();
        }
        let painted = self
            .parts
            .iter()
            .map(|(tone, part)| look.paint(*tone, part));
        " ".repeat(self.indent) + &painted.collect::<String>()
    }
}

/// Parts a text at its blanks; a word may have parts of several tones.
fn words(cells: &[Cell]) -> Vec<Vec<(Tone, String)>> {
    let mut words: Vec<Vec<(Tone, String)>> = Vec::new();
    let mut is_inside = false;
    for cell in cells {
        for (index, part) in visible(cell.text()).split(' ').enumerate() {
            is_inside &= index == 0;
            if part.is_empty() {
                continue;
            }
            let part = (cell.tone(), part.to_owned());
            match words.last_mut() {
                Some(word) if is_inside => word.push(part),
                _ => words.push(vec![part]),
            }
            is_inside = true;
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraphs() -> Vec<Paragraph> {
        vec![
            Paragraph::new(0, vec!["2026-11-20".into()]),
            Paragraph::new(
                2,
                vec![
                    Cell::new(Tone::Strong, "nginx"),
                    " 1.22,".into(),
                    Cell::new(Tone::Strong, " web"),
                    Cell::new(Tone::Dim, "-2 by Ann"),
                ],
            ),
            Paragraph::gap(),
            Paragraph::new(4, vec!["映像檔案 that 映像檔案 needs\u{1b}".into()]),
        ]
    }

    #[test]
    fn without_an_end_of_the_line_a_paragraph_is_one() {
        let expected =
            "2026-11-20\n  nginx 1.22, web-2 by Ann\n\n    映像檔案 that 映像檔案 needs\\u{1b}\n";
        assert_eq!(render(&paragraphs(), Look::default(), None), expected);
    }

    #[test]
    fn words_stay_whole_and_the_next_lines_stand_deeper() {
        let text = render(&paragraphs(), Look::default(), Some(26));
        let expected = "2026-11-20\n  nginx 1.22, web-2 by Ann\n\n    映像檔案 that 映像檔案\n        needs\\u{1b}\n";
        assert_eq!(text, expected);
        let narrow = render(&paragraphs(), Look::default(), Some(3));
        assert_eq!(narrow, expected.replace(" by Ann", " by\n      Ann"));
    }

    #[test]
    fn a_tone_ends_where_its_part_ends() {
        let look = Look {
            color: true,
            ..Look::default()
        };
        let text = render(&paragraphs()[1..2], look, None);
        let expected =
            "  \u{1b}[1mnginx\u{1b}[0m 1.22, \u{1b}[1mweb\u{1b}[0m\u{1b}[2m-2 by Ann\u{1b}[0m\n";
        assert_eq!(text, expected);
    }
}
