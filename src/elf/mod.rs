//! Shared libraries (System V ABI, "Object Files"): as much of their headers as a loader has to know before it takes one.
//!
//! Of a file only a few kilobytes are read, wherever it says that they are; all of that is bounded, and what is wrong with it
//! is an error.

mod bytes;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod library;
mod property;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use library::{Class, ElfError, Library, machine, read_library};
