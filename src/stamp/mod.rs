//! Stamps: what a build writes into images about itself, a commit or a time, without making them anew for each of these.
//!
//! ```text
//! STABLE_GIT_COMMIT 4f2a91c0
//! BUILD_TIMESTAMP 1795219200
//! ```
//!
//! ```text
//! stamp_defaults    constants ──────────┬→ Stamps ─→ {{ stamp.KEY }} in templates, in labels of image.yaml, in --tag
//! status_command    Status, with --stamp ┘     └───→ the same as it counts, for the digest of what an image is made from
//! ```
//!
//! The rule (Bazel's, "Workspace status"): keys that begin with `STABLE_` count by their values, so that another value makes
//! an image anew; all others count by their constants, so that none of their values does. Without `--stamp` every key has its
//! constant. A key is known by its constant: what the status command prints besides is for others.

mod placeholder;
mod stamps;
mod status;

pub(crate) use placeholder::hint_of_unknown;
pub use placeholder::{StampError, fill_stamps};
pub use stamps::{Constants, CountedStamps, Stamps, is_stable};
pub use status::{LARGEST_STATUS, Status, StatusError, StatusFault, parse_status};
pub(crate) use status::{check_value, is_key};
