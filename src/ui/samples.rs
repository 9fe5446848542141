//! Made-up events for the tests of the display.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::tally::RunSize;
use crate::build::{Event, Outcome, Phase};
use crate::oci::Reference;

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn size(images: usize, jobs: usize) -> RunSize {
    RunSize {
        work: Phase::Build,
        images,
        steps: images,
        jobs,
    }
}

pub(super) fn image(text: &str) -> Reference {
    text.parse().expect("a reference")
}

pub(super) fn started(image_text: &str, phase: Phase) -> Event {
    Event::Started {
        image: image(image_text),
        phase,
    }
}

pub(super) fn step(image_text: &str, name: &str) -> Event {
    Event::Step {
        image: image(image_text),
        name: name.to_owned(),
    }
}

pub(super) fn line(image_text: &str, text: &str) -> Event {
    Event::Line {
        image: image(image_text),
        text: text.to_owned(),
    }
}

pub(super) fn done(image_text: &str, phase: Phase, took: u64) -> Event {
    finished(image_text, phase, Outcome::Done, took)
}

pub(super) fn published(image_text: &str, took: u64) -> Event {
    let digest = format!("sha256:{}", "3f".repeat(32));
    let digest = digest.parse().expect("a digest");
    finished(image_text, Phase::Publish, Outcome::Published(digest), took)
}

pub(super) fn failed(image_text: &str, phase: Phase, cause: &str) -> Event {
    let outcome = Outcome::Failed {
        fault: crate::build::Fault::Work,
        cause: cause.to_owned(),
        last_lines: (1..=14).map(|number| format!("line {number}")).collect(),
        log: Some("/state/logs/failed.log".into()),
    };
    finished(image_text, phase, outcome, 7)
}

pub(super) fn blocked(image_text: &str, by: &str) -> Event {
    let by = image(by);
    finished(image_text, Phase::Build, Outcome::Blocked { by }, 0)
}

pub(super) fn interrupted(image_text: &str) -> Event {
    finished(image_text, Phase::Build, Outcome::Interrupted, 0)
}

fn finished(image_text: &str, phase: Phase, outcome: Outcome, took: u64) -> Event {
    Event::Finished {
        image: image(image_text),
        phase,
        outcome,
        took: seconds(took),
    }
}

/// A terminal in memory: it understands what is written to it, and keeps the bytes.
#[derive(Clone)]
pub(super) struct Terminal(Arc<Mutex<TerminalState>>);

struct TerminalState {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    writes: usize,
}

impl Terminal {
    pub(super) fn new(rows: u16, columns: u16) -> Self {
        Self(Arc::new(Mutex::new(TerminalState {
            parser: vt100::Parser::new(rows, columns, 0),
            bytes: Vec::new(),
            writes: 0,
        })))
    }

    fn state(&self) -> MutexGuard<'_, TerminalState> {
        self.0.lock().expect("no test panics while it writes")
    }

    /// Gives the rows that are shown, without spaces at their ends and without empty rows at the end.
    pub(super) fn shown(&self) -> String {
        let state = self.state();
        let screen = state.parser.screen();
        let (_, columns) = screen.size();
        let rows: Vec<String> = screen
            .rows(0, columns)
            .map(|row| row.trim_end().to_owned())
            .collect();
        rows.join("\n").trim_end().to_owned()
    }

    /// Gives its rows and columns.
    pub(super) fn size(&self) -> (u16, u16) {
        self.state().parser.screen().size()
    }

    /// Gives row and column of the cursor.
    pub(super) fn cursor(&self) -> (u16, u16) {
        self.state().parser.screen().cursor_position()
    }

    /// Gives everything that was written.
    pub(super) fn bytes(&self) -> String {
        String::from_utf8(self.state().bytes.clone()).expect("UTF-8")
    }

    /// Counts the writes.
    pub(super) fn writes(&self) -> usize {
        self.state().writes
    }

    /// Begins to keep bytes and to count writes anew.
    pub(super) fn forget_bytes(&self) {
        let mut state = self.state();
        state.bytes.clear();
        state.writes = 0;
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state();
        state.parser.process(bytes);
        state.bytes.extend_from_slice(bytes);
        state.writes += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
