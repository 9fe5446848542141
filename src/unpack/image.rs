//! One image of an archive or a layout.

use std::io::Write;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::archive::Archive;
use super::error::UnpackError;
use super::layers::{Packed, open_layers};
use crate::host::{Scratch, Volumes, Window};
use crate::oci::{
    ArchivedLayer, Descriptor, Digest, ImageConfig, ImageIndex, ImageManifest, Platform, Reference,
    write_docker_archive,
};
use crate::rootfs::{Extent, Tree, Volume, read_tar};

/// A layer of an image, as a plain tar.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The digest of the tar.
    pub diff_id: Digest,
    /// The tar.
    pub tar: Window,
    /// Its bytes as a layout has them, compressed or not.
    pub blob: Option<(Descriptor, Window)>,
}

/// An image that was read and checked.
#[derive(Debug)]
pub struct Unpacked {
    /// The bytes of its configuration, whose digest is its identity on engines with a graph driver.
    pub config: Vec<u8>,
    /// What they say.
    pub configuration: ImageConfig,
    /// Its layers, the lowest first.
    pub layers: Vec<Layer>,
    volumes: Volumes,
}

/// What `docker save` says of an image (`manifest.json`).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Option<Vec<String>>,
}

impl Unpacked {
    /// Reads the one image of an archive or a layout, or where it holds several the one for `platform`.
    pub fn open(path: &Path, platform: &Platform, scratch: &Scratch) -> Result<Self, UnpackError> {
        Self::of(&Archive::open(path, scratch)?, platform, scratch)
    }

    /// Reads the image of a plain tar likewise.
    pub fn of_tar(
        tar: Window,
        platform: &Platform,
        scratch: &Scratch,
    ) -> Result<Self, UnpackError> {
        Self::of(&Archive::of_tar(tar)?, platform, scratch)
    }

    fn of(archive: &Archive, platform: &Platform, scratch: &Scratch) -> Result<Self, UnpackError> {
        // Archives of newer engines are layouts as well, and what these say has the digests of all parts.
        let (config, layers) = if archive.find("index.json")?.is_some() {
            of_layout(archive, platform)?
        } else if archive.find("manifest.json")?.is_some() {
            of_saved(archive, platform)?
        } else {
            return Err(UnpackError::Foreign);
        };
        let (name, config) = config;
        let configuration: ImageConfig = parse(&name, &config)?;
        let diff_ids = &configuration.rootfs.diff_ids;
        if diff_ids.len() != layers.len() {
            return Err(UnpackError::Layers {
                told: diff_ids.len(),
                there: layers.len(),
            });
        }
        let mut packed = Vec::new();
        let mut blobs = Vec::new();
        for ((name, descriptor), diff_id) in layers.into_iter().zip(diff_ids) {
            let bytes = archive.find(&name)?;
            let bytes = bytes.ok_or_else(|| UnpackError::Missing(name.clone()))?;
            let digest = descriptor.as_ref().map(|it| it.digest.clone());
            blobs.push(descriptor.map(|descriptor| (descriptor, bytes.part(0, u64::MAX))));
            packed.push(Packed {
                number: packed.len() + 1,
                bytes,
                diff_id: diff_id.clone(),
                digest,
                name,
            });
        }
        let tars = open_layers(&packed, scratch)?;
        let mut volumes = Volumes::default();
        let layers = tars.into_iter().zip(packed).zip(blobs);
        let layers = layers.map(|((tar, packed), blob)| {
            volumes.add(tar.part(0, u64::MAX));
            Layer {
                diff_id: packed.diff_id,
                tar,
                blob,
            }
        });
        Ok(Self {
            layers: layers.collect(),
            config,
            configuration,
            volumes,
        })
    }

    /// Gives the kind of machine that it says it is for.
    #[must_use]
    pub fn platform(&self) -> Platform {
        let said = &self.configuration;
        Platform {
            architecture: said.architecture.clone(),
            os: said.os.clone(),
            variant: said.variant.clone(),
        }
    }

    /// Gives the root file system that the layers make; its contents are fetched with [`Unpacked::copy`].
    pub fn tree(&self) -> Result<Tree, UnpackError> {
        let mut tree = Tree::default();
        for (number, layer) in (1..).zip(&self.layers) {
            let volume = Volume(u32::try_from(number - 1).unwrap_or(u32::MAX));
            let mut tar = layer.tar.part(0, u64::MAX);
            let entries = read_tar(&mut tar, volume)
                .map_err(|source| UnpackError::Layer { number, source })?;
            tree.apply_layer(entries)
                .map_err(|source| UnpackError::Apply { number, source })?;
        }
        Ok(tree)
    }

    /// Fails where it is another image than was expected, by the digest of its configuration.
    pub fn check_identity(&self, expected: Option<Digest>) -> Result<(), UnpackError> {
        let found = Digest::of(&self.config);
        match expected {
            Some(expected) if expected != found => Err(UnpackError::Digest {
                name: "configuration".to_owned(),
                expected,
                found,
            }),
            _ => Ok(()),
        }
    }

    /// Writes the archive from which an engine loads the image under `reference`.
    pub fn write_docker_archive(
        &self,
        reference: &Reference,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        let layers = self.layers.iter().map(|layer| ArchivedLayer {
            diff_id: layer.diff_id.clone(),
            tar: layer.tar.part(0, u64::MAX),
            size_bytes: layer.tar.size_bytes(),
        });
        let config = std::str::from_utf8(&self.config).map_err(std::io::Error::other)?;
        write_docker_archive(out, reference, config, layers.collect())
    }

    /// Adds a tar whose entries are to lie over the image's.
    pub fn add_volume(&mut self, tar: Window) -> Volume {
        self.volumes.add(tar)
    }

    /// Gives where the contents of its files lie, in the order of its layers.
    #[must_use]
    pub fn volumes(&self) -> &Volumes {
        &self.volumes
    }

    /// Copies the bytes of a file.
    pub fn copy(&self, extent: &Extent, out: &mut dyn Write) -> std::io::Result<()> {
        self.volumes.copy(extent, out)
    }
}

type Parts = ((String, Vec<u8>), Vec<(String, Option<Descriptor>)>);

/// Finds the parts of an archive that `docker save` wrote.
fn of_saved(archive: &Archive, platform: &Platform) -> Result<Parts, UnpackError> {
    let images: Vec<Saved> = parse("manifest.json", &archive.read("manifest.json")?)?;
    let [image] = images.as_slice() else {
        return Err(UnpackError::Images {
            found: images.len(),
            platform: platform.clone(),
        });
    };
    let config = archive.read(&image.config)?;
    let layers = image.layers.iter().flatten();
    let layers = layers.map(|name| (name.clone(), None)).collect();
    Ok(((image.config.clone(), config), layers))
}

/// An index in an index is all that there is in the field.
const DEEPEST_INDEX: usize = 3;

/// Finds the parts of an OCI layout (image-spec, "Image Layout").
fn of_layout(archive: &Archive, platform: &Platform) -> Result<Parts, UnpackError> {
    let mut name = "index.json".to_owned();
    let mut bytes = archive.read(&name)?;
    for _ in 0..DEEPEST_INDEX {
        let index: ImageIndex = parse(&name, &bytes)?;
        let fitting = find_fitting(&index.manifests, platform);
        let [descriptor] = fitting.as_slice() else {
            return Err(UnpackError::Images {
                found: fitting.len(),
                platform: platform.clone(),
            });
        };
        (name, bytes) = read_blob(archive, descriptor)?;
        if descriptor.is_manifest() {
            let manifest: ImageManifest = parse(&name, &bytes)?;
            let config = read_blob(archive, &manifest.config)?;
            let layers = manifest.layers.into_iter();
            let layers = layers.map(|layer| (blob_name(&layer.digest), Some(layer)));
            return Ok((config, layers.collect()));
        }
    }
    Err(UnpackError::Document {
        name,
        message: "indexes in indexes".to_owned(),
    })
}

/// Finds what an index has for a machine: where there is one image alone, that, whatever machine it is for.
fn find_fitting<'a>(manifests: &'a [Descriptor], wanted: &Platform) -> Vec<&'a Descriptor> {
    // Attestations of BuildKit stand beside the images that they tell of.
    let is_image = |descriptor: &&Descriptor| {
        let platform = descriptor.platform.as_ref();
        platform.is_none_or(|platform| platform.os != "unknown")
    };
    let images: Vec<&Descriptor> = manifests.iter().filter(is_image).collect();
    if images.len() == 1 {
        return images;
    }
    let fits = |descriptor: &&Descriptor| match &descriptor.platform {
        Some(platform) => platform.os == wanted.os && platform.architecture == wanted.architecture,
        None => true,
    };
    let mut fitting: Vec<_> = images.into_iter().filter(fits).collect();
    if fitting.len() > 1 {
        let variant = |descriptor: &Descriptor| descriptor.platform.as_ref()?.variant.clone();
        fitting.retain(|descriptor| variant(descriptor) == wanted.variant);
    }
    fitting
}

fn read_blob(archive: &Archive, descriptor: &Descriptor) -> Result<(String, Vec<u8>), UnpackError> {
    let expected = descriptor.digest.clone();
    let name = blob_name(&expected);
    let bytes = archive.read(&name)?;
    let found = Digest::of(&bytes);
    if found == expected {
        Ok((name, bytes))
    } else {
        Err(UnpackError::Digest {
            name,
            expected,
            found,
        })
    }
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, UnpackError> {
    serde_json::from_slice(bytes).map_err(|error| UnpackError::Document {
        name: name.to_owned(),
        message: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        let mut words = text.split('/').map(str::to_owned);
        let mut next = || words.next();
        Platform {
            os: next().expect("a system"),
            architecture: next().expect("an architecture"),
            variant: next(),
        }
    }

    /// Gives the places of the manifests that are found for a machine.
    #[track_caller]
    fn case(there: &[&str], wanted: &str, expected: &[usize]) {
        let manifests: Vec<Descriptor> = there
            .iter()
            .enumerate()
            .map(|(number, text)| Descriptor {
                platform: (!text.is_empty()).then(|| platform(text)),
                ..Descriptor::of("", number.to_string().as_bytes())
            })
            .collect();
        let found = find_fitting(&manifests, &platform(wanted)).into_iter();
        let place = |found| manifests.iter().position(|it| it == found);
        assert_eq!(
            found.filter_map(place).collect::<Vec<_>>(),
            expected,
            "{there:?}"
        );
    }

    #[test]
    fn the_image_of_a_machine_is_found_and_one_alone_is_taken() {
        case(&[""], "linux/amd64", &[0]);
        case(&["linux/arm64/v8"], "linux/amd64", &[0]);
        case(&["linux/arm64", "unknown/unknown"], "linux/amd64", &[0]);
        case(&["linux/amd64", "linux/arm64"], "linux/arm64", &[1]);
        case(&["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7", &[1]);
        case(&["windows/amd64", "linux/amd64"], "linux/amd64", &[1]);
        case(&["linux/arm64/v8", "linux/amd64"], "linux/arm64", &[0]);
        case(&["linux/arm64", "linux/s390x"], "linux/amd64", &[]);
        case(&["linux/amd64", "linux/amd64"], "linux/amd64", &[0, 1]);
    }
}
