//! The tag under which an image comes to its repository, before it has a version there.
//!
//! An engine pushes under a tag only, and the tag is set before anybody has looked at what came. So it is one that nobody
//! uses: `pkg-incoming`, the same in all repositories and for all versions. What came is then read by the digest that the
//! push gave, and the very same bytes get their version and `latest` from this program.
//!
//! ```text
//! engine    r.example.org/base/nginx:pkg-incoming    moves with each push
//! here      r.example.org/base/nginx@sha256:…        read back, and compared with what passed its tests
//! here      r.example.org/base/nginx:1.22-1          the same manifest
//! here      r.example.org/base/nginx:latest          the same manifest
//! ```
//!
//! It stays at the registry, where it is one tag for each repository and takes no room. Some registries delete the manifest
//! with each tag that is deleted, and every other tag of it: to delete it would put the version at risk that was just
//! published, and would want a right that who publishes should not need. The engine's own is removed at once. Where a run
//! was killed, the next one that publishes images of the same names to the same place removes it.

use super::error::PublishError;
use super::patience::Patience;
use super::push::Parcel;
use super::run::Publication;
use crate::build::build_timeout;
use crate::engine::EngineError;
use crate::oci::{Digest, Reference, Tag};
use crate::registry::{Manifest, Presence};

impl Publication<'_> {
    /// Brings an image to the repository of `version`, and gives what came: it is the one that passed its tests.
    pub(super) async fn stage(
        &self,
        parcel: &mut Parcel<'_>,
        version: &Reference,
    ) -> Result<Manifest, PublishError> {
        parcel.tell_step(format!("push {}", parcel.shown));
        if let Some(shelved) = parcel.shelved.clone() {
            return self.upload_in_time(parcel, version, &shelved).await;
        }
        let engine = self.engine.ok_or(PublishError::NoEngine)?;
        let incoming = version.with_tag(Tag::incoming());
        let heading = format!("push {} as {incoming}", parcel.shown);
        parcel.log.heading(&heading);
        // An engine that tells of some bytes now and then is never silent, and need not be near the end.
        let allowed = build_timeout(self.settings, &parcel.image.label);
        let staged = tokio::time::timeout(allowed, self.stage_patiently(parcel, &incoming)).await;
        let staged = if let Ok(staged) = staged {
            staged
        } else {
            let slow = PublishError::Slow { allowed };
            parcel.log.heading(&format!("failed: {slow}"));
            Err(slow)
        };
        if let Err(error) = engine.remove_tag(&incoming.to_string()).await {
            parcel.log.heading(&format!("{error}"));
        }
        staged
    }

    /// Pushes, and again where the failure may pass: then only what the registry lacks is sent.
    async fn stage_patiently(
        &self,
        parcel: &mut Parcel<'_>,
        incoming: &Reference,
    ) -> Result<Manifest, PublishError> {
        let mut patience = Patience::new(self.settings.registry_timeout);
        let mut unknowns = 0;
        loop {
            let error = match self.push(parcel, incoming).await {
                Ok(pushed) => match self.receive(parcel, incoming, &pushed).await {
                    Err(crossed @ PublishError::Crossed(_)) => crossed,
                    received => return received,
                },
                Err(error) => error,
            };
            unknowns += usize::from(error.is_unknown());
            // What the registry cannot say may be a refusal.
            let is_worth_it = error.may_pass() && unknowns <= 1;
            let wait = patience.next_wait().filter(|_| is_worth_it);
            let again = wait.map_or_else(String::new, |it| format!("; again in {}s", it.as_secs()));
            parcel.log.heading(&format!("failed: {error}{again}"));
            if let Some(wait) = wait {
                tokio::time::sleep(wait).await;
            }
            // Of a push that the engine calls failed, the last answer may have been lost alone.
            if let Ok(Some(there)) = self.registry.fetch_manifest(incoming).await
                && self.is_known(&there, parcel)
            {
                let heading = format!("{incoming} is there all the same");
                parcel.log.heading(&heading);
                return Ok(there);
            }
            if wait.is_none() {
                return Err(error);
            }
        }
    }

    /// Lets the engine push the image under the name that its repository has for what comes.
    async fn push(
        &self,
        parcel: &mut Parcel<'_>,
        incoming: &Reference,
    ) -> Result<Digest, PublishError> {
        // With the name alone, the engine would keep the digests under which the repository knows the image before.
        let engine = self.engine.ok_or(PublishError::NoEngine)?;
        let before = engine.find_id(incoming).await?;
        if before.is_some_and(|before| before != *parcel.id) {
            engine.remove_tag(&incoming.to_string()).await?;
        }
        engine.tag(parcel.id, incoming).await?;
        let log = &mut *parcel.log;
        let pushed = engine
            .push(incoming, self.login.as_ref(), |line| log.line(&line))
            .await;
        match pushed {
            Ok(digest) => Ok(digest),
            Err(error) if error.may_pass() => Err(error.into()),
            // Another run may have taken the name, or removed it.
            Err(error) => match engine.find_id(incoming).await {
                Ok(id) if id.as_ref() != Some(parcel.id) => {
                    parcel.log.heading(&format!("failed: {error}"));
                    Err(PublishError::Crossed(incoming.clone()))
                }
                _ => Err(PublishError::of_push(error, incoming)),
            },
        }
    }

    /// Reads what was pushed by the digest that the engine told, and compares it with what passed its tests.
    async fn receive(
        &self,
        parcel: &Parcel<'_>,
        incoming: &Reference,
        pushed: &Digest,
    ) -> Result<Manifest, PublishError> {
        let engine = self.engine.ok_or(PublishError::NoEngine)?;
        let manifest = self.read_back(incoming, pushed).await?;
        if engine.identifies_by_config() && self.is_known(&manifest, parcel) {
            return Ok(manifest);
        }
        // The engine pushes what the name points to at that moment.
        if engine.find_id(incoming).await?.as_ref() != Some(parcel.id) {
            return Err(PublishError::Crossed(incoming.clone()));
        }
        // On the containerd store an image is known by its index, of which an engine may push a part. What came is then known
        // by the name that was pushed alone, which is the tested image's before and after.
        if !engine.identifies_by_config() {
            return Ok(manifest);
        }
        Err(PublishError::OtherImage {
            reference: incoming.with_digest(pushed.clone()),
            tested: parcel.id.clone(),
            there: manifest.config(),
        })
    }

    /// Reads a manifest that has to be there.
    pub(super) async fn read_back(
        &self,
        place: &Reference,
        digest: &Digest,
    ) -> Result<Manifest, PublishError> {
        let by_digest = place.with_digest(digest.clone());
        let manifest = self.registry.fetch_manifest(&by_digest).await?;
        manifest.ok_or_else(|| PublishError::Unconfirmed {
            reference: by_digest,
            pushed: digest.clone(),
            there: Presence::Absent,
        })
    }

    /// Takes from the engine what a run that was cut left of names for what comes. Those of other places may be those of a
    /// run that is under way.
    pub async fn sweep(&self) -> Result<(), EngineError> {
        let Some(engine) = self.engine else {
            return Ok(());
        };
        let images = engine.images().await?;
        let mut result = Ok(());
        for (_, image) in self.loaded.catalog.iter() {
            // Where no reference can be made, nothing was pushed either.
            let Ok(version) = self.target.version(&image.label) else {
                continue;
            };
            let incoming = version.with_tag(Tag::incoming());
            if images.find(&incoming).is_some() {
                let removed = engine.remove_tag(&incoming.to_string()).await;
                // One that cannot be removed does not keep the others.
                result = result.and(removed.map(drop));
            }
        }
        result
    }
}
