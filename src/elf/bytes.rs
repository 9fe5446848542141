//! Parts of a file, each read where it lies.

use std::io::{Read, Seek, SeekFrom};

use super::library::{Class, ElfError};

/// A file with its length.
pub(super) struct Bytes<'a, R> {
    file: &'a mut R,
    size_bytes: u64,
}

impl<'a, R: Read + Seek> Bytes<'a, R> {
    pub(super) fn new(file: &'a mut R) -> Result<Self, ElfError> {
        let size_bytes = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, size_bytes })
    }

    /// Reads a part, all of which has to be there.
    pub(super) fn read(&mut self, offset: u64, size_bytes: u64) -> Result<Vec<u8>, ElfError> {
        let end = offset.checked_add(size_bytes);
        if end.is_none_or(|end| end > self.size_bytes) {
            return Err(ElfError::Broken("it ends before what its headers tell of"));
        }
        self.read_some(offset, size_bytes)
    }

    /// Reads a part as far as the file goes.
    pub(super) fn read_some(&mut self, offset: u64, size_bytes: u64) -> Result<Vec<u8>, ElfError> {
        let size_bytes = size_bytes.min(self.size_bytes.saturating_sub(offset));
        // Not every file has places far behind its end.
        if size_bytes == 0 {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(offset))?;
        self.file
            .by_ref()
            .take(size_bytes)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// Gives the number at a place, which has two, four or eight bytes, the lowest first.
pub(super) fn number<const SIZE: usize>(bytes: &[u8], at: usize) -> Result<u64, ElfError> {
    let end = at.checked_add(SIZE);
    let part = end.and_then(|end| bytes.get(at..end));
    let part = part.ok_or(ElfError::Broken("a header is too short"))?;
    Ok(part
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Gives a number whose size is that of the class.
pub(super) fn word(class: Class, bytes: &[u8], at: usize) -> Result<u64, ElfError> {
    match class {
        Class::Bits32 => number::<4>(bytes, at),
        Class::Bits64 => number::<8>(bytes, at),
    }
}
