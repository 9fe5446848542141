//! The Docker engine, through its API: which images it has, building, loading, pulling, tagging, pushing.
//!
//! Every wait has a deadline of our own: the client's single time-out would also cover the upload of a context. What was
//! measured of the engines' differences is said where the code depends on it.

mod address;
mod bound;
mod build;
mod connection;
mod containers;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod images;
mod labels;
mod passing;
mod progress;
mod push;
mod save;
mod session;
mod step;
mod stream;
mod transport;
mod trial;

pub use address::{EngineAddress, find_address};
pub use build::{BuildFault, BuildRequest};
pub use connection::{Builder, Engine, Make};
pub use containers::{Activity, Container};
pub use error::{EngineError, tells_of_full_disk};
pub use images::{EngineImage, EngineImages};
pub use labels::{INPUTS, PARENTS, parse_parents, render_parents};
pub use passing::tells_of_passing_trouble;
pub use progress::BuildProgress;
pub use push::RegistryLogin;
pub use trial::{Trial, TrialEnd};
