//! From directories on the command line to a catalog: find image directories, read their files, render every template,
//! and join what they need to a graph. All problems of all directories are told at once.

mod directories;
mod load;
mod problem;

pub use directories::scan_directories;
pub use load::{Loaded, Rendering, load};
pub use problem::{Problem, Problems, Warning};
