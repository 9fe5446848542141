//! Images in new versions, and everything that depends on them in the next rebuild.

use std::collections::BTreeSet;

use super::entry::{Draft, Order, UpdateError, UpdateErrors};
use crate::catalog::{Catalog, Graph, ImageId};
use crate::debian::{Bump, Version};

/// What is to be updated.
#[derive(Clone, Debug)]
pub struct UpdateWish {
    /// The images.
    pub images: BTreeSet<ImageId>,
    /// Their new versions.
    pub version: NewVersion,
    /// Why.
    pub reason: String,
    /// Whether a version may sort lower than the one before it.
    pub order: Order,
}

/// Which version an image gets.
#[derive(Clone, Debug)]
pub enum NewVersion {
    /// This one.
    Given(Version),
    /// The next one, by the part that goes up.
    Bumped(Bump),
    /// That of its next rebuild.
    Rebuild,
}

/// Drafts the entries: the images first, then what depends on them through any chain, each after what it needs.
///
/// `update_id` is what the settings put before the number of a rebuild; one that makes no version is an error.
pub fn draft_update(
    catalog: &Catalog,
    graph: &Graph,
    wish: &UpdateWish,
    update_id: &str,
) -> Result<Vec<Draft>, UpdateErrors> {
    let order = || graph.order().iter().copied();
    let dependants = graph.dependants(wish.images.iter().copied());
    let is_rebuilt = |id: &ImageId| !wish.images.contains(id) && dependants.contains(id);
    let mut drafts = Vec::new();
    let mut errors = Vec::new();
    for id in order().filter(|id| wish.images.contains(id)) {
        match new_version(catalog, id, &wish.version, update_id) {
            Ok(version) => drafts.push(Draft {
                image: id,
                version,
                order: wish.order,
                reason: wish.reason.clone(),
            }),
            Err(error) => errors.extend(error.0),
        }
    }
    if !errors.is_empty() {
        return Err(UpdateErrors(errors));
    }
    for id in order().filter(is_rebuilt) {
        let ancestors = graph.ancestors([id]);
        let parents = wish.images.intersection(&ancestors);
        let parents: Vec<_> = parents
            .map(|parent| catalog.image(*parent).name.as_str())
            .collect();
        drafts.push(Draft {
            image: id,
            version: next_rebuild(&catalog.image(id).version, update_id)?,
            order: wish.order,
            reason: format!(
                "Refresh for update in parent image {}:\n{}",
                parents.join(", "),
                wish.reason
            ),
        });
    }
    Ok(drafts)
}

fn new_version(
    catalog: &Catalog,
    id: ImageId,
    wanted: &NewVersion,
    update_id: &str,
) -> Result<Version, UpdateErrors> {
    let image = catalog.image(id);
    match wanted {
        NewVersion::Given(version) => Ok(version.clone()),
        NewVersion::Rebuild => next_rebuild(&image.version, update_id),
        NewVersion::Bumped(bump) => image.version.bumped(*bump).map_err(|source| {
            UpdateErrors(vec![UpdateError::Bump {
                place: image.entry.clone(),
                name: image.name.clone(),
                source,
            }])
        }),
    }
}

/// Gives the version of the next rebuild. An `update_id` that makes none makes none for any image, and is told once.
pub(super) fn next_rebuild(old: &Version, update_id: &str) -> Result<Version, UpdateErrors> {
    old.next_rebuild(update_id).map_err(|source| {
        let (old, source) = (Box::new(old.clone()), Box::new(source));
        UpdateErrors(vec![UpdateError::UpdateId { old, source }])
    })
}
