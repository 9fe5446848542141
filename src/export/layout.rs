//! An OCI layout of an image as it was unpacked.

use std::path::Path;

use super::error::ExportError;
use crate::host::Watch;
use crate::layout::{self, LayoutError, PartLayer, Parts};
use crate::oci::{Compression, Platform, Reference};
use crate::unpack::Unpacked;

/// Writes the layout of one image into an empty directory; its layers are compressed as told.
pub(super) fn write_layout(
    image: &Unpacked,
    reference: &Reference,
    compression: Compression,
    place: (&Path, &Watch),
) -> Result<(), ExportError> {
    let layers = image.layers.iter();
    let layers: Vec<PartLayer> = layers.map(|it| PartLayer::Plain(it.tar.clone())).collect();
    let parts = Parts {
        config: &image.config,
        platform: Platform {
            architecture: image.configuration.architecture.clone(),
            os: image.configuration.os.clone(),
            variant: image.configuration.variant.clone(),
        },
        layers: &layers,
        compression,
    };
    match layout::write_layout(&parts, reference, place) {
        Ok(_) => Ok(()),
        Err(LayoutError::File(error)) => Err(error.into()),
        Err(LayoutError::Interrupted) => Err(ExportError::Interrupted),
    }
}
