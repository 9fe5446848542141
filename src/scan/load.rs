//! Everything that is known of a catalog without asking anybody: images, rendered recipes, and the graph.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Problem, Problems, Scanned, Warning, scan_directories};
use crate::catalog::{Catalog, EdgeSource, Graph, Image, ImageId, Need, Needs, Recipe};
use crate::dockerfile::{Dockerfile, DockerfileError, parse_dockerfile};
use crate::host::fs::read_text;
use crate::oci::{Reference, Tag};
use crate::place::Place;
use crate::render::{ImageKind, KnownImages, Renderer, Template, UsedImage};
use crate::settings::Settings;

/// A rendered template.
#[derive(Clone, Debug)]
pub struct Rendering {
    /// The Dockerfile.
    pub text: String,
    /// The same, read.
    dockerfile: Dockerfile,
    /// The outside base images that it names, in order, each once.
    bases: Vec<Reference>,
    /// The images that the template asked for by name.
    used: Vec<UsedImage>,
}

/// A catalog with all that follows from its files.
#[derive(Debug)]
pub struct Loaded {
    /// The images.
    pub catalog: Catalog,
    /// What depends on what.
    pub graph: Graph,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    renderings: Vec<Option<Rendering>>,
}

/// Reads the directories, renders every template, and joins the graph.
pub fn load(roots: &[PathBuf], settings: &Settings) -> Result<Loaded, Problems> {
    let Scanned {
        catalog,
        mut warnings,
        mut problems,
    } = scan_directories(roots, &settings.naming);
    let is_whole = problems.is_empty();
    let labels = catalog
        .iter()
        .map(|(_, image)| (image.name.to_string(), image.label.clone()));
    let known = KnownImages::new(&settings.naming, &settings.base_images, labels);
    // A file that cannot be read is one that is not there, as far as a template is concerned.
    let renderer = Renderer::new(settings, Arc::new(known), |path| read_text(path).ok());
    let (renderings, faults) = render_all(&catalog, &renderer, &mut warnings);
    problems.extend(faults);
    if settings.force_numeric_user {
        problems.extend(
            catalog
                .iter()
                .filter_map(|(id, image)| find_user_name(image, renderings[id.0].as_ref()?)),
        );
    }
    let needs = Needs {
        needs: find_needs(&catalog, &renderings),
        base_images: settings.base_images.clone(),
    };
    let graph = Graph::new(&catalog, needs).map_err(|errors| {
        let errors = errors.into_iter().map(Box::new);
        problems.extend(errors.map(Problem::Graph));
    });
    if !is_whole {
        problems.retain(|problem| !problem.is_missing_name());
    }
    match graph {
        Ok(graph) if problems.is_empty() => Ok(Loaded {
            catalog,
            graph,
            warnings,
            renderings,
        }),
        _ => Err(Problems { problems, warnings }),
    }
}

impl Loaded {
    /// Gives the rendered Dockerfile of an image; a declared one has none.
    #[must_use]
    pub fn dockerfile(&self, image: ImageId) -> Option<&str> {
        Some(&self.renderings[image.0].as_ref()?.text)
    }

    /// Gives the outside base images that an image is built from, as far as the settings list them.
    #[must_use]
    pub fn bases(&self, image: ImageId) -> &[Reference] {
        self.renderings[image.0]
            .as_ref()
            .map_or(&[], |rendering| &rendering.bases)
    }

    /// Tells whether the recipe of an image names this label.
    #[must_use]
    pub fn uses(&self, image: ImageId, label: &Reference) -> bool {
        let is_it = |text: &str| {
            text.parse()
                .is_ok_and(|reference| means_current(&reference, label))
        };
        self.renderings[image.0].as_ref().is_some_and(|rendering| {
            rendering
                .dockerfile
                .image_references()
                .any(|reference| is_it(&reference.text))
        })
    }

    /// Gives the rendered Dockerfile with a pin in the place of each reference that means the image of a label.
    #[must_use]
    pub fn pinned_dockerfile(&self, image: ImageId, pins: &[(Reference, String)]) -> String {
        let Some(rendering) = &self.renderings[image.0] else {
            return String::new();
        };
        rendering
            .dockerfile
            .rewrite_references(&rendering.text, |text| {
                let reference: Reference = text.parse().ok()?;
                let (_, pin) = pins
                    .iter()
                    .find(|(label, _)| reference == *label || means_current(&reference, label))?;
                Some(pin.clone())
            })
    }
}

/// Renders on as many threads as there are processors: each template is independent of all others.
fn render_all(
    catalog: &Catalog,
    renderer: &Renderer,
    warnings: &mut Vec<Warning>,
) -> (Vec<Option<Rendering>>, Vec<Problem>) {
    /// Fewer templates than this are done before a thread has started.
    const WORTH_A_THREAD: usize = 32;
    let images: Vec<&Image> = catalog.iter().map(|(_, image)| image).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = images.len().div_ceil(threads).max(WORTH_A_THREAD);
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = images
            .chunks(share)
            .map(|chunk| {
                scope.spawn(move || {
                    chunk
                        .iter()
                        .map(|image| render(image, renderer))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
            .collect()
    });
    let mut renderings = Vec::with_capacity(results.len());
    let mut problems = Vec::new();
    for result in results {
        match result {
            Ok(None) => renderings.push(None),
            Ok(Some((rendering, said))) => {
                warnings.extend(said);
                renderings.push(Some(rendering));
            }
            Err(problem) => {
                problems.push(problem);
                renderings.push(None);
            }
        }
    }
    (renderings, problems)
}

fn render(
    image: &Image,
    renderer: &Renderer,
) -> Result<Option<(Rendering, Vec<Warning>)>, Problem> {
    let Recipe::Template { path, text } = &image.recipe else {
        return Ok(None);
    };
    let rendered = renderer.render(&Template { path, text })?;
    let dockerfile =
        parse_dockerfile(&rendered.dockerfile).map_err(|source| Problem::Dockerfile {
            place: Place::file(path),
            line: find_line(&rendered.dockerfile, &source),
            source: Box::new(source),
        })?;
    let warnings = rendered.warnings.iter().map(|warning| Warning::Render {
        place: warning.place().clone(),
        text: warning.to_string(),
    });
    let warnings = warnings.collect();
    let used: Vec<_> = rendered.used_images.into_iter().collect();
    let mut bases: Vec<Reference> = Vec::new();
    for used in used.iter().filter(|used| used.kind == ImageKind::Base) {
        if !bases.contains(&used.label) {
            bases.push(used.label.clone());
        }
    }
    let rendering = Rendering {
        text: rendered.dockerfile,
        dockerfile,
        bases,
        used,
    };
    Ok(Some((rendering, warnings)))
}

/// The user knows the template and not what it gives, so the line itself is more than its number.
fn find_line(dockerfile: &str, error: &DockerfileError) -> Option<String> {
    if matches!(error, DockerfileError::NoFrom) {
        return None;
    }
    let line = dockerfile.lines().nth(error.line() - 1)?;
    Some(line.trim().chars().take(200).collect())
}

/// Everything that control files declare and recipes use.
fn find_needs(catalog: &Catalog, renderings: &[Option<Rendering>]) -> Vec<Need> {
    let by_label: std::collections::HashMap<String, &Image> = catalog
        .iter()
        .map(|(_, image)| (image.label.name(), image))
        .collect();
    let mut needs = Vec::new();
    for (child, image) in catalog.iter() {
        // What a recipe takes from elsewhere by its full name is declared under its short one.
        let is_outside = |name: &str| {
            let rendering = renderings[child.0].as_ref();
            let mut references = rendering
                .into_iter()
                .flat_map(|rendering| rendering.dockerfile.image_references());
            catalog.find(name).is_none()
                && references.any(|written| short_name(&written.text) == name)
        };
        let declared = image
            .dependencies
            .iter()
            .filter(|dependency| !is_outside(&dependency.name));
        needs.extend(declared.map(|dependency| Need {
            child,
            name: dependency.name.clone(),
            source: EdgeSource::Declared(dependency.place.clone()),
        }));
        let Some(rendering) = &renderings[child.0] else {
            continue;
        };
        // An image may ask for its own version.
        let used = rendering
            .used
            .iter()
            .filter(|used| used.kind == ImageKind::Catalog && used.name != image.name.as_str());
        needs.extend(used.map(|used| Need {
            child,
            name: used.name.clone(),
            source: EdgeSource::ImageTag(used.place.clone()),
        }));
        let literal = rendering
            .dockerfile
            .image_references()
            .filter_map(|written| {
                let reference: Reference = written.text.parse().ok()?;
                let named = by_label.get(&reference.name()).copied()?;
                means_current(&reference, &named.label).then_some(named)
            });
        needs.extend(literal.map(|parent| Need {
            child,
            name: parent.name.to_string(),
            source: EdgeSource::Reference(Place::file(image.recipe_path())),
        }));
    }
    needs
}

/// The last part of a name, without tag and digest; of texts that are no references as well.
fn short_name(text: &str) -> &str {
    let last = text.rsplit('/').next().unwrap_or(text);
    last.split([':', '@']).next().unwrap_or(last)
}

/// Tells whether a reference to the repository of `label` means the version that the catalog has: an older one that is
/// named by its tag is an outside image like any other.
pub(crate) fn means_current(reference: &Reference, label: &Reference) -> bool {
    let is_tag = |tag: &Tag| Some(tag) == label.tag() || *tag == Tag::latest();
    reference.name() == label.name()
        && reference.digest().is_none()
        && reference.tag().is_none_or(is_tag)
}

fn find_user_name(image: &Image, rendering: &Rendering) -> Option<Problem> {
    let user = rendering.dockerfile.final_user()?;
    let name = user.value.split(':').next().unwrap_or_default();
    let is_number = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    (!is_number).then(|| Problem::UserName {
        place: Place::file(image.recipe_path()),
        name: image.name.clone(),
        user: user.value.clone(),
    })
}
