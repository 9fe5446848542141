//! Requests on the wire: bounded in number, size and time, and asked again where that may help.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Request, StatusCode, Url};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::answer::{Answer, Said};
use super::connection::{Connections, Options};
use super::error::{Asked, Garbage, RegistryError};
use super::upload::Outgoing;
use crate::settings::Secret;
use crate::web::{ClientError, Patience, Redirects, is_about_tls, random_fraction};

/// A question with all that may be said about it.
#[derive(Debug)]
pub(super) struct Question {
    /// The registry that it is about.
    pub(super) registry: String,
    /// The host that gets it.
    pub(super) host: String,
    pub(super) subject: String,
    pub(super) request: Request,
    /// What must not come back in the server's words.
    pub(super) secrets: Vec<Secret>,
    /// The most of a body that is taken.
    pub(super) limit_bytes: usize,
    pub(super) redirects: Redirects,
    /// How long an answer may take, where that is longer than others may.
    pub(super) patience: Duration,
}

impl Question {
    pub(super) fn asked(&self, times: u32) -> Asked {
        Asked {
            registry: self.registry.as_str().into(),
            host: self.host.as_str().into(),
            subject: self.subject.as_str().into(),
            times,
        }
    }
}

#[derive(Debug)]
pub(super) struct Transport {
    connections: Connections,
    concurrency: usize,
    request_deadline: Duration,
    first_wait: Duration,
    under_way: Semaphore,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
}

/// What is known about a host: who has a turn, and until when it wants to be left alone.
#[derive(Debug)]
struct Host {
    turns: Arc<Semaphore>,
    closed_until: Mutex<Option<Instant>>,
    /// When it last gave an answer to go by.
    served: Mutex<Option<Instant>>,
}

/// Why an attempt gave no answer to go by.
enum Trouble {
    Answer(Answer),
    Error(RegistryError),
}

impl Transport {
    pub(super) fn new(options: &Options) -> Result<Self, ClientError> {
        let concurrency = options.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self {
            connections: Connections::new(options)?,
            concurrency,
            request_deadline: options.pace.request,
            first_wait: options.pace.first_wait,
            under_way: Semaphore::new(concurrency),
            hosts: Mutex::default(),
        })
    }

    /// Waits for a turn at a host, held until the whole matter is done with its waits.
    ///
    /// Only who has a turn spends patience: a thousand questions to a slow registry wait here, not against their budget.
    pub(super) async fn turn(&self, host: &str) -> Option<OwnedSemaphorePermit> {
        let turns = Arc::clone(&self.host(host).turns);
        turns.acquire_owned().await.ok()
    }

    /// Sends a request until the answer is one to go by or the patience is over.
    pub(super) async fn send(
        &self,
        question: &Question,
        patience: &mut Patience,
    ) -> Result<Answer, RegistryError> {
        let host = self.host(&question.host);
        let failed_before = patience.failures();
        loop {
            let times = patience.failures() - failed_before + 1;
            self.wait_until_open(&host, question, patience).await?;
            let came = self.attempt(question, None, times).await;
            if let Ok(answer) = host.settle(came, (question, times), patience).await? {
                return Ok(answer);
            }
        }
    }

    /// Sends a request once, with a part of a file as its body. Where that fails in a way that may pass, the inner error says how,
    /// and the wait after it is over: how much came is to be asked first.
    pub(super) async fn send_once(
        &self,
        question: &Question,
        part: Outgoing,
        patience: &mut Patience,
    ) -> Result<Result<Answer, RegistryError>, RegistryError> {
        let host = self.host(&question.host);
        let times = patience.failures() + 1;
        self.wait_until_open(&host, question, patience).await?;
        let came = self.attempt(question, Some(part), times).await;
        host.settle(came, (question, times), patience).await
    }

    /// Waits while the host wants to be left alone, or says so where that is longer than the patience lasts.
    async fn wait_until_open(
        &self,
        host: &Host,
        question: &Question,
        patience: &mut Patience,
    ) -> Result<(), RegistryError> {
        while let Some(wait) = host.closed_for() {
            let apart = self.first_wait.mul_f64(random_fraction());
            let longer = wait.saturating_add(apart);
            patience.begin_anew_at(host.served());
            if !patience.allows(wait) {
                return Err(RegistryError::RateLimited {
                    asked: question.asked(patience.failures()),
                    wait: Some(wait),
                    said: Said::default(),
                });
            }
            tokio::time::sleep(longer).await;
        }
        Ok(())
    }

    async fn attempt(
        &self,
        question: &Question,
        part: Option<Outgoing>,
        times: u32,
    ) -> Result<Answer, RegistryError> {
        /// What a request is given whose time is measured otherwise.
        const UNTIMED: Duration = Duration::from_secs(365 * 24 * 60 * 60);
        // The semaphore is never closed; without a permit the request would merely be one too many.
        let _permit = self.under_way.acquire().await;
        let mut request = Request::new(
            question.request.method().clone(),
            question.request.url().clone(),
        );
        request.headers_mut().clone_from(question.request.headers());
        if let Some(body) = question.request.body().and_then(reqwest::Body::as_bytes) {
            *request.body_mut() = Some(Bytes::copy_from_slice(body).into());
        }
        let within = question.patience.max(self.request_deadline);
        let Some(part) = part else {
            *request.timeout_mut() = Some(within);
            return self.exchange(question, request, times).await;
        };
        *request.timeout_mut() = Some(UNTIMED);
        let track = part.track();
        *request.body_mut() = Some(reqwest::Body::wrap(part));
        let exchange = std::pin::pin!(self.exchange(question, request, times));
        let came = track.watch(self.request_deadline, within, exchange).await;
        came.unwrap_or_else(|| {
            Err(RegistryError::Silent {
                asked: question.asked(times),
                after: self.request_deadline,
            })
        })
    }

    /// Sends a request and reads its answer.
    async fn exchange(
        &self,
        question: &Question,
        request: Request,
        times: u32,
    ) -> Result<Answer, RegistryError> {
        let fault = |error: reqwest::Error| self.explain(error, question, times);
        let client = match question.redirects {
            Redirects::Follow => &self.connections.following,
            Redirects::Stay => &self.connections.staying,
        };
        let mut response = client.execute(request).await.map_err(fault)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let elsewhere = find_elsewhere(question.request.url(), response.url());
        let body = if status.is_success() {
            let limit_bytes = question.limit_bytes;
            read_body(&mut response, limit_bytes)
                .await
                .map_err(fault)?
                .ok_or_else(|| RegistryError::Garbage {
                    asked: question.asked(times),
                    garbage: Garbage::TooLarge { limit_bytes },
                })?
        } else {
            // The words of a refusal are a kindness; what keeps them from coming changes nothing about it.
            let words = read_body(&mut response, WORDS_LIMIT_BYTES).await;
            words.ok().flatten().unwrap_or_default()
        };
        let said = if status.is_success() {
            Said::default()
        } else {
            let body = String::from_utf8_lossy(&body);
            Said::in_body(&body, &question.secrets)
        };
        Ok(Answer {
            status,
            headers,
            body,
            said,
            elsewhere,
            secrets: question.secrets.clone(),
        })
    }

    fn explain(&self, error: reqwest::Error, question: &Question, times: u32) -> RegistryError {
        let asked = question.asked(times);
        // The address is in the question already, and a token's would only be in the way.
        let fault = Arc::new(error.without_url());
        let after = question.patience.max(self.request_deadline);
        if fault.is_redirect() {
            let garbage = Garbage::Redirect;
            RegistryError::Garbage { asked, garbage }
        } else if is_about_tls(&fault) {
            RegistryError::Tls { asked, fault }
        } else if fault.is_connect() {
            RegistryError::Unreachable { asked, fault }
        } else if fault.is_timeout() {
            RegistryError::Silent { asked, after }
        } else {
            RegistryError::Broken { asked, fault }
        }
    }

    fn host(&self, name: &str) -> Arc<Host> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts.entry(name.to_owned()).or_insert_with(|| {
            Arc::new(Host {
                turns: Arc::new(Semaphore::new(self.concurrency)),
                closed_until: Mutex::default(),
                served: Mutex::default(),
            })
        });
        Arc::clone(host)
    }
}

const WORDS_LIMIT_BYTES: usize = 64 * 1024;

impl Host {
    /// Takes an answer that is one to go by, and waits after what is none: then the inner error says what that was, and it is
    /// time for another try.
    async fn settle(
        &self,
        came: Result<Answer, RegistryError>,
        (question, times): (&Question, u32),
        patience: &mut Patience,
    ) -> Result<Result<Answer, RegistryError>, RegistryError> {
        let trouble = match came {
            Ok(answer) if !answer.is_passing() => {
                self.note_service();
                return Ok(Ok(answer));
            }
            Ok(answer) => Trouble::Answer(answer),
            Err(error) if !may_pass(&error, times, self.served()) => return Err(error),
            Err(error) => Trouble::Error(error),
        };
        let (asked_for, is_limit) = match &trouble {
            Trouble::Answer(answer) => (
                answer.retry_after(),
                answer.status == StatusCode::TOO_MANY_REQUESTS,
            ),
            Trouble::Error(_) => (None, false),
        };
        if is_limit {
            patience.begin_anew_at(self.served());
        }
        let wait = patience.next_wait(asked_for);
        if (is_limit || asked_for.is_some())
            && let Some(until) = wait.or(asked_for)
        {
            self.close_for(until);
        }
        let error = trouble.into_error(question, times);
        let Some(wait) = wait else {
            return Err(error);
        };
        tokio::time::sleep(wait).await;
        Ok(Err(error))
    }

    fn note_service(&self) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        *served = Some(Instant::now());
    }

    fn served(&self) -> Option<Instant> {
        *self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed_for(&self) -> Option<Duration> {
        let until = *self
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        until?
            .checked_duration_since(Instant::now())
            .filter(|wait| !wait.is_zero())
    }

    fn close_for(&self, wait: Duration) {
        // A year is as good as forever, and can be added to any time.
        const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
        let until = Instant::now() + wait.min(FOREVER);
        let mut closed_until = self
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *closed_until = Some(closed_until.map_or(until, |earlier| earlier.max(until)));
    }
}

impl Trouble {
    fn into_error(self, question: &Question, times: u32) -> RegistryError {
        let asked = question.asked(times);
        match self {
            Self::Error(error) => error,
            Self::Answer(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                RegistryError::RateLimited {
                    asked,
                    wait: answer.retry_after(),
                    said: answer.said,
                }
            }
            Self::Answer(answer) => RegistryError::Server {
                asked,
                status: answer.status.as_u16(),
                said: answer.said,
            },
        }
    }
}

/// Tells whether asking again may help. Nobody listening, or no such name, is seldom cured by two minutes of waiting, unless
/// somebody did answer there before.
fn may_pass(error: &RegistryError, times: u32, served: Option<Instant>) -> bool {
    const MOST_CONNECTS: u32 = 3;
    match error {
        RegistryError::Unreachable { .. } => served.is_some() || times < MOST_CONNECTS,
        RegistryError::Broken { .. } | RegistryError::Silent { .. } => true,
        _ => false,
    }
}

/// Names the host that answered, where it is another one than was asked.
fn find_elsewhere(asked: &Url, answered: &Url) -> Option<String> {
    let place = |url: &Url| {
        (
            url.host_str().map(str::to_owned),
            url.port_or_known_default(),
        )
    };
    (place(asked) != place(answered)).then(|| {
        let host = answered.host_str().unwrap_or_default();
        match answered.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    })
}

async fn read_body(
    response: &mut reqwest::Response,
    limit_bytes: usize,
) -> Result<Option<Bytes>, reqwest::Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > limit_bytes {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body.freeze()))
}
