//! Tars whose entries lie over those of an image, as if they were unpacked there.

use std::path::PathBuf;

use super::error::ExportError;
use crate::host::Scratch;
use crate::rootfs::{Tree, read_tar};
use crate::unpack::{Unpacked, open_tar};

/// Puts the entries of tars, which may be compressed, over a tree.
pub(super) fn apply_overlays(
    overlays: &[PathBuf],
    image: &mut Unpacked,
    tree: &mut Tree,
    scratch: &Scratch,
) -> Result<(), ExportError> {
    let mut store = scratch.store();
    for path in overlays {
        let mut tar = open_tar(path, &mut store)?;
        let volume = image.add_volume(tar.part(0, u64::MAX));
        let entries = read_tar(&mut tar, volume).map_err(|source| ExportError::Overlay {
            path: path.clone(),
            source,
        })?;
        tree.apply_overlay(entries)
            .map_err(|source| ExportError::Apply {
                path: path.clone(),
                source,
            })?;
    }
    Ok(())
}
