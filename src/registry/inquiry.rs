//! One question to a registry, with the login that it wants, and what its answer means.

use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LINK, WWW_AUTHENTICATE,
};
use reqwest::{Method, Request, Url};
use serde_json::Value;
use std::time::Duration;

use super::absence::Registries;
use super::answer::{Answer, Said};
use super::authorization::{Authorization, Authorizer, Visit};
use super::challenge::{Challenge, parse_challenges};
use super::client::Presence;
use super::endpoint::Object;
use super::error::{Asked, Garbage, Identity, RegistryError};
use super::manifest::{MANIFEST_LIMIT_BYTES, MANIFESTS, Manifest};
use super::tags::{TagPage, find_next, parse_tags, query_of};
use super::transport::Question;
use crate::oci::Digest;
use crate::web::Redirects;

const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// One question, with all that its parts share.
pub(super) struct Inquiry<'a> {
    pub(super) authorizer: &'a Authorizer,
    pub(super) registries: &'a Registries,
    pub(super) visit: Visit<'a>,
    pub(super) wanted: Option<&'a Digest>,
}

impl Inquiry<'_> {
    /// Asks, logs in where the registry wants that, and asks again.
    pub(super) async fn ask(&mut self, method: Method) -> Result<Answer, RegistryError> {
        self.ask_with(method, None).await
    }

    /// Asks with a manifest as the body.
    async fn ask_with(
        &mut self,
        method: Method,
        body: Option<&Manifest>,
    ) -> Result<Answer, RegistryError> {
        let known = self.authorizer.known(&mut self.visit).await?;
        let answer = self.send((&method, body), known.as_ref()).await?;
        let Some(shown) = self.log_in(&answer, known.as_ref()).await? else {
            return self.unless_denied(answer, known.as_ref());
        };
        let answer = self.send((&method, body), Some(&shown)).await?;
        self.unless_denied(answer, Some(&shown))
    }

    /// Gives what answers the challenge of a 401, where there is something other than what was shown.
    pub(super) async fn log_in(
        &mut self,
        answer: &Answer,
        shown: Option<&Authorization>,
    ) -> Result<Option<Authorization>, RegistryError> {
        if answer.status != 401 {
            return Ok(None);
        }
        let challenges = challenges(answer);
        self.authorizer
            .answer(&mut self.visit, &challenges, shown)
            .await
    }

    pub(super) async fn send(
        &mut self,
        (method, body): (&Method, Option<&Manifest>),
        authorization: Option<&Authorization>,
    ) -> Result<Answer, RegistryError> {
        let mut question = self.question(method.clone(), body)?;
        if let Some(authorization) = authorization {
            let headers = question.request.headers_mut();
            headers.insert(AUTHORIZATION, authorization.header.clone());
            question.secrets.clone_from(&authorization.secrets);
        }
        let visit = &mut self.visit;
        visit.transport.send(&question, &mut visit.patience).await
    }

    /// Gives the address of what is asked for.
    pub(super) fn home(&self) -> Result<Url, RegistryError> {
        let url = self.visit.endpoint.url();
        // A reference that was checked part by part always gives an address; a host that URLs refuse is an exception.
        url.parse()
            .map_err(|_| self.garbage(Garbage::Address(Said::text(&url))))
    }

    pub(super) fn question(
        &self,
        method: Method,
        body: Option<&Manifest>,
    ) -> Result<Question, RegistryError> {
        let endpoint = self.visit.endpoint;
        let mut request = Request::new(method, self.home()?);
        let headers = request.headers_mut();
        let accept = match endpoint.object {
            Object::Manifest => MANIFESTS,
            Object::Blob | Object::Upload | Object::Tags | Object::Root => "*/*",
        };
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        if let Some(manifest) = body {
            headers.insert(CONTENT_TYPE, manifest.kind.clone());
            *request.body_mut() = Some(manifest.body.clone().into());
        }
        Ok(Question {
            registry: endpoint.host.clone(),
            host: endpoint.host.clone(),
            subject: endpoint.subject(),
            request,
            secrets: Vec::new(),
            limit_bytes: MANIFEST_LIMIT_BYTES,
            redirects: match body {
                Some(_) => Redirects::Stay,
                None => Redirects::Follow,
            },
            patience: Duration::ZERO,
        })
    }

    /// Reads the whole manifest, where the registry does not tell its digest otherwise.
    pub(super) async fn read_manifest(&mut self) -> Result<Presence, RegistryError> {
        Ok(match self.fetch_manifest().await? {
            Some(manifest) => Presence::Present(manifest.digest),
            None => Presence::Absent,
        })
    }

    /// Fetches the manifest, with the digest of its bytes.
    pub(super) async fn fetch_manifest(&mut self) -> Result<Option<Manifest>, RegistryError> {
        let answer = self.ask(Method::GET).await?;
        match answer.status.as_u16() {
            200 => {}
            404 => {
                self.check_absence(&answer).await?;
                return Ok(None);
            }
            _ => return Err(self.unexpected(answer)),
        }
        let Some(manifest) = Manifest::find(&answer) else {
            // What has the digest that was asked for is what there is; anything else may be a page in its place.
            let is_wanted = self.wanted == Some(&Digest::of(&answer.body));
            return Err(self.garbage(if is_wanted {
                Garbage::NoImage
            } else {
                Garbage::NoManifest
            }));
        };
        let (digest, told) = (&manifest.digest, self.digest_header(&answer)?);
        if told.is_some_and(|told| told != *digest) || self.wanted.is_some_and(|it| it != digest) {
            return Err(self.garbage(Garbage::OtherDigest));
        }
        Ok(Some(manifest))
    }

    /// Puts a manifest under the tag that the question is about, and gives the one to which the registry says that it is attached.
    pub(super) async fn put(
        &mut self,
        manifest: &Manifest,
    ) -> Result<Option<Digest>, RegistryError> {
        let answer = self.ask_with(Method::PUT, Some(manifest)).await?;
        match answer.status.as_u16() {
            // 201 is what the specification has; a 200 says no less.
            200 | 201 => {
                self.digest_header(&answer)?;
                let subject = answer.find_header(&OCI_SUBJECT);
                Ok(subject.and_then(|subject| subject.trim().parse().ok()))
            }
            405 => Err(RegistryError::ReadOnly {
                asked: self.asked(),
                said: answer.said,
            }),
            _ => Err(self.unexpected(answer)),
        }
    }

    /// Fetches a page of the list of tags, or nothing where the registry does not know the repository.
    pub(super) async fn fetch_tags(&mut self) -> Result<Option<TagPage>, RegistryError> {
        let answer = self.ask(Method::GET).await?;
        match answer.status.as_u16() {
            200 => {}
            404 => {
                self.check_absence(&answer).await?;
                return Ok(None);
            }
            _ => return Err(self.unexpected(answer)),
        }
        let Some(tags) = parse_tags(&answer.body) else {
            return Err(self.garbage(Garbage::NoTags));
        };
        let link = answer.headers.get_all(LINK).iter();
        let link = link.filter_map(|it| it.to_str().ok()).find_map(find_next);
        let next = link.map(|target| {
            query_of(target, &self.visit.endpoint.url())
                .ok_or_else(|| self.garbage(Garbage::TagsElsewhere(answer.word(target))))
        });
        let next = next.transpose()?;
        Ok(tags.map(|tags| TagPage { tags, next }))
    }

    /// Fetches a configuration, whose digest is the one asked for.
    pub(super) async fn fetch_config(&mut self) -> Result<Value, RegistryError> {
        let answer = self.ask(Method::GET).await?;
        if answer.status != 200 {
            return Err(self.unexpected(answer));
        }
        if self.wanted != Some(&Digest::of(&answer.body)) {
            return Err(self.garbage(Garbage::OtherDigest));
        }
        serde_json::from_slice(&answer.body).map_err(|_| self.garbage(Garbage::NoConfiguration))
    }

    pub(super) fn digest_header(&self, answer: &Answer) -> Result<Option<Digest>, RegistryError> {
        let Some(value) = answer.headers.get(DOCKER_CONTENT_DIGEST) else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(value.as_bytes());
        let digest = text
            .parse::<Digest>()
            .map_err(|_| self.garbage(Garbage::NoDigest(answer.word(&text))))?;
        if self.wanted.is_some_and(|wanted| *wanted != digest) {
            return Err(self.garbage(Garbage::OtherDigest));
        }
        Ok(Some(digest))
    }

    pub(super) fn unless_denied(
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
            asked: self.asked_of(&answer),
            status: answer.status.as_u16(),
            identity: match shown {
                Some(shown) => shown.identity,
                None if answer.status == 401 => Identity::Anonymous,
                // Who has a login has not shown it, since nobody asked.
                None => Identity::Unasked,
            },
            said: match in_challenge {
                Some(error) if answer.said == Said::default() => answer.word(&error),
                _ => answer.said,
            },
        })
    }

    pub(super) fn unexpected(&self, answer: Answer) -> RegistryError {
        let asked = self.asked_of(&answer);
        let (status, said) = (answer.status.as_u16(), answer.said);
        if answer.status.is_server_error() {
            return RegistryError::Server {
                asked,
                status,
                said,
            };
        }
        if answer.status.is_client_error() && is_error_of_registry(&answer.body) {
            return RegistryError::Refused {
                asked,
                status,
                said,
            };
        }
        let garbage = Garbage::Status { status, said };
        RegistryError::Garbage { asked, garbage }
    }

    pub(super) fn garbage(&self, garbage: Garbage) -> RegistryError {
        let asked = self.asked();
        RegistryError::Garbage { asked, garbage }
    }

    pub(super) fn asked(&self) -> Asked {
        self.visit.endpoint.asked()
    }

    /// Tells what was asked of the host that gave an answer.
    fn asked_of(&self, answer: &Answer) -> Asked {
        let asked = self.asked();
        match &answer.elsewhere {
            Some(host) => Asked {
                host: host.as_str().into(),
                ..asked
            },
            None => asked,
        }
    }
}

/// Tells whether a body is what registries write of an error (distribution-spec, "Error codes").
pub(super) fn is_error_of_registry(body: &[u8]) -> bool {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    json.is_some_and(|json| json["errors"][0]["code"].is_string())
}

fn challenges(answer: &Answer) -> Vec<Challenge> {
    let values = answer.headers.get_all(WWW_AUTHENTICATE).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(parse_challenges).collect()
}
