//! Where an export goes: a file or a directory that is there only when it is whole, or stdout.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::ExportError;
use crate::host::fs::{FileError, create_directory, rename_directory};

/// Where it goes.
#[derive(Debug)]
pub enum Output {
    /// A file or a directory of this name.
    Path(PathBuf),
    /// Whoever reads standard output.
    Stdout(Stream),
}

/// Takes bytes as they come.
pub struct Stream(Mutex<Box<dyn Write + Send>>);

impl Stream {
    /// Writes to a writer of the caller's.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(writer)))
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

impl Output {
    /// Gives the path, and for stdout what messages call it.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Path(path) => path,
            Self::Stdout(_) => Path::new("stdout"),
        }
    }

    /// Gives its name, whose end says how it is compressed.
    #[must_use]
    pub fn name(&self) -> &str {
        let name = self.path().file_name().and_then(|name| name.to_str());
        name.unwrap_or_default()
    }

    /// Gives the directory that it goes to; what goes to stdout is made among temporary files.
    pub(super) fn parent(&self) -> PathBuf {
        match self {
            Self::Path(path) => parent(path).to_owned(),
            Self::Stdout(_) => std::env::temp_dir(),
        }
    }

    /// Tells whether its name is that of a tar: `base.tar`, `base.tar.zst`, `base.tgz`; stdout takes nothing else.
    #[must_use]
    pub fn is_tar(&self) -> bool {
        if matches!(self, Self::Stdout(_)) {
            return true;
        }
        let name = self.name();
        let ends = [".gz", ".zst", ".xz"];
        let plain = ends.iter().find_map(|end| name.strip_suffix(end));
        let is_short = [".tgz", ".txz", ".tzst"]
            .iter()
            .any(|end| name.ends_with(end));
        is_short || Path::new(plain.unwrap_or(name)).extension() == Some("tar".as_ref())
    }
}

/// Says to a thread that writes that it is to end.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<AtomicBool>);

impl Watch {
    /// Ends what is written under this watch.
    pub fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Tells whether it was ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Fails once it was ended.
    pub(super) fn check(&self) -> Result<(), ExportError> {
        if self.is_ended() {
            return Err(ExportError::Interrupted);
        }
        Ok(())
    }

    pub(super) fn writer<W: Write>(&self, inner: W) -> Watched<W> {
        Watched {
            inner,
            watch: self.clone(),
        }
    }
}

/// Fails with the next write after the watch was ended.
pub(super) struct Watched<W> {
    inner: W,
    watch: Watch,
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.watch.is_ended() {
            // `Interrupted` would be tried again.
            return Err(io::Error::other("the export was interrupted"));
        }
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

const BUFFER_BYTES: usize = 256 * 1024;

/// Writes a file through `write`, which replaces the one of this name when it is whole and on disk.
pub(super) fn write_file(
    output: &Output,
    watch: &Watch,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), ExportError> {
    let path = output.path();
    let failed = |source| {
        if watch.is_ended() {
            return ExportError::Interrupted;
        }
        ExportError::Write {
            path: path.to_owned(),
            source,
        }
    };
    if let Output::Stdout(stream) = output {
        let mut stream = stream.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, watch.writer(&mut *stream));
        return match write(&mut out).and_then(|()| out.flush()) {
            // Its reader has what it wanted.
            Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(failed),
        };
    }
    if path.is_dir() {
        return Err(ExportError::Exists(path.to_owned()));
    }
    let beside = tempfile::Builder::new()
        .prefix(".pkg-export-")
        .tempfile_in(parent(path))
        .map_err(failed)?;
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, watch.writer(beside.as_file()));
    write(&mut out).and_then(|()| out.flush()).map_err(failed)?;
    drop(out);
    make_readable(beside.path()).map_err(failed)?;
    beside.as_file().sync_all().map_err(failed)?;
    let kept = beside.persist(path);
    kept.map_err(|error| failed(error.error))?;
    Ok(())
}

/// A temporary file is its maker's alone; one that stays is as others are.
fn make_readable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mask = rustix::process::umask(rustix::fs::Mode::empty());
    rustix::process::umask(mask);
    let mode = 0o666 & !mask.bits();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Makes a directory through `fill`, which gets its name when it is whole; nothing else may have that name.
pub(super) fn write_directory(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    if path.symlink_metadata().is_ok() {
        return Err(ExportError::Exists(path.to_owned()));
    }
    let parent = parent(path);
    create_directory(parent)?;
    let beside = tempfile::Builder::new()
        .prefix(".pkg-export-")
        .tempdir_in(parent)
        .map_err(|source| FileError::new("create", path, source))?;
    let inside = beside.path().join("whole");
    create_directory(&inside)?;
    fill(&inside)?;
    rename_directory(&inside, path)?;
    Ok(())
}

fn parent(path: &Path) -> &Path {
    let parent = path.parent();
    parent
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_whether_it_is_a_tar() {
        for (name, expected) in [
            ("a.tar", true),
            ("a.tar.gz", true),
            ("out/a.b.tar.zst", true),
            ("a.txz", true),
            ("bundle", false),
            ("a.gz", false),
            ("tar", false),
        ] {
            assert_eq!(Output::Path(name.into()).is_tar(), expected, "{name}");
        }
    }

    #[test]
    fn a_file_that_failed_leaves_the_old_one_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let output = Output::Path(directory.path().join("a.tar"));
        let watch = Watch::default();
        write_file(&output, &watch, |out| out.write_all(b"old")).unwrap();
        let failed = write_file(&output, &watch, |out| {
            out.write_all(&vec![0; 2 * BUFFER_BYTES])?;
            Err(io::Error::other("full"))
        });
        assert!(matches!(failed, Err(ExportError::Write { .. })));
        watch.end();
        let ended = write_file(&output, &watch, |out| out.write_all(b"new"));
        assert!(matches!(ended, Err(ExportError::Interrupted)));
        let there = crate::host::fs::read_bytes(output.path()).unwrap();
        assert_eq!(there, b"old");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_is_never_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("bundle");
        let failed = write_directory(&path, |_| Err(ExportError::Interrupted));
        assert!(matches!(failed, Err(ExportError::Interrupted)));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        write_directory(&path, |_| Ok(())).unwrap();
        let again = write_directory(&path, |_| Ok(()));
        assert!(matches!(again, Err(ExportError::Exists(_))));
    }
}
