//! Running an image's tests, and remembering on which very image they passed.

mod record;
mod run;

pub use record::VerifiedRecord;
pub use run::{Test, VerifyError, find_test, find_test_file, verify};
