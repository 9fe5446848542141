//! The question that everything else serves: is this image in its registry, and with which digest?

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE,
};
use reqwest::{Method, Request, Url};

use super::answer::{Answer, Said};
use super::authorization::{Authorization, Authorizer, Visit};
use super::challenge::{Challenge, parse_challenges};
use super::connection::{ClientError, Options};
use super::endpoint::Endpoint;
use super::error::{Asked, Garbage, Identity, RegistryError};
use super::patience::{Pace, Patience};
use super::transport::{Question, Redirects, Transport};
use crate::oci::{Digest, Reference};

/// What a registry holds under a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Nothing: it said so with a 404.
    Absent,
    /// A manifest with this digest.
    Present(Digest),
}

/// Asks registries; made once for a run, and asked by as many tasks at once as there are questions.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    authorizer: Authorizer,
    pace: Pace,
}

/// The kinds of manifest that count: an image or an index of images, as OCI and as Docker write them.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// The most that a manifest may have, the limit that distribution-spec names ("Pushing Manifests").
const MANIFEST_LIMIT_BYTES: usize = 4 * 1024 * 1024;

const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

impl Client {
    /// Sets up a client; nothing is sent and no helper is run yet.
    pub fn new(options: Options) -> Result<Self, ClientError> {
        Ok(Self {
            transport: Transport::new(&options)?,
            authorizer: Authorizer::new(&options),
            pace: options.pace,
        })
    }

    /// Asks what the registry holds under the reference's digest, else its tag, else `latest`.
    pub async fn presence(&self, reference: &Reference) -> Result<Presence, RegistryError> {
        let endpoint = Endpoint::of(reference);
        let _turn = self.transport.turn(&endpoint.host).await;
        let mut inquiry = Inquiry {
            authorizer: &self.authorizer,
            visit: Visit {
                transport: &self.transport,
                endpoint: &endpoint,
                patience: Patience::new(&self.pace),
            },
            wanted: reference.digest(),
        };
        let answer = inquiry.ask(Method::HEAD).await?;
        match answer.status.as_u16() {
            200 => match inquiry.digest_header(&answer)? {
                Some(digest) => Ok(Presence::Present(digest)),
                None => inquiry.read_manifest().await,
            },
            405 => inquiry.read_manifest().await,
            404 => Ok(Presence::Absent),
            _ => Err(inquiry.unexpected(answer)),
        }
    }
}

/// One question, with all that its parts share.
struct Inquiry<'a> {
    authorizer: &'a Authorizer,
    visit: Visit<'a>,
    wanted: Option<&'a Digest>,
}

impl Inquiry<'_> {
    /// Asks, logs in where the registry wants that, and asks again.
    async fn ask(&mut self, method: Method) -> Result<Answer, RegistryError> {
        let known = self.authorizer.known(&mut self.visit).await?;
        let answer = self.send(&method, known.as_ref()).await?;
        if answer.status != 401 {
            return self.unless_denied(answer, known.as_ref());
        }
        let challenges = challenges(&answer);
        let shown = self
            .authorizer
            .answer(&mut self.visit, &challenges, known.as_ref())
            .await?;
        let Some(shown) = shown else {
            return self.unless_denied(answer, known.as_ref());
        };
        let answer = self.send(&method, Some(&shown)).await?;
        self.unless_denied(answer, Some(&shown))
    }

    async fn send(
        &mut self,
        method: &Method,
        authorization: Option<&Authorization>,
    ) -> Result<Answer, RegistryError> {
        let mut question = self.question(method.clone())?;
        if let Some(authorization) = authorization {
            let headers = question.request.headers_mut();
            headers.insert(AUTHORIZATION, authorization.header.clone());
            question.secrets.clone_from(&authorization.secrets);
        }
        let visit = &mut self.visit;
        visit.transport.send(&question, &mut visit.patience).await
    }

    fn question(&self, method: Method) -> Result<Question, RegistryError> {
        let endpoint = self.visit.endpoint;
        let url = endpoint.manifest_url();
        // A reference that was checked part by part always gives an address; a host that URLs refuse is an exception.
        let url: Url = url
            .parse()
            .map_err(|_| self.garbage(Garbage::Address(Said::text(&url))))?;
        let mut request = Request::new(method, url);
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(MANIFESTS));
        Ok(Question {
            registry: endpoint.host.clone(),
            host: endpoint.host.clone(),
            subject: endpoint.subject(),
            request,
            secrets: Vec::new(),
            limit_bytes: MANIFEST_LIMIT_BYTES,
            redirects: Redirects::Follow,
        })
    }

    /// Reads the whole manifest, where the registry does not tell its digest otherwise.
    async fn read_manifest(&mut self) -> Result<Presence, RegistryError> {
        let answer = self.ask(Method::GET).await?;
        match answer.status.as_u16() {
            200 => {}
            404 => return Ok(Presence::Absent),
            _ => return Err(self.unexpected(answer)),
        }
        if !is_manifest(&answer) {
            return Err(self.garbage(Garbage::NoManifest));
        }
        let digest = Digest::of(&answer.body);
        let told = self.digest_header(&answer)?;
        if told.is_some_and(|told| told != digest) || self.wanted.is_some_and(|it| *it != digest) {
            return Err(self.garbage(Garbage::OtherDigest));
        }
        Ok(Presence::Present(digest))
    }

    fn digest_header(&self, answer: &Answer) -> Result<Option<Digest>, RegistryError> {
        let Some(value) = answer.headers.get(DOCKER_CONTENT_DIGEST) else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(value.as_bytes());
        let digest = text
            .parse::<Digest>()
            .map_err(|_| self.garbage(Garbage::NoDigest(Said::text(&text))))?;
        if self.wanted.is_some_and(|wanted| *wanted != digest) {
            return Err(self.garbage(Garbage::OtherDigest));
        }
        Ok(Some(digest))
    }

    fn unless_denied(
        &self,
        answer: Answer,
        shown: Option<&Authorization>,
    ) -> Result<Answer, RegistryError> {
        if !matches!(answer.status.as_u16(), 401 | 403) {
            return Ok(answer);
        }
        // The answer to a HEAD has no body; what there is to say then stands in the challenge.
        let in_challenge = challenges(&answer).into_iter().find_map(|it| match it {
            Challenge::Bearer(bearer) => bearer.error,
            Challenge::Basic | Challenge::Other => None,
        });
        Err(RegistryError::Denied {
            asked: self.asked(),
            status: answer.status.as_u16(),
            identity: shown.map_or(Identity::Anonymous, |shown| shown.identity),
            said: match in_challenge {
                Some(error) if answer.said == Said::default() => Said::text(&error),
                _ => answer.said,
            },
        })
    }

    fn unexpected(&self, answer: Answer) -> RegistryError {
        let (status, said) = (answer.status.as_u16(), answer.said);
        if answer.status.is_server_error() {
            let asked = self.asked();
            return RegistryError::Server {
                asked,
                status,
                said,
            };
        }
        self.garbage(Garbage::Status { status, said })
    }

    fn garbage(&self, garbage: Garbage) -> RegistryError {
        let asked = self.asked();
        RegistryError::Garbage { asked, garbage }
    }

    fn asked(&self) -> Asked {
        self.visit.endpoint.asked()
    }
}

fn challenges(answer: &Answer) -> Vec<Challenge> {
    let values = answer.headers.get_all(WWW_AUTHENTICATE).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(parse_challenges).collect()
}

/// Tells a manifest from the page of a web server that answers everything with 200.
fn is_manifest(answer: &Answer) -> bool {
    let kind = answer.find_header(&CONTENT_TYPE).unwrap_or_default();
    if kind.starts_with("text/html") {
        return false;
    }
    let json = serde_json::from_slice::<serde_json::Value>(&answer.body);
    json.is_ok_and(|json| json["schemaVersion"].is_u64())
}
