//! Packages and indexes of Alpine and Wolfi (APK version 2): what they say, whether it may be trusted, which of them an image
//! takes, and what they make of a root file system.
//!
//! Nothing is believed before it was checked: an index has a signature of a known key, the index names the SHA-1 sum of each
//! package's control part, that has the SHA-256 of the files, and each file has a sum of its own. A lock file pins all of them.

mod checksum;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod gzip;
mod index;
mod info;
mod install;
mod key;
mod lock;
mod package;
mod record;
mod requirement;
#[cfg(test)]
mod samples;
mod solver;
#[cfg(test)]
mod tests;
mod version;

pub use checksum::{Checksum, ChecksumError, Sha256};
pub use files::{FilesError, PackageFile, read_files};
pub use gzip::{GzipError, Part};
pub use index::{Index, IndexError, Skipped, parse_index};
pub use info::{Info, InfoError, parse_info};
pub use install::{InstallError, Installation, Setup, link_busybox};
pub use key::{Key, KeyError, Trust, TrustError};
pub use lock::{
    Freshness, Lock, LockConfig, LockContents, LockError, LockKey, LockMismatch, LockPackage,
    LockPart, LockRepository, parse_lock,
};
pub use package::{
    Expected, Limits, Package, PackageError, Script, check_architecture, read_package,
};
pub use record::{Record, RecordError};
pub use requirement::{Comparison, Provide, Requirement, RequirementError, Sense};
pub use solver::{
    Chosen, Link, Problem, Reason, Rejected, Repository, Resolved, SolveError, SolveErrors,
    Universe, solve, solve_all,
};
pub use version::{Version, VersionError};
