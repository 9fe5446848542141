//! What goes, what stays, and why: a pure function of what engine and shelf have.
//!
//! The tags of an image are those of exactly its name, registry and namespace included, on the engine and on the shelf of what
//! was made without one. Of them stay
//!
//! - the version that the catalog gives, with the run's suffix;
//! - `latest`, where it is the same image as that version;
//! - what `base_images` names;
//! - what a container was made from, running or not.
//!
//! Everything else goes: children before parents, and of one image the older version first.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, Graph, ImageId};
use crate::debian::Version;
use crate::engine::{Container, EngineImage, EngineImages};
use crate::layout::Stored;
use crate::oci::{Digest, Reference, Tag};

/// What is known before anything is removed.
#[derive(Clone, Copy, Debug)]
pub struct Stock<'a> {
    /// The images; their labels are the versions that stay.
    pub catalog: &'a Catalog,
    /// What is built on what.
    pub graph: &'a Graph,
    /// All that the engine has.
    pub images: &'a EngineImages,
    /// All containers of the engine.
    pub containers: &'a [Container],
    /// All that lies on the shelf.
    pub shelf: &'a [Stored],
    /// Images from elsewhere, which are never touched.
    pub base_images: &'a [Reference],
}

/// What is done with the local tags of the selected images, in the order in which it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruning {
    /// The tags.
    pub tags: Vec<LocalTag>,
}

/// One tag of an image of the catalog, as engine or shelf has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalTag {
    /// The image of the catalog whose name it has.
    pub image: ImageId,
    /// Where it is.
    pub place: Place,
    /// The tag with its name, as the engine lists it.
    pub reference: Reference,
    /// The identity of the image that it names, or the digest of what lies on the shelf.
    pub id: Digest,
    /// What the layers of that image take, also those that other images share.
    pub size_bytes: u64,
    /// What is done with it.
    pub fate: Fate,
}

/// Where a tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// On the engine.
    Engine,
    /// On the shelf of what was made without an engine.
    Shelf,
}

/// What is done with a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is removed.
    Goes {
        /// The names under which its image stays on the engine; without one the image goes as well.
        stays_as: Vec<String>,
    },
    /// It stays.
    Stays(Why),
}

/// Why a tag stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is the version of the catalog.
    Current,
    /// It is `latest`, and the same image as the version of the catalog.
    Latest,
    /// The settings name it as a base image.
    BaseImage,
    /// These containers were made from its image.
    InUse(Vec<Container>),
}

impl Pruning {
    /// Gives the tags that go.
    pub fn going(&self) -> impl Iterator<Item = &LocalTag> {
        self.tags.iter().filter(|tag| tag.goes())
    }

    /// Gives at most how much space is freed: the sizes of the images that go, each with layers that may be shared.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        let gone = self
            .tags
            .iter()
            .filter(|tag| matches!(&tag.fate, Fate::Goes { stays_as } if stays_as.is_empty()));
        // What lies on the shelf as well is there twice.
        let key = |tag: &'_ LocalTag| (tag.id.clone(), tag.place == Place::Shelf);
        let sizes: BTreeMap<_, u64> = gone.map(|tag| (key(tag), tag.size_bytes)).collect();
        sizes.values().sum()
    }
}

impl LocalTag {
    /// Tells whether it is removed.
    #[must_use]
    pub fn goes(&self) -> bool {
        matches!(self.fate, Fate::Goes { .. })
    }
}

/// Decides what is done with the local tags of the images in `selection`, or of all.
#[must_use]
pub fn prepare(stock: &Stock<'_>, selection: Option<&BTreeSet<ImageId>>) -> Pruning {
    let mut local = stock.local_tags(selection);
    let mut tags = Vec::new();
    for image in stock.graph.order().iter().rev() {
        let mut of_image = local.remove(image).unwrap_or_default();
        of_image.sort_by_cached_key(|tag| {
            let text = tag.reference.to_string();
            let place = tag.place;
            // A tag that is no version is ordered by its letters alone.
            let version = tag.reference.tag().map(|tag| tag.as_str().parse());
            let version: Option<Version> = version.and_then(Result::ok);
            (place, version, text)
        });
        tags.extend(of_image);
    }
    name_what_stays(&mut tags, stock.images);
    Pruning { tags }
}

impl Stock<'_> {
    fn local_tags(
        &self,
        selection: Option<&BTreeSet<ImageId>>,
    ) -> BTreeMap<ImageId, Vec<LocalTag>> {
        let is_selected = |id: &ImageId| selection.is_none_or(|selection| selection.contains(id));
        let selected = self.catalog.iter().filter(|(id, _)| is_selected(id));
        let mut tags: BTreeMap<ImageId, Vec<LocalTag>> = BTreeMap::new();
        let mut names: BTreeMap<String, ImageId> = BTreeMap::new();
        for (id, image) in selected {
            let of_image = names_on_engines(&image.label);
            names.extend(of_image.into_iter().map(|name| (name, id)));
            tags.entry(id).or_default().extend(self.shelved_of(id));
        }
        for (text, found) in self.images.iter() {
            let Ok(reference) = text.parse::<Reference>() else {
                continue;
            };
            if let Some(&image) = names.get(&reference.name()) {
                tags.entry(image).or_default().push(LocalTag {
                    image,
                    place: Place::Engine,
                    id: found.id.clone(),
                    size_bytes: found.size_bytes,
                    fate: Fate::of(self.find_why_it_stays(image, &reference, found)),
                    reference,
                });
            }
        }
        tags
    }

    /// Gives the versions of an image that lie on the shelf.
    fn shelved_of(&self, id: ImageId) -> impl Iterator<Item = LocalTag> {
        let label = &self.catalog.image(id).label;
        let name = label.name();
        let of_image = self.shelf.iter();
        let of_image = of_image.filter(move |stored| stored.reference.name() == name);
        of_image.map(move |stored| LocalTag {
            image: id,
            place: Place::Shelf,
            reference: stored.reference.clone(),
            id: stored.digest.clone(),
            size_bytes: stored.size_bytes,
            fate: Fate::of((stored.reference.tag() == label.tag()).then_some(Why::Current)),
        })
    }

    fn find_why_it_stays(
        &self,
        image: ImageId,
        reference: &Reference,
        found: &EngineImage,
    ) -> Option<Why> {
        let label = &self.catalog.image(image).label;
        if reference.tag() == label.tag() {
            return Some(Why::Current);
        }
        let is_base = |base: &Reference| is_named_by(base, reference, found);
        if self.base_images.iter().any(is_base) {
            return Some(Why::BaseImage);
        }
        let current = self.images.find(label);
        if reference.tag() == Some(&Tag::latest())
            && current.is_some_and(|current| current.id == found.id)
        {
            return Some(Why::Latest);
        }
        self.find_users(&found.id)
    }

    fn find_users(&self, id: &Digest) -> Option<Why> {
        let uses = |container: &&Container| container.image == *id;
        let users: Vec<Container> = self.containers.iter().filter(uses).cloned().collect();
        (!users.is_empty()).then_some(Why::InUse(users))
    }
}

impl Fate {
    /// Goes where there is no reason to stay.
    fn of(why: Option<Why>) -> Self {
        why.map_or_else(
            || Self::Goes {
                stays_as: Vec::new(),
            },
            Self::Stays,
        )
    }
}

/// The names under which engines list an image: Docker without its default registry, and podman its own images below
/// `localhost/`.
fn names_on_engines(label: &Reference) -> Vec<String> {
    let familiar = label.familiar();
    let mut names = vec![label.name(), familiar.name()];
    if familiar.registry().is_none() {
        names.push(format!("localhost/{}", familiar.name()));
    }
    names
}

/// Tells whether a base image of the settings is this one; without a tag and digest it is `latest`.
fn is_named_by(base: &Reference, reference: &Reference, found: &EngineImage) -> bool {
    if !names_on_engines(base).contains(&reference.name()) {
        return false;
    }
    match (base.tag(), base.digest()) {
        (None, Some(digest)) => found.id == *digest || found.manifests.contains(digest),
        (tag, _) => reference.tag() == Some(tag.unwrap_or(&Tag::latest())),
    }
}

/// Finds for each tag that goes the names of its image that do not go.
fn name_what_stays(tags: &mut [LocalTag], images: &EngineImages) {
    let going: BTreeSet<String> = tags
        .iter()
        .filter(|tag| tag.goes() && tag.place == Place::Engine)
        .map(|tag| tag.reference.to_string())
        .collect();
    let mut staying: BTreeMap<&Digest, Vec<String>> = BTreeMap::new();
    for (reference, image) in images.iter() {
        if !going.contains(reference) {
            let names = staying.entry(&image.id).or_default();
            names.push(reference.to_owned());
        }
    }
    for tag in tags.iter_mut().filter(|tag| tag.place == Place::Engine) {
        if let Fate::Goes { stays_as } = &mut tag.fate {
            *stays_as = staying.get(&tag.id).cloned().unwrap_or_default();
        }
    }
}
