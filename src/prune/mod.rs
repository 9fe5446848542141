//! Removing local versions of the catalog's images: what goes and what stays is decided first, from what engine and shelf
//! have, and then done, tag by tag.
//!
//! Only tags are removed, never identities: an image goes when its last name goes, and the engine keeps
//! what anything else needs.

mod prepare;
mod run;
#[cfg(test)]
mod table;

pub use prepare::{Fate, LocalTag, Place, Pruning, Stock, Why, prepare};
pub use run::{Done, Event, Homes, Outcome, run};
