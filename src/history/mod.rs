//! What the changelogs of a catalog say over time: which entries a question is about, and how they fold into few lines.
//!
//! ```text
//! 2026-11-21   tools 2.0-1                       New upstream release.
//!                 what is built on it: app, web
//!              128 images                        Weekly rebuild.
//! ```
//!
//! An entry counts for the day that its trailer names, in the zone in which it was written. Entries of one day with one
//! author and one reason are one item, and so are those of an image that follow each other; entries that another image's
//! entry brought about (`Refresh for update in parent image tools:`) stand below that one. What has no date stands by itself.

mod fold;
mod moment;
mod query;
mod reason;
mod record;
#[cfg(test)]
mod samples;

pub use fold::{Day, ImageHistory, Item, fold_by_day, fold_by_image, fold_undated};
pub use moment::{Moment, MomentError, parse_moment};
pub use query::{Answer, Query, answer};
pub use reason::{Reason, parse_reason};
pub use record::{Record, records};
