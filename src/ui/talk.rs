//! Everything that goes to stderr passes here, so that nothing is written into the lines that change in place.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::frame::Size;
use super::screen::Screen;

/// Gives the changing lines of this moment for a terminal of this size.
pub(super) type FrameSource = Box<dyn FnMut(Size) -> Vec<String> + Send>;

/// Measures the terminal anew at each call.
pub(super) type Measure = Box<dyn Fn() -> Size + Send + Sync>;

/// The talk on stderr of the whole process.
pub(super) struct Talk {
    state: Mutex<State>,
    measure: Measure,
}

struct State {
    screen: Screen,
    frame: Option<FrameSource>,
    /// Text that goes above the changing lines when they are painted next.
    above: String,
}

impl Talk {
    pub(super) fn new(out: Box<dyn Write + Send>, measure: Measure) -> Self {
        let state = Mutex::new(State {
            screen: Screen::new(out),
            frame: None,
            above: String::new(),
        });
        Self { state, measure }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What another thread left is at worst a torn line.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the width of the terminal at this moment.
    pub(super) fn columns(&self) -> usize {
        (self.measure)().columns
    }

    /// Writes whole lines, above those that change if there are any.
    pub(super) fn say(&self, text: &str) {
        let mut state = self.state();
        if state.frame.is_some() {
            state.above.push_str(text);
        } else {
            state.screen.write(text);
        }
    }

    /// Begins to show changing lines.
    pub(super) fn begin(&self, frame: FrameSource) {
        self.state().frame = Some(frame);
        self.paint();
    }

    /// Brings the terminal up to date.
    pub(super) fn paint(&self) {
        let size = (self.measure)();
        let State {
            screen,
            frame,
            above,
        } = &mut *self.state();
        if let Some(frame) = frame {
            screen.paint(above, &frame(size), size.columns);
            above.clear();
        }
    }

    /// Takes the changing lines away; what was said stays.
    pub(super) fn end(&self) {
        let size = (self.measure)();
        let State {
            screen,
            frame,
            above,
        } = &mut *self.state();
        if frame.take().is_some() {
            screen.paint(above, &[], size.columns);
            above.clear();
        }
    }

    /// Lets another stream write to the same terminal; the changing lines come back below it.
    pub(super) fn step_aside<T>(&self, write: impl FnOnce() -> T) -> T {
        let size = (self.measure)();
        let State { screen, above, .. } = &mut *self.state();
        if above.is_empty() {
            screen.erase(size.columns);
        } else {
            screen.paint(above, &[], size.columns);
            above.clear();
        }
        write()
    }
}

/// Takes the lines of a log, whole ones, to stderr.
#[derive(Clone)]
pub struct LogWriter {
    talk: Arc<Talk>,
    begun: Vec<u8>,
}

impl LogWriter {
    pub(super) fn new(talk: Arc<Talk>) -> Self {
        let begun = Vec::new();
        Self { talk, begun }
    }
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        if let Some(end) = self.begun.iter().rposition(|&byte| byte == b'\n') {
            let whole: Vec<u8> = self.begun.drain(..=end).collect();
            self.talk.say(&String::from_utf8_lossy(&whole));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        if !self.begun.is_empty() {
            let rest = String::from_utf8_lossy(&self.begun);
            self.talk.say(&format!("{rest}\n"));
        }
    }
}
