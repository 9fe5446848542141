//! The catalog: every image that the scanned directories hold, and what depends on what.

mod cycle;
mod graph;
mod image;
mod name;
#[cfg(test)]
pub(crate) mod samples;
mod selection;
mod taken;

pub use graph::{Edge, EdgeSource, Graph, GraphError, Need, Needs};
pub use image::{Catalog, DeclaredDependency, DuplicateName, Image, ImageId, Recipe};
pub use name::{ImageName, NameError};
pub use selection::{Pattern, PatternError, find_of_name};
pub use taken::Taken;
