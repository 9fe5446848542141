//! A run while it goes on: lines that change in place on a terminal, one plain line per event elsewhere.

use std::collections::HashMap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::facts::Verbosity;
use super::lines::Reader;
use super::look::Look;
use super::summary::Summary;
use super::talk::Talk;
use super::tally::{RunSize, Tally};
use super::{frame, lines};
use crate::build::{Event, Phase};
use crate::oci::Reference;

/// Ten times a second is smooth enough for a spinner and slow enough for a distant terminal.
const PAINT_EVERY: Duration = Duration::from_millis(100);

/// The display of a run; it takes its lines off the terminal when it is dropped.
pub struct Progress {
    talk: Arc<Talk>,
    tally: Arc<Mutex<Tally>>,
    began: Instant,
    size: RunSize,
    verbosity: Verbosity,
    look: Look,
    display: Display,
}

enum Display {
    Live(#[expect(dead_code, reason = "it works until it is dropped")] Painter),
    Plain,
}

impl Progress {
    pub(super) fn new(
        talk: Arc<Talk>,
        size: RunSize,
        verbosity: Verbosity,
        look: Look,
        live: bool,
    ) -> Self {
        let tally = Arc::new(Mutex::new(Tally::new(size)));
        let began = Instant::now();
        let painter = live.then(|| {
            let tally = Arc::clone(&tally);
            talk.begin(Box::new(move |terminal| {
                frame::render(&lock(&tally), began.elapsed(), look, terminal)
            }));
            Painter::start(Arc::clone(&talk))
        });
        // A machine that gives no thread more still shows each event.
        let display = if let Some(Ok(painter)) = painter {
            Display::Live(painter)
        } else {
            talk.end();
            Display::Plain
        };
        Self {
            talk,
            tally,
            began,
            size,
            verbosity,
            look,
            display,
        }
    }

    /// Takes how long images took the last time, for the estimate.
    pub fn expect(&self, expected: HashMap<Reference, Duration>) {
        lock(&self.tally).expect(expected);
    }

    /// Takes the next event of the run; it never waits for the terminal when the display is live.
    pub fn event(&self, event: &Event) {
        let line = self.take(event);
        if let Some(line) = line {
            let line = self.look.spell(&line).into_owned();
            self.talk.say(&(line + "\n"));
        }
    }

    /// Ends the display and gives what the run did.
    #[must_use]
    pub fn finish(self) -> Summary {
        let took = self.began.elapsed();
        drop(self.display);
        lock(&self.tally).clone().into_summary(took)
    }

    fn take(&self, event: &Event) -> Option<String> {
        let mut tally = lock(&self.tally);
        tally.take(event, self.began.elapsed());
        let line = match event {
            Event::Line { image, text } => {
                let asked = self.verbosity >= Verbosity::Debug;
                return asked.then(|| lines::log_line(image, text, self.look));
            }
            Event::Started { image, phase } => match self.display {
                Display::Live(_) => None,
                // All of them begin at once.
                Display::Plain if *phase == Phase::Resolve && self.verbosity < Verbosity::Info => {
                    None
                }
                Display::Plain => Some(lines::started(image, *phase)),
            },
            Event::Step { image, name } => {
                (self.verbosity >= self.steps_from()).then(|| lines::step(image, name))
            }
            Event::Again {
                image,
                wait,
                next,
                cause,
            } => Some(format!(
                "{}: {}",
                lines::label(image),
                lines::again(*wait, *next, cause)
            )),
            Event::Finished { .. } => lines::finished(event, self.reader()),
        }?;
        match self.display {
            Display::Live(_) => Some(line),
            Display::Plain => {
                let (finished, steps) = tally.finished();
                let digits = steps.to_string().len();
                Some(format!("[{finished:>digits$}/{steps}] {line}"))
            }
        }
    }

    fn reader(&self) -> Reader {
        Reader {
            size: self.size,
            verbosity: self.verbosity,
            look: self.look,
            room: match self.display {
                Display::Live(_) => Some(self.talk.columns()),
                Display::Plain => None,
            },
        }
    }

    /// Gives the verbosity from which steps are lines of their own: a live display shows the current one anyway.
    fn steps_from(&self) -> Verbosity {
        match self.display {
            Display::Live(_) => Verbosity::Debug,
            Display::Plain => Verbosity::Info,
        }
    }
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    // A tally that another thread left is still a tally.
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread that brings the terminal up to date, as long as it is not dropped.
struct Painter {
    talk: Arc<Talk>,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Painter {
    fn start(talk: Arc<Talk>) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let painting = Arc::clone(&talk);
        let thread = std::thread::Builder::new()
            .name("painter".into())
            .spawn(move || {
                while stopped.recv_timeout(PAINT_EVERY) == Err(RecvTimeoutError::Timeout) {
                    painting.paint();
                }
            })?;
        Ok(Self {
            talk,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Painter {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A painter that panicked has nothing more to show.
            let _ = thread.join();
        }
        self.talk.end();
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::Size;
    use super::super::samples::{
        Terminal, blocked, done, failed, interrupted, line, published, size, started, step,
    };
    use super::*;

    fn progress(terminal: &Terminal, verbosity: Verbosity, live: bool) -> Progress {
        let (rows, columns) = terminal.size();
        let size_of_terminal = Size {
            rows: rows.into(),
            columns: columns.into(),
        };
        let out = Box::new(terminal.clone());
        let talk = Arc::new(Talk::new(out, Box::new(move || size_of_terminal)));
        Progress::new(talk, size(27, 4), verbosity, Look::default(), live)
    }

    fn events() -> [Event; 9] {
        [
            started("nginx:1", Phase::Build),
            step("nginx:1", "[1/2] FROM bookworm"),
            line("nginx:1", "unpacking"),
            done("nginx:1", Phase::Build, 12),
            published("nginx:1", 2),
            started("php:8", Phase::Build),
            failed("php:8", Phase::Build, "exit code 1"),
            blocked("wiki:1", "php:8"),
            interrupted("redis:7"),
        ]
    }

    #[track_caller]
    fn plain_case(verbosity: Verbosity, expected: &[&str]) {
        let terminal = Terminal::new(24, 80);
        let progress = progress(&terminal, verbosity, false);
        for event in events() {
            progress.event(&event);
        }
        let summary = progress.finish();
        assert_eq!(terminal.bytes().lines().collect::<Vec<_>>(), expected);
        assert_eq!((summary.built.len(), summary.not_begun), (1, 24));
    }

    #[test]
    fn a_log_gets_one_plain_line_per_event() {
        plain_case(
            Verbosity::Warnings,
            &[
                "[ 0/27] building nginx 1",
                "[ 1/27] ✓ built nginx 1 in 12.0s",
                "[ 1/27] ✓ published nginx 1 in 2.0s",
                "[ 1/27] building php 8",
                "[ 2/27] ✗ failed to build php 8 after 7.0s: exit code 1",
                "[ 3/27] – blocked wiki 1 by php 8",
            ],
        );
    }

    #[test]
    fn steps_and_log_lines_are_for_those_who_ask() {
        let rest = [
            "[ 1/27] ✓ built nginx 1 in 12.0s",
            "[ 1/27] ✓ published nginx 1 in 2.0s",
            "[ 1/27] building php 8",
            "[ 2/27] ✗ failed to build php 8 after 7.0s: exit code 1",
            "[ 3/27] – blocked wiki 1 by php 8",
        ];
        let mut expected = vec![
            "[ 0/27] building nginx 1",
            "[ 0/27] nginx 1: [1/2] FROM bookworm",
        ];
        plain_case(Verbosity::Info, &[&expected[..], &rest].concat());
        expected.push("nginx 1 | unpacking");
        plain_case(Verbosity::Debug, &[&expected[..], &rest].concat());
    }

    #[test]
    fn a_live_display_shows_what_runs_below_what_is_done_and_goes_away() {
        let terminal = Terminal::new(24, 80);
        let progress = progress(&terminal, Verbosity::Warnings, true);
        for event in events() {
            progress.event(&event);
        }
        progress.event(&started("kafka:3", Phase::Build));
        progress.talk.paint();
        let stays = "✓ built nginx 1 in 12.0s\n✓ published nginx 1 in 2.0s\n\
            ✗ failed to build php 8 after 7.0s: exit code 1\n– blocked wiki 1 by php 8";
        let shown = terminal.shown();
        let changes = shown.strip_prefix(stays).expect("what is done comes first");
        assert!(changes.contains("kafka 3"), "{changes}");
        assert!(
            changes
                .contains("\n1 of 27 built · 1 running · 23 waiting · 1 failed · 1 blocked · 0s"),
            "{changes}"
        );
        progress.talk.say("warning: something else\n");
        let summary = progress.finish();
        let left = format!("{stays}\nwarning: something else");
        assert_eq!(terminal.shown(), left);
        assert_eq!(summary.interrupted.len(), 1, "kafka was not finished");
    }

    #[test]
    fn a_live_display_that_is_dropped_goes_away() {
        let terminal = Terminal::new(24, 80);
        let progress = progress(&terminal, Verbosity::Debug, true);
        for event in &events()[..3] {
            progress.event(event);
        }
        drop(progress);
        let left = "nginx 1: [1/2] FROM bookworm\nnginx 1 | unpacking";
        assert_eq!(terminal.shown(), left);
    }

    #[test]
    fn a_choice_of_packages_is_shown_while_it_goes_on_and_told_to_those_who_ask() {
        let events = [
            started("app:1", Phase::Resolve),
            step("app:1", "the index of bookworm is there"),
            done("app:1", Phase::Resolve, 2),
        ];
        let told = [
            "[ 0/27] resolving app 1",
            "[ 0/27] app 1: the index of bookworm is there",
            "[ 1/27] ✓ resolved app 1 in 2.0s",
        ];
        for (verbosity, expected) in [(Verbosity::Warnings, &[][..]), (Verbosity::Info, &told)] {
            let terminal = Terminal::new(24, 80);
            let progress = progress(&terminal, verbosity, false);
            for event in &events {
                progress.event(event);
            }
            drop(progress);
            assert_eq!(terminal.bytes().lines().collect::<Vec<_>>(), expected);
        }
        let terminal = Terminal::new(24, 80);
        let progress = progress(&terminal, Verbosity::Warnings, true);
        for event in &events[..2] {
            progress.event(event);
        }
        progress.talk.paint();
        let shown = terminal.shown();
        let line = "app 1  resolving   the index of bookworm is there";
        assert!(shown.contains(line), "{shown}");
        progress.event(&events[2]);
        drop(progress);
        assert_eq!(terminal.shown(), "");
    }
}
