//! From directories on the command line to a catalog: find image directories, read their files, render every template,
//! and join what they need to a graph. All problems of all directories are told at once, but for those that may only follow
//! from another one: an image that cannot be read has a name that nobody knows.

mod declared;
mod directories;
mod load;
mod problem;
mod read;
mod rendering;
mod stamping;
mod walk;

pub use directories::{ImageDirectory, Scanned, scan_directories};
pub(crate) use load::means_current;
pub use load::{Loaded, Survey, load, survey};
pub use problem::{Excess, Problem, Problems, Warning};
pub use rendering::Rendering;
