//! Files whose bytes are taken from any place: the tars that the contents of an image lie in.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use crate::rootfs::{Extent, Volume};

/// A part of a file, read like a file of its own.
#[derive(Clone, Debug)]
pub struct Window {
    file: Arc<File>,
    start: u64,
    size_bytes: u64,
    at: u64,
}

impl Window {
    /// Takes all of a file as it is now.
    pub fn of_file(file: File) -> io::Result<Self> {
        let size_bytes = file.metadata()?.len();
        Ok(Self {
            file: Arc::new(file),
            start: 0,
            size_bytes,
            at: 0,
        })
    }

    /// Takes a part of a file that others have parts of, too.
    pub(super) fn of_part(file: Arc<File>, start: u64, size_bytes: u64) -> Self {
        Self {
            file,
            start,
            size_bytes,
            at: 0,
        }
    }

    /// Takes a part of this one, as far as it goes.
    #[must_use]
    pub fn part(&self, offset: u64, size_bytes: u64) -> Self {
        let offset = offset.min(self.size_bytes);
        Self {
            file: Arc::clone(&self.file),
            start: self.start + offset,
            size_bytes: size_bytes.min(self.size_bytes - offset),
            at: 0,
        }
    }

    /// Gives its length.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size_bytes.saturating_sub(self.at);
        let length = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        // A place far behind the end is none of the file.
        if length == 0 {
            return Ok(0);
        }
        let count = self
            .file
            .read_at(&mut buffer[..length], self.start + self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size_bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// The tars of a root file system, by their numbers.
#[derive(Clone, Debug, Default)]
pub struct Volumes(Vec<Window>);

impl Volumes {
    /// Adds a tar and gives its number.
    ///
    /// # Panics
    ///
    /// Where there are four thousand million of them.
    pub fn add(&mut self, tar: Window) -> Volume {
        let volume = self.next();
        self.0.push(tar);
        volume
    }

    /// Adds all tars of another root file system, and gives the number that the first of them gets.
    ///
    /// # Panics
    ///
    /// As [`Volumes::add`].
    pub fn add_all(&mut self, others: &Self) -> Volume {
        let first = self.next();
        self.0.extend(others.0.iter().cloned());
        first
    }

    /// Gives the number that the next tar gets.
    ///
    /// # Panics
    ///
    /// As [`Volumes::add`].
    #[must_use]
    pub fn next(&self) -> Volume {
        Volume(u32::try_from(self.0.len()).expect("fewer than files can be open"))
    }

    /// Gives the bytes of an extent, to be read.
    pub fn open(&self, extent: &Extent) -> io::Result<Window> {
        let number = usize::try_from(extent.volume.0).map_err(io::Error::other)?;
        let tar = self.0.get(number).ok_or(io::ErrorKind::NotFound)?;
        Ok(tar.part(extent.offset, extent.size_bytes))
    }

    /// Copies the bytes of an extent; fewer than it has are an error.
    pub fn copy(&self, extent: &Extent, out: &mut dyn Write) -> io::Result<()> {
        let copied = io::copy(&mut self.open(extent)?, out)?;
        if copied == extent.size_bytes {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_the_end_of_a_part_there_is_nothing_however_far() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(b"0123456789").expect("space");
        let mut part = Window::of_file(file).expect("a file").part(4, 2);
        for at in [2, 1 << 32, 1 << 63, u64::MAX] {
            part.seek(SeekFrom::Start(at)).expect("a place");
            let mut bytes = Vec::new();
            part.read_to_end(&mut bytes).expect("nothing");
            assert_eq!(bytes, b"", "{at}");
        }
        part.seek(SeekFrom::Start(1)).expect("a place");
        let mut bytes = String::new();
        part.read_to_string(&mut bytes).expect("a text");
        assert_eq!(bytes, "5");
    }
}
