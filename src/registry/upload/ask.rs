//! The single requests of an upload, each with the login that the registry wants, and without it at any other host.

use std::ops::Range;
use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
};
use reqwest::{Method, Url};

use super::super::answer::{Answer, Said};
use super::super::authorization::Authorization;
use super::super::error::{Garbage, RegistryError};
use super::super::inquiry::Inquiry;
use super::super::transport::Question;
use super::session::{Session, find_place};
use super::source::{Fault, Source};
use crate::web::Redirects;

/// How often an upload is sent on to another address.
pub(super) const MOST_HOPS: u32 = 5;

const CONTENT_RANGE: HeaderName = HeaderName::from_static("content-range");

/// One request of an upload.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    pub(super) method: Method,
    pub(super) place: Url,
    /// What of the blob is its body.
    pub(super) range: Range<u64>,
    /// Whether it says so.
    pub(super) tells_range: bool,
    /// How long is waited for an answer after all was sent, where that is longer than for others.
    pub(super) patience: Duration,
}

impl Errand {
    /// A request without a body.
    pub(super) fn bare(method: Method, place: Url) -> Self {
        Self {
            method,
            place,
            range: 0..0,
            tells_range: false,
            patience: Duration::ZERO,
        }
    }
}

/// What came of a part: an answer, or what may pass and is waited for already.
pub(super) type Sent = Result<Answer, RegistryError>;

/// What became of the wish to upload something.
pub(super) enum Begun {
    /// The registry had it elsewhere.
    Mounted,
    /// It is to be sent.
    Upload(Session),
}

impl Inquiry<'_> {
    /// Asks for a blob of so many bytes.
    pub(super) async fn has_blob(&mut self, size_bytes: u64) -> Result<bool, RegistryError> {
        let answer = self.ask(Method::HEAD).await?;
        match answer.status.as_u16() {
            200 if answer.is_page() => Err(self.garbage(Garbage::NoBlob)),
            200 => {
                self.digest_header(&answer)?;
                let told = answer.find_header(&CONTENT_LENGTH);
                let told: Option<u64> = told.and_then(|text| text.trim().parse().ok());
                match told {
                    Some(told) if told != size_bytes => {
                        Err(self.garbage(Garbage::OtherSize { told, size_bytes }))
                    }
                    _ => Ok(true),
                }
            }
            404 => Ok(false),
            _ => Err(self.unexpected(answer)),
        }
    }

    /// Asks for room for the blob that the question is about.
    pub(super) async fn begin_upload(&mut self) -> Result<Begun, RegistryError> {
        let mut place = self.home()?;
        for _ in 0..=MOST_HOPS {
            let errand = Errand::bare(Method::POST, place.clone());
            let answer = self.run(&errand).await?;
            match answer.status.as_u16() {
                201 if self.visit.endpoint.mounts_from.is_some() => {
                    return self.digest_header(&answer).map(|_| Begun::Mounted);
                }
                202 => {
                    let session = Session::begin(&answer, &place);
                    let session = session.ok_or_else(|| self.lost_way(&answer))?;
                    return Ok(Begun::Upload(session));
                }
                307 | 308 => {
                    let location = answer.find_header(&LOCATION);
                    let next = location.and_then(|location| find_place(location, &place));
                    place = next.ok_or_else(|| self.lost_way(&answer))?;
                }
                405 => return Err(self.read_only(answer.said)),
                _ => return Err(self.unexpected(answer)),
            }
        }
        Err(self.garbage(Garbage::Redirect))
    }

    /// Sends a request without a body until there is an answer.
    pub(super) async fn run(&mut self, errand: &Errand) -> Result<Answer, RegistryError> {
        let shown = self.known_at(errand).await?;
        let answer = self.send_bare(errand, shown.as_ref()).await?;
        let Some(other) = self.login_at(errand, &answer, shown.as_ref()).await? else {
            return self.unless_denied(answer, shown.as_ref());
        };
        let answer = self.send_bare(errand, Some(&other)).await?;
        self.unless_denied(answer, Some(&other))
    }

    /// Sends a part of a blob once; after an inner error it is time to ask how much came.
    pub(super) async fn run_with(
        &mut self,
        errand: &Errand,
        source: &mut Source,
    ) -> Result<Sent, RegistryError> {
        let shown = self.known_at(errand).await?;
        let answer = match self.send_part(errand, shown.as_ref(), source).await? {
            Ok(answer) => answer,
            trouble @ Err(_) => return Ok(trouble),
        };
        let Some(other) = self.login_at(errand, &answer, shown.as_ref()).await? else {
            return self.unless_denied(answer, shown.as_ref()).map(Ok);
        };
        match self.send_part(errand, Some(&other), source).await? {
            Ok(answer) => self.unless_denied(answer, Some(&other)).map(Ok),
            trouble @ Err(_) => Ok(trouble),
        }
    }

    async fn send_bare(
        &mut self,
        errand: &Errand,
        shown: Option<&Authorization>,
    ) -> Result<Answer, RegistryError> {
        let question = self.question_of(errand, shown)?;
        let visit = &mut self.visit;
        let sent = visit.transport.send(&question, &mut visit.patience).await;
        sent.map(|answer| given_by(&question, answer))
    }

    async fn send_part(
        &mut self,
        errand: &Errand,
        shown: Option<&Authorization>,
        source: &mut Source,
    ) -> Result<Sent, RegistryError> {
        let question = self.question_of(errand, shown)?;
        let part = source.send(errand.range.clone());
        let visit = &mut self.visit;
        let sent = visit
            .transport
            .send_once(&question, part, &mut visit.patience);
        let sent = sent.await;
        // A request that ends because there is nothing to send looks like a lost connection.
        match source.find_fault() {
            Some(fault) => Err(self.local(fault, source)),
            None => Ok(sent?.map(|answer| given_by(&question, answer))),
        }
    }

    fn question_of(
        &self,
        errand: &Errand,
        shown: Option<&Authorization>,
    ) -> Result<Question, RegistryError> {
        let mut question = self.question(errand.method.clone(), None)?;
        question.request.url_mut().clone_from(&errand.place);
        question.redirects = Redirects::Stay;
        question.patience = errand.patience;
        if !self.is_home(&errand.place)? {
            question.host = authority(&errand.place);
        }
        let headers = question.request.headers_mut();
        if errand.method != Method::GET {
            let length = errand.range.end - errand.range.start;
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        if !errand.range.is_empty() {
            let kind = HeaderValue::from_static("application/octet-stream");
            headers.insert(CONTENT_TYPE, kind);
        }
        if errand.tells_range
            && let Some(last) = errand.range.end.checked_sub(1)
            && let Ok(range) = format!("{}-{last}", errand.range.start).parse()
        {
            headers.insert(CONTENT_RANGE, range);
        }
        if let Some(shown) = shown {
            headers.insert(AUTHORIZATION, shown.header.clone());
            question.secrets.clone_from(&shown.secrets);
        }
        Ok(question)
    }

    /// Gives what the registry is shown, which no other host is.
    async fn known_at(&mut self, errand: &Errand) -> Result<Option<Authorization>, RegistryError> {
        if !self.is_home(&errand.place)? {
            return Ok(None);
        }
        self.authorizer.known(&mut self.visit).await
    }

    async fn login_at(
        &mut self,
        errand: &Errand,
        answer: &Answer,
        shown: Option<&Authorization>,
    ) -> Result<Option<Authorization>, RegistryError> {
        if !self.is_home(&errand.place)? {
            return Ok(None);
        }
        self.log_in(answer, shown).await
    }

    fn is_home(&self, place: &Url) -> Result<bool, RegistryError> {
        Ok(self.home()?.origin() == place.origin())
    }

    /// Says that an upload is said to go on where it cannot.
    pub(super) fn lost_way(&self, answer: &Answer) -> RegistryError {
        let location = answer.find_header(&LOCATION).unwrap_or_default();
        // What stands behind the host may be a secret.
        let host = location.parse().map_or_else(
            |_| String::new(),
            |url: Url| format!("{}://{}", url.scheme(), authority(&url)),
        );
        self.garbage(Garbage::UploadElsewhere(answer.word(&host)))
    }

    /// Says what is wrong with the file.
    pub(super) fn local(&self, fault: Fault, source: &Source) -> RegistryError {
        self.local_at(fault, source.path())
    }

    /// Says what is wrong with a file that was not opened, too.
    pub(super) fn local_at(&self, fault: Fault, path: &std::path::Path) -> RegistryError {
        let asked = self.asked();
        match fault {
            Fault::File(source) => RegistryError::Unreadable { asked, source },
            Fault::Changed => RegistryError::Changed {
                asked,
                path: path.into(),
            },
        }
    }

    pub(super) fn read_only(&self, said: Said) -> RegistryError {
        let asked = self.asked();
        RegistryError::ReadOnly { asked, said }
    }
}

/// Notes with an answer that it is not the registry's, where an upload goes on at another host.
fn given_by(question: &Question, answer: Answer) -> Answer {
    let is_home = question.host == question.registry;
    Answer {
        elsewhere: (!is_home).then(|| question.host.clone()),
        ..answer
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
