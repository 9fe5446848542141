//! A writer that hashes and counts what goes through it.

use std::io::{self, Sink, Write};

use sha2::Digest as _;

use super::Digest;

/// Hashes and counts what is written, and gives it on.
#[derive(Clone, Debug)]
pub struct Hasher<W> {
    inner: W,
    sha256: sha2::Sha256,
    size_bytes: u64,
}

impl Hasher<Sink> {
    /// Gives one that keeps nothing.
    #[must_use]
    pub fn alone() -> Self {
        Self::new(io::sink())
    }
}

impl<W> Hasher<W> {
    /// Gives one in front of another writer.
    pub fn new(inner: W) -> Self {
        Self {
            inner,
            sha256: sha2::Sha256::new(),
            size_bytes: 0,
        }
    }

    /// Gives the digest of all that went through, and how many bytes that were.
    #[must_use]
    pub fn finish(self) -> (Digest, u64) {
        let digest = Digest::from_sha256(&self.sha256.finalize().into());
        (digest, self.size_bytes)
    }
}

impl<W: Write> Write for Hasher<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.sha256.update(&bytes[..count]);
        self.size_bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_writer_behind_it_takes_is_hashed_and_counted() {
        let mut taken = [0; 4];
        let mut hasher = Hasher::new(taken.as_mut_slice());
        assert_eq!(hasher.write(b"abcdef").expect("room for four"), 4);
        assert_eq!(hasher.finish(), (Digest::of(b"abcd"), 4));
        assert_eq!(&taken, b"abcd");
        let mut alone = Hasher::alone();
        alone.write_all(b"abc").expect("nothing keeps it");
        assert_eq!(alone.finish(), (Digest::of(b"abc"), 3));
    }
}
