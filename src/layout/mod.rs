//! Images as OCI layouts on disk (image-spec, "Image Layout"): writing one, and the shelf of those that this program made
//! without an engine.

mod sbom;
mod shelf;
mod shelved;
mod stock;
mod sweeping;
mod write;

pub use sbom::{Artifact, Bill};
pub use shelf::{Shelf, ShelfError};
pub use shelved::{Shelved, ShelvedImage};
pub use stock::Stored;
pub use write::{LayoutError, PartLayer, Parts, WrittenLayout, write_layout};
