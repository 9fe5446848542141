//! Registries: whether a tag or a digest is there, asked in a way that neither side regrets.
//!
//! [`Client::presence`] is one HEAD request for a manifest (OCI distribution-spec, "Pulling manifests"). Its rules:
//!
//! - Only a registry's 404 means that something is absent. Whatever else goes wrong is an error with a type of its own, because what
//!   is taken for absent is built and published again.
//! - What passes (429, 5xx, a reset, silence) is asked again, ever more slowly, as long as the patience lasts; a registry
//!   that says when to come back is obeyed, by all requests to it.
//! - What is written counts as written when the registry confirms it: [`Client::upload`] brings blobs, and
//!   [`Client::put_manifest`] the manifests that name them.
//! - Credentials go to the registry that they are for, or to the token service that it names, and nowhere else. They
//!   appear in no error and in no debug output.

mod absence;
mod answer;
mod authorization;
mod challenge;
mod client;
mod connection;
mod credentials;
mod endpoint;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod helper;
mod inquiry;
mod manifest;
mod referrers;
mod tags;
mod token;
mod transport;
mod upload;

pub use crate::web::{ClientError, Pace, Proxy};
pub use answer::Said;
pub use client::{Client, Presence, RemoteImage};
pub use connection::Options;
pub use credentials::{Credentials, CredentialsError, Found, Login};
pub use error::{Asked, Garbage, Hint, Identity, RegistryError};
pub use manifest::Manifest;
pub use referrers::Attached;
pub use upload::{LocalBlob, Uploaded};
