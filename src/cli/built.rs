//! What a command works on that takes an image as the engine or the shelf has it.

use std::path::PathBuf;

use super::session::Session;
use crate::catalog::{Image, Recipe};
use crate::engine::{Engine, EngineError};
use crate::error::{Diagnostic, Severity};
use crate::layout::Shelved;
use crate::observe::is_same;
use crate::oci::Digest;
use crate::settings::Settings;
use crate::verify::Subject;

/// An image that is built.
#[derive(Debug)]
pub(super) enum Built {
    /// By an engine, which has it under this identity.
    There(Engine, Digest),
    /// By this program.
    Shelved(Box<Shelved>),
}

impl Built {
    /// Gives what its tests are run on; `there` is the engine that has what is on the shelf.
    pub(super) fn subject<'a>(&'a self, there: Option<(&'a Engine, &'a Digest)>) -> Subject<'a> {
        match self {
            Self::There(engine, id) => Subject::Built(engine, id),
            Self::Shelved(shelved) => {
                Subject::Archive(shelved.directory(), shelved.platforms(), there)
            }
        }
    }
}

/// Finds an image that is built, or says that it is not and how it would be.
pub(super) async fn find_built(
    session: &Session,
    settings: &Settings,
    image: &Image,
    directories: &[PathBuf],
) -> anyhow::Result<Option<Built>> {
    let shelved = match image.recipe {
        Recipe::Declared { .. } => session.shelf().find(&image.label)?,
        Recipe::Template { .. } => None,
    };
    let engine = match (session.engine(settings).await, shelved) {
        (Err(error), Some(shelved)) if error.is::<EngineError>() => {
            return Ok(Some(Built::Shelved(Box::new(shelved))));
        }
        (Err(error), _) => return Err(error),
        (Ok(engine), None) => engine,
        (Ok(engine), Some(shelved)) => {
            let images = engine.images().await?;
            // The engine's is the later one where they differ.
            let is_same = match images.find(&image.label) {
                Some(found) => is_same(&engine, &shelved, found).await?,
                None => true,
            };
            if is_same {
                return Ok(Some(Built::Shelved(Box::new(shelved))));
            }
            engine
        }
    };
    // An engine's one image of an index is not the whole.
    let found = if image.recipe.makes_index() {
        None
    } else {
        engine.find_id(&image.label).await?
    };
    if found.is_none() {
        let message = format!("{} is not built", image.label);
        let hint = format!("build it with `{}`", build_command(image, directories));
        let diagnostic = Diagnostic::new(Severity::Error, message).hint(hint);
        session.ui.diagnostic(&diagnostic);
    }
    Ok(found.map(|id| Built::There(engine, id)))
}

/// Writes the command that builds an image, ready to be pasted.
fn build_command(image: &Image, directories: &[PathBuf]) -> String {
    // Without registry and namespace a label begins with the name.
    let before = if image.label.to_string().contains('/') {
        "*/"
    } else {
        ""
    };
    let directories = directories.iter().map(|directory| {
        let directory = directory.display().to_string();
        match shlex::try_quote(&directory) {
            Ok(quoted) => quoted.into_owned(),
            Err(_) => directory,
        }
    });
    let directories: Vec<String> = directories.collect();
    let name = &image.name;
    format!(
        "pkg build --select '{before}{name}:*' {}",
        directories.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::samples::catalog;

    #[test]
    fn the_hint_can_be_pasted() {
        let catalog = catalog(&["app"]);
        let image = catalog.image(catalog.find("app").expect("an image"));
        let directories = ["images".into(), "other images".into()];
        assert_eq!(
            build_command(image, &directories),
            "pkg build --select '*/app:*' images 'other images'"
        );
    }
}
