//! The terminal on stderr: text that stays, and below it the lines that change in place.
//!
//! A progress library would pad each line to the full width and count rows by the width of now. Then `^C`, echoed at the
//! end of the last line, and a terminal that gets narrower leave torn lines behind. Here lines are not padded, the last
//! one ends before the edge, and rows are counted as the terminal has wrapped them since. Each change is one write.

use std::fmt::Write as _;
use std::io::Write;

use super::text;

/// What is written to stderr and what of it still changes.
pub(super) struct Screen {
    out: Box<dyn Write + Send>,
    /// The widths of the changing lines that are on the screen; the cursor stands at the end of the last.
    painted: Vec<usize>,
}

impl Screen {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        let painted = Vec::new();
        Self { out, painted }
    }

    /// Writes text that stays; nothing changes in place now.
    pub(super) fn write(&mut self, text: &str) {
        // There is no place to tell that stderr is closed or full.
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }

    /// Writes text that stays above the changing lines, and replaces these.
    pub(super) fn paint(&mut self, above: &str, frame: &[String], columns: usize) {
        if above.is_empty() && frame.is_empty() && self.painted.is_empty() {
            return;
        }
        let mut bytes = self.back_to_first_line(columns);
        let in_place = above.is_empty() && frame.len() == self.painted.len();
        if !in_place {
            bytes.push_str("\u{1b}[J");
        }
        for line in above.lines() {
            bytes.push_str(line);
            bytes.push_str("\r\n");
        }
        for (index, line) in frame.iter().enumerate() {
            if index > 0 {
                bytes.push_str("\r\n");
            }
            if in_place {
                bytes.push_str("\u{1b}[2K");
            }
            bytes.push_str(line);
        }
        if in_place {
            // What a line that was wrapped left below.
            bytes.push_str("\u{1b}[J");
        }
        self.painted = frame.iter().map(|line| text::width(line)).collect();
        self.write(&bytes);
    }

    /// Moves the cursor over the rows that the lines take at this width: terminals wrap them anew when they change.
    fn back_to_first_line(&self, columns: usize) -> String {
        let rows = self
            .painted
            .iter()
            .map(|width| width.div_ceil(columns.max(1)).max(1));
        let rows: usize = rows.sum();
        let mut bytes = String::new();
        if rows > 0 {
            bytes.push('\r');
        }
        if rows > 1 {
            // Writing to a String never fails.
            let _ = write!(bytes, "\u{1b}[{}A", rows - 1);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::Terminal;
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    fn screen(columns: u16) -> (Screen, Terminal) {
        let terminal = Terminal::new(8, columns);
        (Screen::new(Box::new(terminal.clone())), terminal)
    }

    #[test]
    fn changing_lines_stay_below_what_stays() {
        let (mut screen, terminal) = screen(20);
        screen.write("$ pkg build\r\n");
        screen.paint("", &lines(&["one long line", "two", "counts"]), 20);
        assert_eq!(terminal.shown(), "$ pkg build\none long line\ntwo\ncounts");
        screen.paint("", &lines(&["one", "2", "counts"]), 20);
        assert_eq!(terminal.shown(), "$ pkg build\none\n2\ncounts");
        screen.paint(
            "built one, and that is long\nbuilt 2\n",
            &lines(&["counts"]),
            20,
        );
        let wrapped = "$ pkg build\nbuilt one, and that\nis long\nbuilt 2\ncounts";
        assert_eq!(terminal.shown(), wrapped);
        screen.paint("", &lines(&["three", "counts"]), 20);
        screen.paint("", &[], 20);
        let left = "$ pkg build\nbuilt one, and that\nis long\nbuilt 2";
        assert_eq!(terminal.shown(), left);
        assert_eq!(terminal.cursor(), (4, 0), "the next prompt begins a line");
    }

    #[test]
    fn the_screen_scrolls_when_the_lines_reach_its_end() {
        let (mut screen, terminal) = screen(20);
        for number in 0..20 {
            screen.paint(
                &format!("built {number}\n"),
                &lines(&["running", "counts"]),
                20,
            );
        }
        let expected =
            "built 14\nbuilt 15\nbuilt 16\nbuilt 17\nbuilt 18\nbuilt 19\nrunning\ncounts";
        assert_eq!(terminal.shown(), expected);
    }

    #[test]
    fn an_echoed_key_at_the_end_of_the_last_line_leaves_nothing() {
        let (mut screen, mut terminal) = screen(20);
        screen.paint("", &lines(&["running", "sixteen columns."]), 20);
        terminal.write_all(b"^C").unwrap();
        screen.paint("", &lines(&["running", "sixteen columns."]), 20);
        assert_eq!(terminal.shown(), "running\nsixteen columns.");
    }

    #[test]
    fn lines_that_a_narrower_terminal_has_wrapped_are_taken_back_whole() {
        let (mut screen, mut terminal) = screen(10);
        screen.write("$ pkg\r\n");
        screen.painted = vec![15, 3];
        // What a terminal made of two lines of 15 and 3 columns.
        terminal.write_all(b"fifteen co\r\nlumns\r\n123").unwrap();
        screen.paint("", &lines(&["fifteen", "123"]), 10);
        assert_eq!(terminal.shown(), "$ pkg\nfifteen\n123");
    }

    #[test]
    fn a_repaint_clears_no_line_that_it_does_not_write() {
        let (mut screen, terminal) = screen(20);
        screen.paint("", &lines(&["a", "b"]), 20);
        terminal.forget_bytes();
        screen.paint("", &lines(&["c", "d"]), 20);
        let expected = "\r\u{1b}[1A\u{1b}[2Kc\r\n\u{1b}[2Kd\u{1b}[J";
        assert_eq!(terminal.bytes(), expected, "and it is one write");
        assert_eq!(terminal.writes(), 1);
    }
}
