//! What the rules look at.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};

use super::origin::Origin;
use crate::catalog::{Catalog, Image, Recipe as CatalogRecipe};
use crate::debian::{Changelog, Control};
use crate::dockerfile::Dockerfile;
use crate::oci::Reference;
use crate::place::Place;
use crate::plan::InputChange;
use crate::settings::Settings;

/// One image directory with all that could be read of it.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The name of the image, or the directory where that could not be read.
    pub title: String,
    /// The directory, as the user wrote its root.
    pub directory: &'a Path,
    /// The root on the command line under which it was found.
    pub root: &'a Path,
    /// The image, where it is in the catalog.
    pub image: Option<&'a Image>,
    /// The text of the changelog, where it could be read.
    pub changelog_text: Option<String>,
    /// The changelog, where it is one.
    pub changelog: Option<Changelog>,
    /// The text of the control file, where there is one.
    pub control_text: Option<String>,
    /// The control file; an empty one where there is none, and nothing where it cannot be read.
    pub control: Option<Control>,
    /// The text of `image.yaml`, where there is one.
    pub declaration_text: Option<String>,
    /// The rendered recipe, where the image is made from a template and that could be rendered.
    pub recipe: Option<Recipe<'a>>,
    /// The images of the catalog that the recipe uses, each as often as it does.
    pub uses: Vec<Use>,
    /// The images of the catalog that use this one or declare it.
    pub dependants: BTreeSet<String>,
    /// Whether there is a file of tests.
    pub has_test: bool,
    /// What git knows of the directory.
    pub history: History,
    /// How the published version stands to what there is.
    pub published: Published,
    /// The rules that comments in its files allow to be broken.
    pub allowed: BTreeSet<String>,
}

/// A template and what it gave.
#[derive(Clone, Copy, Debug)]
pub struct Recipe<'a> {
    /// The template.
    pub path: &'a Path,
    /// Its text.
    pub source: &'a str,
    /// The rendered text.
    pub text: &'a str,
    /// The rendered text, read.
    pub dockerfile: &'a Dockerfile,
}

/// One use of an image of the catalog in a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The image that is used.
    pub name: String,
    /// Where, as far as the template shows it.
    pub place: Place,
    /// How.
    pub kind: UseKind,
}

/// How a recipe uses an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseKind {
    /// `image_tag` was asked for its label.
    Asked,
    /// The rendered text names its label, in this line.
    Named(usize),
}

/// What git knows of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum History {
    /// Since the last change of the changelog nothing else has changed.
    Unchanged,
    /// These files have changed, and the changelog has not.
    Changed(Vec<PathBuf>),
    /// Git does not tell, for this reason.
    Unknown(String),
}

/// How the published version of an image stands to what there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Published {
    /// The registry was not to be asked.
    #[default]
    NotAsked,
    /// This version is not published, or was made from the same.
    Fine,
    /// It was made from something else.
    Differs(Vec<InputChange>),
    /// It cannot be told, for this reason.
    Unknown(String),
}

/// Something that reading the catalog came upon: a finding of the rule with this id.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The id of the rule.
    pub rule: &'static str,
    /// The image directory that it is about, where there is one.
    pub directory: Option<PathBuf>,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub places: Vec<Place>,
    /// What can be done about it.
    pub hint: Option<String>,
}

/// What all subjects stand on.
#[derive(Debug)]
pub struct Ground<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// The images that could be read.
    pub catalog: &'a Catalog,
    /// The same by their labels in the short form, without version.
    pub labels: HashMap<String, &'a Image>,
    /// The rendered recipes by the names of their images.
    pub recipes: BTreeMap<&'a str, Recipe<'a>>,
    /// The distributions that changelogs of several images name.
    pub distributions: BTreeSet<String>,
    /// The time of the audit.
    pub now: DateTime<FixedOffset>,
}

impl<'a> Ground<'a> {
    /// Finds the image of the catalog that a reference names, in whatever version.
    pub(super) fn find_image(&self, reference: &Reference) -> Option<&'a Image> {
        self.labels.get(&reference.familiar().name()).copied()
    }
}

impl Subject<'_> {
    /// Gives a file of the directory.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Gives a line of the changelog.
    pub(super) fn changelog_line(&self, line: usize) -> Place {
        Place::line(&self.file("changelog"), line)
    }

    /// Says why there is no rendered recipe, where the image is not declared.
    pub(super) fn lack_of_recipe(&self) -> &'static str {
        if self.image.is_some() {
            "the recipe cannot be rendered"
        } else if self.changelog.is_none() {
            "the changelog cannot be read"
        } else if self.control.is_none() {
            "the control file cannot be read"
        } else {
            "it is no image of the catalog, and another finding says why"
        }
    }

    /// Tells whether the image is declared in an `image.yaml`.
    pub(super) fn is_declared(&self) -> bool {
        let recipe = self.image.map(|image| &image.recipe);
        matches!(recipe, Some(CatalogRecipe::Declared { .. }))
    }
}

impl<'a> Recipe<'a> {
    /// Prepares to find lines of the rendered text in the template.
    #[must_use]
    pub fn origin(&self) -> Origin<'a> {
        Origin::new(self.path, self.source, self.text)
    }
}
