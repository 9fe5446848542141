//! Holds what images would be made from now against what was recorded when they were built.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;

use super::inputs::Inventory;
use super::presence::QUESTIONS_AHEAD;
use super::record::PublishedRecord;
use crate::catalog::ImageId;
use crate::engine::INPUTS;
use crate::host::cause;
use crate::oci::{Digest, Reference};
use crate::plan::{Availability, Drift, Facts, Inputs};
use crate::registry::{Client, RegistryError};

/// Who is asked for records, and what there is now.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// What the images of the catalog are made from.
    pub inventory: &'a Inventory<'a>,
    /// The registry, where one is set.
    pub registry: Option<&'a Client>,
    /// What is known of published images.
    pub published: &'a PublishedRecord,
    /// The architecture whose images count, as Go names it.
    pub architecture: &'a str,
}

/// What a published image says of its inputs.
type Recorded = Result<Option<Inputs>, RegistryError>;

impl Comparison<'_> {
    /// Fills in how inputs stand to the recorded ones, for the images of `concerned`.
    ///
    /// A registry that does not tell stops nothing here: what is published is neither built nor pushed in any case. That it
    /// was not compared is in the facts.
    pub async fn compare(&self, concerned: &BTreeSet<ImageId>, facts: &mut [Facts]) {
        let published = self.published_inputs(concerned, facts).await;
        for &id in concerned {
            let facts = &mut facts[id.0];
            let local = facts.local.as_mut();
            let built_from = local.as_ref().and_then(|local| local.inputs.clone());
            let published = published.get(&id);
            if built_from.is_none() && !matches!(published, Some(Ok(Some(_)) | Err(_))) {
                continue;
            }
            let now = self.inventory.take(id).map_err(|error| cause(&error));
            let against = |recorded: &Inputs| match &now {
                Ok(now) => Drift::between(recorded, now),
                Err(why) => Drift::Unreadable(why.clone()),
            };
            if let (Some(local), Some(recorded)) = (local, &built_from) {
                local.drift = against(recorded);
            }
            facts.published = match published {
                Some(Ok(Some(recorded))) => against(recorded),
                Some(Err(error)) => Drift::Unreadable(cause(error)),
                Some(Ok(None)) | None => Drift::Unknown,
            };
        }
    }

    /// What the published images of a catalog say, as far as there are any.
    async fn published_inputs(
        &self,
        concerned: &BTreeSet<ImageId>,
        facts: &[Facts],
    ) -> BTreeMap<ImageId, Recorded> {
        let published = concerned.iter().filter_map(|&id| {
            let Availability::Present(digest) = &facts[id.0].registry else {
                return None;
            };
            Some((id, digest))
        });
        let asked = futures_util::stream::iter(published).map(|(id, digest)| {
            // The engine tells, where it has the very image that is published.
            let local = facts[id.0].local.as_ref();
            let local = local.filter(|local| local.manifests.contains(digest));
            let known = local.map(|local| local.inputs.clone());
            let known = known.or_else(|| self.published.find(digest));
            async move {
                let recorded = match known {
                    Some(known) => Ok(known),
                    None => self.fetch(id, digest).await,
                };
                (id, recorded)
            }
        });
        asked.buffer_unordered(QUESTIONS_AHEAD).collect().await
    }

    async fn fetch(&self, id: ImageId, digest: &Digest) -> Recorded {
        let Some(registry) = self.registry else {
            return Ok(None);
        };
        let label: Reference = self.inventory.loaded().catalog.image(id).label.clone();
        let label = label.with_digest(digest.clone());
        let Some(image) = registry.fetch_own_image(&label, self.architecture).await? else {
            return Ok(None);
        };
        let label = image.labels.get(INPUTS).map(String::as_str);
        let (inputs, is_sure) = recorded_in(label);
        if is_sure {
            // Only speed is lost where it cannot be noted.
            let _ = self.published.note(digest, inputs.as_ref());
        }
        Ok(inputs)
    }
}

/// Reads what a label says, and tells whether that is so for ever: a later version of this program may read what this one
/// does not.
fn recorded_in(label: Option<&str>) -> (Option<Inputs>, bool) {
    match label.map(str::parse) {
        None => (None, true),
        Some(Ok(inputs)) => (Some(inputs), true),
        Some(Err(_)) => (None, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_image_without_the_label_is_known_for_ever_to_have_no_inputs() {
        let inputs = Inputs::new([("Dockerfile", Digest::of(b"a"))]);
        assert_eq!(recorded_in(None), (None, true));
        assert_eq!(recorded_in(Some("a new form")), (None, false));
        let label = inputs.to_string();
        assert_eq!(recorded_in(Some(&label)), (Some(inputs), true));
    }
}
