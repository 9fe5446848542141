//! What an image is made on.

use super::image_file::BaseImage;
use super::value::{Values, at, read_line};
use super::written::Text;
use crate::oci::Reference;

/// Reads what an image is made on: a name, `NAME@sha256:…`, or `./PATH`.
pub(super) fn read_base(base: &Text) -> Values<BaseImage> {
    let text = read_line("base", base)?;
    if text.starts_with("./") {
        if text.split('/').any(|part| part == "..") {
            let message = format!("`base` has to be a path below the image's directory: `{text}`");
            return Err(at(base, message));
        }
        return Ok(BaseImage::File(text));
    }
    let reference: Reference = text
        .parse()
        .map_err(|fault| at(base, format!("`base` cannot be `{text}`: {fault}")))?;
    if reference.digest().is_some() {
        return Ok(BaseImage::Pinned(reference));
    }
    if reference.tag().is_some() {
        return Err(at(
            base,
            format!(
                "`base` cannot be `{text}`: an image of the catalog is named without its version, and any other one with its \
                 digest, as `{}@sha256:…`",
                reference.name()
            ),
        ));
    }
    Ok(BaseImage::Named(text))
}
