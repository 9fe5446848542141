//! Tables: aligned columns without borders, made for eyes and for `awk`.

use super::look::{Look, Tone};
use super::text::{cut, visible, width};

/// The width below which a column is not narrowed to make a table fit.
const NARROWEST: usize = 6;

const GAP: &str = "  ";

/// The side at which the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// Names and texts.
    Left,
    /// Numbers.
    Right,
}

/// The title of a column and the side of its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column<'a> {
    title: &'a str,
    align: Align,
}

impl<'a> Column<'a> {
    /// Makes a column of names or texts.
    #[must_use]
    pub fn left(title: &'a str) -> Self {
        let align = Align::Left;
        Self { title, align }
    }

    /// Makes a column of numbers.
    #[must_use]
    pub fn right(title: &'a str) -> Self {
        let align = Align::Right;
        Self { title, align }
    }
}

/// One cell: a text, and what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// Makes a cell with a tone.
    #[must_use]
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { text, tone }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn tone(&self) -> Tone {
        self.tone
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(Tone::Plain, text)
    }
}

/// Renders a table; without rows there is nothing, not even a header. A missing cell is an empty one.
pub(super) fn render(
    columns: &[Column<'_>],
    rows: &[Vec<Cell>],
    look: Look,
    room: Option<usize>,
) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let header: Vec<Cell> = columns
        .iter()
        .map(|column| Cell::new(Tone::Dim, column.title))
        .collect();
    let lines = std::iter::once(&header).chain(rows);
    let mut widths = vec![0; columns.len()];
    for line in lines.clone() {
        for (column, cell) in widths.iter_mut().zip(line) {
            *column = width(&visible(&cell.text)).max(*column);
        }
    }
    if let Some(room) = room {
        narrow(&mut widths, room);
    }
    let mut text = String::new();
    for line in lines {
        text.push_str(&render_line(columns, line, &widths, look));
        text.push('\n');
    }
    text
}

/// Takes columns off the widest, one at a time, until the line fits or all are narrow.
fn narrow(widths: &mut [usize], room: usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => return,
        }
    }
}

fn render_line(columns: &[Column<'_>], cells: &[Cell], widths: &[usize], look: Look) -> String {
    let mut line = String::new();
    // Spaces are written when something follows them, so that no line ends in spaces.
    let mut spaces = String::new();
    for ((column, cell), &columns_wide) in columns.iter().zip(cells).zip(widths) {
        let shown = visible(&cell.text);
        let shown = cut(&shown, columns_wide, look.glyphs().ellipsis);
        let filler = " ".repeat(columns_wide - width(&shown));
        if column.align == Align::Right {
            spaces.push_str(&filler);
        }
        if !shown.is_empty() {
            line.push_str(&spaces);
            line.push_str(&look.paint(cell.tone, &shown));
            spaces.clear();
        }
        if column.align == Align::Left {
            spaces.push_str(&filler);
        }
        spaces.push_str(GAP);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column<'_>; 3] = [
        Column {
            title: "IMAGE",
            align: Align::Left,
        },
        Column {
            title: "SIZE",
            align: Align::Right,
        },
        Column {
            title: "WHY",
            align: Align::Left,
        },
    ];

    fn rows(rows: &[[&str; 3]]) -> Vec<Vec<Cell>> {
        rows.iter()
            .map(|row| row.map(Cell::from).to_vec())
            .collect()
    }

    #[track_caller]
    fn case(given: &[[&str; 3]], room: Option<usize>, expected: &[&str]) {
        let text = render(&COLUMNS, &rows(given), Look::default(), room);
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn columns_are_aligned_by_the_columns_they_take() {
        case(
            &[
                ["nginx", "9", "not published"],
                ["映像", "1024", ""],
                ["", "", "x"],
            ],
            None,
            &[
                "IMAGE  SIZE  WHY",
                "nginx     9  not published",
                "映像   1024",
                "             x",
            ],
        );
    }

    #[test]
    fn the_widest_columns_give_way_where_there_is_no_room() {
        let long = [[
            "registry.example.org/nginx",
            "12",
            "its parent `bookworm` is rebuilt",
        ]];
        let header = "IMAGE              SIZE  WHY";
        let line = "registry.example…    12  its parent `book…";
        case(&long, Some(42), &[header, line]);
        let least = ["IMAGE   SIZE  WHY", "regis…    12  its p…"];
        case(&long, Some(4), &least);
    }

    #[test]
    fn control_characters_are_visible_and_measured_so() {
        case(
            &[["a\nb", "1", "c"]],
            None,
            &["IMAGE  SIZE  WHY", r"a\nb      1  c"],
        );
    }

    #[test]
    fn nothing_to_show_shows_nothing() {
        assert_eq!(render(&COLUMNS, &[], Look::default(), None), "");
    }

    #[test]
    fn a_tone_does_not_move_its_neighbours() {
        let look = Look {
            color: true,
            ..Look::default()
        };
        let cells = vec![Cell::new(Tone::Good, "ok"), "1".into(), "x".into()];
        let colored = render(&COLUMNS, &[cells], look, None);
        let plain = console::strip_ansi_codes(&colored);
        assert_eq!(plain, "IMAGE  SIZE  WHY\nok        1  x\n");
    }
}
