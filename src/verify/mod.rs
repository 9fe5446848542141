//! Running an image's tests, and remembering on which very image they passed.
//!
//! Tests are the verify command of the settings and `structure-test.yaml`; an image passes that passes all of them.

mod beside;
mod command;
mod commands;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod record;
mod run;
mod structure;

use beside::digest_beside;
pub use error::VerifyError;
pub use record::VerifiedRecord;
pub use run::{Test, Verification, Verified, find_test, find_test_file, judge, verify};
pub use structure::{STRUCTURE_FILE, StructureTests, Subject, save_image, verify_archive};
