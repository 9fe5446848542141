//! The two streams, and what is written to them.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::facts::{Options, TerminalFacts, Verbosity};
use super::frame::Size;
use super::look::{Look, Tone};
use super::outline::Paragraph;
use super::progress::Progress;
use super::summary::Summary;
use super::table::{Cell, Column};
use super::talk::{LogWriter, Talk};
use super::tally::RunSize;
use super::{diagnostic, outline, table, text};
use crate::error::{Diagnostic, PrintError};
use crate::prune;

/// What a terminal that does not tell its size is taken for.
const USUAL_SIZE: Size = Size {
    rows: 24,
    columns: 80,
};

/// The terminal, as commands use it; clones share it.
#[derive(Clone)]
pub struct Ui {
    stdout: Arc<Mutex<Stdout>>,
    talk: Arc<Talk>,
    options: Options,
    facts: TerminalFacts,
}

struct Stdout {
    out: Box<dyn Write + Send>,
    /// Whether the reader has gone: `pkg list | head`.
    closed: bool,
}

/// Writes bytes to stdout.
pub struct DataWriter(Arc<Mutex<Stdout>>);

impl Write for DataWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stdout = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stdout.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut stdout = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stdout.out.flush()
    }
}

impl Ui {
    /// Takes hold of stdout and stderr of this process.
    #[must_use]
    pub fn new(options: Options, facts: TerminalFacts) -> Self {
        let measure = move || {
            let measured = console::Term::stderr().size_checked();
            let usual = Size {
                columns: facts.width.map_or(USUAL_SIZE.columns, usize::from),
                ..USUAL_SIZE
            };
            measured.map_or(usual, |(rows, columns)| Size {
                rows: rows.into(),
                columns: columns.into(),
            })
        };
        let stdout = Box::new(io::stdout());
        let talk = Talk::new(Box::new(io::stderr()), Box::new(measure));
        Self::with_streams(options, facts, stdout, talk)
    }

    fn with_streams(
        options: Options,
        facts: TerminalFacts,
        stdout: Box<dyn Write + Send>,
        talk: Talk,
    ) -> Self {
        let stdout = Stdout {
            out: stdout,
            closed: false,
        };
        Self {
            stdout: Arc::new(Mutex::new(stdout)),
            talk: Arc::new(talk),
            options,
            facts,
        }
    }

    /// Writes data to stdout as it is; when the reader has gone, it is dropped without a word.
    pub fn print(&self, data: &str) -> Result<(), PrintError> {
        if self.facts.stdout_is_terminal {
            self.talk.step_aside(|| self.write_data(data))
        } else {
            self.write_data(data)
        }
    }

    fn write_data(&self, data: &str) -> Result<(), PrintError> {
        // Each write is whole, so a thread that panicked left nothing half done.
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        if stdout.closed {
            return Ok(());
        }
        let written = stdout.out.write_all(data.as_bytes());
        match written.and_then(|()| stdout.out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => stdout.closed = true,
            written => written?,
        }
        Ok(())
    }

    /// Tells whether stdout is a terminal.
    #[must_use]
    pub fn prints_to_terminal(&self) -> bool {
        self.facts.stdout_is_terminal
    }

    /// Gives a writer of bytes to stdout, for data that is no text.
    #[must_use]
    pub fn data_writer(&self) -> DataWriter {
        DataWriter(Arc::clone(&self.stdout))
    }

    /// Writes the text of a file to stdout: as it is, but for the end of its last line on a terminal.
    pub fn print_file(&self, text: &str) -> Result<(), PrintError> {
        if self.facts.stdout_is_terminal && !text.is_empty() && !text.ends_with('\n') {
            return self.print(&format!("{text}\n"));
        }
        self.print(text)
    }

    /// Writes a drawing to stdout, in signs that the locale can show.
    pub fn print_drawing(&self, drawing: &str) -> Result<(), PrintError> {
        self.print(&self.stdout_look().spell(drawing))
    }

    /// Writes a table to stdout, narrowed to the width of a terminal; without rows it writes nothing.
    pub fn table(&self, columns: &[Column<'_>], rows: &[Vec<Cell>]) -> Result<(), PrintError> {
        let room = self.stdout_room();
        self.print(&table::render(columns, rows, self.stdout_look(), room))
    }

    /// Writes paragraphs to stdout, wrapped at the width of a terminal, in signs that the locale can show.
    pub fn outline(&self, paragraphs: &[Paragraph]) -> Result<(), PrintError> {
        let look = self.stdout_look();
        let text = outline::render(paragraphs, look, self.stdout_room());
        self.print(&look.spell(&text))
    }

    /// Gives a text its tone, for stdout.
    #[must_use]
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        self.stdout_look().paint(tone, text)
    }

    /// Writes a problem to stderr.
    pub fn diagnostic(&self, diagnostic: &Diagnostic) {
        let look = self.stderr_look();
        let text = diagnostic::render(diagnostic, look, self.stderr_room());
        self.talk.say(&look.spell(&text));
    }

    /// Writes a line to stderr that every user should see.
    pub fn say(&self, line: &str) {
        let line = text::visible(line);
        let line = self.stderr_look().spell(&line).into_owned();
        self.talk.say(&(line + "\n"));
    }

    /// Tells whether more than usual was asked for.
    #[must_use]
    pub fn tells_more(&self) -> bool {
        self.options.verbosity >= Verbosity::Info
    }

    /// Writes a line to stderr for those who asked for more.
    pub fn note(&self, line: &str) {
        if self.tells_more() {
            self.say(line);
        }
    }

    /// Begins the display of a run; there is one at a time.
    #[must_use]
    pub fn progress(&self, size: RunSize) -> Progress {
        let live = self.facts.live_on(self.options.live);
        let talk = Arc::clone(&self.talk);
        Progress::new(talk, size, self.options.verbosity, self.stderr_look(), live)
    }

    /// Writes the summary of a run to stderr.
    pub fn summary(&self, summary: &Summary) {
        let (look, room) = (self.stderr_look(), self.stderr_room());
        self.talk.say(&look.spell(&summary.render(look, room)));
    }

    /// Writes to stderr what became of a local tag.
    pub fn pruned(&self, event: &prune::Event) {
        let look = self.stderr_look();
        if let Some(line) = super::prune::line(event, look, self.stderr_room()) {
            self.talk.say(&look.spell(&line));
        }
    }

    /// Writes to stderr what was done with all local tags.
    pub fn pruning_done(&self, done: &prune::Done, took: Duration) {
        let look = self.stderr_look();
        let text = super::prune::summary(done, took, look, self.stderr_room());
        self.talk.say(&text);
    }

    fn stdout_room(&self) -> Option<usize> {
        let width = self.facts.width.map(usize::from);
        width.filter(|_| self.facts.stdout_is_terminal)
    }

    fn stderr_room(&self) -> Option<usize> {
        let on_terminal = self.facts.stderr_is_terminal;
        on_terminal.then(|| self.talk.columns())
    }

    /// Gives a writer of log lines to stderr, for a `tracing` subscriber.
    #[must_use]
    pub fn log_writer(&self) -> LogWriter {
        LogWriter::new(Arc::clone(&self.talk))
    }

    fn stdout_look(&self) -> Look {
        self.look(self.facts.stdout_is_terminal)
    }

    fn stderr_look(&self) -> Look {
        self.look(self.facts.stderr_is_terminal)
    }

    fn look(&self, is_terminal: bool) -> Look {
        Look {
            color: self.facts.color_on(self.options.color, is_terminal),
            charset: self.facts.charset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Terminal, size, started};
    use super::*;
    use crate::build::Phase;
    use crate::error::Severity;

    /// A stream that fails each time.
    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ui(
        options: Options,
        facts: TerminalFacts,
        out: Box<dyn Write + Send>,
        err: &Terminal,
    ) -> Ui {
        let talk = Talk::new(Box::new(err.clone()), Box::new(|| USUAL_SIZE));
        Ui::with_streams(options, facts, out, talk)
    }

    fn screen() -> Terminal {
        Terminal::new(24, 80)
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error() {
        let broken = Box::new(Broken(io::ErrorKind::BrokenPipe));
        let ui = ui(
            Options::default(),
            TerminalFacts::default(),
            broken,
            &screen(),
        );
        ui.print("one\n").unwrap();
        ui.print("two\n").unwrap();
    }

    #[test]
    fn a_full_disk_is_an_error() {
        let full = Box::new(Broken(io::ErrorKind::StorageFull));
        let ui = ui(
            Options::default(),
            TerminalFacts::default(),
            full,
            &screen(),
        );
        let PrintError(cause) = ui.print("one\n").expect_err("the disk is full");
        assert_eq!(cause.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn data_and_talk_part_and_notes_are_for_those_who_ask() {
        for (verbosity, talked) in [
            (Verbosity::Warnings, "warning: careful\nresult\n"),
            (Verbosity::Info, "warning: careful\nresult\nnote\n"),
        ] {
            let (out, err) = (screen(), screen());
            let options = Options {
                verbosity,
                ..Options::default()
            };
            let ui = ui(
                options,
                TerminalFacts::default(),
                Box::new(out.clone()),
                &err,
            );
            ui.print("data\n").unwrap();
            ui.diagnostic(&Diagnostic::new(Severity::Warning, "careful"));
            ui.say("result");
            ui.note("note");
            assert_eq!(out.bytes(), "data\n");
            assert_eq!(err.bytes(), talked);
        }
    }

    #[test]
    fn the_last_line_of_a_file_ends_on_a_terminal() {
        for (stdout_is_terminal, expected) in [(true, "a\nb\nc\n"), (false, "a\nbc\n")] {
            let out = screen();
            let facts = TerminalFacts {
                stdout_is_terminal,
                ..TerminalFacts::default()
            };
            let ui = ui(Options::default(), facts, Box::new(out.clone()), &screen());
            ui.print_file("a\nb").unwrap();
            ui.print_file("c\n").unwrap();
            ui.print_file("").unwrap();
            assert_eq!(out.bytes(), expected);
        }
    }

    #[test]
    fn a_table_is_narrowed_only_on_a_terminal() {
        for (stdout_is_terminal, expected) in
            [(true, "NAME\nregist…\n"), (false, "NAME\nregistry\n")]
        {
            let out = screen();
            let facts = TerminalFacts {
                stdout_is_terminal,
                width: Some(7),
                ..TerminalFacts::default()
            };
            let ui = ui(Options::default(), facts, Box::new(out.clone()), &screen());
            let rows = [vec!["registry".into()]];
            let options = [Column::left("NAME")];
            ui.table(&options, &rows).unwrap();
            let plain = console::strip_ansi_codes(&out.bytes()).into_owned();
            assert_eq!(plain, expected);
        }
    }

    #[test]
    fn data_on_the_same_terminal_does_not_tear_the_changing_lines() {
        let terminal = screen();
        let facts = TerminalFacts {
            stdout_is_terminal: true,
            stderr_is_terminal: true,
            ..TerminalFacts::default()
        };
        let options = Options::default();
        let ui = ui(options, facts, Box::new(terminal.clone()), &terminal);
        let progress = ui.progress(size(3, 1));
        progress.event(&started("nginx:1", Phase::Build));
        let mut log = ui.log_writer();
        log.write_all(b"half ").unwrap();
        log.write_all(b"and half\nrest").unwrap();
        drop(log);
        ui.print("data\r\n").unwrap();
        ui.talk.paint();
        let shown = console::strip_ansi_codes(&terminal.shown()).into_owned();
        let changing = shown
            .strip_prefix("half and half\nrest\ndata\n")
            .expect(&shown);
        assert!(changing.contains("nginx 1"), "{changing}");
        drop(progress);
        assert_eq!(terminal.shown(), "half and half\nrest\ndata");
    }
}
