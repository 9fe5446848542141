//! What an image is made of, as a file: the very bytes that registries attach to it.

use std::io::Write;

use super::error::ExportError;
use super::output::{Output, write_file};
use crate::host::Watch;
use crate::host::fs::read_bytes;
use crate::layout::{Shelved, ShelvedImage};
use crate::oci::{Compression, Digest, Platform};
use crate::unpack::UnpackError;

/// Finds what an image of the shelf has for a kind of machine.
pub fn find_shelved<'a>(
    image: &'a Shelved,
    platform: &Platform,
) -> Result<&'a ShelvedImage, ExportError> {
    let mut images = image.images().iter();
    let found = images.find(|one| platform.is_met_by(one.platform()));
    found.ok_or_else(|| {
        let there = image.platforms().iter().map(Platform::to_string);
        ExportError::Platform {
            there: there.collect::<Vec<_>>().join(", "),
            wanted: platform.clone(),
        }
    })
}

/// Fails where the document could not be written, before there is one.
pub fn check_document(output: &Output) -> Result<(), ExportError> {
    output.check_file()
}

/// Writes the document of an image, compressed as the end of the file's name says; without a platform, of an index that of the index.
pub fn write_document(
    image: &Shelved,
    platform: Option<&Platform>,
    (output, watch): (&Output, &Watch),
) -> Result<(), ExportError> {
    let sbom = match platform {
        Some(platform) => find_shelved(image, platform)?.sbom(),
        None => image.sbom(),
    };
    let Some(document) = sbom.document() else {
        return Err(UnpackError::Missing("document".to_owned()).into());
    };
    let bytes = read_bytes(&image.path(document))?;
    let found = Digest::of(&bytes);
    if found != document.digest {
        let (name, expected) = ("document".to_owned(), document.digest.clone());
        return Err(UnpackError::Digest {
            name,
            expected,
            found,
        }
        .into());
    }
    write_file(output, watch, |out| {
        let write = |out: &mut dyn Write| out.write_all(&bytes);
        let compression = Compression::of_name(output.name());
        compression.encode(out, write).map(|_| ())
    })
}
