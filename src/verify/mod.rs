//! Running an image's tests, and remembering on which very image they passed.

mod beside;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod record;
mod run;

use beside::digest_beside;
pub use record::VerifiedRecord;
pub use run::{Test, VerifyError, find_test, find_test_file, verify};
