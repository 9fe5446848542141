//! An image of the shelf, put to its repository by this program.
//!
//! What it consists of goes first; then its manifest, by its digest and under no tag, and what is attached to that; from there on all goes as with what an
//! engine pushed. The same image has the same manifest wherever it was made. One for several kinds of machines comes an image after the
//! other, each with what is attached to it, and then its index, which alone gets the version.

use super::error::PublishError;
use super::push::Parcel;
use super::run::Publication;
use crate::build::build_timeout;
use crate::layout::{ShelfError, Shelved, ShelvedImage};
use crate::oci::{Reference, media};
use crate::registry::{LocalBlob, Manifest, RegistryError, Uploaded};

impl Publication<'_> {
    /// Finds an image on the shelf, as the one that passed its tests.
    pub(super) fn find_shelved(&self, parcel: &Parcel<'_>) -> Result<Option<Shelved>, ShelfError> {
        let found = self.shelf.find(&parcel.image.label)?;
        Ok(found.filter(|shelved| shelved.id() == parcel.id))
    }

    /// Puts an image to the repository of `version` within the time that the image has, and gives what the registry has then.
    pub(super) async fn upload_in_time(
        &self,
        parcel: &mut Parcel<'_>,
        version: &Reference,
        shelved: &Shelved,
    ) -> Result<Manifest, PublishError> {
        let heading = format!("upload {} as {}", parcel.shown, shelved.digest());
        parcel.log.heading(&heading);
        let allowed = build_timeout(self.settings, &parcel.image.label);
        let upload = self.upload(parcel, version, shelved);
        let uploaded = tokio::time::timeout(allowed, upload).await;
        let uploaded = uploaded.unwrap_or(Err(PublishError::Slow { allowed }));
        if let Err(error) = &uploaded {
            parcel.log.heading(&format!("failed: {error}"));
        }
        uploaded
    }

    /// Gives the repositories that have the layers of what an image is made on.
    fn find_likely(&self, parcel: &Parcel<'_>) -> Vec<Reference> {
        let catalog = &self.loaded.catalog;
        let Some(image) = catalog.find(parcel.image.name.as_str()) else {
            return Vec::new();
        };
        let parents = self.loaded.graph.parents(image).iter();
        let labels = parents.map(|parent| &catalog.image(*parent).label);
        labels
            .filter_map(|label| self.target.version(label).ok())
            .collect()
    }

    async fn upload(
        &self,
        parcel: &mut Parcel<'_>,
        version: &Reference,
        shelved: &Shelved,
    ) -> Result<Manifest, PublishError> {
        let from = self.find_likely(parcel);
        for image in shelved.images() {
            if shelved.is_index() {
                let heading = format!("upload {} for {}", image.digest(), image.platform());
                parcel.log.heading(&heading);
            }
            self.upload_parts(parcel, (version, &from), (shelved, image))
                .await?;
            let document = (image.manifest(), media::MANIFEST);
            self.put_by_digest(parcel, version, document).await?;
            if shelved.is_index() {
                let subject = (image.sbom(), image.digest());
                self.attach(parcel, version, (shelved, subject)).await?;
            }
        }
        let document = (shelved.manifest(), shelved.media_type());
        let there = if shelved.is_index() {
            self.put_by_digest(parcel, version, document).await?
        } else {
            self.read_back(version, shelved.digest()).await?
        };
        let subject = (shelved.sbom(), shelved.digest());
        self.attach(parcel, version, (shelved, subject)).await?;
        Ok(there)
    }

    async fn upload_parts(
        &self,
        parcel: &mut Parcel<'_>,
        (version, from): (&Reference, &[Reference]),
        (shelved, image): (&Shelved, &ShelvedImage),
    ) -> Result<(), PublishError> {
        for part in image.parts() {
            let blob = LocalBlob {
                digest: &part.digest,
                size_bytes: part.size,
                path: &shelved.path(part),
            };
            let uploaded = self.registry.upload(version, &blob, from).await;
            let uploaded = uploaded.map_err(|error| match error {
                RegistryError::Changed { .. } => {
                    PublishError::Spoiled(shelved.directory().to_owned())
                }
                error => error.into(),
            })?;
            let how = match uploaded {
                Uploaded::There => "is there",
                Uploaded::Mounted => "was mounted",
                Uploaded::Sent => "was sent",
            };
            let line = format!("{} {how}, {} bytes", part.digest, part.size);
            parcel.log.line(&line);
        }
        Ok(())
    }

    /// Puts a manifest or an index by its digest, and reads it back.
    async fn put_by_digest(
        &self,
        parcel: &Parcel<'_>,
        version: &Reference,
        (bytes, media_type): (&[u8], &str),
    ) -> Result<Manifest, PublishError> {
        let manifest = Manifest::of(bytes.to_vec(), media_type);
        let manifest = manifest.ok_or_else(|| PublishError::NoManifest(parcel.shown.clone()))?;
        let by_digest = version.with_digest(manifest.digest.clone());
        let put = self.registry.put_manifest(&by_digest, &manifest).await;
        let there = self.read_back(version, &manifest.digest).await;
        match put {
            Ok(()) => there,
            // It may have been taken, and what stands before the registry answered otherwise.
            Err(error) => Ok(there.map_err(|_| error)?),
        }
    }
}
