//! Which images are there.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::catalog::{Image, ImageId};
use crate::engine::{Engine, EngineError, EngineImages, INPUTS, PARENTS, parse_parents};
use crate::host::fs::FileError;
use crate::oci::Reference;
use crate::plan::{Availability, Drift, Facts, LocalImage, MovedBase};
use crate::registry::{Client, Presence, RegistryError};
use crate::scan::Loaded;
use crate::settings::Settings;
use crate::verify::{VerifiedRecord, find_test};

/// Questions that are prepared at once; how many are sent at once is up to the client.
pub(super) const QUESTIONS_AHEAD: usize = 256;

/// Who is asked.
#[derive(Debug)]
pub struct Observer<'a> {
    /// The engine, where one is needed.
    pub engine: Option<&'a Engine>,
    /// The registry, where one is set.
    pub registry: Option<&'a Client>,
    /// The record of passed tests.
    pub verified: &'a VerifiedRecord,
    /// The settings.
    pub settings: &'a Settings,
}

/// Why it could not be found out what there is.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A test that cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Observer<'_> {
    /// Asks about the images of `concerned`; the facts of all others stay empty.
    pub async fn observe(
        &self,
        loaded: &Loaded,
        concerned: &BTreeSet<ImageId>,
    ) -> Result<Vec<Facts>, ObserveError> {
        let (local, published) =
            tokio::try_join!(self.ask_engine(), self.ask_registry(loaded, concerned))?;
        let mut facts = vec![Facts::default(); loaded.catalog.len()];
        for (id, availability) in published {
            facts[id.0].registry = availability;
        }
        for &id in concerned {
            let found = self.find_local(loaded.catalog.image(id), &local)?;
            facts[id.0].local = found.map(|found| LocalImage {
                moved_base: find_moved_base(loaded.bases(id), &found, &local),
                ..found
            });
        }
        Ok(facts)
    }

    async fn ask_engine(&self) -> Result<EngineImages, ObserveError> {
        match self.engine {
            Some(engine) => Ok(engine.images().await?),
            None => Ok(EngineImages::default()),
        }
    }

    async fn ask_registry(
        &self,
        loaded: &Loaded,
        concerned: &BTreeSet<ImageId>,
    ) -> Result<Vec<(ImageId, Availability)>, ObserveError> {
        let Some(registry) = self.registry else {
            return Ok(Vec::new());
        };
        futures_util::stream::iter(concerned)
            .map(|&id| async move {
                let presence = registry.presence(&loaded.catalog.image(id).label).await?;
                let availability = match presence {
                    Presence::Absent => Availability::Absent,
                    Presence::Present(digest) => Availability::Present(digest),
                };
                Ok((id, availability))
            })
            .buffer_unordered(QUESTIONS_AHEAD)
            .try_collect()
            .await
    }

    fn find_local(
        &self,
        image: &Image,
        local: &EngineImages,
    ) -> Result<Option<LocalImage>, FileError> {
        let Some(found) = local.find(&image.label) else {
            return Ok(None);
        };
        let test = find_test(&self.settings.verify, &image.directory, &image.label)?;
        Ok(Some(LocalImage {
            id: found.id.clone(),
            manifests: found.manifests.clone(),
            parents: found.labels.get(PARENTS).map(|value| parse_parents(value)),
            inputs: found.labels.get(INPUTS).and_then(|text| text.parse().ok()),
            drift: Drift::Unknown,
            moved_base: None,
            verified: test.is_none_or(|test| self.verified.holds(&found.id, test.digest())),
        }))
    }
}

/// What the engine has under the label of a base image counts, where it has anything.
fn find_moved_base(
    bases: &[Reference],
    image: &LocalImage,
    local: &EngineImages,
) -> Option<MovedBase> {
    let recorded = image.parents.as_ref()?;
    bases.iter().find_map(|base| {
        let now = &local.find(base)?.id;
        let mut recorded = recorded.iter();
        let (_, built_on) = recorded.find(|(label, _)| label.name() == base.name())?;
        (built_on != now).then(|| MovedBase {
            base: base.clone(),
            built_on: built_on.clone(),
            now: now.clone(),
        })
    })
}
