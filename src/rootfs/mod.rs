//! A root file system as a value: which path holds what, with owner, mode, time and attributes.
//!
//! What files contain lies elsewhere, in the tars that it was read from, and is named by an [`Extent`]; so a tree of any size
//! takes little memory, needs no right to make devices or to give files away, and nothing in it can leave its root.
//!
//! ```text
//! tar ── read_tar ──→ entries ── Tree::apply_layer ──→ Tree ── write_tar ──→ tar
//! ```

mod changes;
mod difference;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod node;
mod path;
mod pax;
mod place;
mod read;
mod tree;
mod write;

pub use changes::LayerError;
pub use difference::{DifferenceError, check_names, write_difference};
pub use node::{Attributes, Content, Extent, Kind, Node, OwnerNames, Volume};
pub use path::{RootPath, RootPathError};
pub use place::{Outcome, Placed};
pub use read::{Change, Entry, TarError, VendorRecord, read_tar, read_tar_with_records};
pub use tree::{FullError, ResolveError, Tree};
pub use write::{Fetch, Owners, Part, write_part, write_tar};

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod tests;
