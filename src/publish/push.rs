//! One image: brought to its repository, given its version, confirmed by the registry, followed by `latest`.

use std::time::Duration;

use super::error::PublishError;
use super::latest::{Lead, Standing, find_release};
use super::patience::Patience;
use super::run::{Kept, Latest, Publication};
use crate::build::{Event, Log};
use crate::catalog::{Image, ImageId};
use crate::engine::Engine;
use crate::layout::Shelved;
use crate::oci::{Digest, Reference, Tag};
use crate::registry::{Manifest, Presence, RegistryError};

/// How long after a version was confirmed it is asked for again, where nothing else is done meanwhile: two that publish it
/// at once differ by less, as a rule.
const MOMENT: Duration = Duration::from_millis(500);

/// How often `latest` is put: what the registry says it took, and does not have, may have gone back by somebody else's hand.
const MOST_PUTS: u32 = 2;

/// Whether `latest` is at a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Followed {
    Yes,
    No,
}

/// What a `latest` at the same version with another digest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rival {
    /// Somebody else's, who publishes the version in the same moment.
    Overtakes,
    /// Left of what was published over.
    IsLeft,
}

/// An image on its way, with its log.
pub(super) struct Parcel<'a> {
    pub(super) image: &'a Image,
    /// What it is called in events.
    pub(super) shown: &'a Reference,
    /// The identity that passed the tests.
    pub(super) id: &'a Digest,
    /// It, where it was made without an engine.
    pub(super) shelved: Option<Shelved>,
    /// What the user wants to be published over.
    pub(super) replaces: Option<Digest>,
    pub(super) log: &'a mut Log,
    pub(super) tell: &'a dyn Fn(Event),
}

impl Parcel<'_> {
    pub(super) fn tell_step(&self, name: String) {
        (self.tell)(Event::Step {
            image: self.shown.clone(),
            name,
        });
    }
}

impl Publication<'_> {
    pub(super) async fn deliver(&self, parcel: &mut Parcel<'_>) -> Result<Digest, PublishError> {
        let is_index = parcel.shelved.as_ref().is_some_and(Shelved::is_index);
        if parcel.image.recipe.makes_index() && !is_index {
            return Err(PublishError::Piece(parcel.image.label.clone()));
        }
        self.is_still(parcel).await?;
        let version = self.target.version(&parcel.image.label)?;
        if self.target.candidates.is_empty() {
            return self.deliver_version(parcel, &version).await;
        }
        let candidates = self.target.candidates.iter();
        let candidates: Vec<Reference> = candidates
            .map(|candidate| version.with_tag(candidate.tag().clone()))
            .collect();
        for reference in &candidates {
            // Versions may begin with a letter too, and a changelog need not have all that were published.
            if find_release(self.registry, reference).await?.is_some() {
                return Err(PublishError::IsVersion(reference.clone()));
            }
        }
        let manifest = self.stage(parcel, &version).await?;
        for reference in candidates {
            let put = self.put(parcel, &reference, &manifest).await;
            put.map_err(|source| PublishError::untagged(&reference, source))?;
            self.confirm_tag(&reference, &manifest.digest).await?;
        }
        Ok(manifest.digest)
    }

    async fn deliver_version(
        &self,
        parcel: &mut Parcel<'_>,
        version: &Reference,
    ) -> Result<Digest, PublishError> {
        let there = self.find_published(parcel, version, None).await?;
        let manifest = if let Some(there) = there {
            self.read_back(version, &there.digest).await?
        } else {
            let staged = self.stage(parcel, version).await?;
            self.take_version(parcel, version, staged).await?
        };
        self.confirm_tag(version, &manifest.digest).await?;
        let followed = match self.latest {
            Latest::Moves => self
                .follow(parcel, version, &manifest, Rival::Overtakes)
                .await
                .map_err(|source| source.of_latest(version))?,
            Latest::Stays => Followed::No,
        };
        if followed == Followed::No {
            tokio::time::sleep(MOMENT).await;
        }
        // Somebody else may have asked for the version before it was there, and put theirs after.
        self.confirm_still(version, &manifest.digest).await?;
        Ok(manifest.digest)
    }

    /// Asks once more for a version that was confirmed: what is there instead came from somebody else.
    async fn confirm_still(
        &self,
        version: &Reference,
        digest: &Digest,
    ) -> Result<(), PublishError> {
        match self.confirm_tag(version, digest).await {
            Err(PublishError::Unconfirmed {
                reference,
                there: Presence::Present(digest),
                ..
            }) => Err(PublishError::Overtaken {
                label: reference,
                digest,
            }),
            confirmed => confirmed,
        }
    }

    /// Finds what is published under a version, where it is the tested image: an earlier run was cut, or another one was
    /// faster. Somebody else's is an error, unless it is what the user wants to be published over.
    async fn find_published(
        &self,
        parcel: &Parcel<'_>,
        version: &Reference,
        staged: Option<&Manifest>,
    ) -> Result<Option<Manifest>, PublishError> {
        let Some(there) = self.registry.fetch_manifest(version).await? else {
            return Ok(None);
        };
        let is_staged = staged.is_some_and(|staged| staged.digest == there.digest);
        if is_staged || self.is_known(&there, parcel) {
            return Ok(Some(there));
        }
        if parcel.replaces.as_ref() == Some(&there.digest) {
            return Ok(None);
        }
        Err(PublishError::Overtaken {
            label: version.clone(),
            digest: there.digest,
        })
    }

    /// Gives what came its version. Each try asks before whether somebody else took it meanwhile.
    async fn take_version(
        &self,
        parcel: &mut Parcel<'_>,
        version: &Reference,
        staged: Manifest,
    ) -> Result<Manifest, PublishError> {
        parcel.tell_step(format!("tag {version}"));
        let mut patience = Patience::new(self.settings.registry_timeout);
        loop {
            let there = self.find_published(parcel, version, Some(&staged)).await?;
            if let Some(there) = there {
                return Ok(there);
            }
            if let Some(old) = &parcel.replaces {
                parcel.log.heading(&format!("replace {old}"));
            }
            parcel.log.heading(&format!("tag {version}"));
            let Err(error) = self.registry.put_manifest_once(version, &staged).await else {
                return Ok(staged);
            };
            if let Some(wait) = patience.next_wait().filter(|_| error.may_pass()) {
                let again = format!("failed: {error}; again in {}s", wait.as_secs());
                parcel.log.heading(&again);
                tokio::time::sleep(wait).await;
                continue;
            }
            parcel.log.heading(&format!("failed: {error}"));
            // It may have been taken, and what stands before the registry answered otherwise.
            let there = self.find_published(parcel, version, Some(&staged)).await;
            return match there {
                Ok(Some(there)) => Ok(there),
                Err(overtaken @ PublishError::Overtaken { .. }) => Err(overtaken),
                _ => Err(PublishError::untagged(version, error)),
            };
        }
    }

    /// Lets `latest` follow a confirmed version, unless it stands at a newer one. Each try asks before where it stands:
    /// meanwhile it may have followed a newer one of somebody else's.
    async fn follow(
        &self,
        parcel: &mut Parcel<'_>,
        version: &Reference,
        manifest: &Manifest,
        rival: Rival,
    ) -> Result<Followed, PublishError> {
        let latest = version.with_tag(Tag::latest());
        let mut patience = Patience::new(self.settings.registry_timeout);
        let mut taken = 0;
        loop {
            let followed = self.find_followed(parcel, version, manifest, rival).await?;
            if let Some(followed) = followed {
                return Ok(followed);
            }
            if taken == MOST_PUTS {
                self.confirm_tag(&latest, &manifest.digest).await?;
                return Ok(Followed::Yes);
            }
            parcel.tell_step(format!("tag {latest}"));
            parcel.log.heading(&format!("tag {latest}"));
            let Err(error) = self.registry.put_manifest_once(&latest, manifest).await else {
                taken += 1;
                continue;
            };
            if let Some(wait) = patience.next_wait().filter(|_| error.may_pass()) {
                let again = format!("failed: {error}; again in {}s", wait.as_secs());
                parcel.log.heading(&again);
                tokio::time::sleep(wait).await;
                continue;
            }
            parcel.log.heading(&format!("failed: {error}"));
            // It may have been taken, and what stands before the registry answered otherwise.
            return match self.confirm_tag(&latest, &manifest.digest).await {
                Ok(()) => Ok(Followed::Yes),
                Err(_) => Err(PublishError::of_tag(&latest, error)),
            };
        }
    }

    /// Finds out whether `latest` is where it is to be, or is to stay where it is.
    async fn find_followed(
        &self,
        parcel: &mut Parcel<'_>,
        version: &Reference,
        manifest: &Manifest,
        rival: Rival,
    ) -> Result<Option<Followed>, PublishError> {
        let image = parcel.image;
        let standing =
            Standing::find(self.registry, version, &image.version, &manifest.digest).await?;
        match &standing {
            Standing::Here => return Ok(Some(Followed::Yes)),
            Standing::Ahead {
                version: newer,
                lead,
            } => {
                let heading = match lead {
                    Lead::Latest => format!("`latest` stays at {newer}"),
                    Lead::Release => format!("`latest` is not made, since {newer} is there"),
                };
                parcel.log.heading(&heading);
                self.keep(Kept {
                    version: version.clone(),
                    newer: newer.clone(),
                    lead: *lead,
                });
                return Ok(Some(Followed::No));
            }
            Standing::Behind {
                digest,
                version: Some(same),
            } if *same == image.version
                && rival == Rival::Overtakes
                && parcel.replaces.is_none() =>
            {
                return Err(PublishError::Contested {
                    label: version.clone(),
                    latest: digest.clone(),
                    published: manifest.digest.clone(),
                });
            }
            Standing::Behind { digest, .. } => {
                let heading = format!("`latest` leaves {digest}");
                parcel.log.heading(&heading);
            }
            Standing::Missing => {}
        }
        Ok(None)
    }

    /// Puts a manifest under the tag of a candidate, which moves to whatever comes last.
    async fn put(
        &self,
        parcel: &mut Parcel<'_>,
        tag: &Reference,
        manifest: &Manifest,
    ) -> Result<(), RegistryError> {
        parcel.tell_step(format!("tag {tag}"));
        parcel.log.heading(&format!("tag {tag}"));
        self.registry.put_manifest(tag, manifest).await
    }

    /// Moves `latest` to a version that the registry has already: nothing is pulled or pushed.
    pub(super) async fn repair_version(
        &self,
        parcel: &mut Parcel<'_>,
        digest: &Digest,
    ) -> Result<(), PublishError> {
        let version = self.target.version(&parcel.image.label)?;
        let by_digest = version.with_digest(digest.clone());
        let manifest = self.registry.fetch_manifest(&by_digest).await?;
        let manifest = manifest.ok_or(PublishError::Gone(by_digest))?;
        self.confirm_tag(&version, digest).await?;
        // What was published over may have been cut before `latest` followed.
        self.follow(parcel, &version, &manifest, Rival::IsLeft)
            .await
            .map(|_| ())
    }

    /// Fails where the image is not the one any more that passed its tests: on the shelf it was found by its identity.
    async fn is_still(&self, parcel: &Parcel<'_>) -> Result<(), PublishError> {
        let label = &parcel.image.label;
        if parcel.shelved.is_some() {
            return Ok(());
        }
        if self
            .engine
            .ok_or(PublishError::NoEngine)?
            .find_id(label)
            .await?
            .as_ref()
            == Some(parcel.id)
        {
            return Ok(());
        }
        Err(PublishError::Moved {
            label: label.clone(),
        })
    }

    /// Tells whether a manifest of the registry is for certain the image that is published.
    pub(super) fn is_known(&self, manifest: &Manifest, parcel: &Parcel<'_>) -> bool {
        let identifies_by_config = self.engine.is_none_or(Engine::identifies_by_config);
        let is_index = parcel.shelved.as_ref().is_some_and(Shelved::is_index);
        if is_index {
            manifest.digest == *parcel.id
        } else if parcel.shelved.is_some() || identifies_by_config {
            manifest.config().as_ref() == Some(parcel.id)
        } else {
            manifest.digest == *parcel.id
        }
    }

    /// Asks for a tag, which has to have this digest.
    async fn confirm_tag(
        &self,
        reference: &Reference,
        pushed: &Digest,
    ) -> Result<(), PublishError> {
        let there = self.registry.presence(reference).await?;
        if there == Presence::Present(pushed.clone()) {
            return Ok(());
        }
        Err(PublishError::Unconfirmed {
            reference: reference.clone(),
            pushed: pushed.clone(),
            there,
        })
    }

    pub(super) fn image(&self, id: ImageId) -> &Image {
        self.loaded.catalog.image(id)
    }
}
