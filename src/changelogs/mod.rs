//! New changelog entries: which images get one, in which version and why, and the changelogs with them.
//!
//! [`draft_update`] and [`draft_refresh`] decide, purely; [`prepare`] reads the changelogs and gives what they are to hold. A dry
//! run prints that, and a run writes the same.

mod entry;
mod refresh;
mod update;

pub use entry::{Draft, Order, Signature, Update, UpdateError, UpdateErrors, prepare};
pub use refresh::{Cause, Refresh, RefreshWish, choose, draft_refresh};
pub use update::{NewVersion, UpdateWish, draft_update};
