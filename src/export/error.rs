//! Why an image cannot be exported.

use std::io;
use std::path::PathBuf;

use crate::host::ScratchError;
use crate::host::fs::FileError;
use crate::oci::{Platform, Reference};
use crate::rootfs::{LayerError, ResolveError, TarError};
use crate::unpack::{OpenTarError, UnpackError};

/// A fault of the image, of an overlay, or of the place where it goes.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The image cannot be read.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// Something is there already.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// What is there is none of the kinds that are written to.
    #[error("{} is {what}, and nothing is written over that", path.display())]
    Kind {
        /// The path.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// It is for machines of other kinds.
    #[error("it is for {there}, and not for {wanted}: `--platform` chooses one of them")]
    Platform {
        /// What it is for.
        there: String,
        /// What was asked for.
        wanted: Platform,
    },
    /// It is one image alone that a format holds.
    #[error("images of several kinds of machines can be written as an OCI layout alone")]
    Several,
    /// Owners of files can be given by root alone.
    #[error(
        "a root file system cannot be written as a directory by this user: its files have other owners"
    )]
    NotRoot,
    /// An overlay cannot be opened.
    #[error(transparent)]
    OpenOverlay(#[from] OpenTarError),
    /// There is no room for temporary files.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// An overlay cannot be read.
    #[error("the overlay {} cannot be read", path.display())]
    Overlay {
        /// The file.
        path: PathBuf,
        /// Why.
        source: TarError,
    },
    /// An overlay does not fit on the image.
    #[error("the overlay {} cannot be applied", path.display())]
    Apply {
        /// The file.
        path: PathBuf,
        /// Why.
        source: LayerError,
    },
    /// It holds too much for a tar of our own.
    #[error("the files to write cannot be put together")]
    Whole(#[from] LayerError),
    /// The image's user is not known in it.
    #[error("the image runs as `{user}`, and its /etc/passwd and /etc/group know no `{unknown}`")]
    User {
        /// As its configuration has it.
        user: String,
        /// The part that is not known.
        unknown: String,
    },
    /// Nothing says what a container would run.
    #[error(
        "the image has neither an entry point nor a command, and no /bin/sh: a bundle of it runs nothing"
    )]
    NoCommand,
    /// Nothing tells what is in it.
    #[error("no document tells what {0} is made of")]
    NoDocument(Reference),
    /// The way to a file of the image does not end.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// It could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The user ended it.
    #[error("interrupted")]
    Interrupted,
    /// A file of this machine.
    #[error(transparent)]
    File(#[from] FileError),
}
