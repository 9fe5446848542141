//! An image in a new version, and everything that depends on it in the next rebuild.

use super::entry::{Draft, Order, UpdateError, UpdateErrors};
use crate::catalog::{Catalog, Graph, ImageId};
use crate::debian::Version;

/// What is to be updated.
#[derive(Clone, Debug)]
pub struct UpdateWish {
    /// The image.
    pub image: ImageId,
    /// Its new version; the next rebuild where there is none.
    pub version: Option<Version>,
    /// Why.
    pub reason: String,
    /// Whether the version may sort lower than the one before it.
    pub order: Order,
}

/// Drafts the entries: the image first, then what depends on it through any chain, each after what it needs.
///
/// `update_id` is what the settings put before the number of a rebuild; one that makes no version is an error.
pub fn draft_update(
    catalog: &Catalog,
    graph: &Graph,
    wish: &UpdateWish,
    update_id: &str,
) -> Result<Vec<Draft>, UpdateErrors> {
    let dependants = graph.dependants([wish.image]);
    let order = graph.order().iter().copied();
    let images = [wish.image]
        .into_iter()
        .chain(order.filter(|id| *id != wish.image && dependants.contains(id)));
    let parent = &catalog.image(wish.image).name;
    let dependants_reason = format!(
        "Refresh for update in parent image {parent}:\n{}",
        wish.reason
    );
    images
        .map(|id| {
            let is_asked_for = id == wish.image;
            let asked = wish.version.clone().filter(|_| is_asked_for);
            Ok(Draft {
                image: id,
                version: match asked {
                    Some(version) => version,
                    None => next_rebuild(&catalog.image(id).version, update_id)?,
                },
                order: wish.order,
                reason: if is_asked_for {
                    wish.reason.clone()
                } else {
                    dependants_reason.clone()
                },
            })
        })
        .collect()
}

/// Gives the version of the next rebuild. An `update_id` that makes none makes none for any image, and is told once.
pub(super) fn next_rebuild(old: &Version, update_id: &str) -> Result<Version, UpdateErrors> {
    old.next_rebuild(update_id).map_err(|source| {
        let (old, source) = (Box::new(old.clone()), Box::new(source));
        UpdateErrors(vec![UpdateError::UpdateId { old, source }])
    })
}
