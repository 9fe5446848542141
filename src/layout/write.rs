//! An OCI layout: blobs under their digests, and an index that names the image.
//!
//! ```text
//! index.json ──→ the manifest ──→ configuration, layers                 of one image
//!            ──→ an index ──→ a manifest for each kind of machine       of several
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use crate::host::fs::{FileError, create_directory, write_generated};
use crate::host::{Watch, Window, in_parallel, unique_hex};
use crate::oci::{
    self, Compression, Descriptor, ImageIndex, ImageManifest, Platform, Reference, WrittenLayer,
    annotation, media,
};

/// A layer of an image.
#[derive(Clone, Debug)]
pub enum PartLayer {
    /// A plain tar, which is compressed.
    Plain(Window),
    /// What another layout has, kept to the byte.
    Kept(Descriptor, Window),
}

/// What an image consists of.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// The bytes of its configuration.
    pub config: &'a [u8],
    /// The machine that it is for, as the configuration has it.
    pub platform: Platform,
    /// Its layers, the lowest first.
    pub layers: &'a [PartLayer],
    /// How plain ones are compressed.
    pub compression: Compression,
}

/// Why a layout could not be written.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A file of it.
    #[error(transparent)]
    File(#[from] FileError),
    /// The user ended it.
    #[error("interrupted")]
    Interrupted,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct WrittenLayout {
    /// What the layout is of: the manifest of the image, or the index of several.
    pub whole: Descriptor,
    /// The manifest of each image.
    pub images: Vec<Descriptor>,
}

/// Writes the layout of an image into an empty directory; the same image gives the same bytes.
///
/// Of several, for as many kinds of machines, it is an index with these annotations, in the order in which they are given.
pub fn write_layout(
    images: &[Parts<'_>],
    annotations: &BTreeMap<String, String>,
    reference: &Reference,
    (directory, watch): (&Path, &Watch),
) -> Result<WrittenLayout, LayoutError> {
    let blobs = directory.join("blobs/sha256");
    create_directory(&blobs)?;
    let written = images
        .iter()
        .map(|parts| write_image(parts, &blobs, watch))
        .collect::<Result<Vec<_>, _>>()?;
    let whole = match written.as_slice() {
        [one] => one.clone(),
        all => {
            let index = render(&ImageIndex {
                schema_version: 2,
                media_type: media::INDEX.to_owned(),
                manifests: all.to_vec(),
                annotations: annotations.clone(),
            });
            let descriptor = Descriptor::of(media::INDEX, &index);
            write_generated(&blobs.join(descriptor.digest.hex()), &index)?;
            descriptor
        }
    };
    write_head(&whole, reference, directory)?;
    Ok(WrittenLayout {
        whole,
        images: written,
    })
}

/// Writes what makes a directory a layout: its version, and the index that names its image.
fn write_head(
    whole: &Descriptor,
    reference: &Reference,
    directory: &Path,
) -> Result<(), LayoutError> {
    let mut listed = whole.clone();
    let tag = reference.tag().map(|tag| tag.as_str().to_owned());
    listed.annotations = tag
        .map(|tag| (annotation::REF_NAME.to_owned(), tag))
        .into_iter()
        .chain([(
            annotation::CONTAINERD_NAME.to_owned(),
            reference.to_string(),
        )])
        .collect();
    let index = render(&ImageIndex {
        schema_version: 2,
        media_type: media::INDEX.to_owned(),
        manifests: vec![listed],
        annotations: BTreeMap::new(),
    });
    write_generated(&directory.join("index.json"), &index)?;
    let version = b"{\"imageLayoutVersion\":\"1.0.0\"}";
    write_generated(&directory.join("oci-layout"), version)?;
    Ok(())
}

/// Writes one image, and gives the descriptor of its manifest, with the kind of machine that it is for.
fn write_image(parts: &Parts<'_>, blobs: &Path, watch: &Watch) -> Result<Descriptor, LayoutError> {
    let layers = in_parallel(parts.layers, 1, |layer| match layer {
        PartLayer::Plain(tar) => write_layer(tar, parts.compression, blobs, watch),
        PartLayer::Kept(descriptor, blob) => keep_layer(descriptor, blob, blobs, watch),
    });
    let layers = layers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let config = Descriptor::of(media::CONFIG, parts.config);
    write_generated(&blobs.join(config.digest.hex()), parts.config)?;
    let manifest = render(&ImageManifest {
        schema_version: 2,
        media_type: media::MANIFEST.to_owned(),
        artifact_type: None,
        config,
        layers,
        subject: None,
        annotations: BTreeMap::new(),
    });
    let mut descriptor = Descriptor::of(media::MANIFEST, &manifest);
    write_generated(&blobs.join(descriptor.digest.hex()), &manifest)?;
    descriptor.platform = Some(parts.platform.clone());
    Ok(descriptor)
}

/// Copies a layer, whose bytes still have to be what they were.
fn keep_layer(
    descriptor: &Descriptor,
    blob: &Window,
    blobs: &Path,
    watch: &Watch,
) -> Result<Descriptor, LayoutError> {
    let kept = write_layer(blob, Compression::None, blobs, watch)?;
    if kept.digest != descriptor.digest {
        let path = blobs.join(descriptor.digest.hex());
        let changed = io::Error::new(io::ErrorKind::InvalidData, "its bytes changed");
        return Err(FileError::new("write", &path, changed).into());
    }
    // The manifest is OCI's, and so are the names of what it lists.
    let media_type = match descriptor.media_type.as_str() {
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => [media::LAYER, "+gzip"].concat(),
        "application/vnd.docker.image.rootfs.diff.tar.zstd" => [media::LAYER, "+zstd"].concat(),
        "application/vnd.docker.image.rootfs.diff.tar" => media::LAYER.to_owned(),
        other => other.to_owned(),
    };
    Ok(Descriptor { media_type, ..kept })
}

/// # Panics
///
/// Never: text, numbers, lists and maps with text keys are always JSON.
pub(super) fn render(document: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("text, lists and maps with text keys are always JSON")
}

fn write_layer(
    layer: &Window,
    compression: Compression,
    blobs: &Path,
    watch: &Watch,
) -> Result<Descriptor, LayoutError> {
    // Its name is known when it is whole.
    let path = blobs.join(format!(".layer-{}", unique_hex()));
    let failed = |source| {
        if watch.is_ended() {
            return LayoutError::Interrupted;
        }
        LayoutError::from(FileError::new("write", &path, source))
    };
    let mut file = File::create(&path).map_err(failed)?;
    let mut out = watch.watch(&mut file);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let written = oci::write_layer(compression, threads, &mut out, |out| {
        let mut tar = BufReader::with_capacity(256 * 1024, layer.part(0, u64::MAX));
        io::copy(&mut tar, out).map(|_| ())
    });
    let written = written.map_err(failed)?;
    crate::host::fs::rename_directory(&path, &blobs.join(written.digest.hex()))?;
    let kind = WrittenLayer::media_type(compression);
    Ok(Descriptor {
        media_type: kind.unwrap_or_else(|| media::LAYER.to_owned()),
        digest: written.digest,
        size: written.size_bytes,
        artifact_type: None,
        platform: None,
        annotations: BTreeMap::new(),
    })
}
