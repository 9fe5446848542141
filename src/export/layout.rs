//! An OCI layout (image-spec, "Image Layout"): blobs under their digests, and an index that names the image.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use super::error::ExportError;
use crate::host::fs::{FileError, create_directory, write_generated};
use crate::host::{Watch, in_parallel, unique_hex};
use crate::oci::{
    Compression, Descriptor, Hasher, ImageIndex, ImageManifest, Platform, Reference, annotation,
    media,
};
use crate::unpack::{Layer, Unpacked};

/// Writes the layout of one image into an empty directory; its layers are compressed as told.
pub(super) fn write_layout(
    image: &Unpacked,
    reference: &Reference,
    compression: Compression,
    (directory, watch): (&Path, &Watch),
) -> Result<(), ExportError> {
    let blobs = directory.join("blobs/sha256");
    create_directory(&blobs)?;
    let layers = in_parallel(&image.layers, 1, |layer| {
        write_layer(layer, compression, &blobs, watch)
    });
    let layers = layers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let config = Descriptor::of(media::CONFIG, &image.config);
    write_generated(&blobs.join(config.digest.hex()), &image.config)?;
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: media::MANIFEST.to_owned(),
        config,
        layers,
        annotations: BTreeMap::new(),
    };
    let manifest = render(&manifest);
    let mut descriptor = Descriptor::of(media::MANIFEST, &manifest);
    write_generated(&blobs.join(descriptor.digest.hex()), &manifest)?;
    descriptor.platform = Some(Platform {
        architecture: image.configuration.architecture.clone(),
        os: image.configuration.os.clone(),
        variant: image.configuration.variant.clone(),
    });
    let tag = reference.tag().map(|tag| tag.as_str().to_owned());
    descriptor.annotations = tag
        .map(|tag| (annotation::REF_NAME.to_owned(), tag))
        .into_iter()
        .chain([(
            annotation::CONTAINERD_NAME.to_owned(),
            reference.to_string(),
        )])
        .collect();
    let index = ImageIndex {
        schema_version: 2,
        media_type: media::INDEX.to_owned(),
        manifests: vec![descriptor],
    };
    write_generated(&directory.join("index.json"), &render(&index))?;
    let version = b"{\"imageLayoutVersion\":\"1.0.0\"}";
    Ok(write_generated(&directory.join("oci-layout"), version)?)
}

/// # Panics
///
/// Never: text, numbers, lists and maps with text keys are always JSON.
fn render(document: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("text, lists and maps with text keys are always JSON")
}

fn write_layer(
    layer: &Layer,
    compression: Compression,
    blobs: &Path,
    watch: &Watch,
) -> Result<Descriptor, ExportError> {
    // Its name is known when it is whole.
    let path = blobs.join(format!(".layer-{}", unique_hex()));
    let failed = |source| {
        if watch.is_ended() {
            return ExportError::Interrupted;
        }
        ExportError::from(FileError::new("write", &path, source))
    };
    let file = File::create(&path).map_err(failed)?;
    let out = Hasher::new(watch.watch(BufWriter::new(file)));
    let written = compression.encode(out, |out| {
        let mut tar = BufReader::with_capacity(256 * 1024, layer.tar.part(0, u64::MAX));
        io::copy(&mut tar, out).map(|_| ())
    });
    let mut written = written.map_err(failed)?;
    written.flush().map_err(failed)?;
    let (digest, size) = written.finish();
    crate::host::fs::rename_directory(&path, &blobs.join(digest.hex()))?;
    let suffix = match compression {
        Compression::None => "",
        Compression::Gzip => "+gzip",
        Compression::Zstd => "+zstd",
        Compression::Xz => "+xz",
    };
    Ok(Descriptor {
        media_type: format!("{}{suffix}", media::LAYER),
        digest,
        size,
        platform: None,
        annotations: BTreeMap::new(),
    })
}
