//! Files in Debian's formats: the changelog that names and versions an image, and the control file that says what it
//! needs.

mod version;

pub use version::{Version, VersionError};
