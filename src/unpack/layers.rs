//! Layers as plain tars, each checked against both of its digests.

use std::io::{self, BufRead, BufReader, Read, Write as _};

use sha2::Digest as _;

use super::error::UnpackError;
use crate::host::{Window, in_parallel};
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

/// Opens all layers.
pub(super) fn open_layers(packed: &[Packed]) -> Result<Vec<Window>, UnpackError> {
    let opened = in_parallel(packed, 1, open_layer);
    opened.into_iter().collect()
}

fn open_layer(packed: &Packed) -> Result<Window, UnpackError> {
    let number = packed.number;
    let broken = |source| UnpackError::Decompress { number, source };
    let mut bytes =
        BufReader::with_capacity(256 * 1024, Hashing::new(packed.bytes.part(0, u64::MAX)));
    let compression = Compression::sniff(bytes.fill_buf().map_err(broken)?);
    let plain = match compression {
        Compression::None => {
            io::copy(&mut bytes, &mut io::sink()).map_err(broken)?;
            None
        }
        compression => {
            let mut file = tempfile::tempfile().map_err(broken)?;
            let mut plain = Hashing::new(compression.decoder(&mut bytes).map_err(broken)?);
            io::copy(&mut plain, &mut file).map_err(broken)?;
            file.flush().map_err(broken)?;
            let found = plain.finish();
            // What stands behind the compressed bytes counts into their digest.
            io::copy(&mut bytes, &mut io::sink()).map_err(broken)?;
            Some((Window::of_file(file).map_err(broken)?, found))
        }
    };
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
