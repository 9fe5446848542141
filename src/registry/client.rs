//! The question that everything else serves: is this image in its registry, and with which digest?

use std::collections::BTreeMap;

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE,
};
use reqwest::{Method, Request, Url};
use serde_json::Value;

use super::answer::{Answer, Said};
use super::authorization::{Authorization, Authorizer, Visit};
use super::challenge::{Challenge, parse_challenges};
use super::connection::{ClientError, Options};
use super::endpoint::{Endpoint, Object};
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

/// What an image says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteImage {
    /// All digests that mean it: that of the index where there is one, that of its manifest, that of its configuration.
    pub identities: Vec<Digest>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
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
        let mut inquiry = self.inquiry(&endpoint, reference.digest());
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

    /// Fetches what an image says of itself: of an index, the image for Linux on `architecture` (as Go names it: `amd64`).
    ///
    /// Nothing is there when the registry answers 404 to the first question; what an answer names and the registry then does not
    /// have is an error.
    pub async fn fetch_image(
        &self,
        reference: &Reference,
        architecture: &str,
    ) -> Result<Option<RemoteImage>, RegistryError> {
        let endpoint = Endpoint::of(reference);
        let _turn = self.transport.turn(&endpoint.host).await;
        let mut inquiry = self.inquiry(&endpoint, reference.digest());
        let Some((digest, body)) = inquiry.fetch_manifest().await? else {
            return Ok(None);
        };
        let mut identities = vec![digest];
        let mut manifest = body;
        if manifest["manifests"].is_array() {
            let digest = find_platform(&manifest, architecture).ok_or_else(|| {
                inquiry.garbage(Garbage::NoPlatform(Said::text(&format!(
                    "linux/{architecture}"
                ))))
            })?;
            let image = endpoint.sibling(&digest, Object::Manifest);
            let mut inquiry = self.inquiry(&image, Some(&digest));
            manifest = match inquiry.fetch_manifest().await? {
                Some((_, manifest)) => manifest,
                None => return Err(inquiry.garbage(Garbage::NoManifest)),
            };
            identities.push(digest);
        }
        let digest = manifest["config"]["digest"].as_str();
        let digest: Digest = digest
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| inquiry.garbage(Garbage::NoManifest))?;
        let blob = endpoint.sibling(&digest, Object::Blob);
        let config = self.inquiry(&blob, Some(&digest)).fetch_config().await?;
        identities.push(digest);
        let labels = config["config"]["Labels"].as_object().into_iter().flatten();
        let labels = labels
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect();
        Ok(Some(RemoteImage { identities, labels }))
    }

    fn inquiry<'a>(&'a self, endpoint: &'a Endpoint, wanted: Option<&'a Digest>) -> Inquiry<'a> {
        Inquiry {
            authorizer: &self.authorizer,
            visit: Visit {
                transport: &self.transport,
                endpoint,
                patience: Patience::new(&self.pace),
            },
            wanted,
        }
    }
}

/// Finds the image of an index that runs here.
fn find_platform(index: &Value, architecture: &str) -> Option<Digest> {
    let images = index["manifests"].as_array()?;
    let image = images.iter().find(|image| {
        let platform = &image["platform"];
        platform["os"] == "linux" && platform["architecture"] == architecture
    })?;
    image["digest"].as_str()?.parse().ok()
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
        let url = endpoint.url();
        // A reference that was checked part by part always gives an address; a host that URLs refuse is an exception.
        let url: Url = url
            .parse()
            .map_err(|_| self.garbage(Garbage::Address(Said::text(&url))))?;
        let mut request = Request::new(method, url);
        let headers = request.headers_mut();
        let accept = match endpoint.object {
            Object::Manifest => MANIFESTS,
            Object::Blob => "*/*",
        };
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
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
        Ok(match self.fetch_manifest().await? {
            Some((digest, _)) => Presence::Present(digest),
            None => Presence::Absent,
        })
    }

    /// Fetches the manifest, with the digest of its bytes.
    async fn fetch_manifest(&mut self) -> Result<Option<(Digest, Value)>, RegistryError> {
        let answer = self.ask(Method::GET).await?;
        match answer.status.as_u16() {
            200 => {}
            404 => return Ok(None),
            _ => return Err(self.unexpected(answer)),
        }
        let manifest = find_manifest(&answer).ok_or_else(|| self.garbage(Garbage::NoManifest))?;
        let digest = Digest::of(&answer.body);
        let told = self.digest_header(&answer)?;
        if told.is_some_and(|told| told != digest) || self.wanted.is_some_and(|it| *it != digest) {
            return Err(self.garbage(Garbage::OtherDigest));
        }
        Ok(Some((digest, manifest)))
    }

    /// Fetches a configuration, whose digest is the one asked for.
    async fn fetch_config(&mut self) -> Result<Value, RegistryError> {
        let answer = self.ask(Method::GET).await?;
        if answer.status != 200 {
            return Err(self.unexpected(answer));
        }
        if self.wanted != Some(&Digest::of(&answer.body)) {
            return Err(self.garbage(Garbage::OtherDigest));
        }
        serde_json::from_slice(&answer.body).map_err(|_| self.garbage(Garbage::NoConfiguration))
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
fn find_manifest(answer: &Answer) -> Option<Value> {
    let kind = answer.find_header(&CONTENT_TYPE).unwrap_or_default();
    if kind.starts_with("text/html") {
        return None;
    }
    let json: Value = serde_json::from_slice(&answer.body).ok()?;
    json["schemaVersion"].is_u64().then_some(json)
}
