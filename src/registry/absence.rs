//! Whether a 404 comes from a registry.
//!
//! What is absent is built and published again, so the 404 of a proxy or of a web server at the wrong address must not be
//! taken for it, and neither that of what stands before a registry while this is away for a moment:
//!
//! - A page for browsers never counts, nor what another host says to which the registry sent on.
//! - One with the header `Docker-Distribution-Api-Version` is a registry's.
//! - Where the registry signs with this header (`GET /v2/` has it, which is asked until it is seen), any other 404 counts
//!   only with an error in the words of a registry (distribution-spec, "Error codes"): Quay and Harbor write these, and sign
//!   nothing but `/v2/`. The answer to a HEAD has no words, so it is asked for with a GET.
//! - Where it does not, the host has to speak the API at this very moment: `GET /v2/` gives 200 or a challenge
//!   (distribution-spec, "Determining Support"), and is asked each time.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use reqwest::Method;
use reqwest::header::{HeaderName, WWW_AUTHENTICATE};

use super::answer::Answer;
use super::authorization::Visit;
use super::endpoint::Object;
use super::error::{Garbage, RegistryError};
use super::inquiry::{Inquiry, is_error_of_registry};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// The hosts that sign.
#[derive(Debug, Default)]
pub(super) struct Registries(Mutex<HashSet<String>>);

/// What a host says of its API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    /// It speaks it, and signs.
    Signs,
    /// It speaks it.
    Speaks,
    /// Whatever answers there does not speak it.
    Other,
}

impl Inquiry<'_> {
    /// Fails where a 404 is none of a registry's.
    pub(super) async fn check_absence(&mut self, answer: &Answer) -> Result<(), RegistryError> {
        if let Some(host) = &answer.elsewhere {
            return Err(self.garbage(Garbage::AbsenceElsewhere(answer.word(host))));
        }
        if answer.headers.contains_key(API_VERSION) {
            return Ok(());
        }
        let is_absence = !answer.is_page()
            && match self.find_root().await? {
                Root::Signs => self.has_words(answer).await?,
                Root::Speaks => true,
                Root::Other => false,
            };
        if is_absence {
            Ok(())
        } else {
            Err(self.garbage(Garbage::ForeignAbsence(answer.said.clone())))
        }
    }

    /// Tells whether a 404 without the header is told in the words of a registry, which are asked for where there are none.
    async fn has_words(&mut self, answer: &Answer) -> Result<bool, RegistryError> {
        if !answer.body.is_empty() {
            return Ok(is_error_of_registry(&answer.body));
        }
        let answer = self.ask(Method::GET).await?;
        match answer.status.as_u16() {
            404 if answer.elsewhere.is_some() => Ok(false),
            404 => {
                let is_signed = answer.headers.contains_key(API_VERSION);
                Ok(is_signed || is_error_of_registry(&answer.body))
            }
            200 => Err(self.garbage(Garbage::Contradiction)),
            _ => Err(self.unexpected(answer)),
        }
    }

    /// Finds out what the host says of its API; once it signed, it is not asked again.
    async fn find_root(&self) -> Result<Root, RegistryError> {
        let host = &self.visit.endpoint.host;
        let hosts = || {
            self.registries
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if hosts().contains(host) {
            return Ok(Root::Signs);
        }
        let root = self.ask_root().await?;
        if root == Root::Signs {
            hosts().insert(host.clone());
        }
        Ok(root)
    }

    async fn ask_root(&self) -> Result<Root, RegistryError> {
        let root = self.visit.endpoint.sibling(String::new(), Object::Root);
        let mut inquiry = Inquiry {
            authorizer: self.authorizer,
            registries: self.registries,
            visit: Visit {
                transport: self.visit.transport,
                endpoint: &root,
                patience: self.visit.patience.clone(),
            },
            wanted: None,
        };
        let answer = inquiry.send((&Method::GET, None), None).await?;
        let speaks = match answer.status.as_u16() {
            200 => !answer.is_page(),
            401 => answer.headers.contains_key(WWW_AUTHENTICATE),
            _ => false,
        };
        Ok(match speaks && answer.elsewhere.is_none() {
            true if answer.headers.contains_key(API_VERSION) => Root::Signs,
            true => Root::Speaks,
            false => Root::Other,
        })
    }
}
