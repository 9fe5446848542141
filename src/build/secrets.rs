//! The secrets of a run's builds: which ones the recipes mount, and their values, read once and before anything is built.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::audit::{self, Baked, Policy, place_in_template};
use crate::catalog::{ImageId, Pattern, Recipe};
use crate::host::Environment;
use crate::host::fs::{FileError, read_bytes};
use crate::place::Place;
use crate::plan::{Action, Plan};
use crate::scan::Loaded;
use crate::settings::{BuildSecret, Mask, SecretBytes, SecretSource, Settings};

/// What each build is given, by the ids of the secrets.
#[derive(Clone, Debug, Default)]
pub struct BuildSecrets {
    given: BTreeMap<ImageId, BTreeMap<String, SecretBytes>>,
    /// The images that are given a secret whose value could not be read.
    lacking: BTreeSet<ImageId>,
    doubts: Vec<SecretDoubt>,
    errors: Vec<SecretError>,
}

/// What may be otherwise than the user thinks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretDoubt {
    /// A step that can do without mounts a secret that is not given to the image.
    #[error(
        "a step of `{image}` mounts the secret `{id}`, which the settings do not give to it: it runs without"
    )]
    NotGiven {
        /// The image.
        image: String,
        /// The secret.
        id: String,
        /// The step.
        place: Place,
    },
    /// Nothing of the value is long enough to be told from other words.
    #[error(
        "the secret `{id}` is too short to be hidden where something prints it: under {} characters",
        Mask::SHORTEST
    )]
    Short {
        /// The secret.
        id: String,
        /// Where the settings name it.
        place: Place,
    },
    /// No image gets it by this pattern.
    #[error("the secret `{id}` is for `{pattern}`, which matches no image")]
    Unmatched {
        /// The secret.
        id: String,
        /// The pattern.
        pattern: String,
        /// Where the settings name it.
        place: Place,
    },
}

impl SecretDoubt {
    /// Gives the place.
    #[must_use]
    pub fn place(&self) -> &Place {
        match self {
            Self::NotGiven { place, .. }
            | Self::Short { place, .. }
            | Self::Unmatched { place, .. } => place,
        }
    }
}

/// Why a build would lack a secret.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SecretError {
    /// A step that is not to run without it mounts a secret that is not given to the image.
    #[error("a step of `{image}` needs the secret `{id}`, which the settings do not give to it")]
    NotGiven {
        /// The image.
        image: String,
        /// The secret.
        id: String,
        /// The step.
        place: Place,
    },
    /// The variable is not set, or is empty.
    #[error(
        "`{image}` needs the secret `{id}`: it is in the variable {variable}, which is not set"
    )]
    Unset {
        /// The first image that needs it.
        image: String,
        /// The secret.
        id: String,
        /// The variable.
        variable: String,
        /// Where the settings name it.
        place: Place,
    },
    /// The file cannot be read.
    #[error("`{image}` needs the secret `{id}`, which cannot be read")]
    File {
        /// The first image that needs it.
        image: String,
        /// The secret.
        id: String,
        /// Where the settings name it.
        place: Place,
        /// Why.
        source: Arc<FileError>,
    },
    /// The builder takes no secrets of this size.
    #[error("the secret `{id}` is over 500 KiB, which is more than a builder takes")]
    TooLarge {
        /// The secret.
        id: String,
        /// Where the settings name it.
        place: Place,
    },
    /// A recipe would put a secret into an image for everybody who can pull it.
    #[error("`{} {}` would put {} into `{image}` and its history", baked.keyword, baked.name, baked.form)]
    Baked {
        /// The image.
        image: String,
        /// What is found.
        baked: Box<Baked>,
        /// Where.
        place: Place,
    },
    /// A recipe holds the very value of a secret.
    #[error(
        "the value of the secret `{id}` stands in `{image}`, and would be in the image and its history"
    )]
    Written {
        /// The image.
        image: String,
        /// The secret.
        id: String,
        /// Where.
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
            | Self::Baked { place, .. }
            | Self::Written { place, .. }
            | Self::Pattern { place, .. } => place,
        }
    }

    /// Tells whether it is the same wherever the recipes and the settings are: a value may be elsewhere and not here.
    fn is_of_recipes(&self) -> bool {
        match self {
            Self::NotGiven { .. }
            | Self::Baked { .. }
            | Self::Written { .. }
            | Self::Pattern { .. } => true,
            Self::Unset { .. } | Self::File { .. } | Self::TooLarge { .. } => false,
        }
    }
}

/// All that was found, in the order of the plan; never none.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .0.iter().map(|error| format!("{}: {error}", error.place())).collect::<Vec<_>>().join("\n"))]
pub struct SecretErrors(pub Vec<SecretError>);

/// BuildKit refuses larger ones (moby/buildkit, session/secrets).
const LARGEST_BYTES: usize = 500 << 10;

impl BuildSecrets {
    /// Reads the secrets that the builds of a plan mount. What no build mounts need not be there; where it is, no recipe may
    /// hold it either.
    ///
    /// What is wrong with recipes and settings is an error at once. That a value cannot be read here is one for who builds.
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
            doubts: Vec::new(),
        };
        let mut secrets = Self {
            doubts: find_unmatched(loaded, settings),
            ..Self::default()
        };
        // A rule that does not exist is told by the audit.
        let policy = Policy::new(&settings.audit, []).unwrap_or_default();
        let traces = find_traces(settings, environment);
        for step in &plan.steps {
            if !matches!(step.action, Action::Build(_)) {
                continue;
            }
            let name = loaded.catalog.image(step.image).name.to_string();
            let baked = find_baked_in(loaded, step.image, &policy);
            reading.errors.extend(baked);
            let written = find_written(loaded, step.image, &traces);
            reading.errors.extend(written);
            for mount in loaded.secret_mounts(step.image) {
                match reading.find(&settings.secrets, &mount.id, &name) {
                    Some(secret) => match reading.value(secret, &name) {
                        Some(value) => {
                            let given = secrets.given.entry(step.image).or_default();
                            given.insert(mount.id, value);
                        }
                        None => _ = secrets.lacking.insert(step.image),
                    },
                    None if mount.is_required => reading.errors.push(SecretError::NotGiven {
                        image: name.clone(),
                        place: place(loaded, step.image, mount.line),
                        id: mount.id,
                    }),
                    // The recipe says that the step can do without.
                    None => secrets.doubts.push(SecretDoubt::NotGiven {
                        image: name.clone(),
                        place: place(loaded, step.image, mount.line),
                        id: mount.id,
                    }),
                }
            }
        }
        secrets.doubts.append(&mut reading.doubts);
        if reading.errors.iter().any(SecretError::is_of_recipes) {
            return Err(SecretErrors(reading.errors));
        }
        secrets.errors = reading.errors;
        Ok(secrets)
    }

    /// Refuses to build where a value could not be read.
    pub fn check(&self) -> Result<(), SecretErrors> {
        match self.errors.as_slice() {
            [] => Ok(()),
            errors => Err(SecretErrors(errors.to_vec())),
        }
    }

    /// Tells whether an image is given a secret whose value could not be read.
    #[must_use]
    pub fn lacks_any(&self, image: ImageId) -> bool {
        self.lacking.contains(&image)
    }

    /// Gives what the build of an image is given.
    #[must_use]
    pub fn of(&self, image: ImageId) -> BTreeMap<String, SecretBytes> {
        self.given.get(&image).cloned().unwrap_or_default()
    }

    /// Gives what the user should know before anything is built.
    #[must_use]
    pub fn doubts(&self) -> &[SecretDoubt] {
        &self.doubts
    }

    /// Adds the values to what is never shown.
    #[must_use]
    pub fn hidden_by(&self, mask: Mask) -> Mask {
        let values = self.given.values().flat_map(BTreeMap::values);
        values.fold(mask, |mask, value| mask.with(value.reveal()))
    }
}

/// Adds the values of all secrets of the settings that can be read to what is never shown, whatever mounts them: an image
/// that was built with one may print it.
#[must_use]
pub fn hide_all(settings: &Settings, environment: &Environment, mask: Mask) -> Mask {
    let values = settings.secrets.iter();
    let values = values.filter_map(|secret| read_value(secret, environment, "").ok());
    values.fold(mask, |mask, value| mask.with(value.reveal()))
}

/// Finds the patterns of secrets that no image of the catalog matches.
fn find_unmatched(loaded: &Loaded, settings: &Settings) -> Vec<SecretDoubt> {
    let matches = |pattern: &Pattern| {
        let mut images = loaded.catalog.iter();
        images.any(|(_, image)| pattern.matches(image.name.as_str()))
    };
    let mut doubts = Vec::new();
    for secret in &settings.secrets {
        for text in secret.images.iter().flatten() {
            // One that is none is told where an image would get it.
            if Pattern::parse(text).is_ok_and(|pattern| !matches(&pattern)) {
                doubts.push(SecretDoubt::Unmatched {
                    id: secret.id.clone(),
                    pattern: text.clone(),
                    place: secret.place.clone(),
                });
            }
        }
    }
    doubts
}

/// Finds what the recipe of an image would put into it for everybody to read.
fn find_baked_in(loaded: &Loaded, image: ImageId, policy: &Policy) -> Vec<SecretError> {
    let of_image = loaded.catalog.image(image);
    let (Recipe::Template { path, text }, Some(rendering)) =
        (&of_image.recipe, loaded.rendering(image))
    else {
        return Vec::new();
    };
    let recipe = audit::Recipe {
        path,
        source: text,
        text: &rendering.text,
        dockerfile: rendering.dockerfile(),
    };
    let found = audit::find_baked(policy, of_image.name.as_str(), &recipe);
    found
        .into_iter()
        .map(|baked| SecretError::Baked {
            image: of_image.name.to_string(),
            place: place(loaded, image, baked.line),
            baked: Box::new(baked),
        })
        .collect()
}

/// A line of a secret that is shorter may be a word of a recipe.
const SHORTEST_TRACE: usize = 8;
/// So may a line of a file with several, which are not all secret.
const SHORTEST_LINE: usize = 16;

/// Gives what a recipe would hold if it held a secret, by the ids of the secrets; those that cannot be read have none.
fn find_traces<'a>(settings: &'a Settings, environment: &Environment) -> Vec<(&'a str, Mask)> {
    let values = settings.secrets.iter().filter_map(|secret| {
        let value = read_value(secret, environment, "").ok()?;
        let text = std::str::from_utf8(value.reveal()).ok()?.trim();
        let tells: fn(&&str) -> bool = if text.lines().count() == 1 {
            |line| line.len() >= SHORTEST_TRACE
        } else {
            // The address of a registry, or the frame of a key, is in recipes too.
            |line| {
                let is_common = line.contains("://") || line.starts_with("-----");
                line.len() >= SHORTEST_LINE && !is_common && !line.contains(char::is_whitespace)
            }
        };
        let lines = text.lines().map(str::trim).filter(tells);
        let mask = lines.fold(Mask::default(), |mask, line| mask.with(line.as_bytes()));
        Some((secret.id.as_str(), mask))
    });
    values.collect()
}

/// Finds the secrets whose very values stand in what an image is made from.
fn find_written(loaded: &Loaded, image: ImageId, traces: &[(&str, Mask)]) -> Vec<SecretError> {
    let of_image = loaded.catalog.image(image);
    let lines: Vec<(Option<usize>, &str)> = match (&of_image.recipe, loaded.rendering(image)) {
        (Recipe::Declared { file, .. }, _) => {
            let runtime = &file.runtime;
            let maps = [&runtime.environment, &runtime.labels, &file.annotations];
            let maps = maps.into_iter().flatten();
            let values = maps.flat_map(|(name, value)| [name, value]);
            let commands = std::iter::once(&runtime.entrypoint).chain(&runtime.cmd);
            let words = commands.flat_map(|command| &command.0);
            let texts = values.chain(words).chain(file.stamps.values());
            texts.map(|text| (None, text.as_str())).collect()
        }
        (Recipe::Template { .. }, Some(rendering)) => {
            let lines = rendering.text.lines().zip(1..);
            let lines = lines.map(|(text, line)| (Some(line), text));
            // The record of inputs, a label, tells those that the text does not show.
            let stamps = rendering.stamps().values();
            lines
                .chain(stamps.map(|value| (None, value.as_str())))
                .collect()
        }
        (Recipe::Template { .. }, None) => Vec::new(),
    };
    let found = traces.iter().filter_map(|(id, mask)| {
        let (line, _) = lines.iter().find(|(_, text)| mask.finds_whole(text))?;
        Some(SecretError::Written {
            image: of_image.name.to_string(),
            id: (*id).to_owned(),
            place: place(loaded, image, line.unwrap_or(1)),
        })
    });
    found.collect()
}

fn place(loaded: &Loaded, image: ImageId, line: usize) -> Place {
    match (
        &loaded.catalog.image(image).recipe,
        loaded.dockerfile(image),
    ) {
        (Recipe::Template { path, text }, Some(rendered)) => {
            place_in_template(path, text, rendered, line)
        }
        (Recipe::Template { path, .. } | Recipe::Declared { path, .. }, _) => Place::file(path),
    }
}

struct Reading<'a> {
    environment: &'a Environment,
    /// What was read already, with nothing where it could not be.
    values: BTreeMap<&'a str, Option<SecretBytes>>,
    errors: Vec<SecretError>,
    doubts: Vec<SecretDoubt>,
}

impl<'a> Reading<'a> {
    /// Finds what the settings say of a secret, where they give it to the image.
    fn find(
        &mut self,
        secrets: &'a [BuildSecret],
        id: &str,
        image: &str,
    ) -> Option<&'a BuildSecret> {
        let found = find_given(secrets, id, image);
        found.map_err(|error| self.errors.push(*error)).ok()?
    }

    fn value(&mut self, secret: &'a BuildSecret, image: &str) -> Option<SecretBytes> {
        if let Some(known) = self.values.get(secret.id.as_str()) {
            return known.clone();
        }
        let read = read_value(secret, self.environment, image);
        let value = read.map_err(|error| self.errors.push(*error)).ok();
        if value
            .as_ref()
            .is_some_and(|it| !Mask::can_hide(it.reveal()))
        {
            self.doubts.push(SecretDoubt::Short {
                id: secret.id.clone(),
                place: secret.place.clone(),
            });
        }
        self.values.insert(&secret.id, value.clone());
        value
    }
}

/// Finds what the settings say of a secret, where they give it to an image.
pub(super) fn find_given<'a>(
    secrets: &'a [BuildSecret],
    id: &str,
    image: &str,
) -> Result<Option<&'a BuildSecret>, Box<SecretError>> {
    let Some(secret) = secrets.iter().rev().find(|secret| secret.id == id) else {
        return Ok(None);
    };
    let Some(patterns) = &secret.images else {
        return Ok(Some(secret));
    };
    let mut is_given = false;
    for pattern in patterns {
        let pattern = Pattern::parse(pattern).map_err(|_| {
            Box::new(SecretError::Pattern {
                id: id.to_owned(),
                place: secret.place.clone(),
            })
        })?;
        is_given |= pattern.matches(image);
    }
    Ok(is_given.then_some(secret))
}

fn read_value(
    secret: &BuildSecret,
    environment: &Environment,
    image: &str,
) -> Result<SecretBytes, Box<SecretError>> {
    let image = image.to_owned();
    let (id, place) = (secret.id.clone(), secret.place.clone());
    let bytes = match &secret.source {
        SecretSource::Variable(variable) => {
            let Some(text) = environment.find(variable) else {
                let variable = variable.clone();
                return Err(Box::new(SecretError::Unset {
                    image,
                    id,
                    variable,
                    place,
                }));
            };
            text.into_bytes()
        }
        SecretSource::File(path) => match read_bytes(&from_home(path, environment)) {
            Ok(bytes) => bytes,
            Err(source) => {
                let source = Arc::new(source);
                return Err(Box::new(SecretError::File {
                    image,
                    id,
                    place,
                    source,
                }));
            }
        },
    };
    if bytes.len() > LARGEST_BYTES {
        return Err(Box::new(SecretError::TooLarge { id, place }));
    }
    Ok(SecretBytes::new(bytes))
}

fn from_home(path: &Path, environment: &Environment) -> PathBuf {
    let below = path.strip_prefix("~").ok().zip(environment.home());
    below.map_or_else(|| path.to_owned(), |(rest, home)| home.join(rest))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::host::fs::{create_directory, write_atomically};
    use crate::scan::load;
    use crate::settings::{Layer, parse_settings};

    #[track_caller]
    fn case(template: &str, expected: &[&str]) {
        let root = tempfile::tempdir().expect("a directory");
        let directory = root.path().join("a");
        create_directory(&directory).expect("a directory");
        let changelog = "a (1.0-1) d; urgency=high\n\n  * x\n";
        for (file, text) in [("changelog", changelog), ("Dockerfile.template", template)] {
            write_atomically(&directory.join(file), text.as_bytes()).expect("a file");
        }
        let path = Path::new("config.yaml");
        let text = "stamp_defaults: {STABLE_A: hush-hush-hush, B: hush-hush-hush}\n";
        let read = parse_settings(&[Layer { path, text }]).expect("settings");
        let loaded = load(&[root.path().to_owned()], &read.settings);
        let loaded = loaded.unwrap_or_else(|problems| panic!("{problems:?}"));
        let image = loaded.catalog.find("a").expect("an image");
        let traces = [("t", Mask::default().with(b"hush-hush-hush"))];
        let found = find_written(&loaded, image, &traces);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{template}");
    }

    #[test]
    fn a_secret_in_a_stamp_that_counts_is_found_though_no_text_shows_it() {
        let told = [
            "the value of the secret `t` stands in `a`, and would be in the image and its history",
        ];
        case(
            "FROM scratch\n{% if stamp.STABLE_A %}COPY a /\n{% endif %}",
            &told,
        );
        case("FROM scratch\nLABEL a={{ stamp.B }}\n", &told);
        // The constant of another key stands in no label.
        case("FROM scratch\n{% if stamp.B %}COPY a /\n{% endif %}", &[]);
        case("FROM scratch\n", &[]);
    }
}
