//! The question that everything else serves: is this image in its registry, and with which digest?

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::Value;

use super::absence::Registries;
use super::answer::Said;
use super::authorization::{Authorizer, Visit};
use super::connection::Options;
use super::endpoint::{Access, Endpoint, Object};
use super::error::{Garbage, RegistryError};
use super::inquiry::Inquiry;
use super::manifest::Manifest;
use super::tags::MOST_TAGS;
use super::transport::Transport;
use crate::oci::{Digest, Reference, Tag};
use crate::web::{ClientError, Pace, Patience};

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
    pub(super) transport: Transport,
    authorizer: Authorizer,
    registries: Registries,
    pub(super) pace: Pace,
}

/// The most pages of a list of tags that are read.
const MOST_PAGES: usize = 100;

impl Client {
    /// Sets up a client; nothing is sent and no helper is run yet.
    pub fn new(options: Options) -> Result<Self, ClientError> {
        Ok(Self {
            transport: Transport::new(&options)?,
            authorizer: Authorizer::new(&options),
            registries: Registries::default(),
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
            404 => {
                inquiry.check_absence(&answer).await?;
                Ok(Presence::Absent)
            }
            _ => Err(inquiry.unexpected(answer)),
        }
    }

    /// Fetches the manifest under the reference's digest, else its tag; its bytes have the digest that was asked for.
    pub async fn fetch_manifest(
        &self,
        reference: &Reference,
    ) -> Result<Option<Manifest>, RegistryError> {
        let endpoint = Endpoint::of(reference);
        let _turn = self.transport.turn(&endpoint.host).await;
        self.inquiry(&endpoint, reference.digest())
            .fetch_manifest()
            .await
    }

    /// Puts a manifest under the reference's digest, else its tag; the repository has to have what it names, which is not sent.
    ///
    /// That the registry took it is its own word; whoever needs to be sure asks for the tag.
    pub async fn put_manifest(
        &self,
        reference: &Reference,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        self.put_and_ask(reference, manifest).await.map(drop)
    }

    /// Puts a manifest as [`Client::put_manifest`] does, and lets every trouble be the end: before the next try there is
    /// something to ask.
    pub async fn put_manifest_once(
        &self,
        reference: &Reference,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        let put = self.put_with(Patience::none(), reference, manifest).await;
        put.map(drop)
    }

    /// Puts a manifest as [`Client::put_manifest`] does, and gives the one to which the registry says that it is attached.
    pub(super) async fn put_and_ask(
        &self,
        reference: &Reference,
        manifest: &Manifest,
    ) -> Result<Option<Digest>, RegistryError> {
        let patience = Patience::new(&self.pace);
        self.put_with(patience, reference, manifest).await
    }

    async fn put_with(
        &self,
        patience: Patience,
        reference: &Reference,
        manifest: &Manifest,
    ) -> Result<Option<Digest>, RegistryError> {
        let endpoint = Endpoint {
            access: Access::Write,
            ..Endpoint::of(reference)
        };
        let _turn = self.transport.turn(&endpoint.host).await;
        let mut inquiry = self.inquiry(&endpoint, Some(&manifest.digest));
        inquiry.visit.patience = patience;
        inquiry.put(manifest).await
    }

    /// Lists the tags of the reference's repository (distribution-spec, "Listing Tags"); there are none where the registry
    /// does not know the repository.
    ///
    /// What is not the whole list is an error: a newer version may stand in the rest.
    pub async fn fetch_tags(&self, reference: &Reference) -> Result<BTreeSet<Tag>, RegistryError> {
        let mut endpoint = Endpoint::of(reference).sibling(String::new(), Object::Tags);
        let _turn = self.transport.turn(&endpoint.host).await;
        let mut tags = BTreeSet::new();
        for _ in 0..MOST_PAGES {
            let Some(page) = self.inquiry(&endpoint, None).fetch_tags().await? else {
                return Ok(tags);
            };
            let known = tags.len();
            let is_empty = page.tags.found.is_empty();
            tags.extend(page.tags.found);
            if tags.len() > MOST_TAGS {
                let garbage = Garbage::TooManyTags(MOST_TAGS);
                return Err(self.inquiry(&endpoint, None).garbage(garbage));
            }
            let is_repeated = tags.len() == known;
            endpoint.name = match (page.next, page.tags.last) {
                (Some(next), _) if next == endpoint.name || (is_repeated && !is_empty) => {
                    let inquiry = self.inquiry(&endpoint, None);
                    return Err(inquiry.garbage(Garbage::RepeatedTags));
                }
                (Some(next), _) => next,
                // Some name no next page where there is one.
                (None, Some(last)) if !is_repeated => Endpoint::page_behind(&last),
                (None, _) => return Ok(tags),
            };
        }
        let garbage = Garbage::EndlessTags(MOST_PAGES);
        Err(self.inquiry(&endpoint, None).garbage(garbage))
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
        self.fetch_image_of(
            reference,
            |index| find_platform(index, architecture),
            architecture,
        )
        .await
    }

    /// Fetches likewise what an image of this program says of itself; of an index, all say the same, and where none is for
    /// `architecture`, the first one is taken.
    pub async fn fetch_own_image(
        &self,
        reference: &Reference,
        architecture: &str,
    ) -> Result<Option<RemoteImage>, RegistryError> {
        let find = |index: &Value| {
            let first = || find_first_of_linux(index);
            find_platform(index, architecture).or_else(first)
        };
        self.fetch_image_of(reference, find, architecture).await
    }

    async fn fetch_image_of(
        &self,
        reference: &Reference,
        find: impl FnOnce(&Value) -> Option<Digest>,
        architecture: &str,
    ) -> Result<Option<RemoteImage>, RegistryError> {
        let endpoint = Endpoint::of(reference);
        let _turn = self.transport.turn(&endpoint.host).await;
        let mut inquiry = self.inquiry(&endpoint, reference.digest());
        let Some(mut manifest) = inquiry.fetch_manifest().await? else {
            return Ok(None);
        };
        let mut identities = vec![manifest.digest.clone()];
        if manifest.json["manifests"].is_array() {
            let digest = find(&manifest.json).ok_or_else(|| {
                inquiry.garbage(Garbage::NoPlatform(Said::text(&format!(
                    "linux/{architecture}"
                ))))
            })?;
            let image = endpoint.sibling(digest.to_string(), Object::Manifest);
            let mut inquiry = self.inquiry(&image, Some(&digest));
            manifest = match inquiry.fetch_manifest().await? {
                Some(manifest) => manifest,
                None => return Err(inquiry.garbage(Garbage::NoPart)),
            };
            identities.push(digest);
        }
        let digest = manifest
            .config()
            .ok_or_else(|| inquiry.garbage(Garbage::NoImage))?;
        let blob = endpoint.sibling(digest.to_string(), Object::Blob);
        let config = self.inquiry(&blob, Some(&digest)).fetch_config().await?;
        identities.push(digest);
        let labels = config["config"]["Labels"].as_object().into_iter().flatten();
        let labels = labels
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect();
        Ok(Some(RemoteImage { identities, labels }))
    }

    pub(super) fn inquiry<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        wanted: Option<&'a Digest>,
    ) -> Inquiry<'a> {
        Inquiry {
            authorizer: &self.authorizer,
            registries: &self.registries,
            visit: Visit {
                transport: &self.transport,
                endpoint,
                patience: Patience::new(&self.pace),
            },
            wanted,
        }
    }
}

/// Finds the first image of an index that is for some kind of machine.
fn find_first_of_linux(index: &Value) -> Option<Digest> {
    let images = index["manifests"].as_array()?;
    let mut images = images.iter();
    let image = images.find(|image| image["platform"]["os"] == "linux")?;
    image["digest"].as_str()?.parse().ok()
}

/// Finds the image of an index that runs here.
pub(super) fn find_platform(index: &Value, architecture: &str) -> Option<Digest> {
    let images = index["manifests"].as_array()?;
    let image = images.iter().find(|image| {
        let platform = &image["platform"];
        platform["os"] == "linux" && platform["architecture"] == architecture
    })?;
    image["digest"].as_str()?.parse().ok()
}
