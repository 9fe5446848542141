//! Gzip members in a row (RFC 1952, 2.2), each with where it lies: what is signed and summed are their compressed bytes.

use std::io::{self, BufRead, Read, Write};

use ring::digest;

use super::checksum::{Checksum, Sha256};

/// A part of a package: which of its bytes, and their sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<S> {
    /// The first byte.
    pub start: u64,
    /// The first byte behind it.
    pub end: u64,
    /// The sum of the compressed bytes.
    pub sum: S,
}

/// One member that is held in memory.
#[derive(Debug)]
pub(super) struct Member {
    /// Where it lies, with its sum.
    pub(super) part: Part<Checksum>,
    /// As it is.
    pub(super) compressed: Vec<u8>,
    /// What it holds.
    pub(super) bytes: Vec<u8>,
}

/// Why members cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GzipError {
    /// They are broken, cut off, or cannot be read at all.
    #[error("it is no whole gzip")]
    Broken(#[source] io::Error),
    /// They are, or hold, more than they may.
    #[error("it has more than {limit_bytes} bytes")]
    Large {
        /// What they may.
        limit_bytes: u64,
    },
    /// What they hold cannot be written.
    #[error("what it holds cannot be written")]
    Write(#[source] io::Error),
}

/// What is kept of the compressed bytes that were read.
enum Kept {
    Bytes(Vec<u8>),
    Sum(Box<digest::Context>),
}

/// Compressed bytes, with what was read of them since a member began.
pub(super) struct Source<R> {
    inner: R,
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    at: u64,
    kept: Kept,
    left: u64,
}

const BUFFER_BYTES: usize = 64 << 10;

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            buffer: vec![0; BUFFER_BYTES],
            from: 0,
            to: 0,
            at: 0,
            kept: Kept::Bytes(Vec::new()),
            left: 0,
        }
    }

    /// Reads the next member into memory; neither it nor what it holds may have more than so many bytes.
    pub(super) fn member(&mut self, limit_bytes: u64) -> Result<Member, GzipError> {
        let start = self.at;
        self.kept = Kept::Bytes(Vec::new());
        self.left = limit_bytes;
        let mut bytes = Vec::new();
        let decoder = flate2::bufread::GzDecoder::new(&mut *self);
        let mut room = limit_bytes;
        let copied = copy(decoder, &mut room, &mut bytes);
        self.explain(copied, limit_bytes)?;
        let compressed = match &mut self.kept {
            Kept::Bytes(bytes) => std::mem::take(bytes),
            Kept::Sum(_) => Vec::new(),
        };
        let sum = Checksum::of(&compressed);
        let end = self.at;
        Ok(Member {
            part: Part { start, end, sum },
            compressed,
            bytes,
        })
    }

    /// Writes what all further members hold to `out`.
    pub(super) fn rest(
        &mut self,
        limit_bytes: u64,
        out: &mut dyn Write,
    ) -> Result<Part<Sha256>, GzipError> {
        let start = self.at;
        self.kept = Kept::Sum(Box::new(digest::Context::new(&digest::SHA256)));
        self.left = limit_bytes;
        let mut room = limit_bytes;
        loop {
            let decoder = flate2::bufread::GzDecoder::new(&mut *self);
            let copied = copy(decoder, &mut room, out);
            self.explain(copied, limit_bytes)?;
            if self.is_at_end()? {
                break;
            }
        }
        let sum = match &self.kept {
            Kept::Sum(context) => Sha256::from_digest(&context.as_ref().clone().finish()),
            Kept::Bytes(bytes) => Sha256::of(bytes),
        };
        let end = self.at;
        Ok(Part { start, end, sum })
    }

    fn is_at_end(&mut self) -> Result<bool, GzipError> {
        if self.from == self.to {
            self.fill().map_err(GzipError::Broken)?;
        }
        Ok(self.from == self.to)
    }

    /// Tells what is only too large from what is broken.
    fn explain(&self, copied: Result<(), CopyError>, limit_bytes: u64) -> Result<(), GzipError> {
        copied.map_err(|error| match error {
            CopyError::NoRoom => GzipError::Large { limit_bytes },
            CopyError::Read(_) if self.left == 0 => GzipError::Large { limit_bytes },
            CopyError::Read(source) => GzipError::Broken(source),
            CopyError::Write(source) => GzipError::Write(source),
        })
    }

    fn fill(&mut self) -> io::Result<()> {
        self.from = 0;
        self.to = 0;
        loop {
            match self.inner.read(&mut self.buffer) {
                Ok(count) => {
                    self.to = count;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
    }
}

enum CopyError {
    NoRoom,
    Read(io::Error),
    Write(io::Error),
}

/// Copies a whole member, as long as there is room.
fn copy(mut from: impl Read, room: &mut u64, out: &mut dyn Write) -> Result<(), CopyError> {
    let mut chunk = vec![0; BUFFER_BYTES];
    loop {
        let count = match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Read(error)),
        };
        *room = room.checked_sub(count as u64).ok_or(CopyError::NoRoom)?;
        out.write_all(&chunk[..count]).map_err(CopyError::Write)?;
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let taken = self.fill_buf()?.read(out)?;
        self.consume(taken);
        Ok(taken)
    }
}

impl<R: Read> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.from == self.to {
            self.fill()?;
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let end = self.to.min(self.from.saturating_add(most));
        if end == self.from && self.from < self.to {
            return Err(io::Error::other("too large"));
        }
        Ok(&self.buffer[self.from..end])
    }

    fn consume(&mut self, count: usize) {
        let taken = &self.buffer[self.from..self.from + count];
        match &mut self.kept {
            Kept::Bytes(bytes) => bytes.extend_from_slice(taken),
            Kept::Sum(context) => context.update(taken),
        }
        self.from += count;
        self.at += count as u64;
        self.left -= count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Compression;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let write = |out: &mut dyn Write| out.write_all(bytes);
        Compression::Gzip.encode(Vec::new(), write).expect("memory")
    }

    /// Gives one byte at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let most = out.len().min(1);
            self.0.read(&mut out[..most])
        }
    }

    #[test]
    fn members_are_split_at_their_borders_however_they_come() {
        let (one, two, three) = (gzip(b"one"), gzip(b"two"), gzip(b"three"));
        let all = [one.clone(), two.clone(), three.clone(), two.clone()].concat();
        for is_slow in [false, true] {
            let inner: Box<dyn Read> = if is_slow {
                Box::new(Slow(&all))
            } else {
                Box::new(all.as_slice())
            };
            let mut source = Source::new(inner);
            let first = source.member(1000).expect("a member");
            assert_eq!((first.bytes, &first.compressed), (b"one".to_vec(), &one));
            assert_eq!(first.part.end, one.len() as u64);
            assert_eq!(first.part.sum, Checksum::of(&one));
            let second = source.member(1000).expect("a member");
            assert_eq!((second.bytes, &second.compressed), (b"two".to_vec(), &two));
            let mut out = Vec::new();
            let rest = source.rest(1000, &mut out).expect("members");
            assert_eq!(out, b"threetwo");
            assert_eq!(rest.sum, Sha256::of(&[three.clone(), two.clone()].concat()));
            assert_eq!(rest.start, second.part.end);
            assert_eq!(rest.end, all.len() as u64);
        }
    }

    #[test]
    fn what_is_cut_changed_or_followed_by_something_else_is_refused() {
        let whole = gzip(&[7; 1000]);
        for cut in 0..whole.len() {
            let error = Source::new(&whole[..cut]).member(2000).expect_err("cut");
            assert!(matches!(error, GzipError::Broken(_)), "{cut}: {error:?}");
        }
        let mut changed = whole.clone();
        let last = changed.len() - 5;
        changed[last] ^= 1;
        let error = Source::new(changed.as_slice()).member(2000);
        assert!(matches!(error, Err(GzipError::Broken(_))), "{error:?}");
        let followed = [whole.as_slice(), b"\0"].concat();
        let error = Source::new(followed.as_slice()).rest(2000, &mut io::sink());
        assert!(matches!(error, Err(GzipError::Broken(_))), "{error:?}");
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_fills_memory() {
        let bomb = gzip(&vec![0; 1 << 20]);
        let error = Source::new(bomb.as_slice()).member(10_000);
        assert!(matches!(
            error,
            Err(GzipError::Large {
                limit_bytes: 10_000
            })
        ));
        let error = Source::new(bomb.as_slice()).rest(10_000, &mut io::sink());
        assert!(matches!(
            error,
            Err(GzipError::Large {
                limit_bytes: 10_000
            })
        ));
        // Stored blocks without bytes hold nothing, and go on for ever.
        let endless = [&gzip(b"")[..10], &b"\x00\x00\x00\xff\xff".repeat(100_000)].concat();
        let error = Source::new(endless.as_slice()).member(10_000);
        assert!(matches!(error, Err(GzipError::Large { .. })), "{error:?}");
        let error = Source::new(endless.as_slice()).rest(10_000, &mut io::sink());
        assert!(matches!(error, Err(GzipError::Large { .. })), "{error:?}");
    }
}
