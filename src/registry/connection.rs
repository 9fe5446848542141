//! The options of a client, and its connections.

use std::path::PathBuf;

use super::credentials::Credentials;
use crate::web::{ClientError, Pace, Proxy, Redirects, Setup, build_client};

/// How a [`Client`](super::Client) behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who we are at which registry.
    pub credentials: Credentials,
    /// A file of PEM certificates that are trusted instead of the machine's.
    pub ca_bundle: Option<PathBuf>,
    /// The way to other hosts, for requests over TLS; without one, connections are direct, whatever the process'
    /// environment says. Requests to this machine never go through it.
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
        let build = |redirects| {
            build_client(&Setup {
                ca_bundle: options.ca_bundle.as_deref(),
                proxies: [options.proxy.as_ref(), None],
                connect: options.pace.connect,
                whole: Some(options.pace.request),
                idle: options.concurrency,
                redirects,
            })
        };
        Ok(Self {
            following: build(Redirects::Follow)?,
            staying: build(Redirects::Stay)?,
        })
    }
}
