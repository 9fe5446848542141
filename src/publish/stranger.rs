//! Versions that somebody else took at the registry, while the engine has a tested image of its own for them.
//!
//! Who made an image is told by the labels that this program puts on its images. An image of this program's that another
//! machine built and published is no stranger, and neither is one without labels where the engine has none of its own:
//! what another program published before stays as it is.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::latest::is_own;
use super::target::Target;
use crate::catalog::ImageId;
use crate::oci::Digest;
use crate::plan::{Availability, Drift, Facts};
use crate::registry::{Client, RegistryError};
use crate::scan::Loaded;

/// Questions that are prepared at once; how many are sent at once is up to the client.
const QUESTIONS_AHEAD: usize = 256;

/// The versions that somebody else's images have, each with what the registry has.
pub type Strangers = BTreeMap<ImageId, Digest>;

/// Finds the images whose version somebody else published, while the engine has this program's own, tested one.
///
/// `facts` has one item for each image of the catalog, in the order of their numbers.
pub async fn find_strangers(
    registry: &Client,
    target: &Target,
    (loaded, facts): (&Loaded, &[Facts]),
) -> Result<Strangers, RegistryError> {
    if !target.candidates.is_empty() {
        return Ok(Strangers::new());
    }
    let doubtful = loaded.catalog.iter().filter_map(|(id, image)| {
        let digest = find_other(&facts[id.0])?;
        // Where no reference can be made, nothing is published either.
        let place = target.version(&image.label).ok()?;
        Some((id, image, place.with_digest(digest.clone()), digest))
    });
    let asked = futures_util::stream::iter(doubtful).map(|(id, image, place, digest)| async move {
        let is_own = is_own(registry, &place, &image.version).await?;
        Ok((!is_own).then(|| (id, digest.clone())))
    });
    let found = asked.buffer_unordered(QUESTIONS_AHEAD);
    let found: Vec<Option<(ImageId, Digest)>> = found.try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// Gives what the registry has, where the engine has another image, which this program built and tested.
fn find_other(facts: &Facts) -> Option<&Digest> {
    let (Availability::Present(digest), Some(local)) = (&facts.registry, &facts.local) else {
        return None;
    };
    let is_own = local.parents.is_some() && local.inputs.is_some() && local.verified;
    // What says that it was made from the inputs that there are now is of this version for certain.
    let is_other = !local.manifests.contains(digest) && facts.published != Drift::None;
    (is_own && is_other).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Inputs, LocalImage};

    fn facts() -> Facts {
        let local = LocalImage {
            id: Digest::of(b"own"),
            manifests: Vec::new(),
            parents: Some(Vec::new()),
            inputs: Some(Inputs::new([("Dockerfile".to_owned(), Digest::of(b"a"))])),
            drift: Drift::None,
            moved_base: None,
            verified: true,
        };
        Facts {
            registry: Availability::Present(Digest::of(b"manifest")),
            published: Drift::Unknown,
            local: Some(local),
        }
    }

    #[track_caller]
    fn case(expected: bool, change: fn(&mut Facts, &mut LocalImage)) {
        let mut facts = facts();
        let mut local = facts.local.take().expect("an image");
        change(&mut facts, &mut local);
        facts.local = Some(local);
        assert_eq!(find_other(&facts).is_some(), expected, "{facts:?}");
    }

    #[test]
    fn only_an_own_and_tested_image_makes_another_one_doubtful() {
        case(true, |_, _| ());
        case(false, |facts, _| facts.registry = Availability::Absent);
        case(false, |facts, _| facts.published = Drift::None);
        case(false, |_, local| local.verified = false);
        // What docker-pkg built has no labels.
        case(false, |_, local| local.parents = None);
        case(false, |_, local| local.inputs = None);
        case(false, |_, local| {
            local.manifests.push(Digest::of(b"manifest"));
        });
        assert_eq!(find_other(&Facts::default()), None);
    }
}
