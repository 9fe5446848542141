//! The formats.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::bundle::write_bundle;
use super::disk::check_rights;
use super::error::ExportError;
use super::layout::write_layout;
use super::output::{Output, Readers, write_directory, write_file};
use super::overlay::apply_overlays;
use super::workplace::Workplace;
use crate::host::fs::FileError;
use crate::host::{Scratch, Volumes, Window};
use crate::oci::{Compression, Reference};
use crate::rootfs::{
    Attributes, Change, Content, Entry, Extent, Kind, Node, RootPath, Tree, write_tar,
};
use crate::unpack::Unpacked;

/// What an image is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An OCI layout, as a directory or a tar.
    Oci,
    /// An archive that `docker load` reads.
    Docker,
    /// A directory or a tar that an OCI runtime runs.
    Bundle,
    /// A tar of the root file system.
    Rootfs,
}

/// What is written, and where to.
#[derive(Debug)]
pub struct Export<'a> {
    /// The name that the image has in it.
    pub reference: &'a Reference,
    /// The format.
    pub format: Format,
    /// How the layers of an OCI layout are compressed.
    pub layers: Compression,
    /// What the index of several images says of itself.
    pub annotations: BTreeMap<String, String>,
    /// Tars over the image's own root file system, for a bundle or a root file system.
    pub overlays: Vec<PathBuf>,
    /// The directory of the tar in which a root file system lies; the root of the tar where it is the root.
    pub prefix: RootPath,
    /// Where it goes.
    pub output: Output,
}

/// Fails where an export of this kind could not be written, or an overlay not be read, before there is an image to write.
pub fn check(format: Format, output: &Output, overlays: &[PathBuf]) -> Result<(), ExportError> {
    let is_directory = match format {
        Format::Oci | Format::Bundle => !output.is_tar(),
        Format::Docker | Format::Rootfs => false,
    };
    if is_directory {
        if format == Format::Bundle {
            check_rights()?;
        }
        output.check_directory()?;
    } else {
        output.check_file()?;
    }
    overlays.iter().try_for_each(|path| {
        let failed = |source| FileError::new("read", path, source);
        if !path.metadata().map_err(failed)?.is_file() {
            return Err(failed(std::io::Error::other("it is no regular file")).into());
        }
        File::open(path).map_err(failed)?;
        Ok(())
    })
}

/// Writes an image in a format; what is as large as the image and not kept lies in `scratch`, whose watch ends the work.
///
/// Several images, for as many kinds of machines, are one OCI layout; no other format holds more than one.
pub fn export(
    images: &mut [Unpacked],
    export: &Export<'_>,
    scratch: &Scratch,
) -> Result<(), ExportError> {
    let watch = scratch.watch();
    let written = write(images, export, scratch);
    // Whatever failed first, it was because of that.
    if written.is_err() && watch.is_ended() {
        return Err(ExportError::Interrupted);
    }
    written
}

fn write(
    images: &mut [Unpacked],
    export: &Export<'_>,
    scratch: &Scratch,
) -> Result<(), ExportError> {
    let watch = scratch.watch();
    let output = &export.output;
    if export.format == Format::Oci {
        return write_oci(images, export, scratch);
    }
    let [image] = images else {
        return Err(ExportError::Several);
    };
    match export.format {
        Format::Oci => Ok(()),
        Format::Docker => write_file(output, watch, |out| {
            let compression = Compression::of_name(output.name());
            let write = |out: &mut dyn Write| image.write_docker_archive(export.reference, out);
            compression.encode(out, write).map(|_| ())
        }),
        Format::Bundle => {
            let tree = overlaid(image, &export.overlays, scratch)?;
            write_bundle(image, &tree, export.reference, (output, watch))
        }
        Format::Rootfs => {
            let tree = overlaid(image, &export.overlays, scratch)?;
            let fetch = |extent: &_, out: &mut dyn Write| image.copy(extent, out);
            write_file(output, watch, |out| {
                let compression = Compression::of_name(output.name());
                let write = |out: &mut dyn Write| write_tar(&tree, &export.prefix, out, &fetch);
                compression.encode(out, write).map(|_| ())
            })
        }
    }
}

fn overlaid(
    image: &mut Unpacked,
    overlays: &[PathBuf],
    scratch: &Scratch,
) -> Result<Tree, ExportError> {
    let mut tree = image.tree()?;
    apply_overlays(overlays, image, &mut tree, scratch)?;
    Ok(tree)
}

/// A layout is made as a directory; a tar of one holds that directory's files.
fn write_oci(
    images: &[Unpacked],
    export: &Export<'_>,
    scratch: &Scratch,
) -> Result<(), ExportError> {
    let watch = scratch.watch();
    let images = (images, &export.annotations);
    let fill = |directory: &Path| {
        write_layout(images, export.reference, export.layers, (directory, watch))
    };
    let output = &export.output;
    if !output.is_tar() {
        return write_directory(output, Readers::Usual, watch, fill);
    }
    let workplace = Workplace::create(scratch.directory());
    let workplace = workplace.map_err(|error| scratch.failed(std::io::Error::other(error)))?;
    fill(workplace.path())?;
    let (tree, files) = read_directory(workplace.path())?;
    let fetch = |extent: &_, out: &mut dyn Write| files.copy(extent, out);
    write_file(output, watch, |out| {
        let write = |out: &mut dyn Write| write_tar(&tree, &RootPath::root(), out, &fetch);
        Compression::of_name(output.name())
            .encode(out, write)
            .map(|_| ())
    })
}

/// Takes the files of a directory of our own as a tree.
fn read_directory(directory: &Path) -> Result<(Tree, Volumes), ExportError> {
    let mut tree = Tree::default();
    let mut files = Volumes::default();
    for found in walkdir::WalkDir::new(directory).min_depth(1) {
        let failed = |source| FileError::new("read", directory, source);
        let found = found.map_err(|error| failed(error.into()))?;
        if !found.file_type().is_file() {
            continue;
        }
        let file = File::open(found.path())
            .and_then(Window::of_file)
            .map_err(failed)?;
        let size_bytes = file.size_bytes();
        let extent = Extent {
            volume: files.add(file),
            offset: 0,
            size_bytes,
        };
        let below = found.path().strip_prefix(directory).unwrap_or(found.path());
        let path = RootPath::parse(below.as_os_str().as_bytes()).unwrap_or_default();
        let attributes = Attributes {
            mode: 0o644,
            ..Attributes::default()
        };
        let kind = Kind::File(Content::Stored(extent));
        let change = Change::Node(Node { kind, attributes });
        tree.add(Entry { path, change })?;
    }
    Ok((tree, files))
}
