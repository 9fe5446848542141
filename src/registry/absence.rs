//! Whether a 404 comes from a registry.
//!
//! What is absent is built and published again, so the 404 of a proxy or of a web server at the wrong address must not be
//! taken for it. A 404 with the header `Docker-Distribution-Api-Version` is a registry's, and one with a page for browsers
//! never is. Any other one (a load balancer's has plain text or JSON, as some registries' have) counts when its host
//! speaks the API at all: `GET /v2/` is answered with 200 or with a challenge (distribution-spec, "Determining Support"),
//! which is asked once for each host.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use reqwest::header::{HeaderName, WWW_AUTHENTICATE};
use tokio::sync::OnceCell;

use super::answer::Answer;
use super::authorization::Visit;
use super::endpoint::Object;
use super::error::{Garbage, RegistryError};
use super::inquiry::Inquiry;

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// The hosts that were asked whether they speak the API, with their answers.
#[derive(Debug, Default)]
pub(super) struct Registries(Mutex<HashMap<String, Arc<OnceCell<bool>>>>);

impl Inquiry<'_> {
    /// Fails where a 404 is none of a registry's.
    pub(super) async fn check_absence(&mut self, answer: &Answer) -> Result<(), RegistryError> {
        if answer.headers.contains_key(API_VERSION) {
            return Ok(());
        }
        if !answer.is_page() && self.speaks_api().await? {
            return Ok(());
        }
        Err(self.garbage(Garbage::ForeignAbsence(answer.said.clone())))
    }

    async fn speaks_api(&self) -> Result<bool, RegistryError> {
        let cell = {
            let hosts = &self.registries.0;
            let mut hosts = hosts.lock().unwrap_or_else(PoisonError::into_inner);
            let host = self.visit.endpoint.host.clone();
            Arc::clone(hosts.entry(host).or_default())
        };
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
        let ask = async {
            let answer = inquiry.send((&Method::GET, None), None).await?;
            Ok(match answer.status.as_u16() {
                200 => !answer.is_page(),
                401 => answer.headers.contains_key(WWW_AUTHENTICATE),
                _ => false,
            })
        };
        cell.get_or_try_init(|| ask).await.copied()
    }
}
