//! An image of the shelf as it is read, every part of it there: for one kind of machine, or an index of several.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::sbom::Artifact;
use super::sweeping::open_for_reading;
use crate::host::fs::{FileError, read_bytes};
use crate::host::platform;
use crate::oci::{Descriptor, Digest, ImageConfig, ImageIndex, ImageManifest, Platform, media};

/// An image of the shelf.
#[derive(Clone, Debug)]
pub struct Shelved {
    directory: PathBuf,
    /// Of the manifest, or of the index.
    digest: Digest,
    bytes: Vec<u8>,
    /// One for each kind of machine; at least one.
    images: Vec<ShelvedImage>,
    index: Option<Index>,
    /// The kinds of machines, that of this one first.
    platforms: Vec<Platform>,
    /// Keeps the layout from being swept away while it is read.
    _reading: Arc<File>,
}

/// What an index has beside its images.
#[derive(Clone, Debug)]
struct Index {
    annotations: BTreeMap<String, String>,
    sbom: Artifact,
}

/// An image for one kind of machine.
#[derive(Clone, Debug)]
pub struct ShelvedImage {
    digest: Digest,
    bytes: Vec<u8>,
    manifest: ImageManifest,
    platform: Platform,
    diff_ids: Vec<Digest>,
    sbom: Artifact,
    labels: BTreeMap<String, String>,
}

/// Reads a blob; gives nothing where it is not what it was.
fn read_blob(directory: &Path, digest: &Digest) -> Result<Option<Vec<u8>>, FileError> {
    let bytes = read_bytes(&directory.join("blobs/sha256").join(digest.hex()))?;
    Ok(Some(bytes).filter(|bytes| Digest::of(bytes) == *digest))
}

impl Shelved {
    /// Reads a layout that [`write_layout`](super::write_layout) wrote; gives nothing where a part of it is not what it was.
    pub(super) fn read(directory: PathBuf, digest: Digest) -> Result<Option<Self>, FileError> {
        let reading = Arc::new(open_for_reading(&directory)?);
        let Some(bytes) = read_blob(&directory, &digest)? else {
            return Ok(None);
        };
        let Some(sboms) = Artifact::read_all(&directory)? else {
            return Ok(None);
        };
        let mut sboms = sboms.into_iter();
        let index = serde_json::from_slice::<ImageIndex>(&bytes).ok();
        let digests = match &index {
            Some(index) => index
                .manifests
                .iter()
                .map(|one| one.digest.clone())
                .collect(),
            None => vec![digest.clone()],
        };
        let mut images = Vec::new();
        for digest in digests {
            let Some(sbom) = sboms.next() else {
                return Ok(None);
            };
            let Some(image) = ShelvedImage::read(&directory, digest, sbom)? else {
                return Ok(None);
            };
            images.push(image);
        }
        let index = index.map(|index| {
            let annotations = index.annotations;
            Some(Index {
                annotations,
                sbom: sboms.next()?,
            })
        });
        if images.is_empty() || matches!(index, Some(None)) {
            return Ok(None);
        }
        let mut platforms: Vec<Platform> =
            images.iter().map(|image| image.platform.clone()).collect();
        let own = platform();
        platforms.sort_by_key(|one| !is_same_machine(one, &own));
        Ok(Some(Self {
            directory,
            digest,
            bytes,
            images,
            index: index.flatten(),
            platforms,
            _reading: reading,
        }))
    }

    /// Gives its identity: the digest of its configuration, by which engines with a graph driver know it, and of several
    /// images that of their index.
    #[must_use]
    pub fn id(&self) -> &Digest {
        match (&self.index, self.images.as_slice()) {
            (None, [image, ..]) => image.id(),
            _ => &self.digest,
        }
    }

    /// Gives the digest of its manifest or index, under which registries know it.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Gives the bytes of its manifest or index.
    #[must_use]
    pub fn manifest(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives what these are, one of [`media`].
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match self.index {
            Some(_) => media::INDEX,
            None => media::MANIFEST,
        }
    }

    /// Gives the annotations of an index; a manifest has none.
    #[must_use]
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        self.index
            .as_ref()
            .map_or(&NONE, |index| &index.annotations)
    }

    /// Gives the images, one for each kind of machine.
    #[must_use]
    pub fn images(&self) -> &[ShelvedImage] {
        &self.images
    }

    /// Tells whether it is an index of images.
    #[must_use]
    pub fn is_index(&self) -> bool {
        self.index.is_some()
    }

    /// Gives the kinds of machines that it is for, that of this machine first where it is among them.
    #[must_use]
    pub fn platforms(&self) -> &[Platform] {
        &self.platforms
    }

    /// Gives the image that an engine of this machine gets: where there is one alone, that, whatever machine it is for.
    #[must_use]
    pub fn of_machine(&self) -> Option<&ShelvedImage> {
        let own = platform();
        let mut images = self.images.iter();
        match self.index {
            None => images.next(),
            Some(_) => images.find(|image| is_same_machine(&image.platform, &own)),
        }
    }

    /// Gives what it is made of, as registries attach it: of an index, which images it has.
    #[must_use]
    pub fn sbom(&self) -> &Artifact {
        match &self.index {
            Some(index) => &index.sbom,
            None => &self.images[0].sbom,
        }
    }

    /// Gives its labels; those of this program are the same for all kinds of machines.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        let image = self.of_machine().unwrap_or(&self.images[0]);
        image.labels()
    }

    /// Gives the file of a part.
    #[must_use]
    pub fn path(&self, part: &Descriptor) -> PathBuf {
        self.directory.join("blobs/sha256").join(part.digest.hex())
    }

    /// Gives the directory of its layout.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl ShelvedImage {
    fn read(directory: &Path, digest: Digest, sbom: Artifact) -> Result<Option<Self>, FileError> {
        let Some(bytes) = read_blob(directory, &digest)? else {
            return Ok(None);
        };
        let Ok(manifest) = serde_json::from_slice::<ImageManifest>(&bytes) else {
            return Ok(None);
        };
        for layer in &manifest.layers {
            let path = directory.join("blobs/sha256").join(layer.digest.hex());
            let found = std::fs::metadata(&path);
            let found = found.map_err(|source| FileError::new("read", &path, source))?;
            if !found.is_file() || found.len() != layer.size {
                return Ok(None);
            }
        }
        let Some(config) = read_blob(directory, &manifest.config.digest)? else {
            return Ok(None);
        };
        let Ok(config) = serde_json::from_slice::<ImageConfig>(&config) else {
            return Ok(None);
        };
        let labels = config.config.and_then(|config| config.labels);
        Ok(Some(Self {
            platform: Platform {
                architecture: config.architecture,
                os: config.os,
                variant: config.variant,
            },
            labels: labels.unwrap_or_default(),
            diff_ids: config.rootfs.diff_ids,
            digest,
            bytes,
            manifest,
            sbom,
        }))
    }

    /// Gives the identity that it has on engines with a graph driver: the digest of its configuration.
    #[must_use]
    pub fn id(&self) -> &Digest {
        &self.manifest.config.digest
    }

    /// Gives the digest of its manifest.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Gives the bytes of its manifest.
    #[must_use]
    pub fn manifest(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the kind of machine that it is for.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Gives the digests of its plain layers, the lowest first.
    #[must_use]
    pub fn diff_ids(&self) -> &[Digest] {
        &self.diff_ids
    }

    /// Gives what it is made of, as registries attach it.
    #[must_use]
    pub fn sbom(&self) -> &Artifact {
        &self.sbom
    }

    /// Gives its labels.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.labels
    }

    /// Gives what its manifest names: the layers, the lowest first, and then the configuration.
    pub fn parts(&self) -> impl Iterator<Item = &Descriptor> {
        let config = std::iter::once(&self.manifest.config);
        self.manifest.layers.iter().chain(config)
    }
}

/// Tells whether a machine of one kind runs what is for the other; which kind of an `arm` this one is, nobody has told.
fn is_same_machine(one: &Platform, other: &Platform) -> bool {
    (&one.os, &one.architecture) == (&other.os, &other.architecture)
}
