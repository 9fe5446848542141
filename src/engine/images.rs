//! The images that an engine has: asked once for all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::models::ImageSummary;
use bollard::query_parameters::{
    ListImagesOptions, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};

use super::{Engine, EngineError};
use crate::oci::{Digest, Reference};

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
#[derive(Clone, Debug, Default)]
pub struct EngineImages(BTreeMap<String, EngineImage>);

impl EngineImages {
    /// Finds the image that has this reference.
    #[must_use]
    pub fn find(&self, reference: &Reference) -> Option<&EngineImage> {
        // podman lists the names of its own images below `localhost/`.
        let familiar = reference.familiar().to_string();
        let found = self
            .0
            .get(&familiar)
            .or_else(|| self.0.get(&reference.to_string()));
        found.or_else(|| self.0.get(&format!("localhost/{familiar}")))
    }

    /// Gives all references.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Gives all references with their images, in the order of the references.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &EngineImage)> {
        self.0
            .iter()
            .map(|(reference, image)| (reference.as_str(), image))
    }

    /// Reads the engine's list.
    pub(super) fn of(listed: Vec<ImageSummary>) -> Self {
        let mut images = Self::default();
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
            let tags = summary.repo_tags.into_iter();
            images.0.extend(tags.map(|tag| (tag, image.clone())));
        }
        images
    }
}

impl FromIterator<(String, EngineImage)> for EngineImages {
    fn from_iter<I: IntoIterator<Item = (String, EngineImage)>>(images: I) -> Self {
        Self(images.into_iter().collect())
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
        let listed = self
            .answer(
                "list its images",
                self.docker.list_images(None::<ListImagesOptions>),
            )
            .await?;
        Ok(EngineImages::of(listed))
    }

    /// Finds the identity that a reference has now.
    pub async fn find_id(&self, reference: &Reference) -> Result<Option<Digest>, EngineError> {
        let action = format!("look up {reference}");
        match self
            .answer(&action, self.docker.inspect_image(&reference.to_string()))
            .await
        {
            Ok(image) => match image.id.as_deref().map(str::parse) {
                Some(Ok(id)) => Ok(Some(id)),
                _ => Err(EngineError::Incomplete {
                    action,
                    what: "image id",
                }),
            },
            Err(EngineError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds the manifest under which the registry of a reference knows an image, as far as the engine pulled it from there
    /// or pushed it.
    pub async fn find_manifest(
        &self,
        reference: &Reference,
        id: &Digest,
    ) -> Result<Option<Digest>, EngineError> {
        let action = format!("look up {reference}");
        let found = self.answer(&action, self.docker.inspect_image(id.as_str()));
        let image = match found.await {
            Ok(image) => image,
            Err(EngineError::Refused { status: 404, .. }) => return Ok(None),
            Err(error) => return Err(error),
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
