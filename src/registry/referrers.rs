//! What is attached to an image (OCI distribution-spec 1.1, "Pushing Manifests with Subject").
//!
//! ```text
//! PUT /v2/base/nginx/manifests/sha256:…     of the artifact, whose subject is the image; `OCI-Subject` says that it is listed
//! GET /v2/base/nginx/manifests/sha256-…     else the list is an index under the tag that the image's digest gives
//! PUT /v2/base/nginx/manifests/sha256-…     it comes to what is listed there already
//! GET /v2/base/nginx/manifests/sha256-…     and has to be there then
//! ```

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::Client;
use super::endpoint::Endpoint;
use super::error::{Garbage, RegistryError};
use super::manifest::Manifest;
use crate::oci::{Descriptor, Digest, ImageIndex, Reference, Tag, media};

/// Who lists what is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// The registry, for whoever asks it for referrers.
    ByRegistry,
    /// An index under a tag.
    ByTag,
}

/// Somebody else may write the list in the same moment, and what is read may be behind what was put; each time it is read anew.
const MOST_PUTS: u32 = 4;

/// What becomes of a list.
enum List {
    /// It names the artifact.
    Has,
    /// It does with these bytes.
    Needs(Vec<u8>),
    /// It is something else.
    Other,
}

impl Client {
    /// Attaches an artifact to a manifest of the repository of `place`, which has to have what both name; nothing is listed twice.
    ///
    /// `listed` is how a list names the artifact.
    pub async fn attach(
        &self,
        place: &Reference,
        (artifact, listed): (&Manifest, &Descriptor),
        subject: &Digest,
    ) -> Result<Attached, RegistryError> {
        let by_digest = place.with_digest(artifact.digest.clone());
        match self.put_and_ask(&by_digest, artifact).await {
            Ok(told) if told.as_ref() == Some(subject) => return Ok(Attached::ByRegistry),
            Ok(_) => {}
            // It may have been taken, and the answer was lost; who lists it is not known then, and a tag does no harm.
            Err(error) => match self.fetch_manifest(&by_digest).await {
                Ok(Some(there)) if there.digest == artifact.digest => {}
                _ => return Err(error),
            },
        }
        let list = place.with_tag(Tag::of_referrers(subject));
        let mut failed = Ok(());
        for puts in 0..=MOST_PUTS {
            tokio::time::sleep(self.pace.first_wait * puts).await;
            let there = self.fetch_manifest(&list).await?;
            let extended = match extend(there.as_ref(), listed) {
                List::Has => return Ok(Attached::ByTag),
                // What was not taken the last time was tried often enough.
                List::Needs(_) if failed.is_err() || puts == MOST_PUTS => break,
                List::Needs(bytes) => Manifest::of(bytes, media::INDEX),
                List::Other => None,
            };
            let Some(extended) = extended else {
                let endpoint = Endpoint::of(&list);
                let garbage = Garbage::NoReferrers;
                return Err(self.inquiry(&endpoint, None).garbage(garbage));
            };
            failed = self.put_manifest(&list, &extended).await;
        }
        failed?;
        Err(RegistryError::contradiction(&list))
    }
}

/// Adds an artifact to a list, of which all else stays.
fn extend(there: Option<&Manifest>, listed: &Descriptor) -> List {
    let index = match there {
        None => serde_json::to_value(ImageIndex {
            schema_version: 2,
            media_type: media::INDEX.to_owned(),
            manifests: Vec::new(),
            annotations: BTreeMap::new(),
        }),
        Some(there) => Ok(there.json.clone()),
    };
    let (Ok(mut index), Ok(entry)) = (index, serde_json::to_value(listed)) else {
        return List::Other;
    };
    let Some(manifests) = index["manifests"].as_array_mut() else {
        return List::Other;
    };
    let is_it = |one: &Value| one["digest"].as_str() == Some(listed.digest.as_str());
    if manifests.iter().any(is_it) {
        return List::Has;
    }
    manifests.push(entry);
    match serde_json::to_vec(&index) {
        Ok(bytes) => List::Needs(bytes),
        Err(_) => List::Other,
    }
}
