//! What engine and registry hold of a catalog, asked before anything is decided.
//!
//! "Could not find out" is an error and never "absent": a registry that does not answer must not make anything be built
//! or published again.

mod bases;
mod presence;

pub use bases::{MovedBases, find_moved_bases};
pub use presence::{ObserveError, Observer};
