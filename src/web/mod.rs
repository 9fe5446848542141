//! Connections to servers: TLS and proxies, how long is waited for what, and when something is asked again.
//!
//! What is asked and what an answer means is for whoever asks: [`crate::registry`] and [`crate::mirror`].

mod connection;
mod patience;
mod retry_after;

pub use connection::{ClientError, Proxy};
pub(crate) use connection::{Redirects, Setup, build_client, is_about_tls};
pub use patience::Pace;
pub(crate) use patience::{Patience, random_fraction};
pub(crate) use retry_after::parse_retry_after;
