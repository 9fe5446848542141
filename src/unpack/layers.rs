//! Layers as plain tars, each checked against both of its digests.

use std::io::{self, BufRead, BufReader, Read};

use sha2::Digest as _;

use super::error::UnpackError;
use crate::host::{Scratch, ScratchError, Window, in_parallel};
use crate::oci::{Compression, Digest};

/// A layer as an archive names it.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    /// Counted from 1, the lowest first.
    pub(super) number: usize,
    /// The file, for errors.
    pub(super) name: String,
    /// Its bytes.
    pub(super) bytes: Window,
    /// The digest of these bytes, where the archive tells it.
    pub(super) digest: Option<Digest>,
    /// The digest of the plain tar, from the configuration.
    pub(super) diff_id: Digest,
}

/// Opens all layers; those that are decompressed go into scratch files.
pub(super) fn open_layers(
    packed: &[Packed],
    scratch: &Scratch,
) -> Result<Vec<Window>, UnpackError> {
    let opened = in_parallel(packed, 1, |layer| open_layer(layer, scratch));
    opened.into_iter().collect()
}

/// The largest tar that is read: what was made to fill a disk ends here, and no image has such a layer.
pub(super) const LARGEST_TAR_BYTES: u64 = 64 << 30;

fn open_layer(packed: &Packed, scratch: &Scratch) -> Result<Window, UnpackError> {
    let number = packed.number;
    let failed = |source| UnpackError::Decompress { number, source };
    let broken = |source| failed(ScratchError::Read(source));
    let watched = scratch.watch().watch(packed.bytes.part(0, u64::MAX));
    let mut bytes = BufReader::with_capacity(256 * 1024, Hashing::new(watched));
    let compression = Compression::sniff(bytes.fill_buf().map_err(broken)?);
    let plain = match compression {
        Compression::None => None,
        // OCI has no media type for it, and no engine writes it.
        Compression::Xz => return Err(UnpackError::Xz { number }),
        compression => {
            let mut plain = Hashing::new(compression.decoder(&mut bytes).map_err(broken)?);
            let window = scratch.store().append(&mut plain, LARGEST_TAR_BYTES);
            Some((window.map_err(failed)?, plain.finish()))
        }
    };
    // What stands behind the compressed bytes counts into their digest.
    io::copy(&mut bytes, &mut io::sink()).map_err(broken)?;
    let found = bytes.into_inner().finish();
    let check = |expected: &Digest, found: &Digest| {
        if expected == found {
            return Ok(());
        }
        Err(UnpackError::Digest {
            name: packed.name.clone(),
            expected: expected.clone(),
            found: found.clone(),
        })
    };
    if let Some(expected) = &packed.digest {
        check(expected, &found)?;
    }
    let (plain, diff_id) = plain.unwrap_or_else(|| (packed.bytes.part(0, u64::MAX), found));
    check(&packed.diff_id, &diff_id)?;
    Ok(plain)
}

/// Hashes what is read through it.
struct Hashing<R> {
    inner: R,
    hasher: sha2::Sha256,
}

impl<R> Hashing<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            hasher: sha2::Sha256::new(),
        }
    }

    fn finish(self) -> Digest {
        Digest::from_sha256(&self.hasher.finalize().into())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}
