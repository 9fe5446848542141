//! What a template writes, up to a bound.

use std::io::{self, Write};

/// Bytes of a template, and of what one writes: an engine takes less.
pub(super) const LARGEST: usize = 4 << 20;

/// A text that grows up to a bound.
#[derive(Default)]
pub(super) struct Bounded {
    pub(super) bytes: Vec<u8>,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > LARGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
