//! Where `latest` stands, and whether it may follow a version: only forward.
//!
//! What `latest` is now is told by the labels that this program puts on its images; their version counts only beside this
//! program's own labels, since a version of the base image's is inherited. An image without them was built by something
//! else: then the tags of the repository tell, of which those newer than the version are compared by their digests. What
//! is neither is no version that could be gone back from, and `latest` leaves it; the log keeps its digest. Where the tags
//! are told to others and not to us, or are too many to compare, nobody knows, and it stays.
//!
//! A nightly build says of itself that it is the version without the date, and has the tag of the version with it. Where a
//! release of that day has the same tag, `latest` does not follow what is there.
//!
//! The order is Debian's, with the dates of weekly rebuilds as [`Version::may_follow`] takes them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;

use super::target::Target;
use crate::catalog::ImageId;
use crate::debian::Version;
use crate::engine::PARENTS;
use crate::host::architecture;
use crate::oci::{Digest, Reference, Tag};
use crate::plan::{Action, Plan, Skip};
use crate::registry::{Client, Presence, RegistryError, RemoteImage};
use crate::scan::Loaded;

/// The names of an image and of its version (OCI image-spec, "Pre-Defined Annotation Keys").
const TITLE: &str = "org.opencontainers.image.title";
const VERSION: &str = "org.opencontainers.image.version";

/// How many tags are compared at most, the newest first.
const MOST_TAGS: usize = 500;
/// How many of them at once: as a rule one of the first is what is looked for.
const TAGS_AHEAD: usize = 8;
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
    /// A newer version is there: it stays.
    Ahead {
        /// The newer version.
        version: Version,
        /// Where that one is.
        lead: Lead,
    },
}

/// What is ahead of a published version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lead {
    /// `latest` itself.
    Latest,
    /// A release under its tag alone, where there is no `latest`.
    Release,
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
                let newest = find_newer_release(registry, place, version).await?;
                return Ok(newest.map_or(Self::Missing, |version| Self::Ahead {
                    version,
                    lead: Lead::Release,
                }));
            }
            Presence::Present(there) if there == *digest => return Ok(Self::Here),
            Presence::Present(there) => there,
        };
        // Without knowing what it is, `latest` could go back.
        let image = read_image(registry, &latest, &there)
            .await?
            .ok_or_else(|| RegistryError::contradiction(&latest))?;
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
            Some(known) if known.may_follow(version) => Self::Ahead {
                version: known,
                lead: Lead::Latest,
            },
            known => Self::Behind {
                digest: there,
                version: known,
            },
        })
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

/// What an image says of itself beside a version.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Maker {
    /// This program built it as this version.
    OfVersion,
    /// This program built it in the night, as the version without its date.
    OfNight(Version),
    /// Something else built it, or it is another version.
    Other,
}

impl Maker {
    /// Asks what a registry has at `place`, which is a digest that was there a moment ago.
    async fn find(
        registry: &Client,
        place: &Reference,
        version: &Version,
    ) -> Result<Self, RegistryError> {
        let image = match registry.fetch_own_image(place, architecture()).await {
            Ok(Some(image)) => image,
            Ok(None) => return Err(RegistryError::contradiction(place)),
            // What is for other machines, or no image at all, this program did not make.
            Err(error) if error.is_no_image() => return Ok(Self::Other),
            Err(error) => return Err(error),
        };
        Ok(match find_version(&image, place.short_name()) {
            Some(known) if known == *version => Self::OfVersion,
            Some(known) if version.find_undated().as_ref() == Some(&known) => Self::OfNight(known),
            _ => Self::Other,
        })
    }
}

/// Tells whether what a registry has at `place` says of itself that this program built it as `version`.
pub(super) async fn is_own(
    registry: &Client,
    place: &Reference,
    version: &Version,
) -> Result<bool, RegistryError> {
    Ok(Maker::find(registry, place, version).await? == Maker::OfVersion)
}

/// Reads what an image says of itself; what is for other machines alone, or no image at all, says nothing, since this
/// program did not make it.
async fn read_image(
    registry: &Client,
    reference: &Reference,
    digest: &Digest,
) -> Result<Option<RemoteImage>, RegistryError> {
    match registry.fetch_own_image(reference, architecture()).await {
        Err(error) if error.is_no_image() => Ok(Some(RemoteImage {
            identities: vec![digest.clone()],
            labels: BTreeMap::new(),
        })),
        image => image,
    }
}

/// Tells the version of which an image is this program's own release, where the tag of a reference is that version.
pub(super) async fn find_release(
    registry: &Client,
    reference: &Reference,
) -> Result<Option<Version>, RegistryError> {
    let Presence::Present(digest) = registry.presence(reference).await? else {
        return Ok(None);
    };
    let image = read_image(registry, reference, &digest).await?;
    let version = image.and_then(|image| find_version(&image, reference.short_name()));
    // The version of a nightly build has no date; its tag has.
    let is_tag = |version: &Version| {
        reference
            .tag()
            .is_some_and(|tag| tag.as_str() == version.as_str())
    };
    Ok(version.filter(is_tag))
}

/// Finds the newest release that is newer: a tag alone may also be a candidate's, a nightly build's, or that of a commit.
async fn find_newer_release(
    registry: &Client,
    place: &Reference,
    version: &Version,
) -> Result<Option<Version>, RegistryError> {
    let newer = match find_newer_tags(registry, place, version).await {
        Ok(newer) => newer,
        // Who may publish and not list gets a first `latest` all the same: there is none that could go back.
        Err(RegistryError::Denied { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let ask = async |(_, tag): (Version, Tag)| find_release(registry, &place.with_tag(tag)).await;
    find_first(place, newer, ask).await
}

/// Finds the tag of a newer version that is the same image.
async fn find_newer_tag(
    registry: &Client,
    place: &Reference,
    version: &Version,
    digest: &Digest,
) -> Result<Option<Version>, RegistryError> {
    let newer = find_newer_tags(registry, place, version).await?;
    let there = Presence::Present(digest.clone());
    let ask = async |(tagged, tag): (Version, Tag)| {
        let presence = registry.presence(&place.with_tag(tag)).await?;
        Ok((presence == there).then_some(tagged))
    };
    find_first(place, newer, ask).await
}

/// Gives the first answer that is a version. That none of very many tells is no answer: one of the rest may.
async fn find_first(
    place: &Reference,
    newer: Vec<(Version, Tag)>,
    ask: impl AsyncFn((Version, Tag)) -> Result<Option<Version>, RegistryError>,
) -> Result<Option<Version>, RegistryError> {
    let are_more = newer.len() > MOST_TAGS;
    let asked = newer.into_iter().take(MOST_TAGS).map(|it| ask(it));
    let answers = futures_util::stream::iter(asked).buffered(TAGS_AHEAD);
    let mut answers = std::pin::pin!(answers);
    while let Some(answer) = answers.next().await {
        if let Some(found) = answer? {
            return Ok(Some(found));
        }
    }
    if are_more {
        Err(RegistryError::too_many_tags(place, MOST_TAGS))
    } else {
        Ok(None)
    }
}

/// Tells whether a tag is written as versions are: with a digit first, or with the letters that `version` begins with.
fn is_like(tagged: &Version, version: &Version) -> bool {
    fn letters(version: &Version) -> &str {
        let text = version.as_str();
        let end = text.find(|c: char| c.is_ascii_digit());
        &text[..end.unwrap_or(text.len())]
    }
    letters(tagged).is_empty() || letters(tagged) == letters(version)
}

/// Finds the tags of newer versions, the newest first. Of one version that without a date comes first: those with one may
/// be very many, and built in the night.
async fn find_newer_tags(
    registry: &Client,
    place: &Reference,
    version: &Version,
) -> Result<Vec<(Version, Tag)>, RegistryError> {
    let tags = match registry.fetch_tags(place).await {
        Ok(tags) => tags,
        // Some registries list tags for nobody. Then nothing newer is known, as with images that something else built.
        Err(error) if error.is_refusal_to_list() => BTreeSet::new(),
        Err(error) => return Err(error),
    };
    Ok(choose_newer(tags, version))
}

fn choose_newer(tags: impl IntoIterator<Item = Tag>, version: &Version) -> Vec<(Version, Tag)> {
    let tags = tags.into_iter();
    let mut newer: Vec<(Version, Tag)> = tags
        .filter(|tag| ![Tag::latest(), Tag::incoming()].contains(tag))
        .filter_map(|tag| Some((tag.as_str().parse().ok()?, tag)))
        .filter(|(tagged, _): &(Version, Tag)| is_like(tagged, version))
        .filter(|(tagged, _)| tagged.may_follow(version))
        .collect();
    newer.sort_by_cached_key(|(tagged, _)| {
        let undated = tagged.find_undated();
        let date = undated.is_some().then(|| Reverse(tagged.clone()));
        (Reverse(undated.unwrap_or_else(|| tagged.clone())), date)
    });
    newer
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

/// A published image that `latest` may have to follow; nothing is done about it.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// The image.
    pub image: ImageId,
    /// Why.
    pub why: Unfollowed,
}

/// Why `latest` does not follow.
#[derive(Clone, Debug)]
pub enum Unfollowed {
    /// The registry told nothing of it.
    Unknown(RegistryError),
    /// What is published is a nightly build, which the tag of the version was given to before.
    Nightly {
        /// The digest that the version has.
        digest: Digest,
        /// The version that it says it is.
        version: Version,
    },
}

/// What is known of the `latest` of published images.
#[derive(Clone, Debug, Default)]
pub struct Followers {
    /// Those that have to follow.
    pub overdue: Vec<Overdue>,
    /// Those that may have to.
    pub doubts: Vec<Doubt>,
}

impl Followers {
    /// Tells whether there is an image of which the registry told nothing.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        let mut doubts = self.doubts.iter();
        doubts.any(|doubt| matches!(doubt.why, Unfollowed::Unknown(_)))
    }
}

/// How many images may cost the whole patience each before no more are asked for.
const MOST_TROUBLES: usize = 3;

/// Finds the images of a plan that are published as they are, and whose `latest` is missing or behind. Of a registry in
/// trouble that is an error, of an image that it refuses to talk about a doubt.
pub async fn find_overdue(
    registry: &Client,
    target: &Target,
    (loaded, plan): (&Loaded, &Plan),
    selection: Option<&BTreeSet<ImageId>>,
) -> Result<Followers, RegistryError> {
    if !target.candidates.is_empty() {
        return Ok(Followers::default());
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
    let mut standings = futures_util::stream::iter(published)
        .map(|(id, digest)| async move {
            let image = loaded.catalog.image(id);
            // Where no reference can be made, nothing is published either.
            let place = target.version(&image.label).ok()?;
            let published = (&image.version, digest);
            Some((id, digest, find_due(registry, &place, published).await))
        })
        .buffered(QUESTIONS_AHEAD);
    let mut followers = Followers::default();
    let mut troubles = 0;
    while let Some(asked) = standings.next().await {
        match asked {
            None | Some((_, _, Ok(Due::Nothing))) => {}
            Some((image, digest, Ok(Due::Latest(standing)))) => {
                followers.overdue.push(Overdue {
                    image,
                    digest: digest.clone(),
                    standing,
                });
            }
            Some((image, digest, Ok(Due::Release(version)))) => {
                let digest = digest.clone();
                let why = Unfollowed::Nightly { digest, version };
                followers.doubts.push(Doubt { image, why });
            }
            Some((image, _, Err(error))) => {
                troubles += usize::from(error.may_pass());
                if troubles == MOST_TROUBLES {
                    return Err(error);
                }
                let why = Unfollowed::Unknown(error);
                followers.doubts.push(Doubt { image, why });
            }
        }
    }
    Ok(followers)
}

/// What a published version lacks.
enum Due {
    Nothing,
    /// `latest`, which is to move from where it stands.
    Latest(Standing),
    /// The release itself: there is a nightly build of this version.
    Release(Version),
}

/// Finds out where `latest` stands, where it is to move: from another image only to one that this program made.
async fn find_due(
    registry: &Client,
    place: &Reference,
    (version, digest): (&Version, &Digest),
) -> Result<Due, RegistryError> {
    let standing = Standing::find(registry, place, version, digest).await?;
    let by_digest = place.with_digest(digest.clone());
    Ok(match standing {
        Standing::Here | Standing::Ahead { .. } => Due::Nothing,
        Standing::Missing => Due::Latest(standing),
        Standing::Behind { .. } => match Maker::find(registry, &by_digest, version).await? {
            Maker::OfVersion => Due::Latest(standing),
            Maker::OfNight(known) => Due::Release(known),
            Maker::Other => Due::Nothing,
        },
    })
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

    #[test]
    fn of_newer_tags_a_release_comes_before_nightly_builds_and_signatures_are_none() {
        let version: Version = "1-1".parse().expect("a version");
        let signature = format!("{}.sig", Digest::of(b"").as_str().replace(':', "-"));
        let tags = [
            "1-0",
            "1-1",
            "1-1-20261120",
            "1-1-20261121",
            "1-2",
            "1-2-20261120",
            "1-2-20261121",
            "latest",
            "pkg-incoming",
            "v2-1",
            &signature,
        ];
        let tags = tags.map(|tag| tag.parse().expect("a tag"));
        let newer = choose_newer(tags, &version);
        let newer: Vec<&str> = newer.iter().map(|(_, tag)| tag.as_str()).collect();
        let expected = [
            "1-2",
            "1-2-20261121",
            "1-2-20261120",
            "1-1-20261121",
            "1-1-20261120",
        ];
        assert_eq!(newer, expected);
    }
}
