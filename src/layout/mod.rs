//! Images as OCI layouts on disk (image-spec, "Image Layout"): writing one, and the shelf of those that this program made
//! without an engine.

mod sbom;
mod shelf;
mod stock;
mod sweeping;
mod write;

pub use sbom::{Artifact, Bill};
pub use shelf::{Shelf, ShelfError, Shelved};
pub use stock::Stored;
pub use write::{LayoutError, PartLayer, Parts, write_layout};
