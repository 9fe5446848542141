//! Libraries of anybody's.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use super::read_library;

/// The function by name.
pub(crate) const TARGET: crate::FuzzTarget = ("elf", elf);

/// The name lies in the file, and has an end.
fn elf(bytes: &[u8]) {
    let Ok(library) = read_library(&mut Strict::new(bytes)) else {
        return;
    };
    if let Some(name) = &library.soname {
        assert!(name.len() < 256 && !name.contains(&0));
        let whole = [name.as_slice(), b"\0"].concat();
        assert!(bytes.windows(whole.len()).any(|part| part == whole));
    }
    assert!(library.isa_level < 32);
}

/// A file that is a part of another one: there nobody may look for what lies behind its end.
pub(super) struct Strict<'a>(Cursor<&'a [u8]>);

impl<'a> Strict<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(Cursor::new(bytes))
    }
}

impl Read for Strict<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Seek for Strict<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = self.0.seek(to)?;
        assert!(
            at <= self.0.get_ref().len() as u64,
            "a place behind the end"
        );
        Ok(at)
    }
}
