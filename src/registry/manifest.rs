//! A manifest as its registry holds it: the very bytes, since they are what the digest is of.

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value;

use super::answer::Answer;
use crate::oci::Digest;

/// The kinds of manifest that count: an image or an index of images, as OCI and as Docker write them.
pub(super) const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// The most that a manifest may have, the limit that distribution-spec names ("Pushing Manifests").
pub(super) const MANIFEST_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// The manifest of an image, or the index of several.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The digest of its bytes.
    pub digest: Digest,
    pub(super) kind: HeaderValue,
    pub(super) body: Bytes,
    pub(super) json: Value,
}

impl Manifest {
    /// Tells a manifest from the page of a web server that answers everything with 200.
    pub(super) fn find(answer: &Answer) -> Option<Self> {
        if answer.is_page() {
            return None;
        }
        let json: Value = serde_json::from_slice(&answer.body).ok()?;
        json["schemaVersion"].is_u64().then_some(())?;
        let said = answer.headers.get(CONTENT_TYPE).cloned();
        let written = || HeaderValue::from_str(json["mediaType"].as_str()?).ok();
        let oci = HeaderValue::from_static("application/vnd.oci.image.manifest.v1+json");
        Some(Self {
            digest: Digest::of(&answer.body),
            // What the manifest says of itself is under its digest; the header need not be.
            kind: written().or(said).unwrap_or(oci),
            body: answer.body.clone(),
            json,
        })
    }

    /// Makes one of bytes and what kind they are of, one of [`media`](crate::oci::media); nothing where they are no manifest.
    #[must_use]
    pub fn of(bytes: impl Into<Bytes>, media_type: &str) -> Option<Self> {
        let body = bytes.into();
        let json: Value = serde_json::from_slice(&body).ok()?;
        json["schemaVersion"].is_u64().then_some(())?;
        let written = json["mediaType"].as_str();
        written.is_none_or(|it| it == media_type).then_some(())?;
        Some(Self {
            digest: Digest::of(&body),
            kind: HeaderValue::from_str(media_type).ok()?,
            body,
            json,
        })
    }

    /// Gives the digest of the image's configuration, which an index does not have.
    #[must_use]
    pub fn config(&self) -> Option<Digest> {
        self.json["config"]["digest"].as_str()?.parse().ok()
    }
}
