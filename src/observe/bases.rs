//! Whether the outside base images are still what published images were built on.
//!
//! An image carries the identities of what it was built on in a label ([`PARENTS`](crate::engine::PARENTS)). A base image moved when none of the digests
//! that mean it at its registry today (index, manifest, configuration) is the one in the label.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::presence::QUESTIONS_AHEAD;
use crate::catalog::ImageId;
use crate::engine::{PARENTS, parse_parents};
use crate::oci::{Digest, Reference};
use crate::registry::{Client, RegistryError, RemoteImage};
use crate::scan::Loaded;

/// What became of the base images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MovedBases {
    /// The images of which base images moved, with these.
    pub moved: BTreeMap<ImageId, Vec<Reference>>,
    /// Published images that do not say what they were built on.
    pub silent: Vec<ImageId>,
    /// Base images that their registry does not have.
    pub missing: BTreeSet<Reference>,
}

/// Asks about the published images that are built on outside base images, and about these.
///
/// `architecture` is the one whose images count, as Go names it. What is not published yet is built on the base image of the
/// moment in any case.
pub async fn find_moved_bases(
    registry: &Client,
    loaded: &Loaded,
    architecture: &str,
) -> Result<MovedBases, RegistryError> {
    let on_bases = loaded.catalog.iter().map(|(id, _)| id);
    let on_bases: Vec<ImageId> = on_bases
        .filter(|id| !loaded.bases(*id).is_empty())
        .collect();
    let bases: BTreeSet<&Reference> = on_bases.iter().flat_map(|id| loaded.bases(*id)).collect();
    let labels = on_bases.iter().map(|id| &loaded.catalog.image(*id).label);
    let wanted: BTreeSet<&Reference> = labels.chain(bases.iter().copied()).collect();
    let fetched: BTreeMap<Reference, Option<RemoteImage>> = futures_util::stream::iter(wanted)
        .map(|reference| {
            let is_base = bases.contains(reference);
            async move {
                let image = if is_base {
                    registry.fetch_image(reference, architecture).await?
                } else {
                    registry.fetch_own_image(reference, architecture).await?
                };
                Ok((reference.clone(), image))
            }
        })
        .buffer_unordered(QUESTIONS_AHEAD)
        .try_collect()
        .await?;
    let find = |reference: &Reference| fetched.get(reference).and_then(Option::as_ref);
    let mut found = MovedBases {
        missing: bases
            .into_iter()
            .filter(|base| find(base).is_none())
            .cloned()
            .collect(),
        ..MovedBases::default()
    };
    for id in on_bases {
        let Some(published) = find(&loaded.catalog.image(id).label) else {
            continue;
        };
        let built_on = published
            .labels
            .get(PARENTS)
            .map(|value| parse_parents(value));
        let Some(built_on) = built_on else {
            found.silent.push(id);
            continue;
        };
        let has_moved = |base: &&Reference| {
            find(base).is_some_and(|now| !was_built_on(&built_on, base, &now.identities))
        };
        let moved: Vec<Reference> = loaded.bases(id).iter().filter(has_moved).cloned().collect();
        if !moved.is_empty() {
            found.moved.insert(id, moved);
        }
    }
    Ok(found)
}

/// Finds what an image at its registry says that it was built on; nothing where something else built it.
pub async fn find_recorded_parents(
    registry: &Client,
    image: &Reference,
    architecture: &str,
) -> Result<Option<Vec<(Reference, Digest)>>, RegistryError> {
    let image = registry.fetch_own_image(image, architecture).await?;
    let recorded = image.and_then(|image| Some(parse_parents(image.labels.get(PARENTS)?)));
    Ok(recorded)
}

fn was_built_on(built_on: &[(Reference, Digest)], base: &Reference, now: &[Digest]) -> bool {
    built_on
        .iter()
        .any(|(reference, digest)| reference == base && now.contains(digest))
}
