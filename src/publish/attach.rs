//! What an image is made of, attached to it at the registry before it gets its version: whoever finds the version finds it.
//!
//! Trouble, here or there, keeps the image from being published, as with each of its layers: the next run does it all. One that
//! does not take such things, or from this user, gets the image without; that is told, and is no failure, since nothing that
//! the user does again would change it.

use super::error::PublishError;
use super::push::Parcel;
use super::run::Publication;
use crate::host::cause;
use crate::layout::{Artifact, Shelved};
use crate::oci::{Digest, Reference, media};
use crate::registry::{Attached, LocalBlob, Manifest, RegistryError};

/// An image that is published without what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unattached {
    /// Where it was to be attached.
    pub image: Reference,
    /// Why the registry does not take it.
    pub cause: String,
}

impl Publication<'_> {
    /// Attaches what an image, or an index, is made of to it in the repository of `version`; `shelved` has the files.
    pub(super) async fn attach(
        &self,
        parcel: &mut Parcel<'_>,
        version: &Reference,
        (shelved, (sbom, subject)): (&Shelved, (&Artifact, &Digest)),
    ) -> Result<(), PublishError> {
        let heading = format!("attach {}", sbom.listed.digest);
        parcel.log.heading(&heading);
        match self.attach_sbom(version, (shelved, sbom), subject).await {
            Ok(attached) => {
                let line = match attached {
                    Attached::ByRegistry => "the registry lists it".to_owned(),
                    Attached::ByTag => "it is listed under a tag".to_owned(),
                };
                parcel.log.line(&line);
                Ok(())
            }
            Err(RegistryError::Changed { .. }) => {
                Err(PublishError::Spoiled(shelved.directory().to_owned()))
            }
            Err(error) if !error.is_refusal_to_attach() => Err(error.into()),
            Err(error) => {
                let heading = format!("failed: {error}; the image goes on without");
                parcel.log.heading(&heading);
                self.note_unattached(Unattached {
                    image: parcel.shown.clone(),
                    cause: cause(&error),
                });
                Ok(())
            }
        }
    }

    async fn attach_sbom(
        &self,
        version: &Reference,
        (shelved, sbom): (&Shelved, &Artifact),
        subject: &Digest,
    ) -> Result<Attached, RegistryError> {
        for part in sbom.parts() {
            let blob = LocalBlob {
                digest: &part.digest,
                size_bytes: part.size,
                path: &shelved.path(part),
            };
            self.registry.upload(version, &blob, &[]).await?;
        }
        let manifest = Manifest::of(sbom.bytes.clone(), media::MANIFEST);
        let manifest = manifest.ok_or_else(|| RegistryError::contradiction(version))?;
        let artifact = (&manifest, &sbom.listed);
        self.registry.attach(version, artifact, subject).await
    }
}
