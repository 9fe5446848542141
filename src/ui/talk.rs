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
///
/// A terminal can stop taking bytes for as long as its user likes (Ctrl-S). Then only the painter waits, who holds the
/// stage; what is said meanwhile waits in the wings. Whoever takes both takes the stage first.
pub(super) struct Talk {
    stage: Mutex<Stage>,
    wings: Mutex<Wings>,
    measure: Measure,
}

struct Stage {
    screen: Screen,
    frame: Option<FrameSource>,
}

#[derive(Default)]
struct Wings {
    /// Whether there are changing lines, so that text has to wait for their next painting.
    live: bool,
    /// The text that waits.
    above: String,
}

impl Talk {
    pub(super) fn new(out: Box<dyn Write + Send>, measure: Measure) -> Self {
        Self {
            stage: Mutex::new(Stage {
                screen: Screen::new(out),
                frame: None,
            }),
            wings: Mutex::default(),
            measure,
        }
    }

    /// Gives the width of the terminal at this moment.
    pub(super) fn columns(&self) -> usize {
        (self.measure)().columns
    }

    /// Writes whole lines, above those that change if there are any.
    pub(super) fn say(&self, text: &str) {
        if !self.leave_in_wings(text) {
            let mut stage = lock(&self.stage);
            // A display may have begun since.
            if !self.leave_in_wings(text) {
                stage.screen.write(text);
            }
        }
    }

    fn leave_in_wings(&self, text: &str) -> bool {
        let mut wings = lock(&self.wings);
        if wings.live {
            wings.above.push_str(text);
        }
        wings.live
    }

    /// Begins to show changing lines.
    pub(super) fn begin(&self, frame: FrameSource) {
        let mut stage = lock(&self.stage);
        stage.frame = Some(frame);
        lock(&self.wings).live = true;
        self.paint_on(&mut stage);
    }

    /// Brings the terminal up to date.
    pub(super) fn paint(&self) {
        self.paint_on(&mut lock(&self.stage));
    }

    fn paint_on(&self, stage: &mut Stage) {
        let size = (self.measure)();
        let Stage { screen, frame } = stage;
        if let Some(frame) = frame {
            let above = std::mem::take(&mut lock(&self.wings).above);
            screen.paint(&above, &frame(size), size.columns);
        }
    }

    /// Takes the changing lines away; what was said stays.
    pub(super) fn end(&self) {
        let mut stage = lock(&self.stage);
        self.clear(&mut stage);
        stage.frame = None;
        let said_last = std::mem::take(&mut *lock(&self.wings)).above;
        stage.screen.write(&said_last);
    }

    /// Lets another stream write to the same terminal; the changing lines come back below it.
    pub(super) fn step_aside<T>(&self, write: impl FnOnce() -> T) -> T {
        let mut stage = lock(&self.stage);
        self.clear(&mut stage);
        write()
    }

    fn clear(&self, stage: &mut Stage) {
        let above = std::mem::take(&mut lock(&self.wings).above);
        stage.screen.paint(&above, &[], self.columns());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a thread that panicked left is at worst a torn line.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A terminal that takes no byte until it is let go.
    struct Stopped(mpsc::Receiver<()>);

    impl Write for Stopped {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Nothing more comes when it was let go for good.
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stopped_terminal_stops_the_painter_and_nobody_else() {
        let (go, stopped) = mpsc::channel();
        let size = Size {
            rows: 24,
            columns: 80,
        };
        let talk = Talk::new(Box::new(Stopped(stopped)), Box::new(move || size));
        go.send(()).unwrap();
        talk.begin(Box::new(|_| vec!["changing".to_owned()]));
        std::thread::scope(|scope| {
            scope.spawn(|| talk.paint());
            for number in 0..1000 {
                talk.say(&format!("{number}\n"));
            }
            drop(go);
        });
        talk.end();
        assert!(!lock(&talk.wings).live);
    }
}
