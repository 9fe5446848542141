//! Where `latest` stands, and whether it may follow a version: only forward.
//!
//! What `latest` is now is told by the labels that this program puts on its images; their version counts only beside this
//! program's own labels, since a version of the base image's is inherited. An image without them was built by something
//! else: then the tags of the repository tell, of which those newer than the version are compared by their digests. What
//! is neither is no version that could be gone back from, and `latest` leaves it; the log keeps its digest.
//!
//! The order is Debian's, with the dates of weekly rebuilds as [`Version::may_follow`] takes them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::target::Target;
use crate::catalog::ImageId;
use crate::debian::Version;
use crate::engine::PARENTS;
use crate::host::architecture;
use crate::oci::{Digest, Reference, Tag};
use crate::plan::{Action, Plan, Skip};
use crate::registry::{Client, Garbage, Presence, RegistryError, RemoteImage};
use crate::scan::Loaded;

/// The names of an image and of its version (OCI image-spec, "Pre-Defined Annotation Keys").
const TITLE: &str = "org.opencontainers.image.title";
const VERSION: &str = "org.opencontainers.image.version";

/// How many tags are compared at most, the newest first.
const MOST_TAGS: usize = 200;
/// Questions that are prepared at once; how many are sent at once is up to the client.
const QUESTIONS_AHEAD: usize = 256;

/// Where `latest` stands beside a published version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// At this very version.
    Here,
    /// Nowhere yet.
    Missing,
    /// At an older version, or at what is no version.
    Behind {
        /// The digest that it has.
        digest: Digest,
        /// The version that it is, where that is known.
        version: Option<Version>,
    },
    /// At a newer version: it stays.
    Ahead {
        /// The version that it is.
        version: Version,
    },
}

impl Standing {
    /// Finds out where it stands, beside `version`, which is published under the tag of `place` as `digest`.
    pub async fn find(
        registry: &Client,
        place: &Reference,
        version: &Version,
        digest: &Digest,
    ) -> Result<Self, RegistryError> {
        let latest = place.with_tag(Tag::latest());
        let there = match registry.presence(&latest).await? {
            // Somebody removed it, or a run was cut when a newer version was published already.
            Presence::Absent => {
                let newest = find_newer_tags(registry, place, version)
                    .await?
                    .into_iter()
                    .next();
                return Ok(match newest {
                    Some((version, _)) => Self::Ahead { version },
                    None => Self::Missing,
                });
            }
            Presence::Present(there) if there == *digest => return Ok(Self::Here),
            Presence::Present(there) => there,
        };
        let image = match registry.fetch_image(&latest, architecture()).await {
            Ok(Some(image)) => image,
            // Without knowing what it is, `latest` could go back.
            Ok(None) => return Err(RegistryError::contradiction(&latest)),
            // It is for other machines, so this program did not make it.
            Err(RegistryError::Garbage {
                garbage: Garbage::NoPlatform(_),
                ..
            }) => RemoteImage {
                identities: vec![there.clone()],
                labels: BTreeMap::new(),
            },
            Err(error) => return Err(error),
        };
        let there = image.identities.first().cloned().unwrap_or(there);
        if there == *digest {
            return Ok(Self::Here);
        }
        let known = match find_version(&image, place.short_name()) {
            Some(known) => Some(known),
            None => find_newer_tag(registry, place, version, &there).await?,
        };
        // The same version under two digests: it may be that the one for the version was told wrong.
        if known.as_ref() == Some(version)
            && let Some(manifest) = registry.fetch_manifest(place).await?
            && manifest.digest == there
        {
            return Ok(Self::Here);
        }
        Ok(match known {
            Some(known) if known.may_follow(version) => Self::Ahead { version: known },
            known => Self::Behind {
                digest: there,
                version: known,
            },
        })
    }

    /// Tells whether it is to move.
    #[must_use]
    pub fn is_due(&self) -> bool {
        matches!(self, Self::Missing | Self::Behind { .. })
    }
}

/// Reads the version from the labels, where this program wrote them for an image of this name.
fn find_version(image: &RemoteImage, name: &str) -> Option<Version> {
    let labels = &image.labels;
    labels.get(PARENTS)?;
    if labels.get(TITLE)? != name {
        return None;
    }
    labels.get(VERSION)?.parse().ok()
}

/// Finds the tag of a newer version that is the same image.
async fn find_newer_tag(
    registry: &Client,
    place: &Reference,
    version: &Version,
    digest: &Digest,
) -> Result<Option<Version>, RegistryError> {
    let newer = find_newer_tags(registry, place, version).await?;
    for (tagged, tag) in newer.into_iter().take(MOST_TAGS) {
        if registry.presence(&place.with_tag(tag)).await? == Presence::Present(digest.clone()) {
            return Ok(Some(tagged));
        }
    }
    Ok(None)
}

/// Finds the tags of newer versions, the newest first.
async fn find_newer_tags(
    registry: &Client,
    place: &Reference,
    version: &Version,
) -> Result<Vec<(Version, Tag)>, RegistryError> {
    let tags = match registry.fetch_tags(place).await {
        Ok(tags) => tags,
        // Some registries list tags for nobody. Then nothing newer is known, as with images that something else built.
        Err(RegistryError::Denied { .. }) => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut newer: Vec<(Version, Tag)> = tags
        .iter()
        .filter_map(|text| Some((text.parse().ok()?, text.parse().ok()?)))
        .filter(|(tagged, _): &(Version, Tag)| {
            tagged.as_str().starts_with(|c: char| c.is_ascii_digit()) && tagged.may_follow(version)
        })
        .collect();
    newer.sort_by(|(a, _), (b, _)| b.cmp(a));
    Ok(newer)
}

/// A published version that `latest` has not followed: a run was cut, or refused, before the last step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// The image.
    pub image: ImageId,
    /// The digest of its version at the registry.
    pub digest: Digest,
    /// Where `latest` stands.
    pub standing: Standing,
}

/// Finds the images of a plan that are published as they are, and whose `latest` is missing or behind.
pub async fn find_overdue(
    registry: &Client,
    target: &Target,
    (loaded, plan): (&Loaded, &Plan),
    selection: Option<&BTreeSet<ImageId>>,
) -> Result<Vec<Overdue>, RegistryError> {
    if !target.candidates.is_empty() {
        return Ok(Vec::new());
    }
    let is_asked_for = |id| selection.is_none_or(|selection| selection.contains(&id));
    let published = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Skip(
            Skip::Published(digest)
            | Skip::PublishedOnOldParent { digest, .. }
            | Skip::Drifted { digest, .. },
        )
        | Action::Pull(digest)
            if is_asked_for(step.image) =>
        {
            Some((step.image, digest))
        }
        _ => None,
    });
    let standings: Vec<Option<Overdue>> = futures_util::stream::iter(published)
        .map(|(id, digest)| async move {
            let image = loaded.catalog.image(id);
            // Where no reference can be made, nothing is published either.
            let Ok(place) = target.version(&image.label) else {
                return Ok(None);
            };
            let standing = Standing::find(registry, &place, &image.version, digest).await?;
            Ok::<_, RegistryError>(standing.is_due().then(|| Overdue {
                image: id,
                digest: digest.clone(),
                standing,
            }))
        })
        .buffered(QUESTIONS_AHEAD)
        .try_collect()
        .await?;
    Ok(standings.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(labels: &[(&str, &str)], expected: Option<&str>) {
        let image = RemoteImage {
            identities: vec![Digest::of(b"image")],
            labels: labels
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        let found = find_version(&image, "nginx");
        assert_eq!(found.as_ref().map(Version::as_str), expected, "{labels:?}");
    }

    #[test]
    fn a_version_counts_beside_this_programs_own_labels_alone() {
        let version = (VERSION, "1.22-1");
        case(&[(PARENTS, ""), (TITLE, "nginx"), version], Some("1.22-1"));
        // Images inherit the labels of what they are built on.
        case(&[(TITLE, "nginx"), version], None);
        case(&[(PARENTS, ""), (TITLE, "ubuntu"), version], None);
        case(&[(PARENTS, ""), version], None);
        case(&[(PARENTS, ""), (TITLE, "nginx")], None);
        case(&[(PARENTS, ""), (TITLE, "nginx"), (VERSION, "")], None);
    }
}
