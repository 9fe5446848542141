//! Gathers what the rules of an audit look at: image directories as far as they can be read, and what git knows of them.
//!
//! A catalog with faults is no reason to stop: what cannot be read is a finding of its own, and the rest is looked at all the
//! same.

mod faults;
mod files;
mod gather;
mod history;
mod taken;

pub use faults::find_faults;
pub use files::{Files, read_files};
pub use gather::gather;
pub use history::{Histories, find_histories};
