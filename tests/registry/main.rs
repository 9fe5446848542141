//! The registry client against a real registry, and against one that misbehaves.

mod faults;
mod login;
mod manners;
mod real;
mod referrers;
#[path = "../support/mod.rs"]
mod support;
mod upload_faults;
mod upload_limits;
mod upload_matrix;
mod uploading;
mod writing;

use std::time::Duration;

use pkg::oci::Reference;
use pkg::registry::{Client, Credentials, Login, Options, Pace, RegistryError};
use pkg::settings::Secret;

/// The smallest text that is a manifest.
const MANIFEST: &str = r#"{"schemaVersion":2}"#;

/// Comes back soon and has much patience, for questions that find an answer in the end.
fn steady() -> Pace {
    Pace {
        connect: Duration::from_secs(10),
        request: Duration::from_secs(10),
        credentials: Duration::from_secs(10),
        patience: Duration::from_secs(30),
        first_wait: Duration::from_millis(10),
        longest_wait: Duration::from_millis(80),
    }
}

/// Gives up soon, for questions that never find one.
fn hasty() -> Pace {
    Pace {
        patience: Duration::from_millis(400),
        ..steady()
    }
}

/// Does not even wait for an answer that takes its time.
fn restless() -> Pace {
    Pace {
        request: Duration::from_millis(250),
        ..hasty()
    }
}

fn client() -> Client {
    client_with(steady(), Credentials::default())
}

fn client_for(host: &str, username: &str, password: &str) -> Client {
    let login = Login {
        username: username.to_owned(),
        password: Secret::new(password),
    };
    client_with(steady(), Credentials::default().with_login(host, login))
}

fn client_with(pace: Pace, credentials: Credentials) -> Client {
    let options = Options {
        pace,
        credentials,
        ..Options::default()
    };
    Client::new(options).expect("a client")
}

fn reference(host: &str, rest: &str) -> Reference {
    format!("{host}/{rest}").parse().expect("a reference")
}

/// Names the kind of an error, for tables.
fn kind(error: &RegistryError) -> &'static str {
    match error {
        RegistryError::Denied { .. } => "denied",
        RegistryError::ReadOnly { .. } => "read only",
        RegistryError::Refused { .. } => "refused",
        RegistryError::RateLimited { .. } => "rate limited",
        RegistryError::Server { .. } => "server",
        RegistryError::Garbage { .. } => "garbage",
        RegistryError::Unreachable { .. } => "unreachable",
        RegistryError::Tls { .. } => "tls",
        RegistryError::Broken { .. } => "broken",
        RegistryError::Silent { .. } => "silent",
        RegistryError::Credentials { .. } => "credentials",
        RegistryError::TooMany { .. } => "too many",
        RegistryError::Unreadable { .. } => "unreadable",
        RegistryError::Changed { .. } => "changed",
    }
}

/// Shows an error in every way there is.
fn everything(error: &RegistryError) -> String {
    let mut shown = format!("{error} {error:?} {error:#?}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        shown = format!("{shown} {error} {error:?}");
        cause = error.source();
    }
    shown
}
