//! One image: pushed by the engine, confirmed by the registry, followed by `latest`.

use std::time::{Duration, Instant};

use super::error::PublishError;
use super::latest::Standing;
use super::run::{Kept, Latest, Publication};
use crate::build::{Event, Log};
use crate::catalog::{Image, ImageId};
use crate::oci::{Digest, Reference, Tag};
use crate::registry::{Manifest, Presence};

/// How long is waited before a push is repeated; it doubles with each one.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// An image on its way, with its log.
pub(super) struct Parcel<'a> {
    pub(super) image: &'a Image,
    /// What it is called in events.
    pub(super) shown: &'a Reference,
    /// The identity that passed the tests.
    pub(super) id: &'a Digest,
    /// What the user wants to be published over.
    pub(super) replaces: Option<Digest>,
    pub(super) log: &'a mut Log,
    pub(super) tell: &'a dyn Fn(Event),
}

impl Parcel<'_> {
    fn tell_step(&self, name: String) {
        (self.tell)(Event::Step {
            image: self.shown.clone(),
            name,
        });
    }
}

impl Publication<'_> {
    pub(super) async fn deliver(&self, parcel: &mut Parcel<'_>) -> Result<Digest, PublishError> {
        self.is_still(&parcel.image.label, parcel.id).await?;
        let version = self.target.version(&parcel.image.label)?;
        if self.target.candidates.is_empty() {
            return self.deliver_version(parcel, &version).await;
        }
        let mut digest = None;
        for candidate in &self.target.candidates {
            let reference = version.with_tag(candidate.tag().clone());
            let pushed = self.push(parcel, &reference).await?;
            self.confirm(&reference, &pushed, parcel.id).await?;
            digest = Some(pushed);
        }
        digest.ok_or(PublishError::Gone(version))
    }

    async fn deliver_version(
        &self,
        parcel: &mut Parcel<'_>,
        version: &Reference,
    ) -> Result<Digest, PublishError> {
        let digest = match self.registry.fetch_manifest(version).await? {
            None => self.push(parcel, version).await?,
            Some(there) if self.is_known_as(&there, parcel.id) => there.digest,
            Some(there) if parcel.replaces.as_ref() == Some(&there.digest) => {
                parcel.log.heading(&format!("replace {}", there.digest));
                self.push(parcel, version).await?
            }
            Some(there) => {
                return Err(PublishError::Overtaken {
                    label: version.clone(),
                    digest: there.digest,
                });
            }
        };
        let manifest = self.confirm(version, &digest, parcel.id).await?;
        if self.latest == Latest::Moves {
            let moved = self.follow(parcel, version, &manifest).await;
            moved.map_err(|source| PublishError::Latest {
                label: version.clone(),
                source: Box::new(source),
            })?;
        }
        Ok(digest)
    }

    /// Lets `latest` follow a confirmed version, unless it stands at a newer one.
    async fn follow(
        &self,
        parcel: &mut Parcel<'_>,
        version: &Reference,
        manifest: &Manifest,
    ) -> Result<(), PublishError> {
        let image = parcel.image;
        let standing =
            Standing::find(self.registry, version, &image.version, &manifest.digest).await?;
        match &standing {
            Standing::Here => return Ok(()),
            Standing::Ahead { version: newer } => {
                parcel.log.heading(&format!("`latest` stays at {newer}"));
                self.keep(Kept {
                    version: version.clone(),
                    latest: newer.clone(),
                });
                return Ok(());
            }
            Standing::Behind { digest, .. } => {
                let heading = format!("`latest` leaves {digest}");
                parcel.log.heading(&heading);
            }
            Standing::Missing => {}
        }
        let latest = version.with_tag(Tag::latest());
        parcel.tell_step(format!("tag {latest}"));
        parcel.log.heading(&format!("tag {latest}"));
        self.registry.put_manifest(&latest, manifest).await?;
        self.confirm_tag(&latest, &manifest.digest).await
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
        self.follow(parcel, &version, &manifest).await
    }

    /// Pushes under a reference; one that is not the label is put on the image for as long as it takes.
    async fn push(
        &self,
        parcel: &mut Parcel<'_>,
        reference: &Reference,
    ) -> Result<Digest, PublishError> {
        parcel.tell_step(format!("push {reference}"));
        if *reference == parcel.image.label {
            return self.push_or_find(parcel, reference).await;
        }
        let before = self.engine.find_id(reference).await?;
        self.engine.tag(parcel.id, reference).await?;
        let pushed = self.push_or_find(parcel, reference).await;
        if before.is_none() {
            let removed = self.engine.remove_tag(&reference.to_string()).await;
            if let Err(error) = removed {
                parcel.log.heading(&format!("{error}"));
            }
        }
        pushed
    }

    /// Pushes; where the engine says that it failed, the registry may have taken the manifest all the same, and its answer
    /// was lost.
    async fn push_or_find(
        &self,
        parcel: &mut Parcel<'_>,
        reference: &Reference,
    ) -> Result<Digest, PublishError> {
        let error = match self.push_patiently(parcel, reference).await {
            Err(PublishError::Engine(error)) => error,
            other => return other,
        };
        parcel.log.heading(&format!("failed: {error}"));
        match self.registry.fetch_manifest(reference).await {
            Ok(Some(there)) if self.is_known_as(&there, parcel.id) => {
                let heading = format!("{reference} is there all the same");
                parcel.log.heading(&heading);
                Ok(there.digest)
            }
            _ => Err(error.into()),
        }
    }

    /// Pushes, and again where the failure may pass: then only what the registry lacks is sent.
    async fn push_patiently(
        &self,
        parcel: &mut Parcel<'_>,
        reference: &Reference,
    ) -> Result<Digest, PublishError> {
        parcel.log.heading(&format!("push {reference}"));
        let (mut failed_since, mut wait) = (None, FIRST_WAIT);
        loop {
            // The engine pushes what a reference points to at that moment: it has to be the image that passed, before and
            // after.
            self.is_still(reference, parcel.id).await?;
            let log = &mut *parcel.log;
            let pushed = self
                .engine
                .push(reference, self.login.as_ref(), |line| log.line(&line))
                .await;
            let error = match pushed {
                Ok(digest) => {
                    self.is_still(reference, parcel.id).await?;
                    return Ok(digest);
                }
                Err(error) => error,
            };
            let since = *failed_since.get_or_insert_with(Instant::now);
            if !error.may_pass() || since.elapsed() + wait >= self.patience {
                return Err(error.into());
            }
            let again = format!("{error}; again in {}s", wait.as_secs());
            parcel.log.heading(&again);
            tokio::time::sleep(wait).await;
            wait *= 2;
            // Somebody else may have published meanwhile, and the push that failed may have come through.
            if let Some(digest) = self.find_outcome(parcel, reference).await? {
                return Ok(digest);
            }
        }
    }

    /// Looks whether a version is there by now: as the tested image, or as somebody else's, which is an error. A candidate may
    /// move.
    async fn find_outcome(
        &self,
        parcel: &Parcel<'_>,
        reference: &Reference,
    ) -> Result<Option<Digest>, PublishError> {
        if !self.target.candidates.is_empty() {
            return Ok(None);
        }
        match self.registry.fetch_manifest(reference).await? {
            Some(there) if self.is_known_as(&there, parcel.id) => Ok(Some(there.digest)),
            Some(there) if parcel.replaces.as_ref() != Some(&there.digest) => {
                Err(PublishError::Overtaken {
                    label: reference.clone(),
                    digest: there.digest,
                })
            }
            _ => Ok(None),
        }
    }

    async fn is_still(&self, reference: &Reference, id: &Digest) -> Result<(), PublishError> {
        if self.engine.find_id(reference).await?.as_ref() == Some(id) {
            return Ok(());
        }
        Err(PublishError::Moved {
            label: reference.clone(),
        })
    }

    /// Tells whether a manifest of the registry is for certain the image with this identity.
    fn is_known_as(&self, manifest: &Manifest, id: &Digest) -> bool {
        if self.engine.identifies_by_config() {
            manifest.config().as_ref() == Some(id)
        } else {
            manifest.digest == *id
        }
    }

    /// Reads back what was pushed, by its digest first and by its tag after.
    async fn confirm(
        &self,
        reference: &Reference,
        pushed: &Digest,
        id: &Digest,
    ) -> Result<Manifest, PublishError> {
        let by_digest = reference.with_digest(pushed.clone());
        let Some(manifest) = self.registry.fetch_manifest(&by_digest).await? else {
            return Err(PublishError::Unconfirmed {
                reference: by_digest,
                pushed: pushed.clone(),
                there: Presence::Absent,
            });
        };
        // On the containerd store an image is known by its index, of which an engine may push a part.
        if self.engine.identifies_by_config() && !self.is_known_as(&manifest, id) {
            return Err(PublishError::OtherImage {
                reference: by_digest,
                tested: id.clone(),
                there: manifest.config(),
            });
        }
        self.confirm_tag(reference, pushed).await?;
        Ok(manifest)
    }

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
