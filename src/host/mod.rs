//! The machine: environment, clock, files, programs. Nothing else in the crate asks it anything directly.

mod clock;
mod environment;
pub mod fs;

pub use clock::{Clock, ClockError};
pub use environment::Environment;
