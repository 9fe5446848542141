//! What goes wrong at an archive.

use std::sync::Arc;
use std::time::Duration;

use super::keyrings::KeyringsError;
use super::location::LocationError;
use super::store::StoreError;
use crate::debian::{PackagesError, ReleaseError};
use crate::host::fs::FileError;
use crate::oci::Digest;

/// A file that could not be fetched.
#[derive(Debug, thiserror::Error)]
#[error("cannot fetch {place}: {fault}")]
pub struct FetchError {
    /// Where it should be, without a login.
    pub place: String,
    /// What went wrong in the end.
    pub fault: FetchFault,
}

/// What may go wrong.
#[derive(Debug, thiserror::Error)]
pub enum FetchFault {
    /// It is not there.
    #[error("it is not there")]
    Absent,
    /// The server refuses.
    #[error("the server answers with status {status}{}", show_times(*times))]
    Status {
        /// The status of HTTP.
        status: u16,
        /// How often it was asked.
        times: u32,
    },
    /// Nobody answers there.
    #[error("no connection{}", show_times(*times))]
    Unreachable {
        /// Why.
        source: Arc<reqwest::Error>,
        /// How often it was tried.
        times: u32,
    },
    /// The other side is not who it says it is, or speaks no TLS.
    #[error("the connection is not secure")]
    Tls(#[source] Arc<reqwest::Error>),
    /// The answer broke off.
    #[error("the answer broke off{}", show_times(*times))]
    Broken {
        /// Why.
        source: Arc<reqwest::Error>,
        /// How often it was tried.
        times: u32,
    },
    /// Next to nothing comes.
    #[error("next to nothing came in {} seconds{}", after.as_secs(), show_times(*times))]
    Silent {
        /// How long was waited.
        after: Duration,
        /// How often it was tried.
        times: u32,
    },
    /// It is larger than it may be.
    #[error("it has more than {limit_bytes} bytes")]
    TooLarge {
        /// What it may have.
        limit_bytes: u64,
    },
    /// Its size is another one than was signed.
    #[error("it has {found} bytes, and {expected} were signed for")]
    Size {
        /// The signed size.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// It is something else than was signed.
    #[error("it is {found}, and {expected} was signed for")]
    Hash {
        /// The signed hash.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// A file of this machine's cannot be read.
    #[error(transparent)]
    File(FileError),
    /// It cannot be kept.
    #[error(transparent)]
    Store(StoreError),
}

fn show_times(times: u32) -> String {
    match times {
        0 | 1 => String::new(),
        times => format!(" ({times} times)"),
    }
}

/// Why an archive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// Its address is none.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// There are no keys to check it with.
    #[error(transparent)]
    Keyrings(#[from] KeyringsError),
    /// A file could not be fetched from any of the archive's addresses.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The store does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It has no address.
    #[error("the archive of `{0}` has no address")]
    NoAddress(String),
    /// Its list is not to be trusted, or cannot be read.
    #[error("{place} cannot be used: {source}")]
    Release {
        /// Where the list lies.
        place: String,
        /// Why.
        source: ReleaseError,
    },
    /// The list is that of another suite.
    #[error("{place} is the list of `{found}`, and `{wanted}` was asked for")]
    OtherSuite {
        /// Where the list lies.
        place: String,
        /// What was asked for.
        wanted: String,
        /// What it says.
        found: String,
    },
    /// It has no packages of this component and architecture.
    #[error(
        "{place} lists no packages of component `{component}` for `{architecture}`; it has {components} for {architectures}"
    )]
    NoIndex {
        /// Where the list lies.
        place: String,
        /// The component.
        component: String,
        /// The architecture.
        architecture: String,
        /// What it has.
        components: String,
        /// For which it has it.
        architectures: String,
    },
    /// An index cannot be decompressed, or is no UTF-8.
    #[error("the index {place} is broken")]
    Index {
        /// Where it lies.
        place: String,
        /// Why.
        source: std::io::Error,
    },
    /// An index cannot be read.
    #[error("the index {place}, {source}")]
    Packages {
        /// Where it lies.
        place: String,
        /// Why.
        source: PackagesError,
    },
}
