//! The machine: environment, clock, files, programs. Nothing else in the crate asks it anything directly.

mod apt;
mod chance;
mod clock;
mod conversation;
mod environment;
pub mod fs;
mod lines;
mod process;

pub use apt::find_machine_mirrors;
pub use chance::unique_hex;
pub use clock::{Clock, ClockError};
pub use environment::Environment;
pub use process::{Output, ProcessError, Program, Stream};
