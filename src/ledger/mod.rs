//! What past runs left that helps the next: how long each image took, what failed and how often, the logs, and which run
//! is at work on a catalog.
//!
//! ```text
//! ~/.local/state/pkg/ledger-1/9f2c….json        for each directory of images: times and failures
//! ~/.local/state/pkg/ledger-1/9f2c….holder      who works on it
//! ~/.local/state/pkg/logs/RUN/                  the logs of a run, locked for as long as it lives
//! ```
//!
//! The record of passed tests, `verified-1/`, is [`crate::verify`]'s.
//!
//! All of it may be deleted, be unreadable or be garbage at any time: then images are built again that might have waited,
//! and in another order. Whether an image is out of date never depends on it.

mod attempts;
mod claim;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod notes;
mod rooms;

pub use attempts::{Attempt, Due, InputsSince, NextTry, PastFailures, TryKey};
pub use claim::{BusyDirectory, Claim, ClaimError, Holder, HolderNote, LockOrigin};
pub use notes::Ledger;
pub use rooms::{RunRoom, temporary_prefix};
