//! The files of an image: in a tar, as engines write them, or in a directory.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::error::{OpenTarError, UnpackError};
use super::layers::LARGEST_TAR_BYTES;
use crate::host::fs::FileError;
use crate::host::{Scratch, ScratchError, Store, Volumes, Window};
use crate::oci::Compression;
use crate::rootfs::{Content, Kind, RootPath, Tree, Volume, read_tar};

/// Where the files lie.
#[derive(Debug)]
pub(super) enum Archive {
    Directory(PathBuf),
    Tar { tree: Tree, volumes: Volumes },
}

/// Manifests and configurations are smaller (distribution-spec, "Pushing Manifests").
const LARGEST_DOCUMENT_BYTES: u64 = 8 << 20;

impl Archive {
    /// Opens a directory, or a tar, which may be compressed.
    pub(super) fn open(path: &Path, scratch: &Scratch) -> Result<Self, UnpackError> {
        let failed = |source| FileError::new("read", path, source);
        let file = File::open(path).map_err(failed)?;
        if file.metadata().map_err(failed)?.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        Self::of_tar(plain_tar(file, path, &mut scratch.store())?)
    }

    /// Reads what a plain tar holds.
    pub(super) fn of_tar(mut tar: Window) -> Result<Self, UnpackError> {
        let entries = read_tar(&mut tar, Volume(0)).map_err(UnpackError::Archive)?;
        let mut tree = Tree::default();
        for entry in entries {
            // Names that lead nowhere are missed where they are asked for.
            let _ = tree.add(entry);
        }
        let mut volumes = Volumes::default();
        volumes.add(tar);
        Ok(Self::Tar { tree, volumes })
    }

    /// Finds a file by its name in the archive.
    pub(super) fn find(&self, name: &str) -> Result<Option<Window>, UnpackError> {
        let Ok(path) = RootPath::parse(name.as_bytes()) else {
            return Ok(None);
        };
        match self {
            Self::Directory(directory) => {
                let path = directory.join(name.trim_start_matches('/'));
                let failed = |source| FileError::new("read", &path, source);
                match File::open(&path) {
                    Ok(file) => Ok(Some(Window::of_file(file).map_err(failed)?)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(failed(error).into()),
                }
            }
            Self::Tar { tree, volumes } => {
                // Layers that are the same are links to one of them in archives of older engines.
                let found = tree.resolve(&path).ok();
                let node = found.and_then(|path| Some(&tree.find(&path)?.kind));
                Ok(match node {
                    Some(Kind::File(Content::Stored(extent))) => volumes.open(extent).ok(),
                    _ => None,
                })
            }
        }
    }

    /// Reads a file that has to be there.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, UnpackError> {
        let missing = || UnpackError::Missing(name.to_owned());
        let file = self.find(name)?.ok_or_else(missing)?;
        let wrong = |message: String| UnpackError::Document {
            name: name.to_owned(),
            message,
        };
        if file.size_bytes() > LARGEST_DOCUMENT_BYTES {
            return Err(wrong(format!("it has {} bytes", file.size_bytes())));
        }
        let mut bytes = Vec::new();
        BufReader::new(file)
            .read_to_end(&mut bytes)
            .map_err(|fault| wrong(fault.to_string()))?;
        Ok(bytes)
    }
}

/// Opens a tar, which may be compressed; what is decompressed goes into a store, where it takes no descriptor of its own.
pub fn open_tar(path: &Path, store: &mut Store) -> Result<Window, OpenTarError> {
    let failed = |source| FileError::new("read", path, source);
    // A pipe without a writer would be waited for.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("it is no regular file")).into());
    }
    plain_tar(File::open(path).map_err(failed)?, path, store)
}

fn plain_tar(file: File, path: &Path, store: &mut Store) -> Result<Window, OpenTarError> {
    let failed = |source| FileError::new("read", path, source);
    let mut tar = Window::of_file(file).map_err(failed)?;
    let mut first = Vec::new();
    (&mut tar).take(6).read_to_end(&mut first).map_err(failed)?;
    let whole = tar.part(0, u64::MAX);
    let compression = Compression::sniff(&first);
    if compression == Compression::None {
        return Ok(whole);
    }
    let decoder = compression.decoder(BufReader::new(whole));
    let plain = decoder
        .map_err(ScratchError::Read)
        .and_then(|mut decoder| store.append(&mut decoder, LARGEST_TAR_BYTES));
    plain.map_err(|source| OpenTarError::Decompress {
        path: path.to_owned(),
        source,
    })
}
