//! How connections are made: options, TLS, proxies, redirects.

use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::redirect::Policy;
use reqwest::{Certificate, NoProxy};

use super::credentials::Credentials;
use super::patience::Pace;
use crate::host::Environment;
use crate::host::fs::{self, FileError};
use crate::settings::Secret;

/// How a [`Client`](super::Client) behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who we are at which registry.
    pub credentials: Credentials,
    /// A file of PEM certificates that are trusted instead of the machine's.
    pub ca_bundle: Option<PathBuf>,
    /// The way to other hosts; without one, connections are direct, whatever the process' environment says.
    pub proxy: Option<Proxy>,
    /// How many requests are under way at once, at most; 0 counts as 1.
    pub concurrency: usize,
    /// How long is waited for what.
    pub pace: Pace,
}

impl Default for Options {
    /// Gives the settings' defaults: nobody is logged in, 8 requests at once.
    fn default() -> Self {
        Self {
            credentials: Credentials::default(),
            ca_bundle: None,
            proxy: None,
            concurrency: 8,
            pace: Pace::default(),
        }
    }
}

/// A proxy for requests over TLS; requests to this machine never go through one.
#[derive(Clone, Debug)]
pub struct Proxy {
    // It may hold a password.
    url: Secret,
    exceptions: String,
}

impl Proxy {
    /// Names a proxy and the hosts that are reached without it, parted by commas as in `NO_PROXY`.
    #[must_use]
    pub fn new(url: impl Into<String>, exceptions: impl Into<String>) -> Self {
        Self {
            url: Secret::new(url),
            exceptions: exceptions.into(),
        }
    }

    /// Finds the proxy in `HTTPS_PROXY` or `ALL_PROXY` and its exceptions in `NO_PROXY`, in capitals or small letters.
    #[must_use]
    pub fn of_environment(environment: &Environment) -> Option<Self> {
        let find = |names: [&str; 2]| names.into_iter().find_map(|name| environment.find(name));
        let url =
            find(["https_proxy", "HTTPS_PROXY"]).or_else(|| find(["all_proxy", "ALL_PROXY"]))?;
        let exceptions = find(["no_proxy", "NO_PROXY"]).unwrap_or_default();
        Some(Self::new(url, exceptions))
    }
}

/// Why no client could be made of the options.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The certificates could not be read.
    #[error("cannot read the trusted certificates")]
    CaBundle(#[source] FileError),
    /// The file holds no certificate, or one that is broken.
    #[error("there are no valid PEM certificates in {}", .0.display())]
    Certificates(PathBuf),
    /// The proxy's address is none.
    #[error("the address of the proxy is not valid")]
    Proxy,
    /// The machine's trusted certificates could not be loaded, or TLS could not be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] reqwest::Error),
}

/// The two ways to send a request.
#[derive(Clone, Debug)]
pub(super) struct Connections {
    /// For questions: redirects are followed.
    pub(super) following: reqwest::Client,
    /// For requests whose body is a secret: a redirect could carry it elsewhere.
    pub(super) staying: reqwest::Client,
}

impl Connections {
    pub(super) fn new(options: &Options) -> Result<Self, ClientError> {
        // Whoever was first has installed the same one, or knows why not.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let build = |policy| -> Result<reqwest::Client, ClientError> {
            let mut builder = reqwest::Client::builder()
                .user_agent(concat!("pkg/", env!("CARGO_PKG_VERSION")))
                .redirect(policy)
                .referer(false)
                .no_proxy()
                .connect_timeout(options.pace.connect)
                .timeout(options.pace.request)
                .pool_max_idle_per_host(options.concurrency.max(1));
            if let Some(path) = &options.ca_bundle {
                builder = builder.tls_certs_only(read_certificates(path)?);
            }
            if let Some(proxy) = &options.proxy {
                let url = reqwest::Proxy::https(proxy.url.reveal());
                let url = url.map_err(|_| ClientError::Proxy)?;
                builder = builder.proxy(url.no_proxy(NoProxy::from_string(&proxy.exceptions)));
            }
            builder.build().map_err(ClientError::Tls)
        };
        Ok(Self {
            following: build(redirects())?,
            staying: build(Policy::none())?,
        })
    }
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let text = fs::read_text(path).map_err(ClientError::CaBundle)?;
    Certificate::from_pem_bundle(text.as_bytes())
        .ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(|| ClientError::Certificates(path.to_owned()))
}

/// Follows a few redirects, and none from TLS to plain text. (`reqwest` drops `Authorization` on the way to another host.)
fn redirects() -> Policy {
    const MOST: usize = 5;
    Policy::custom(|attempt| {
        let is_safe = |url: &reqwest::Url| url.scheme() == "https";
        let downgrade = attempt.previous().iter().any(is_safe) && !is_safe(attempt.url());
        if downgrade || attempt.previous().len() > MOST {
            attempt.error(NotFollowed)
        } else {
            attempt.follow()
        }
    })
}

#[derive(Debug)]
struct NotFollowed;

impl fmt::Display for NotFollowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the redirect leads away from TLS, or in a circle")
    }
}

impl std::error::Error for NotFollowed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proxy_of_the_environment_hides_its_password() {
        let environment = Environment::from([
            ("HTTPS_PROXY", "http://ann:s3cret@proxy.example.org:3128"),
            ("no_proxy", "example.org"),
        ]);
        let proxy = Proxy::of_environment(&environment).expect("a proxy");
        assert_eq!(proxy.exceptions, "example.org");
        assert!(!format!("{proxy:?}").contains("s3cret"));
        assert!(Proxy::of_environment(&Environment::default()).is_none());
    }

    #[test]
    fn a_bundle_without_certificates_is_an_error_with_its_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        let options = Options {
            ca_bundle: Some(path.clone()),
            ..Options::default()
        };
        let error = Connections::new(&options).expect_err("there is no file");
        assert!(matches!(error, ClientError::CaBundle(_)), "{error:?}");
        fs::write_atomically(&path, b"nothing\n").unwrap();
        let error = Connections::new(&options).expect_err("there is no certificate");
        assert!(error.to_string().contains("ca.pem"), "{error}");
    }

    #[test]
    fn the_address_of_a_proxy_is_checked_and_not_shown() {
        let options = Options {
            proxy: Some(Proxy::new("http://ann:s3cret@", "")),
            ..Options::default()
        };
        let error = Connections::new(&options).expect_err("no address");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}
