//! What the user sees: the only writer to the terminal.
//!
//! Stdout is data: what a command was asked for, the same on a terminal and in a pipe but for colour and width. Stderr is
//! talk: problems, notes, the progress of a run and its summary. [`Ui`] holds both; it is cheap to clone, and everything
//! that goes to stderr passes through it, so that nothing tears the lines that change in place.

mod diagnostic;
mod duration;
mod facts;
mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod lines;
mod look;
mod outline;
mod progress;
mod prune;
#[cfg(test)]
mod samples;
mod screen;
mod size;
mod summary;
mod table;
mod talk;
mod tally;
mod terminal;
mod text;

pub use facts::{Charset, ColorChoice, Live, Options, TerminalFacts, Verbosity};
pub use look::Tone;
pub use outline::Paragraph;
pub use progress::Progress;
pub use prune::{render_stays_as, render_users};
pub use size::render_size;
pub use summary::{Blocked, Failure, Summary, Waiting};
pub use table::{Cell, Column};
pub use talk::LogWriter;
pub use tally::RunSize;
pub use terminal::{DataWriter, Ui};
pub use text::visible;
