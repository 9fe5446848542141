//! The digest of a file, taken of its bytes as they come: the same for one that is listed and one that is sent.
//!
//! ```text
//! up to 128 MiB   `f` or `x`, all bytes
//! above           `f` or `x`, the size, 64 pieces of 64 KiB from the beginning to the end
//! ```
//!
//! Only its own size decides how much of a file counts, so a file has one digest wherever it stands.

use sha2::Digest as _;

use super::receive::Attributes;
use crate::oci::Digest;

/// Of a larger file some pieces are read: a hole of a terabyte is a file too.
const WHOLE_BYTES: u64 = 128 << 20;
/// Pieces of so large a file do not touch each other.
pub(super) const PIECE_BYTES: usize = 64 * 1024;
const PIECES: u64 = 64;

/// A file whose bytes come in their order.
pub(super) struct Content {
    hasher: sha2::Sha256,
    size: u64,
    /// Where the next bytes stand.
    at: u64,
    /// The next piece, where only pieces count.
    piece: u64,
}

impl Content {
    pub(super) fn new(size: u64, attributes: Attributes) -> Self {
        let mut hasher = sha2::Sha256::new();
        let is_executable = attributes.mode & 0o100 != 0;
        hasher.update(if is_executable { b"x" } else { b"f" });
        if size > WHOLE_BYTES {
            hasher.update(size.to_le_bytes());
        }
        Self {
            hasher,
            size,
            at: 0,
            piece: 0,
        }
    }

    /// Tells whether all bytes count.
    pub(super) fn is_whole(&self) -> bool {
        self.size <= WHOLE_BYTES
    }

    /// Gives where the next piece begins, where only pieces count.
    pub(super) fn find_piece(&self) -> Option<u64> {
        if self.is_whole() || self.piece == PIECES {
            return None;
        }
        let last = self.size - PIECE_BYTES as u64;
        let start = u128::from(last) * u128::from(self.piece) / u128::from(PIECES - 1);
        Some(u64::try_from(start).unwrap_or(last))
    }

    /// Takes the bytes of a piece, and passes over those before it.
    pub(super) fn take_piece(&mut self, start: u64, bytes: &[u8]) {
        self.at = start;
        self.take(bytes);
    }

    /// Takes the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.is_whole() {
            self.hasher.update(bytes);
            return;
        }
        let begin = self.at;
        self.at += bytes.len() as u64;
        let end = self.at;
        let inside = |place: u64| {
            let place = place.clamp(begin, end) - begin;
            usize::try_from(place).unwrap_or(bytes.len())
        };
        while let Some(start) = self.find_piece() {
            let stop = start + PIECE_BYTES as u64;
            self.hasher.update(&bytes[inside(start)..inside(stop)]);
            if stop > end {
                return;
            }
            self.piece += 1;
        }
    }

    pub(super) fn finish(self) -> Digest {
        Digest::from_sha256(&self.hasher.finalize().into())
    }
}

/// Files in the order in which they stand in a context, as one digest.
#[derive(Clone, Default)]
pub(super) struct Sequence(sha2::Sha256);

impl Sequence {
    pub(super) fn add(&mut self, name: &[u8], digest: &Digest) {
        self.0.update((name.len() as u64).to_le_bytes());
        self.0.update(name);
        self.0.update(digest.as_str());
    }

    pub(super) fn finish(self) -> Digest {
        Digest::from_sha256(&self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTRIBUTES: Attributes = Attributes {
        mode: 0o644,
        modified: 0,
    };

    #[test]
    fn pieces_are_the_same_however_the_bytes_come() {
        let size = WHOLE_BYTES + 12_345;
        let bytes: Vec<u8> = (0..size)
            .map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[2])
            .collect();
        let mut sought = Content::new(size, ATTRIBUTES);
        while let Some(start) = sought.find_piece() {
            let start_here = usize::try_from(start).unwrap();
            sought.take_piece(start, &bytes[start_here..][..PIECE_BYTES]);
        }
        let sought = sought.finish();
        for chunk in [10_007, 64 * 1024, 3 << 20, bytes.len()] {
            let mut streamed = Content::new(size, ATTRIBUTES);
            for bytes in bytes.chunks(chunk) {
                streamed.take(bytes);
            }
            assert_eq!(streamed.finish(), sought, "{chunk}");
        }
    }
}
