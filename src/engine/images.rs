//! The images that an engine has: asked once for all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::models::{ImageInspect, ImageSummary};
use bollard::query_parameters::{
    ListImagesOptions, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};

use super::{Engine, EngineError, Make};
use crate::oci::{Digest, Platform, Reference};

/// How long the engine may take to remove one image: the layers of a large one are many files.
const REMOVAL_DEADLINE: Duration = Duration::from_secs(600);

/// One image of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineImage {
    /// The identity: the digest of the image's configuration, or of its manifest on the containerd store.
    pub id: Digest,
    /// The manifests under which registries know it.
    pub manifests: Vec<Digest>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What its layers take, also those that other images share.
    pub size_bytes: u64,
}

/// All tagged images of the engine by their references, as they were when the engine was asked.
#[derive(Clone, Debug)]
pub struct EngineImages {
    by_name: BTreeMap<String, EngineImage>,
    make: Make,
}

impl Default for EngineImages {
    fn default() -> Self {
        Self::none(Make::Docker)
    }
}

impl EngineImages {
    fn none(make: Make) -> Self {
        Self {
            by_name: BTreeMap::new(),
            make,
        }
    }

    /// Finds the image that has this reference.
    #[must_use]
    pub fn find(&self, reference: &Reference) -> Option<&EngineImage> {
        let familiar = reference.familiar().to_string();
        let found = self
            .by_name
            .get(&familiar)
            .or_else(|| self.by_name.get(&reference.to_string()));
        // podman may be told to take short names for its own, which it lists below `localhost/`; Docker knows that as a
        // registry.
        let is_short = self.make == Make::Podman && reference.registry().is_none();
        found.or_else(|| {
            let own = is_short.then(|| format!("localhost/{familiar}"))?;
            self.by_name.get(&own)
        })
    }

    /// Gives all references.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Gives all references with their images, in the order of the references.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &EngineImage)> {
        self.by_name
            .iter()
            .map(|(reference, image)| (reference.as_str(), image))
    }

    /// Reads the engine's list.
    pub(super) fn of(listed: Vec<ImageSummary>, make: Make) -> Self {
        let mut images = Self::none(make);
        for summary in listed {
            // Identities of another algorithm are none that this program could have made.
            let Ok(id) = summary.id.parse::<Digest>() else {
                continue;
            };
            let image = EngineImage {
                id,
                manifests: summary
                    .repo_digests
                    .iter()
                    .filter_map(|text| text.rsplit_once('@')?.1.parse().ok())
                    .collect(),
                labels: summary.labels.into_iter().collect(),
                size_bytes: u64::try_from(summary.size).unwrap_or_default(),
            };
            let tags = summary.repo_tags.into_iter().map(familiar);
            images.by_name.extend(tags.map(|tag| (tag, image.clone())));
        }
        images
    }
}

impl FromIterator<(String, EngineImage)> for EngineImages {
    fn from_iter<I: IntoIterator<Item = (String, EngineImage)>>(images: I) -> Self {
        Self {
            by_name: images.into_iter().collect(),
            ..Self::default()
        }
    }
}

/// podman's list has Docker's default registry in its names, which Docker's leaves out.
fn familiar(tag: String) -> String {
    match tag.parse::<Reference>() {
        Ok(reference) => reference.familiar().to_string(),
        Err(_) => tag,
    }
}

/// podman, and Docker with the containerd store, fail at any image while one of them is being removed.
fn tells_of_a_vanished_image(error: &EngineError) -> bool {
    match error {
        EngineError::Failing { message, .. } => ["not known", "image to resolve the"]
            .iter()
            .any(|words| message.contains(words)),
        _ => false,
    }
}

/// So many times such a question is asked, with this time in between.
const ASKED_AT_MOST: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(100);

/// Asks again for as long as the answer is about an image that is being removed; `is_that` knows further such answers.
async fn while_images_vanish<T, F: Future<Output = Result<T, EngineError>>>(
    ask: impl Fn() -> F,
    is_that: impl Fn(&EngineError) -> bool,
) -> Result<T, EngineError> {
    let mut asked = 1;
    loop {
        match ask().await {
            Err(error)
                if asked < ASKED_AT_MOST
                    && (tells_of_a_vanished_image(&error) || is_that(&error)) =>
            {
                asked += 1;
                tokio::time::sleep(BETWEEN).await;
            }
            answer => return answer,
        }
    }
}

/// Reads an identity; podman leaves the algorithm out in places.
pub(super) fn parse_id(text: &str) -> Option<Digest> {
    text.parse()
        .or_else(|_| format!("sha256:{text}").parse())
        .ok()
}

impl Engine {
    /// Asks for all tagged images.
    pub async fn images(&self) -> Result<EngineImages, EngineError> {
        let list = || {
            let listed = self.docker.list_images(None::<ListImagesOptions>);
            self.answer("list its images", listed)
        };
        let is_gone =
            |error: &EngineError| matches!(error, EngineError::Refused { status: 404, .. });
        let listed = while_images_vanish(list, is_gone).await?;
        Ok(EngineImages::of(listed, self.make()))
    }

    /// Asks for an image by a reference or its identity; there is none where the engine says 404.
    async fn inspect(&self, action: &str, name: &str) -> Result<Option<ImageInspect>, EngineError> {
        let inspect = || self.answer(action, self.docker.inspect_image(name));
        match while_images_vanish(inspect, |_| false).await {
            Ok(image) => Ok(Some(image)),
            Err(EngineError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds the identity that a reference has now.
    pub async fn find_id(&self, reference: &Reference) -> Result<Option<Digest>, EngineError> {
        let action = format!("look up {reference}");
        let Some(image) = self.inspect(&action, &reference.to_string()).await? else {
            return Ok(None);
        };
        match image.id.as_deref().map(str::parse) {
            Some(Ok(id)) => Ok(Some(id)),
            _ => Err(EngineError::Incomplete {
                action,
                what: "image id",
            }),
        }
    }

    /// Finds for which machine an image is, by its identity.
    pub async fn find_platform(&self, id: &Digest) -> Result<Option<Platform>, EngineError> {
        let action = format!("look up {}", id.short());
        let image = self.inspect(&action, id.as_str()).await?;
        let told = |text: Option<String>| text.filter(|text| !text.is_empty());
        Ok(image.and_then(|image| {
            Some(Platform {
                architecture: told(image.architecture)?,
                os: told(image.os)?,
                variant: told(image.variant),
            })
        }))
    }

    /// Finds the digests of the plain layers of an image, by its identity; the lowest first.
    pub async fn find_layers(&self, id: &Digest) -> Result<Option<Vec<Digest>>, EngineError> {
        let action = format!("look up {}", id.short());
        let image = self.inspect(&action, id.as_str()).await?;
        let layers = image.and_then(|image| image.root_fs?.layers);
        let parse = |layers: Vec<String>| layers.iter().map(|it| it.parse().ok()).collect();
        Ok(layers.and_then(parse))
    }

    /// Finds the manifest under which the registry of a reference knows an image, as far as the engine pulled it from there
    /// or pushed it.
    pub async fn find_manifest(
        &self,
        reference: &Reference,
        id: &Digest,
    ) -> Result<Option<Digest>, EngineError> {
        let action = format!("look up {reference}");
        let Some(image) = self.inspect(&action, id.as_str()).await? else {
            return Ok(None);
        };
        let name = reference.familiar().name();
        let known = image.repo_digests.unwrap_or_default();
        let mut known = known.iter().filter_map(|text| text.rsplit_once('@'));
        let of_name = known.find(|(repository, _)| *repository == name);
        Ok(of_name.and_then(|(_, digest)| digest.parse().ok()))
    }

    /// Gives an image, named by its identity, a further reference.
    pub async fn tag(&self, id: &Digest, reference: &Reference) -> Result<(), EngineError> {
        let name = reference.name();
        let mut options = TagImageOptionsBuilder::new().repo(&name);
        if let Some(tag) = reference.tag() {
            options = options.tag(tag.as_str());
        }
        let action = format!("tag {} as {reference}", id.short());
        self.answer(
            &action,
            self.docker.tag_image(id.as_str(), Some(options.build())),
        )
        .await
    }

    /// Takes a reference from its image, and gives the identities of what went with it: the image, when it has no other
    /// reference and nothing else needs it, and layers. `None` says that the reference was gone already.
    pub async fn remove_tag(&self, reference: &str) -> Result<Option<Vec<Digest>>, EngineError> {
        let options = RemoveImageOptionsBuilder::new().noprune(false).build();
        let action = format!("remove {reference}");
        let removal = self.docker.remove_image(reference, Some(options), None);
        match self.answer_within(REMOVAL_DEADLINE, &action, removal).await {
            Ok(items) => {
                let deleted = items.iter().filter_map(|item| item.deleted.as_deref());
                Ok(Some(deleted.filter_map(parse_id).collect()))
            }
            Err(EngineError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_podman_has_short_names_below_localhost() {
        let image = EngineImage {
            id: Digest::of(b"image"),
            manifests: Vec::new(),
            labels: BTreeMap::new(),
            size_bytes: 0,
        };
        for (make, asked, expected) in [
            (Make::Podman, "base/a:1", true),
            (Make::Podman, "r.example.org/base/a:1", false),
            (Make::Docker, "base/a:1", false),
            (Make::Docker, "localhost/base/a:1", true),
        ] {
            let mut images = EngineImages::none(make);
            for name in ["localhost/base/a:1", "localhost/r.example.org/base/a:1"] {
                images.by_name.insert(name.to_owned(), image.clone());
            }
            let asked = asked.parse().expect("a reference");
            assert_eq!(images.find(&asked).is_some(), expected, "{make:?} {asked}");
        }
    }
}
