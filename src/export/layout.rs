//! An OCI layout of an image as it was unpacked.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::ExportError;
use crate::host::Watch;
use crate::layout::{self, LayoutError, PartLayer, Parts};
use crate::oci::{Compression, Reference};
use crate::unpack::Unpacked;

/// Writes the layout of an image, or of several as an index with these annotations, into an empty directory; layers are
/// compressed as told.
pub(super) fn write_layout(
    (images, annotations): (&[Unpacked], &BTreeMap<String, String>),
    reference: &Reference,
    compression: Compression,
    place: (&Path, &Watch),
) -> Result<(), ExportError> {
    let layers = images.iter().map(|image| {
        let layers = image.layers.iter();
        layers.map(|it| PartLayer::Plain(it.tar.clone())).collect()
    });
    let layers: Vec<Vec<PartLayer>> = layers.collect();
    let parts = std::iter::zip(images, &layers).map(|(image, layers)| Parts {
        config: &image.config,
        platform: image.platform(),
        layers,
        compression,
    });
    let parts: Vec<Parts<'_>> = parts.collect();
    match layout::write_layout(&parts, annotations, reference, place) {
        Ok(_) => Ok(()),
        Err(LayoutError::File(error)) => Err(error.into()),
        Err(LayoutError::Interrupted) => Err(ExportError::Interrupted),
    }
}
