//! Fetches files: from servers, bounded in number, size and time and asked again where that may help, and from directories.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{DATE, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use super::error::{FetchError, FetchFault};
use super::location::Location;
use super::store::Incoming;
use crate::host::fs::FileError;
use crate::web::{
    ClientError, Pace, Patience, Proxy, Redirects, Setup, build_client, is_about_tls,
    parse_retry_after,
};

/// How a [`Client`] behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// A file of PEM certificates that are trusted instead of the machine's.
    pub ca_bundle: Option<PathBuf>,
    /// The way to other hosts over TLS; without one, connections are direct.
    pub proxy: Option<Proxy>,
    /// The way to other hosts without TLS.
    pub proxy_without_tls: Option<Proxy>,
    /// How many requests are under way at once, at most; 0 counts as 1.
    pub concurrency: usize,
    /// How long is waited for what; `request` is the time in which at least 64 KiB of an answer have to come.
    pub pace: Pace,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ca_bundle: None,
            proxy: None,
            proxy_without_tls: None,
            concurrency: 8,
            pace: Pace::default(),
        }
    }
}

/// Fetches files.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    pace: Pace,
    concurrency: usize,
    under_way: Semaphore,
}

/// A server that sends less in the time of a request is as good as silent.
const LEAST_BYTES: u64 = 64 * 1024;

/// What is done with the bytes of an answer.
enum Sink<'a> {
    Memory(&'a mut Vec<u8>),
    Store(&'a mut Incoming),
}

impl Client {
    /// Makes one.
    pub fn new(options: &Options) -> Result<Self, ClientError> {
        let concurrency = options.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self {
            http: build_client(&Setup {
                ca_bundle: options.ca_bundle.as_deref(),
                proxies: [options.proxy.as_ref(), options.proxy_without_tls.as_ref()],
                connect: options.pace.connect,
                whole: None,
                idle: concurrency,
                redirects: Redirects::Follow,
            })?,
            pace: options.pace.clone(),
            concurrency,
            under_way: Semaphore::new(concurrency),
        })
    }

    /// Gives how many requests are under way at once, at most.
    #[must_use]
    pub fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// Fetches a file into memory.
    pub async fn fetch(&self, place: &Location, limit_bytes: u64) -> Result<Vec<u8>, FetchError> {
        let failed = |fault| FetchError {
            place: place.to_string(),
            fault,
        };
        let url = match place {
            Location::Directory(path) => {
                let mut bytes = Vec::new();
                read_file(path, limit_bytes, &mut Sink::Memory(&mut bytes)).map_err(failed)?;
                return Ok(bytes);
            }
            Location::Web(url) => url,
        };
        let mut patience = Patience::new(&self.pace);
        loop {
            let mut bytes = Vec::new();
            let mut sink = Sink::Memory(&mut bytes);
            match self
                .attempt(url, limit_bytes, &mut sink, patience.failures() + 1)
                .await
            {
                Ok(()) => return Ok(bytes),
                Err(trouble) => trouble.wait(&mut patience).await.map_err(failed)?,
            }
        }
    }

    /// Fetches a file into the store, which `begin` gives a new place in for each attempt.
    pub(super) async fn fetch_into(
        &self,
        place: &Location,
        limit_bytes: u64,
        begin: impl Fn() -> Result<Incoming, FetchFault>,
    ) -> Result<Incoming, FetchError> {
        let failed = |fault| FetchError {
            place: place.to_string(),
            fault,
        };
        let mut patience = Patience::new(&self.pace);
        loop {
            let mut incoming = begin().map_err(failed)?;
            let mut sink = Sink::Store(&mut incoming);
            let fetched = match place {
                Location::Directory(path) => {
                    read_file(path, limit_bytes, &mut sink).map_err(Trouble::Lasting)
                }
                Location::Web(url) => {
                    self.attempt(url, limit_bytes, &mut sink, patience.failures() + 1)
                        .await
                }
            };
            match fetched {
                Ok(()) => return Ok(incoming),
                Err(trouble) => trouble.wait(&mut patience).await.map_err(failed)?,
            }
        }
    }

    async fn attempt(
        &self,
        url: &Url,
        limit_bytes: u64,
        sink: &mut Sink<'_>,
        times: u32,
    ) -> Result<(), Trouble> {
        // The semaphore is never closed; without a permit the request would merely be one too many.
        let _permit = self.under_way.acquire().await;
        let after = self.pace.request;
        let silent = || Trouble::Passing(FetchFault::Silent { after, times }, None);
        let request = self.http.get(url.clone()).send();
        let response = timeout(after, request).await.map_err(|_| silent())?;
        let mut response = response.map_err(|error| explain(error, times))?;
        if let Some(trouble) = refusal(&response, times) {
            return Err(trouble);
        }
        let too_large = || Trouble::Lasting(FetchFault::TooLarge { limit_bytes });
        if response
            .content_length()
            .is_some_and(|said| said > limit_bytes)
        {
            return Err(too_large());
        }
        let mut count = 0_u64;
        let (mut until, mut mark) = (Instant::now() + after, LEAST_BYTES);
        loop {
            let chunk = timeout_at(until, response.chunk())
                .await
                .map_err(|_| silent())?;
            let Some(chunk) = chunk.map_err(|error| explain(error, times))? else {
                return Ok(());
            };
            count += chunk.len() as u64;
            if count > limit_bytes {
                return Err(too_large());
            }
            sink.take(&chunk).map_err(Trouble::Lasting)?;
            if count >= mark {
                (until, mark) = (Instant::now() + after, count + LEAST_BYTES);
            }
        }
    }
}

impl Sink<'_> {
    fn take(&mut self, bytes: &[u8]) -> Result<(), FetchFault> {
        match self {
            Self::Memory(held) => {
                held.extend_from_slice(bytes);
                Ok(())
            }
            Self::Store(incoming) => incoming.write(bytes).map_err(FetchFault::Store),
        }
    }
}

/// Why an attempt brought nothing.
enum Trouble {
    /// Asking again may help, perhaps after the time that the server names.
    Passing(FetchFault, Option<Duration>),
    /// It does not.
    Lasting(FetchFault),
}

impl Trouble {
    /// Waits until it is time to ask again, or gives the fault where there is no more patience.
    async fn wait(self, patience: &mut Patience) -> Result<(), FetchFault> {
        /// Nobody listening, or no such name, is seldom cured by waiting.
        const MOST_CONNECTS: u32 = 3;
        let (fault, asked_for) = match self {
            Self::Lasting(fault) => return Err(fault),
            Self::Passing(fault, asked_for) => (fault, asked_for),
        };
        if matches!(fault, FetchFault::Unreachable { times, .. } if times >= MOST_CONNECTS) {
            return Err(fault);
        }
        match patience.next_wait(asked_for) {
            Some(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            None => Err(fault),
        }
    }
}

/// Finds what is wrong with an answer by its status.
fn refusal(response: &Response, times: u32) -> Option<Trouble> {
    let status = response.status();
    if status == StatusCode::OK {
        return None;
    }
    if matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE) {
        return Some(Trouble::Lasting(FetchFault::Absent));
    }
    let fault = FetchFault::Status {
        status: status.as_u16(),
        times,
    };
    if !matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504) {
        return Some(Trouble::Lasting(fault));
    }
    let header = |name| response.headers().get(name)?.to_str().ok();
    let asked_for = header(RETRY_AFTER).and_then(|value| parse_retry_after(value, header(DATE)));
    Some(Trouble::Passing(fault, asked_for))
}

fn explain(error: reqwest::Error, times: u32) -> Trouble {
    // The address is told anyway, and may hold a login.
    let source = Arc::new(error.without_url());
    if is_about_tls(&source) {
        Trouble::Lasting(FetchFault::Tls(source))
    } else if source.is_connect() {
        Trouble::Passing(FetchFault::Unreachable { source, times }, None)
    } else if source.is_redirect() || source.is_builder() {
        Trouble::Lasting(FetchFault::Broken { source, times })
    } else {
        Trouble::Passing(FetchFault::Broken { source, times }, None)
    }
}

fn read_file(path: &Path, limit_bytes: u64, sink: &mut Sink<'_>) -> Result<(), FetchFault> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => FetchFault::Absent,
        _ => FetchFault::File(FileError::new("read", path, source)),
    };
    // A pipe or a device would be waited for.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(std::io::Error::other("it is no regular file")));
    }
    let mut file = File::open(path).map_err(failed)?;
    let mut buffer = vec![0; 1 << 17];
    let mut total = 0;
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            return Ok(());
        }
        total += count as u64;
        if total > limit_bytes {
            return Err(FetchFault::TooLarge { limit_bytes });
        }
        sink.take(&buffer[..count])?;
    }
}
