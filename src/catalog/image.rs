//! One image directory as a value, and all of them together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset};

use super::ImageName;
use crate::debian::Version;
use crate::declared::ImageFile;
use crate::near::find_near;
use crate::oci::Reference;
use crate::place::Place;

/// The number of an image in its catalog; catalogs number their images in the order of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageId(pub usize);

/// What an image is made from.
#[derive(Clone, Debug)]
pub enum Recipe {
    /// `Dockerfile.template`: built by the engine.
    Template {
        /// The file.
        path: PathBuf,
        /// Its text, not yet rendered.
        text: String,
    },
    /// `image.yaml`: made by this program.
    Declared {
        /// The file.
        path: PathBuf,
        /// What it says.
        file: Box<ImageFile>,
    },
}

impl Recipe {
    /// Tells whether it makes an index of images, of which an engine has one alone.
    #[must_use]
    pub fn makes_index(&self) -> bool {
        match self {
            Self::Template { .. } => false,
            Self::Declared { file, .. } => file.architectures.len() > 1,
        }
    }
}

/// One item of `Build-Depends` or `Depends`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredDependency {
    /// The name as written, without version constraint and alternatives.
    pub name: String,
    /// Where it stands.
    pub place: Place,
}

/// One image: a directory with a recipe and a changelog.
#[derive(Clone, Debug)]
pub struct Image {
    /// The name, from the top entry of the changelog.
    pub name: ImageName,
    /// The version, from the same.
    pub version: Version,
    /// The full label: registry, namespace, name and version.
    pub label: Reference,
    /// The directory, below its root as the user wrote it.
    pub directory: PathBuf,
    /// The root on the command line under which the directory was found.
    pub root: PathBuf,
    /// The header line of the top entry.
    pub entry: Place,
    /// When the top entry was written; nothing where it has no date that can be read.
    pub dated: Option<DateTime<FixedOffset>>,
    /// What the image is made from.
    pub recipe: Recipe,
    /// What `control` says it needs.
    pub dependencies: Vec<DeclaredDependency>,
}

impl Image {
    /// Gives the file of the recipe.
    #[must_use]
    pub fn recipe_path(&self) -> &Path {
        match &self.recipe {
            Recipe::Template { path, .. } | Recipe::Declared { path, .. } => path,
        }
    }

    /// Gives the directory relative to its root: where `render --all` writes to.
    #[must_use]
    pub fn relative_directory(&self) -> &Path {
        self.directory
            .strip_prefix(&self.root)
            .unwrap_or(&self.directory)
    }
}

/// Two directories whose changelogs give the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuplicateName {
    /// The name.
    pub name: ImageName,
    /// The top entries that give it, in the order of their paths.
    pub places: Vec<Place>,
}

/// All images of the scanned directories, in the order of their names.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    images: Vec<Image>,
    by_name: BTreeMap<ImageName, ImageId>,
}

impl Catalog {
    /// Puts the images in order; of those with one name, which are all told, the first directory stays.
    #[must_use]
    pub fn new(mut images: Vec<Image>) -> (Self, Vec<DuplicateName>) {
        images.sort_by(|a, b| (&a.name, &a.directory).cmp(&(&b.name, &b.directory)));
        let duplicates: Vec<_> = images
            .chunk_by(|a, b| a.name == b.name)
            .filter(|same| same.len() > 1)
            .map(|same| DuplicateName {
                name: same[0].name.clone(),
                places: same.iter().map(|image| image.entry.clone()).collect(),
            })
            .collect();
        images.dedup_by(|a, b| a.name == b.name);
        let by_name = images
            .iter()
            .enumerate()
            .map(|(i, image)| (image.name.clone(), ImageId(i)))
            .collect();
        (Self { images, by_name }, duplicates)
    }

    /// Gives the image of a number that this catalog gave.
    #[must_use]
    pub fn image(&self, id: ImageId) -> &Image {
        &self.images[id.0]
    }

    /// Finds an image by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<ImageId> {
        // A text that is no name names no image.
        self.by_name.get(&name.parse::<ImageName>().ok()?).copied()
    }

    /// Gives all images with their numbers, in the order of their names.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (ImageId, &Image)> {
        self.images
            .iter()
            .enumerate()
            .map(|(i, image)| (ImageId(i), image))
    }

    /// Gives all images, in the order of their names, which have to stay.
    pub(crate) fn images_mut(&mut self) -> impl Iterator<Item = &mut Image> {
        self.images.iter_mut()
    }

    /// Gives the number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Tells whether there is no image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Gives at most three names of images that `name` may have meant, nearest first.
    #[must_use]
    pub fn near_names(&self, name: &str) -> Vec<&str> {
        find_near(name, self.by_name.keys().map(ImageName::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{catalog, image};
    use super::*;

    #[test]
    fn images_are_numbered_in_the_order_of_their_names() {
        let catalog = catalog(&["web", "base", "app"]);
        let names: Vec<_> = catalog
            .iter()
            .map(|(id, image)| (id.0, image.name.as_str()))
            .collect();
        assert_eq!(names, [(0, "app"), (1, "base"), (2, "web")]);
        assert_eq!(catalog.find("base"), Some(ImageId(1)));
        assert_eq!(catalog.find("Base/"), None);
    }

    #[test]
    fn all_directories_of_one_name_are_told_and_the_first_stays() {
        let at = |directory: &str| Image {
            directory: PathBuf::from(directory),
            entry: Place::line(&Path::new(directory).join("changelog"), 1),
            ..image("tool")
        };
        let images = vec![at("z"), image("other"), at("a"), at("m")];
        let (catalog, duplicates) = Catalog::new(images);
        let [duplicate] = duplicates.as_slice() else {
            panic!("one name is there several times: {duplicates:?}");
        };
        let places: Vec<_> = duplicate.places.iter().map(ToString::to_string).collect();
        assert_eq!(places, ["a/changelog:1", "m/changelog:1", "z/changelog:1"]);
        assert_eq!(catalog.len(), 2);
        let tool = catalog.find("tool").expect("one of them");
        assert_eq!(catalog.image(tool).directory, Path::new("a"));
    }

    #[test]
    fn near_names_are_the_nearest_and_three_at_most() {
        let catalog = catalog(&["nodejs20", "nodejs22", "nodejs24", "nodejs26", "nginx"]);
        let near = catalog.near_names("nodejs21");
        assert_eq!(near, ["nodejs20", "nodejs22", "nodejs24"]);
        assert!(catalog.near_names("zlib").is_empty());
    }
}
