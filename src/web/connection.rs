//! How connections are made: TLS, proxies, redirects.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Certificate, NoProxy};

use crate::host::Environment;
use crate::host::fs::{self, FileError};
use crate::settings::Secret;

/// A proxy.
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

    fn build(
        &self,
        kind: impl Fn(&str) -> reqwest::Result<reqwest::Proxy>,
    ) -> Result<reqwest::Proxy, ClientError> {
        let proxy = kind(self.url.reveal()).map_err(|_| ClientError::Proxy)?;
        Ok(proxy.no_proxy(NoProxy::from_string(&self.exceptions)))
    }

    /// Finds the proxy for requests over TLS in `HTTPS_PROXY` or `ALL_PROXY` and its exceptions in `NO_PROXY`, in capitals or small letters.
    #[must_use]
    pub fn of_environment(environment: &Environment) -> Option<Self> {
        let find = |names: [&str; 2]| names.into_iter().find_map(|name| environment.find(name));
        let url =
            find(["https_proxy", "HTTPS_PROXY"]).or_else(|| find(["all_proxy", "ALL_PROXY"]))?;
        let exceptions = find(["no_proxy", "NO_PROXY"]).unwrap_or_default();
        Some(Self::new(url, exceptions))
    }

    /// Finds the proxy for requests without TLS in `http_proxy` or `ALL_PROXY`; `HTTP_PROXY` in capitals is a header in the
    /// eyes of some servers and does not count, as for curl and apt.
    #[must_use]
    pub fn of_environment_without_tls(environment: &Environment) -> Option<Self> {
        let find = |names: [&str; 2]| names.into_iter().find_map(|name| environment.find(name));
        let url = environment.find("http_proxy");
        let url = url.or_else(|| find(["all_proxy", "ALL_PROXY"]))?;
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

/// What a client is made of.
#[derive(Clone, Debug)]
pub(crate) struct Setup<'a> {
    /// A file of PEM certificates that are trusted instead of the machine's.
    pub(crate) ca_bundle: Option<&'a Path>,
    /// The ways to other hosts: over TLS, and without it. Without one, connections are direct.
    pub(crate) proxies: [Option<&'a Proxy>; 2],
    pub(crate) connect: Duration,
    /// The most that a request may take with its whole answer; who reads answers of any size has a clock of his own.
    pub(crate) whole: Option<Duration>,
    /// Connections to a host that are kept.
    pub(crate) idle: usize,
    pub(crate) redirects: Redirects,
}

/// Whether a redirect is followed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Redirects {
    /// A few are.
    Follow,
    /// The body of a request may be a secret, and could be carried elsewhere.
    Stay,
}

/// Makes a client.
pub(crate) fn build_client(setup: &Setup<'_>) -> Result<reqwest::Client, ClientError> {
    // Whoever was first has installed the same one, or knows why not.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("pkg/", env!("CARGO_PKG_VERSION")))
        .redirect(match setup.redirects {
            Redirects::Follow => redirects(),
            Redirects::Stay => Policy::none(),
        })
        .referer(false)
        .no_proxy()
        .connect_timeout(setup.connect)
        .pool_max_idle_per_host(setup.idle.max(1));
    if let Some(whole) = setup.whole {
        builder = builder.timeout(whole);
    }
    if let Some(path) = setup.ca_bundle {
        builder = builder.tls_certs_only(read_certificates(path)?);
    }
    let [with_tls, without_tls] = setup.proxies;
    if let Some(proxy) = with_tls {
        builder = builder.proxy(proxy.build(|url| reqwest::Proxy::https(url))?);
    }
    if let Some(proxy) = without_tls {
        builder = builder.proxy(proxy.build(|url| reqwest::Proxy::http(url))?);
    }
    builder.build().map_err(ClientError::Tls)
}

/// Tells whether a fault of a connection is one of TLS.
pub(crate) fn is_about_tls(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        // An I/O error that wraps another one gives out that one's cause, not the wrapped error itself.
        let wrapped = error
            .downcast_ref::<std::io::Error>()
            .and_then(|error| error.get_ref());
        if error.is::<rustls::Error>() {
            return true;
        }
        cause = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    false
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

    fn setup<'a>(ca_bundle: Option<&'a Path>, proxy: Option<&'a Proxy>) -> Setup<'a> {
        Setup {
            ca_bundle,
            proxies: [proxy, None],
            connect: Duration::from_secs(1),
            whole: None,
            idle: 1,
            redirects: Redirects::Follow,
        }
    }

    #[test]
    fn a_bundle_without_certificates_is_an_error_with_its_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        let error = build_client(&setup(Some(&path), None)).expect_err("there is no file");
        assert!(matches!(error, ClientError::CaBundle(_)), "{error:?}");
        fs::write_atomically(&path, b"nothing\n").unwrap();
        let error = build_client(&setup(Some(&path), None)).expect_err("there is no certificate");
        assert!(error.to_string().contains("ca.pem"), "{error}");
    }

    #[test]
    fn the_address_of_a_proxy_is_checked_and_not_shown() {
        let proxy = Proxy::new("http://ann:s3cret@", "");
        let error = build_client(&setup(None, Some(&proxy))).expect_err("no address");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }

    #[test]
    fn capitals_name_no_proxy_for_requests_without_tls() {
        let proxy = "http://proxy.example.org:3128";
        let of = |name| Proxy::of_environment_without_tls(&Environment::from([(name, proxy)]));
        assert!(of("http_proxy").is_some() && of("ALL_PROXY").is_some());
        assert!(of("HTTP_PROXY").is_none());
    }
}
