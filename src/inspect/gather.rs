//! From a survey to subjects.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use chrono::{DateTime, FixedOffset};

use super::files::Files;
use super::history::Histories;
use super::taken::is_taken;
use crate::audit::{Ground, History, Published, Recipe, Subject, Use, UseKind, find_allowed};
use crate::catalog::{Image, ImageId, Recipe as CatalogRecipe, Taken};
use crate::dockerfile::IgnoreRules;
use crate::oci::Reference;
use crate::place::Place;
use crate::render::ImageKind;
use crate::scan::{ImageDirectory, Survey, means_current};
use crate::settings::Settings;

pub(super) fn by_directory(survey: &Survey) -> HashMap<&Path, (ImageId, &Image)> {
    let images = survey.catalog.iter();
    images
        .map(|(id, image)| (image.directory.as_path(), (id, image)))
        .collect()
}

fn recipe<'a>(survey: &'a Survey, id: ImageId, image: &'a Image) -> Option<Recipe<'a>> {
    let CatalogRecipe::Template { path, text } = &image.recipe else {
        return None;
    };
    let rendering = survey.rendering(id)?;
    Some(Recipe {
        path,
        source: text,
        text: &rendering.text,
        dockerfile: rendering.dockerfile(),
    })
}

fn taken_by<'p>(recipes: &HashMap<&'p Path, Recipe<'_>>) -> HashMap<&'p Path, Taken> {
    let recipes = recipes.iter();
    let taken = recipes.map(|(directory, recipe)| (*directory, Taken::by(recipe.dockerfile)));
    taken.collect()
}

/// Makes subjects of image directories, in the order of their titles, and the ground on which they stand; `histories` asks
/// git, and gets what tells which files of a directory count.
pub async fn gather<'a, F>(
    survey: &'a Survey,
    files: Vec<Files>,
    settings: &'a Settings,
    now: DateTime<FixedOffset>,
    histories: F,
) -> (Vec<Subject<'a>>, Ground<'a>)
where
    F: AsyncFnOnce(&[&Path], &dyn Fn(&Path, &Path) -> bool) -> Histories,
{
    let images = by_directory(survey);
    let recipes: HashMap<&Path, Recipe<'a>> = images
        .iter()
        .filter_map(|(directory, (id, image))| Some((*directory, recipe(survey, *id, image)?)))
        .collect();
    let taken = taken_by(&recipes);
    let directories = survey.directories.iter();
    let directories: Vec<&Path> = directories.map(|one| one.directory.as_path()).collect();
    let rules = files.iter().map(|files| &files.ignored);
    let ignored: HashMap<&Path, &IgnoreRules> = directories.iter().copied().zip(rules).collect();
    let nothing = IgnoreRules::default();
    let counts = |directory: &Path, file: &Path| {
        let ignored = ignored.get(directory).copied().unwrap_or(&nothing);
        let recipe = recipes.get(directory).zip(taken.get(directory));
        is_taken(file, recipe, ignored)
    };
    let mut histories = histories(&directories, &counts).await;
    let by_name = images.values().filter_map(|(_, image)| {
        let recipe = recipes.get(image.directory.as_path())?;
        Some((image.name.as_str(), *recipe))
    });
    let ground = Ground {
        settings,
        catalog: &survey.catalog,
        labels: labels(survey),
        recipes: by_name.collect(),
        distributions: common_distributions(&files),
        now,
    };
    let mut subjects: Vec<Subject<'a>> = survey
        .directories
        .iter()
        .zip(files)
        .map(|(one, files)| {
            let directory = one.directory.as_path();
            let image = images.get(directory).copied();
            let history = histories.remove(directory);
            let uses =
                image.map(|image| uses(survey, image, recipes.get(directory), &ground.labels));
            subject(
                one,
                image.map(|(_, image)| image),
                files,
                Found {
                    recipe: recipes.get(directory).copied(),
                    uses: uses.unwrap_or_default(),
                    history: history.unwrap_or_else(|| {
                        History::Unknown("the directory is in no git repository".to_owned())
                    }),
                },
            )
        })
        .collect();
    add_dependants(&mut subjects);
    subjects.sort_by(|a, b| (&a.title, a.directory).cmp(&(&b.title, b.directory)));
    (subjects, ground)
}

/// Gives the distributions that changelogs of so many images name that it is no slip.
fn common_distributions(files: &[Files]) -> BTreeSet<String> {
    const SEVERAL: usize = 3;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for changelog in files.iter().filter_map(|files| files.changelog.as_ref()) {
        let entries = changelog.entries.iter();
        let named: BTreeSet<&str> = entries
            .flat_map(|entry| entry.distributions.iter().map(String::as_str))
            .collect();
        for one in named {
            *counts.entry(one).or_default() += 1;
        }
    }
    let common = counts
        .into_iter()
        .filter(|(name, count)| *count >= SEVERAL && *name != "UNRELEASED");
    common.map(|(name, _)| name.to_owned()).collect()
}

/// What was found out of a directory besides its own files.
struct Found<'a> {
    recipe: Option<Recipe<'a>>,
    uses: Vec<Use>,
    history: History,
}

fn subject<'a>(
    one: &'a ImageDirectory,
    image: Option<&'a Image>,
    files: Files,
    found: Found<'a>,
) -> Subject<'a> {
    let source = found.recipe.map(|recipe| recipe.source).unwrap_or_default();
    let mut allowed = find_allowed(source);
    let texts = [
        &files.control_text,
        &files.changelog_text,
        &files.declaration_text,
    ];
    for text in texts.into_iter().flatten() {
        allowed.append(&mut find_allowed(text));
    }
    Subject {
        title: image.map_or_else(
            || one.directory.display().to_string(),
            |image| image.name.to_string(),
        ),
        directory: &one.directory,
        root: &one.root,
        image,
        changelog_text: files.changelog_text,
        changelog: files.changelog,
        control_text: files.control_text,
        control: files.control,
        declaration_text: files.declaration_text,
        recipe: found.recipe,
        uses: found.uses,
        dependants: BTreeSet::new(),
        has_test: files.has_test,
        history: found.history,
        published: Published::NotAsked,
        allowed,
    }
}

/// The images of the catalog by their labels without version.
fn labels(survey: &Survey) -> HashMap<String, &Image> {
    let images = survey.catalog.iter();
    images
        .map(|(_, image)| (image.label.familiar().name(), image))
        .collect()
}

fn uses(
    survey: &Survey,
    (id, image): (ImageId, &Image),
    recipe: Option<&Recipe<'_>>,
    labels: &HashMap<String, &Image>,
) -> Vec<Use> {
    let Some(rendering) = survey.rendering(id) else {
        return Vec::new();
    };
    let own = image.name.as_str();
    let asked = rendering.used().iter();
    let asked = asked.filter(|used| used.kind == ImageKind::Catalog && used.name != own);
    let mut uses: Vec<Use> = asked
        .map(|used| Use {
            name: used.name.clone(),
            place: used.place.clone(),
            kind: UseKind::Asked,
        })
        .collect();
    let origin = recipe.map(Recipe::origin);
    for written in rendering.dockerfile().image_references() {
        let Ok(reference) = written.text.parse::<Reference>() else {
            continue;
        };
        let Some(named) = labels.get(&reference.familiar().name()) else {
            continue;
        };
        let name = named.name.as_str();
        let is_told = uses.iter().any(|one| one.name == name);
        if is_told || name == own || !means_current(&reference, &named.label) {
            continue;
        }
        let place = origin.as_ref().map_or_else(
            || Place::file(image.recipe_path()),
            |origin| origin.place(written.line),
        );
        uses.push(Use {
            name: name.to_owned(),
            place,
            kind: UseKind::Named(written.line),
        });
    }
    uses
}

fn add_dependants(subjects: &mut [Subject<'_>]) {
    let mut dependants: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for subject in &*subjects {
        let declared = subject
            .control
            .iter()
            .flat_map(|control| &control.dependencies);
        let names = declared
            .map(|one| &one.name)
            .chain(subject.uses.iter().map(|one| &one.name));
        for name in names {
            let of_name = dependants.entry(name.clone()).or_default();
            of_name.insert(subject.title.clone());
        }
    }
    for subject in subjects {
        if let Some(of_subject) = dependants.remove(&subject.title) {
            subject.dependants = of_subject;
        }
    }
}
