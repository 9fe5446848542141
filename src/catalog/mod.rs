//! The catalog: every image that the scanned directories hold, and what depends on what.

mod graph;
mod image;
mod name;
mod selection;

pub use graph::{Edge, EdgeSource, Graph, GraphError, Need, Needs};
pub use image::{Catalog, DeclaredDependency, DuplicateName, Image, ImageId, Recipe};
pub use name::{ImageName, NameError};
pub use selection::{Pattern, PatternError};
