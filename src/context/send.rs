//! Sends an image directory as a build context.

use std::io::Write;
use std::path::Path;

use super::archive::{Archive, ContextSize};
use super::error::ContextError;
use super::receive::Attributes;
use super::walk::{DOCKERFILE, Walk};
use crate::oci::Digest;

/// What a context is to hold.
pub struct Expected<'a> {
    /// Tells which files count.
    pub is_wanted: &'a dyn Fn(&Path) -> bool,
    /// All of them together, as [`super::list_context`] gives it.
    pub digest: &'a Digest,
}

/// Writes the build context of an image directory as a tar stream.
///
/// `dockerfile` is the rendered text, which stands first and takes the place of a file `Dockerfile`. Links are followed
/// within `tree_root`, the directory of all images. The call blocks while files are read and `out` takes bytes. After an
/// error `out` has got a part without the end of an archive: the receiver has to be told, since some take it for a whole.
pub fn write_context(
    directory: &Path,
    tree_root: &Path,
    dockerfile: &str,
    out: impl Write,
) -> Result<ContextSize, ContextError> {
    write(directory, tree_root, dockerfile, Archive::new(out))?.finish()
}

/// Writes the same; where it holds other files than expected, that is an error before the end is written.
pub fn write_expected_context(
    directory: &Path,
    tree_root: &Path,
    dockerfile: &str,
    expected: &Expected<'_>,
    out: impl Write,
) -> Result<ContextSize, ContextError> {
    let archive = Archive::new(out).noting(expected.is_wanted);
    let archive = write(directory, tree_root, dockerfile, archive)?;
    if archive.digest() != *expected.digest {
        return Err(ContextError::Unexpected(directory.to_owned()));
    }
    archive.finish()
}

fn write<'a, W: Write>(
    directory: &Path,
    tree_root: &Path,
    dockerfile: &str,
    mut archive: Archive<'a, W>,
) -> Result<Archive<'a, W>, ContextError> {
    let mut walk = Walk::new(directory, tree_root, &mut archive)?;
    let rendered = Attributes {
        mode: 0o644,
        modified: 0,
    };
    walk.receiver
        .append_bytes(DOCKERFILE, dockerfile.as_bytes(), rendered)?;
    walk.run()?;
    Ok(archive)
}
