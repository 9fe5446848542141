//! Where images are: what a list tells of engine, shelf and registry, and what only an engine knows.

use std::collections::BTreeSet;

use clap::ValueEnum;

use super::Ending;
use super::session::Session;
use super::words;
use crate::catalog::{Image, ImageId, Recipe};
use crate::observe::Observer;
use crate::plan::{Availability, Facts};
use crate::scan::Loaded;
use crate::settings::Settings;
use crate::ui::{Cell, Tone};

/// Whether the registry has a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Published {
    /// It has it.
    Published,
    /// It does not have it.
    Unpublished,
}

/// Who is asked.
#[derive(Clone, Copy)]
pub(super) enum Whom {
    Registry,
    Both,
}

/// Where images are, as far as that could be found out.
pub(super) struct Known {
    pub(super) facts: Vec<Facts>,
    /// Why no engine said what it has.
    no_engine: Option<anyhow::Error>,
}

impl Known {
    pub(super) fn published(&self, id: ImageId) -> Published {
        match self.facts[id.0].registry {
            Availability::Present(_) | Availability::Taken(_) => Published::Published,
            Availability::Absent | Availability::NotAsked => Published::Unpublished,
        }
    }

    /// Tells whether only an engine knows if an image is built: what is declared lies on the shelf.
    pub(super) fn needs_engine(&self, image: &Image) -> bool {
        self.no_engine.is_some() && !matches!(image.recipe, Recipe::Declared { .. })
    }

    pub(super) fn presence(&self, id: ImageId, image: &Image) -> Cell {
        match (self.published(id), &self.facts[id.0].local) {
            (Published::Published, _) => Cell::new(Tone::Good, "published"),
            (_, Some(local)) if local.verified => Cell::from("built".to_owned()),
            (_, Some(_)) => Cell::new(Tone::Caution, "built, untested"),
            (_, None) if self.needs_engine(image) => Cell::new(Tone::Caution, "unknown"),
            (_, None) => Cell::new(Tone::Dim, "-"),
        }
    }

    /// Tells once of which of these images it is not known where they are.
    pub(super) fn tell_unknown(
        &self,
        session: &Session,
        loaded: &Loaded,
        wanted: &BTreeSet<ImageId>,
    ) -> Ending {
        let Some(error) = &self.no_engine else {
            return Ending::Done;
        };
        let is_unknown = |id: &ImageId| {
            self.needs_engine(loaded.catalog.image(*id))
                && self.published(*id) == Published::Unpublished
        };
        let names = wanted.iter().copied().filter(is_unknown);
        let names: Vec<&str> = names
            .map(|id| loaded.catalog.image(id).name.as_str())
            .collect();
        match words::unknown_without_engine(&names, error) {
            Some(diagnostic) => {
                session.ui.diagnostic(&diagnostic);
                Ending::Hindered
            }
            None => Ending::Done,
        }
    }
}

/// Asks them.
pub(super) fn observe(
    session: &Session,
    settings: &Settings,
    loaded: &Loaded,
    (wanted, whom): (&BTreeSet<ImageId>, Whom),
) -> anyhow::Result<Known> {
    Session::block_on(async {
        let (engine, shelf) = match whom {
            Whom::Registry => (None, None),
            Whom::Both => {
                let engine = session.find_engine(settings).await?;
                (Some(engine), Some(session.shelf()))
            }
        };
        let registry = session.registry(settings)?;
        let observer = Observer {
            engine: engine.as_ref().and_then(|engine| engine.as_ref().ok()),
            shelf: shelf.as_ref(),
            registry: registry.as_ref(),
            verified: &session.verified()?,
            settings,
        };
        let facts = observer.observe(loaded, wanted).await?;
        let no_engine = engine.and_then(Result::err);
        Ok(Known { facts, no_engine })
    })
}
