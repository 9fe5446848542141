//! What an image of the shelf is made of, beside it: an SPDX document, and the manifest by which registries attach it to the
//! image (image-spec, "Guidelines for Artifact Usage").
//!
//! ```text
//! referrers.json     what refers to the image, as a registry lists it (distribution-spec, "Listing Referrers"); of several images,
//!                    to each of them, in their order, and then to their index
//! blobs/sha256/…     the manifest, whose subject is the image; the document; `{}`, the configuration of what has none
//! ```
//!
//! The index of the layout names none of it: other programs find the one image there.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};

use super::write::{Parts, WrittenLayout, render};
use crate::host::fs::{FileError, find_text, read_bytes, write_generated};
use crate::oci::{Descriptor, Digest, ImageIndex, ImageManifest, Reference, annotation, media};
use crate::spdx::{Document, Image, IndexDocument, Software};

const REFERRERS: &str = "referrers.json";
/// What a document is called where it becomes a file.
const FILE_NAME: &str = "sbom.spdx.json";

/// What is told of an image beside its parts.
#[derive(Clone, Copy, Debug)]
pub struct Bill<'a> {
    /// What it holds.
    pub software: &'a Software,
    /// When it was made.
    pub created: DateTime<Utc>,
}

/// Something that is attached to an image.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// How a list of referrers names it.
    pub listed: Descriptor,
    /// The bytes of its manifest.
    pub bytes: Vec<u8>,
    manifest: ImageManifest,
}

impl Artifact {
    /// Reads what [`write_sboms`] wrote; gives nothing where some of it is not what it was.
    pub(super) fn read_all(directory: &Path) -> Result<Option<Vec<Self>>, FileError> {
        let Some(index) = find_text(&directory.join(REFERRERS))? else {
            return Ok(None);
        };
        let Ok(index) = serde_json::from_str::<ImageIndex>(&index) else {
            return Ok(None);
        };
        let listed = index.manifests.into_iter();
        listed.map(|listed| Self::read(directory, listed)).collect()
    }

    fn read(directory: &Path, listed: Descriptor) -> Result<Option<Self>, FileError> {
        let blob = |digest: &Digest| directory.join("blobs/sha256").join(digest.hex());
        let bytes = read_bytes(&blob(&listed.digest))?;
        if Digest::of(&bytes) != listed.digest {
            return Ok(None);
        }
        let Ok(manifest) = serde_json::from_slice::<ImageManifest>(&bytes) else {
            return Ok(None);
        };
        let read = Self {
            listed,
            bytes,
            manifest,
        };
        for part in read.parts() {
            let path = blob(&part.digest);
            let found = std::fs::metadata(&path);
            let found = found.map_err(|source| FileError::new("read", &path, source))?;
            if found.len() != part.size {
                return Ok(None);
            }
        }
        Ok(Some(read))
    }

    /// Gives what its manifest names: the document, and then what stands for a configuration.
    pub fn parts(&self) -> impl Iterator<Item = &Descriptor> {
        let config = std::iter::once(&self.manifest.config);
        self.manifest.layers.iter().chain(config)
    }

    /// Gives the document.
    #[must_use]
    pub fn document(&self) -> Option<&Descriptor> {
        self.manifest.layers.first()
    }
}

/// Writes what images are made of into their layout; of several, also which ones their index has.
pub(super) fn write_sboms(
    images: &[(Parts<'_>, Bill<'_>)],
    reference: &Reference,
    written: &WrittenLayout,
    directory: &Path,
) -> Result<(), FileError> {
    let blobs = directory.join("blobs/sha256");
    let mut listed = Vec::new();
    let mut described = Vec::new();
    for ((parts, bill), descriptor) in images.iter().zip(&written.images) {
        let path = blobs.join(descriptor.digest.hex());
        let manifest = serde_json::from_slice(&read_bytes(&path)?);
        let manifest: ImageManifest =
            manifest.map_err(|error| FileError::new("read", &path, io::Error::other(error)))?;
        let layers = manifest.layers.into_iter();
        let document = Document {
            image: Image {
                name: reference.repository().to_owned(),
                reference: reference.clone(),
                digest: descriptor.digest.clone(),
                layers: layers.map(|layer| layer.digest).collect(),
                architecture: parts.platform.architecture.clone(),
                created: bill.created,
            },
            software: bill.software.clone(),
        };
        let text = document.render();
        listed.push(write_artifact(&text, descriptor, bill.created, &blobs)?);
        described.push(document.image);
    }
    if written.whole.is_index() {
        let created = images.iter().map(|(_, bill)| bill.created).max();
        let created = created.unwrap_or_default();
        let document = IndexDocument {
            index: Image {
                name: reference.repository().to_owned(),
                reference: reference.clone(),
                digest: written.whole.digest.clone(),
                layers: Vec::new(),
                architecture: String::new(),
                created,
            },
            variants: described,
        };
        let text = document.render();
        listed.push(write_artifact(&text, &written.whole, created, &blobs)?);
    }
    let index = ImageIndex {
        schema_version: 2,
        media_type: media::INDEX.to_owned(),
        manifests: listed,
        annotations: BTreeMap::new(),
    };
    write_generated(&directory.join(REFERRERS), &render(&index))
}

/// Writes a document, and the manifest by which it is attached to `subject`; gives how a list names that.
fn write_artifact(
    document: &str,
    subject: &Descriptor,
    created: DateTime<Utc>,
    blobs: &Path,
) -> Result<Descriptor, FileError> {
    let write = |media_type: &str, bytes: &[u8]| {
        let descriptor = Descriptor::of(media_type, bytes);
        write_generated(&blobs.join(descriptor.digest.hex()), bytes)?;
        Ok::<_, FileError>(descriptor)
    };
    let mut document = write(media::SPDX, document.as_bytes())?;
    let title = (annotation::TITLE.to_owned(), FILE_NAME.to_owned());
    document.annotations = BTreeMap::from([title]);
    let created = created.to_rfc3339_opts(SecondsFormat::Secs, true);
    let annotations = BTreeMap::from([(annotation::CREATED.to_owned(), created)]);
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: media::MANIFEST.to_owned(),
        artifact_type: Some(media::SPDX.to_owned()),
        config: write(media::EMPTY, b"{}")?,
        layers: vec![document],
        subject: Some(Descriptor {
            platform: None,
            ..subject.clone()
        }),
        annotations: annotations.clone(),
    };
    Ok(Descriptor {
        artifact_type: manifest.artifact_type.clone(),
        annotations,
        ..write(media::MANIFEST, &render(&manifest))?
    })
}
