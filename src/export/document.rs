//! What an image is made of, as a file: the very bytes that registries attach to it.

use std::io::Write;

use super::error::ExportError;
use super::output::{Output, write_file};
use crate::host::Watch;
use crate::host::fs::read_bytes;
use crate::layout::Shelved;
use crate::oci::{Compression, Digest};
use crate::unpack::UnpackError;

/// Fails where the document could not be written, before there is one.
pub fn check_document(output: &Output) -> Result<(), ExportError> {
    output.check_file()
}

/// Writes the document of an image, compressed as the end of the file's name says.
pub fn write_document(image: &Shelved, output: &Output, watch: &Watch) -> Result<(), ExportError> {
    let Some(document) = image.sbom().document() else {
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
