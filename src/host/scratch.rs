//! Room for what is as large as an image: files without names, which go with the process whatever ends it.
//!
//! Where they lie is the caller's choice and is told where there is no room: `/tmp` is memory on many machines.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::volumes::Window;
use super::watch::Watch;

/// Why something cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// The bytes that are to be stored cannot be read, or not be decompressed.
    #[error("its bytes cannot be read")]
    Read(#[source] io::Error),
    /// There are more of them than anybody needs.
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
    /// There is no room.
    #[error("temporary files cannot be written in {}", directory.display())]
    Write {
        /// Where.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A directory for temporary files, and the watch of the work that needs them.
#[derive(Clone, Debug)]
pub struct Scratch {
    directory: PathBuf,
    watch: Watch,
}

impl Scratch {
    /// Takes a directory that is there.
    #[must_use]
    pub fn new(directory: &Path, watch: &Watch) -> Self {
        Self {
            directory: directory.to_owned(),
            watch: watch.clone(),
        }
    }

    /// Gives the directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Gives the watch.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Opens a file without a name.
    pub fn open(&self) -> Result<File, ScratchError> {
        tempfile::tempfile_in(&self.directory).map_err(|source| self.failed(source))
    }

    /// Gives a store that takes no file before it has something.
    #[must_use]
    pub fn store(&self) -> Store {
        Store {
            scratch: self.clone(),
            file: None,
            end: 0,
        }
    }

    /// Names the directory in a fault.
    #[must_use]
    pub fn failed(&self, source: io::Error) -> ScratchError {
        ScratchError::Write {
            directory: self.directory.clone(),
            source,
        }
    }
}

/// Any number of archives behind each other in one file, so that a thousand of them take one descriptor.
#[derive(Debug)]
pub struct Store {
    scratch: Scratch,
    file: Option<Arc<File>>,
    end: u64,
}

const BUFFER_BYTES: usize = 256 * 1024;

impl Store {
    /// Stores all that a reader gives, which is at most so much; what failed takes no room in what comes next.
    pub fn append(
        &mut self,
        bytes: &mut dyn Read,
        most_bytes: u64,
    ) -> Result<Window, ScratchError> {
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::clone(self.file.insert(Arc::new(self.scratch.open()?))),
        };
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut size_bytes = 0;
        loop {
            self.scratch.watch.check().map_err(ScratchError::Read)?;
            let count = match bytes.read(&mut buffer) {
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(ScratchError::Read)?,
            };
            if count == 0 {
                break;
            }
            let written = file.write_all_at(&buffer[..count], self.end + size_bytes);
            written.map_err(|source| self.scratch.failed(source))?;
            size_bytes += count as u64;
            if size_bytes > most_bytes {
                return Err(ScratchError::TooLarge(most_bytes));
            }
        }
        let window = Window::of_part(file, self.end, size_bytes);
        self.end += size_bytes;
        Ok(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Volumes;
    use crate::rootfs::Extent;

    fn open_files() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }

    #[test]
    fn thousands_of_archives_take_one_descriptor() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Scratch::new(directory.path(), &Watch::default()).store();
        let before = open_files();
        let mut volumes = Volumes::default();
        let numbers: Vec<_> = (0..3000_u32)
            .map(|number| {
                let text = format!("archive {number}");
                let window = store.append(&mut text.as_bytes(), 100).unwrap();
                (text, volumes.add(window))
            })
            .collect();
        // Other tests open files, too.
        assert!(open_files() < before + 500, "{}", open_files());
        for (text, volume) in numbers {
            let extent = Extent {
                volume,
                offset: 8,
                size_bytes: text.len() as u64 - 8,
            };
            let mut read = Vec::new();
            volumes.copy(&extent, &mut read).unwrap();
            assert_eq!(read, &text.as_bytes()[8..]);
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_too_large_or_ended_leaves_no_trace_in_what_comes_next() {
        let directory = tempfile::tempdir().unwrap();
        let watch = Watch::default();
        let mut store = Scratch::new(directory.path(), &watch).store();
        let error = store.append(&mut io::repeat(0), 1 << 20).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 1048576 bytes");
        let mut text = String::new();
        let mut window = store.append(&mut &b"next"[..], 4).unwrap();
        window.read_to_string(&mut text).unwrap();
        assert_eq!(text, "next");
        watch.end();
        let error = store.append(&mut io::repeat(0), u64::MAX).unwrap_err();
        assert!(matches!(error, ScratchError::Read(_)), "{error:?}");
    }

    #[test]
    fn a_directory_without_room_is_named() {
        let scratch = Scratch::new(Path::new("/proc/none"), &Watch::default());
        let error = scratch.store().append(&mut &b"x"[..], 1).unwrap_err();
        let message = "temporary files cannot be written in /proc/none";
        assert_eq!(error.to_string(), message);
    }
}
