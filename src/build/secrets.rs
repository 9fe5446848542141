//! The secrets of a run's builds: which ones the recipes mount, and their values, read once and before anything is built.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::audit::place_in_template;
use crate::catalog::{ImageId, Pattern, Recipe};
use crate::dockerfile::SecretMount;
use crate::host::Environment;
use crate::host::fs::{FileError, read_bytes};
use crate::place::Place;
use crate::plan::{Action, Plan};
use crate::scan::Loaded;
use crate::settings::{BuildSecret, Mask, SecretBytes, SecretSource, Settings};

/// What each build is given, by the ids of the secrets.
#[derive(Clone, Debug, Default)]
pub struct BuildSecrets(BTreeMap<ImageId, BTreeMap<String, SecretBytes>>);

/// Why a build would lack a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// A step that is not to run without it mounts a secret that is not given to the image.
    #[error("a step needs the secret `{id}`, which the settings do not give to this image")]
    NotGiven {
        /// The secret.
        id: String,
        /// The step.
        place: Place,
    },
    /// The variable is not set, or is empty.
    #[error("the secret `{id}` is in the variable {variable}, which is not set")]
    Unset {
        /// The secret.
        id: String,
        /// The variable.
        variable: String,
        /// Where the settings name it.
        place: Place,
    },
    /// The file cannot be read.
    #[error("the secret `{id}` cannot be read")]
    File {
        /// The secret.
        id: String,
        /// Where the settings name it.
        place: Place,
        /// Why.
        source: Box<FileError>,
    },
    /// The builder takes no secrets of this size.
    #[error("the secret `{id}` is over 500 KiB, which is more than a builder takes")]
    TooLarge {
        /// The secret.
        id: String,
        /// Where the settings name it.
        place: Place,
    },
    /// A pattern of images that is none.
    #[error("the secret `{id}` is for images by a pattern that is huge")]
    Pattern {
        /// The secret.
        id: String,
        /// Where the settings name it.
        place: Place,
    },
}

impl SecretError {
    /// Gives the place.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            Self::NotGiven { place, .. }
            | Self::Unset { place, .. }
            | Self::File { place, .. }
            | Self::TooLarge { place, .. }
            | Self::Pattern { place, .. } => place,
        }
    }
}

/// All that was found, in the order of the plan; never none.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(|error| format!("{}: {error}", error.place())).collect::<Vec<_>>().join("\n"))]
pub struct SecretErrors(pub Vec<SecretError>);

/// BuildKit refuses larger ones (moby/buildkit, session/secrets).
const LARGEST_BYTES: usize = 500 << 10;

impl BuildSecrets {
    /// Reads the secrets that the builds of a plan mount; what no build mounts is not looked at.
    pub fn read(
        plan: &Plan,
        loaded: &Loaded,
        settings: &Settings,
        environment: &Environment,
    ) -> Result<Self, SecretErrors> {
        let mut reading = Reading {
            environment,
            values: BTreeMap::new(),
            errors: Vec::new(),
        };
        let mut secrets = Self::default();
        for step in &plan.steps {
            if !matches!(step.action, Action::Build(_)) {
                continue;
            }
            for mount in loaded.secret_mounts(step.image) {
                let name = loaded.catalog.image(step.image).name.to_string();
                match reading.find(&settings.secrets, &mount.id, &name) {
                    Some(secret) => {
                        if let Some(value) = reading.value(secret) {
                            let given = secrets.0.entry(step.image).or_default();
                            given.insert(mount.id, value);
                        }
                    }
                    None if mount.is_required => reading.errors.push(SecretError::NotGiven {
                        place: place(loaded, step.image, &mount),
                        id: mount.id,
                    }),
                    // The recipe says that the step can do without.
                    None => (),
                }
            }
        }
        if reading.errors.is_empty() {
            Ok(secrets)
        } else {
            Err(SecretErrors(reading.errors))
        }
    }

    /// Gives what the build of an image is given.
    #[must_use]
    pub fn of(&self, image: ImageId) -> BTreeMap<String, SecretBytes> {
        self.0.get(&image).cloned().unwrap_or_default()
    }

    /// Adds the values to what is never shown.
    #[must_use]
    pub fn hidden_by(&self, mask: Mask) -> Mask {
        let values = self.0.values().flat_map(BTreeMap::values);
        values.fold(mask, |mask, value| mask.with(value.reveal()))
    }
}

fn place(loaded: &Loaded, image: ImageId, mount: &SecretMount) -> Place {
    match (
        &loaded.catalog.image(image).recipe,
        loaded.dockerfile(image),
    ) {
        (Recipe::Template { path, text }, Some(rendered)) => {
            place_in_template(path, text, rendered, mount.line)
        }
        (Recipe::Template { path, .. } | Recipe::Declared { path, .. }, _) => Place::file(path),
    }
}

struct Reading<'a> {
    environment: &'a Environment,
    /// What was read already, with nothing where it could not be.
    values: BTreeMap<&'a str, Option<SecretBytes>>,
    errors: Vec<SecretError>,
}

impl<'a> Reading<'a> {
    /// Finds what the settings say of a secret, where they give it to the image.
    fn find(
        &mut self,
        secrets: &'a [BuildSecret],
        id: &str,
        image: &str,
    ) -> Option<&'a BuildSecret> {
        let secret = secrets.iter().rev().find(|secret| secret.id == id)?;
        let Some(patterns) = &secret.images else {
            return Some(secret);
        };
        let mut is_given = false;
        for pattern in patterns {
            match Pattern::parse(pattern) {
                Ok(pattern) => is_given |= pattern.matches(image),
                Err(_) => self.errors.push(SecretError::Pattern {
                    id: id.to_owned(),
                    place: secret.place.clone(),
                }),
            }
        }
        is_given.then_some(secret)
    }

    fn value(&mut self, secret: &'a BuildSecret) -> Option<SecretBytes> {
        if let Some(known) = self.values.get(secret.id.as_str()) {
            return known.clone();
        }
        let read = read_value(secret, self.environment);
        let value = read.map_err(|error| self.errors.push(error)).ok();
        self.values.insert(&secret.id, value.clone());
        value
    }
}

fn read_value(secret: &BuildSecret, environment: &Environment) -> Result<SecretBytes, SecretError> {
    let (id, place) = (secret.id.clone(), secret.place.clone());
    let bytes = match &secret.source {
        SecretSource::Variable(variable) => {
            let Some(text) = environment.find(variable) else {
                let variable = variable.clone();
                return Err(SecretError::Unset {
                    id,
                    variable,
                    place,
                });
            };
            text.into_bytes()
        }
        SecretSource::File(path) => match read_bytes(&from_home(path, environment)) {
            Ok(bytes) => bytes,
            Err(source) => {
                let source = Box::new(source);
                return Err(SecretError::File { id, place, source });
            }
        },
    };
    if bytes.len() > LARGEST_BYTES {
        return Err(SecretError::TooLarge { id, place });
    }
    Ok(SecretBytes::new(bytes))
}

fn from_home(path: &Path, environment: &Environment) -> PathBuf {
    let below = path.strip_prefix("~").ok().zip(environment.home());
    below.map_or_else(|| path.to_owned(), |(rest, home)| home.join(rest))
}
