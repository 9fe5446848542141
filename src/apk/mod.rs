//! Packages and indexes of Alpine and Wolfi (APK version 2): what they say, whether it may be trusted, which of them an image
//! takes, and what they make of a root file system.
//!
//! Nothing is believed before it was checked: an index has a signature of a known key, the index names the SHA-1 sum of each
//! package's control part, that has the SHA-256 of the files, and each file has a sum of its own. A lock file pins all of them.

mod checksum;
mod requirement;
mod version;

pub use checksum::{Checksum, ChecksumError};
pub use requirement::{Comparison, Provide, Requirement, RequirementError, Sense};
pub use version::{Version, VersionError};
