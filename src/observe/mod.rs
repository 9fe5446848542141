//! What engine and registry hold of a catalog, asked before anything is decided.
//!
//! "Could not find out" is an error and never "absent": a registry that does not answer must not make anything be built
//! or published again.

mod bases;
mod drift;
mod inputs;
mod presence;
mod provenance;
mod record;

pub use bases::{MovedBases, find_moved_bases, find_recorded_parents};
pub use drift::Comparison;
pub use inputs::{Inventory, InventoryError, Snapshot, Sources, WithoutProxies};
pub use presence::{ObserveError, Observer, is_same};
pub use provenance::{Origin, Provenance};
pub use record::PublishedRecord;
