//! Which images are there.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::catalog::{Image, ImageId, Recipe};
use crate::engine::{
    Engine, EngineError, EngineImage, EngineImages, INPUTS, PARENTS, parse_parents,
};
use crate::host::fs::FileError;
use crate::layout::{Shelf, ShelfError, Shelved};
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
    /// The shelf of what was made without an engine.
    pub shelf: Option<&'a Shelf>,
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
    /// The shelf.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
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
            let found = self.find_local(loaded.catalog.image(id), &local).await?;
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

    /// Finds what the shelf has of an image; where an engine has another one, that one counts.
    async fn find_shelved(
        &self,
        image: &Image,
        found: Option<&EngineImage>,
    ) -> Result<Option<Shelved>, ObserveError> {
        let (Some(shelf), Recipe::Declared { .. }) = (self.shelf, &image.recipe) else {
            return Ok(None);
        };
        let shelved = shelf.find(&image.label)?;
        let (Some(engine), Some(found), Some(of_shelf)) = (self.engine, found, &shelved) else {
            return Ok(shelved);
        };
        let is_same = is_same(engine, of_shelf, found).await?;
        Ok(shelved.filter(|_| is_same))
    }

    async fn find_local(
        &self,
        image: &Image,
        local: &EngineImages,
    ) -> Result<Option<LocalImage>, ObserveError> {
        let found = local.find(&image.label);
        let shelved = self.find_shelved(image, found).await?;
        let (id, manifests, labels) = match (&shelved, found) {
            (Some(shelved), found) => {
                // What has nothing for this machine did not come to the engine: that has something else of this name.
                let of_engine = found.filter(|_| shelved.of_machine().is_some());
                let of_engine = of_engine.map(|found| found.manifests.as_slice());
                let mut manifests = of_engine.unwrap_or_default().to_vec();
                manifests.push(shelved.digest().clone());
                (shelved.id().clone(), manifests, shelved.labels())
            }
            (None, Some(found)) => (found.id.clone(), found.manifests.clone(), &found.labels),
            (None, None) => return Ok(None),
        };
        // An engine's one image of an index is not the whole.
        let is_piece = shelved.is_none() && image.recipe.makes_index();
        let parents = labels.get(PARENTS).filter(|_| !is_piece);
        let test = find_test(&self.settings.verify, &image.directory, &image.label)?;
        // It is brought there, and tested there as well.
        let is_for_engine = shelved.as_ref().is_some_and(|it| it.of_machine().is_some());
        let is_to_come = is_for_engine && found.is_none() && self.engine.is_some();
        Ok(Some(LocalImage {
            parents: parents.map(|value| parse_parents(value)),
            inputs: labels.get(INPUTS).and_then(|text| text.parse().ok()),
            drift: Drift::Unknown,
            moved_base: None,
            verified: !is_to_come
                && test.is_none_or(|test| self.verified.holds(&id, test.digest())),
            id,
            manifests,
        }))
    }
}

/// Tells whether what the shelf has is what an engine has under the same label; what has nothing for this machine never came
/// there, and nothing of the engine's is later.
///
/// On the containerd store the engine makes a manifest of its own of what it loads: there the labels and the layers are
/// compared, since images that were made on two days of other packages may have the same labels.
pub async fn is_same(
    engine: &Engine,
    shelved: &Shelved,
    found: &EngineImage,
) -> Result<bool, EngineError> {
    let Some(of_machine) = shelved.of_machine() else {
        return Ok(true);
    };
    if engine.identifies_by_config() {
        return Ok(found.id == *of_machine.id());
    }
    if found.labels != *of_machine.labels() {
        return Ok(false);
    }
    let layers = engine.find_layers(&found.id).await?;
    Ok(layers.as_deref() == Some(of_machine.diff_ids()))
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
