//! Whether a 404 comes from a registry.
//!
//! What is absent is built and published again, so the 404 of a proxy or of a web server at the wrong address must not be
//! taken for it, and neither that of what stands before a registry while this is away for a moment:
//!
//! - A page for browsers never counts, nor what another host says to which the registry sent on.
//! - One with the header `Docker-Distribution-Api-Version` is a registry's.
//! - Where the registry signs with this header (`GET /v2/` has it, which is asked once for each host), any other 404 counts
//!   only with an error in the words of a registry (distribution-spec, "Error codes"): Quay and Harbor write these, and sign
//!   nothing but `/v2/`. The answer to a HEAD has no words, so it is asked for with a GET.
//! - Where it does not, the host has to speak the API at this very moment: `GET /v2/` gives 200 or a challenge
//!   (distribution-spec, "Determining Support"), and is asked each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use reqwest::header::{HeaderName, WWW_AUTHENTICATE};
use tokio::sync::OnceCell;

use super::answer::Answer;
use super::authorization::Visit;
use super::endpoint::Object;
use super::error::{Garbage, RegistryError};
use super::inquiry::{Inquiry, is_error_of_registry};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// The hosts that were asked whether they sign, with their answers.
#[derive(Debug, Default)]
pub(super) struct Registries(Mutex<HashMap<String, Arc<OnceCell<Signs>>>>);

/// Whether a host's answers have the header of registries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signs {
    Yes,
    No,
}

/// What a host says of its API.
#[derive(Clone, Copy, Debug)]
struct Root {
    signs: Signs,
    speaks_api: bool,
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
            && match self.find_signs().await? {
                (Signs::Yes, _) => self.has_words(answer).await?,
                // It was asked just now.
                (Signs::No, Some(speaks_api)) => speaks_api,
                (Signs::No, None) => self.ask_root().await?.speaks_api,
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

    /// Finds out whether the host signs; where it is asked just now, also whether it speaks the API.
    async fn find_signs(&self) -> Result<(Signs, Option<bool>), RegistryError> {
        let cell = {
            let hosts = &self.registries.0;
            let mut hosts = hosts.lock().unwrap_or_else(PoisonError::into_inner);
            let host = self.visit.endpoint.host.clone();
            Arc::clone(hosts.entry(host).or_default())
        };
        let mut speaks_api = None;
        let ask = async {
            let root = self.ask_root().await?;
            speaks_api = Some(root.speaks_api);
            if root.speaks_api {
                Ok(root.signs)
            } else {
                // What stands before it may have answered: whether it signs is asked again.
                Err(None)
            }
        };
        match cell.get_or_try_init(|| ask).await {
            Ok(signs) => Ok((*signs, speaks_api)),
            Err(None) => Ok((Signs::No, Some(false))),
            Err(Some(error)) => Err(error),
        }
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
        let is_here = answer.elsewhere.is_none();
        let speaks_api = match answer.status.as_u16() {
            200 => !answer.is_page(),
            401 => answer.headers.contains_key(WWW_AUTHENTICATE),
            _ => false,
        };
        let is_signed = is_here && speaks_api && answer.headers.contains_key(API_VERSION);
        Ok(Root {
            signs: if is_signed { Signs::Yes } else { Signs::No },
            speaks_api: is_here && speaks_api,
        })
    }
}
