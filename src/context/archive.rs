//! Writes the tar stream: GNU format, for names and sizes of any length.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::content::{Content, Sequence};
use super::error::ContextError;
use super::receive::{Attributes, Receive};
use crate::host::fs::FileError;
use crate::oci::Digest;

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContextSize {
    /// Files and directories.
    pub entries: u64,
    /// Bytes of the whole stream.
    pub size_bytes: u64,
}

const BUFFER_SIZE: usize = 64 * 1024;

/// A tar stream in the making. One that is dropped before [`Archive::finish`] stays without its end.
pub(super) struct Archive<'a, W: Write> {
    builder: tar::Builder<Output<BufWriter<W>>>,
    entries: u64,
    /// Tells which files are noted.
    is_noted: &'a dyn Fn(&Path) -> bool,
    noted: Sequence,
}

impl<'a, W: Write> Archive<'a, W> {
    pub(super) fn new(out: W) -> Self {
        let out = Output {
            inner: BufWriter::with_capacity(BUFFER_SIZE, out),
            size_bytes: 0,
            is_given_up: false,
        };
        Self {
            builder: tar::Builder::new(out),
            entries: 0,
            is_noted: &|_| false,
            noted: Sequence::default(),
        }
    }

    /// Notes the names and contents of some files while they are sent.
    pub(super) fn noting(mut self, is_noted: &'a dyn Fn(&Path) -> bool) -> Self {
        self.is_noted = is_noted;
        self
    }

    /// Gives what was noted.
    pub(super) fn digest(&self) -> Digest {
        self.noted.clone().finish()
    }

    pub(super) fn append_bytes(
        &mut self,
        name: &[u8],
        bytes: &[u8],
        attributes: Attributes,
    ) -> Result<(), ContextError> {
        let mut header = header(tar::EntryType::Regular, bytes.len() as u64, attributes);
        self.append(&mut header, name, bytes)
            .map_err(ContextError::Write)
    }

    fn append(
        &mut self,
        header: &mut tar::Header,
        name: &[u8],
        content: impl Read,
    ) -> io::Result<()> {
        let appended = self
            .builder
            .append_data(header, OsStr::from_bytes(name), content);
        if appended.is_err() {
            self.builder.get_mut().is_given_up = true;
        }
        self.entries += 1;
        appended
    }

    /// Writes the end of the archive.
    pub(super) fn finish(mut self) -> Result<ContextSize, ContextError> {
        self.builder
            .finish()
            .and_then(|()| self.builder.get_mut().inner.flush())
            .map_err(ContextError::Write)?;
        Ok(ContextSize {
            entries: self.entries,
            size_bytes: self.builder.get_ref().size_bytes,
        })
    }
}

impl<W: Write> Receive for Archive<'_, W> {
    fn directory(&mut self, name: &[u8], attributes: Attributes) -> Result<(), ContextError> {
        let mut header = header(tar::EntryType::Directory, 0, attributes);
        let name = [name, b"/"].concat();
        self.append(&mut header, &name, io::empty())
            .map_err(ContextError::Write)
    }

    /// Sends the first `size` bytes of a file, and fails where it has less or more.
    fn file(
        &mut self,
        name: &[u8],
        path: &Path,
        size: u64,
        attributes: Attributes,
    ) -> Result<(), ContextError> {
        let file = File::open(path).map_err(|source| FileError::new("read", path, source))?;
        let mut content = Exact {
            file: BufReader::with_capacity(BUFFER_SIZE, file),
            left: size,
            fault: None,
            noted: (self.is_noted)(Path::new(OsStr::from_bytes(name)))
                .then(|| Content::new(size, attributes)),
        };
        let mut header = header(tar::EntryType::Regular, size, attributes);
        let appended = self.append(&mut header, name, &mut content);
        match (appended, content.fault) {
            (Ok(()), _) => {
                if let Some(noted) = content.noted {
                    self.noted.add(name, &noted.finish());
                }
                Ok(())
            }
            (Err(_), Some(Fault::Changed)) => Err(ContextError::Changed(path.to_owned())),
            (Err(source), Some(Fault::Unreadable)) => {
                Err(FileError::new("read", path, source).into())
            }
            (Err(source), None) => Err(ContextError::Write(source)),
        }
    }
}

impl<W: Write> Drop for Archive<'_, W> {
    /// A `tar::Builder` writes the end when it is dropped; half an archive must not look like a whole one.
    fn drop(&mut self) {
        self.builder.get_mut().is_given_up = true;
    }
}

fn header(kind: tar::EntryType, size: u64, attributes: Attributes) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(attributes.mode);
    header.set_mtime(attributes.modified);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// Counts what goes through, and lets nothing through once the archive is given up.
struct Output<W> {
    inner: W,
    size_bytes: u64,
    is_given_up: bool,
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_given_up {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let written = self.inner.write(bytes)?;
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Gives exactly as many bytes as the header says.
struct Exact {
    file: BufReader<File>,
    left: u64,
    fault: Option<Fault>,
    noted: Option<Content>,
}

#[derive(Clone, Copy)]
enum Fault {
    Changed,
    Unreadable,
}

impl Read for Exact {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = match self.file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                self.fault = Some(Fault::Unreadable);
                return Err(error);
            }
            Ok(read) => read,
        };
        if read as u64 > self.left || (read == 0 && self.left > 0) {
            self.fault = Some(Fault::Changed);
            return Err(io::ErrorKind::InvalidData.into());
        }
        if let Some(noted) = &mut self.noted {
            noted.take(&buffer[..read]);
        }
        self.left -= read as u64;
        Ok(read)
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
    fn sizes_over_eight_gibibytes_fit_into_the_header() {
        let size = 9 << 30;
        let header = header(tar::EntryType::Regular, size, ATTRIBUTES);
        assert_eq!(header.size().unwrap(), size);
    }

    #[test]
    fn a_file_that_changed_is_an_error_and_the_archive_stays_without_an_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        File::create(&path)
            .unwrap()
            .write_all(&[b'x'; 1000])
            .unwrap();
        for size in [999, 1001, 0] {
            let mut out = Vec::new();
            let mut archive = Archive::new(&mut out);
            let error = archive
                .file(b"a", &path, size, ATTRIBUTES)
                .expect_err("another size");
            assert_eq!(
                error.to_string(),
                format!("{} changed while it was read", path.display())
            );
            drop(archive);
            assert!(out.len() < 512 + 1024, "no end was written: {}", out.len());
        }
    }

    #[test]
    fn a_receiver_that_takes_no_more_is_told_apart_from_a_file() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut archive = Archive::new(Full);
        archive
            .append_bytes(b"a", b"x", ATTRIBUTES)
            .expect("it fits into the buffer");
        let error = archive.finish().expect_err("the receiver is full");
        assert!(matches!(error, ContextError::Write(_)), "{error}");
    }
}
