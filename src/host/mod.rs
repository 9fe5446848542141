//! The machine: environment, clock, files, programs. Nothing else in the crate asks it anything directly.

mod clock;
mod conversation;
mod environment;
pub mod fs;
mod lines;
mod process;

pub use clock::{Clock, ClockError};
pub use environment::Environment;
pub use process::{Output, ProcessError, Program, Stream};
