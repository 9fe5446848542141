//! A runtime bundle (OCI runtime-spec, "Filesystem Bundle"): `config.json` beside `rootfs/`, as a directory or as a tar.

use std::io::Write;

use super::disk::write_tree;
use super::error::ExportError;
use super::output::{Output, Readers, write_directory, write_file};
use super::runtime::render_runtime;
use crate::host::Watch;
use crate::host::fs::write_generated;
use crate::oci::{Compression, Reference};
use crate::rootfs::{Attributes, Change, Content, Entry, Kind, Node, RootPath, Tree, write_tar};
use crate::unpack::Unpacked;

const CONFIG: &str = "config.json";
const ROOTFS: &str = "rootfs";

/// Writes the bundle; a tar needs no right, a directory has to be written by root, who alone can give files away.
pub(super) fn write_bundle(
    image: &Unpacked,
    tree: &Tree,
    reference: &Reference,
    (output, watch): (&Output, &Watch),
) -> Result<(), ExportError> {
    let config = render_runtime(image, tree, hostname(reference))?;
    let fetch = |extent: &_, out: &mut dyn Write| image.copy(extent, out);
    if !output.is_tar() {
        return write_directory(output, Readers::Owner, watch, |directory| {
            write_tree(tree, &directory.join(ROOTFS), &fetch, watch)?;
            Ok(write_generated(&directory.join(CONFIG), &config)?)
        });
    }
    let whole = beside(tree, config)?;
    let compression = Compression::of_name(output.name());
    write_file(output, watch, |out| {
        let write = |out: &mut dyn Write| write_tar(&whole, &RootPath::root(), out, &fetch);
        compression.encode(out, write).map(|_| ())
    })
}

/// Names the host as the last part of the image's repository.
fn hostname(reference: &Reference) -> &str {
    let repository = reference.repository();
    repository.rsplit('/').next().unwrap_or(repository)
}

/// Puts a tree below `rootfs/`, with the configuration beside it.
fn beside(tree: &Tree, config: Vec<u8>) -> Result<Tree, ExportError> {
    let mut whole = tree.moved_below(ROOTFS.as_bytes());
    let entry = Entry {
        path: RootPath::root().join(CONFIG.as_bytes()),
        change: Change::Node(Node {
            kind: Kind::File(Content::Held(config.into())),
            attributes: Attributes {
                mode: 0o644,
                ..Attributes::default()
            },
        }),
    };
    whole.add(entry)?;
    Ok(whole)
}
