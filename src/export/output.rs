//! Where an export goes: a file or a directory that is there only when it is whole, or stdout.

use std::fmt;
use std::fs::{DirBuilder, File, Metadata};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::ExportError;
use super::workplace::Workplace;
use crate::host::Watch;
use crate::host::fs::{FileError, rename_directory, take_after};
use crate::oci::Compression;

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

    /// Gives the directory that it goes to; what is taken as it comes goes to none.
    #[must_use]
    pub fn directory(&self) -> Option<PathBuf> {
        let Self::Path(path) = self else {
            return None;
        };
        match find_target(path) {
            Ok(Target::Stream) => None,
            Ok(Target::File { path, .. }) => Some(parent(&path).to_owned()),
            Err(_) => Some(parent(path).to_owned()),
        }
    }

    /// Tells whether its name is that of a tar: `base.tar`, `base.tar.zst`, `base.tgz`; stdout takes nothing else.
    #[must_use]
    pub fn is_tar(&self) -> bool {
        if matches!(self, Self::Stdout(_)) {
            return true;
        }
        Compression::of_tar_name(self.name()).is_some()
    }

    /// Fails where the path cannot become one file, or be written to as one, before there is anything to write.
    pub(super) fn check_file(&self) -> Result<(), ExportError> {
        match self {
            Self::Stdout(_) => Ok(()),
            Self::Path(path) => match find_target(path)? {
                Target::Stream => Ok(()),
                Target::File { path: target, .. } => check_parent(path, &target),
            },
        }
    }

    /// Fails where the path cannot become a directory.
    pub(super) fn check_directory(&self) -> Result<(), ExportError> {
        let path = self.path();
        if path.symlink_metadata().is_ok() {
            return Err(ExportError::Exists(path.to_owned()));
        }
        check_parent(path, path)
    }
}

/// What is at a path.
enum Target {
    /// Nothing, or a file whose place is taken; links to it are followed.
    File {
        path: PathBuf,
        old: Option<Metadata>,
    },
    /// A pipe or a character device: it takes bytes as they come, and stays what it is.
    Stream,
}

/// So many links are followed for one path (Linux, `MAXSYMLINKS`).
const MOST_LINKS: usize = 40;

fn find_target(path: &Path) -> Result<Target, ExportError> {
    let failed = |source| ExportError::Write {
        path: path.to_owned(),
        source,
    };
    let other = |what| ExportError::Kind {
        path: path.to_owned(),
        what,
    };
    match path.metadata() {
        Ok(about) => {
            let kind = about.file_type();
            if kind.is_fifo() || kind.is_char_device() {
                return Ok(Target::Stream);
            }
            if kind.is_dir() {
                return Err(ExportError::Exists(path.to_owned()));
            }
            if kind.is_block_device() {
                return Err(other("a block device"));
            }
            if !kind.is_file() {
                return Err(other("a socket"));
            }
            let path = path.canonicalize().map_err(failed)?;
            let old = Some(about);
            Ok(Target::File { path, old })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A link to nothing says where the file is wanted.
            let mut place = path.to_owned();
            for _ in 0..MOST_LINKS {
                match std::fs::read_link(&place) {
                    Ok(target) => place = parent(&place).join(target),
                    Err(_) => break,
                }
            }
            let path = place;
            Ok(Target::File { path, old: None })
        }
        Err(error) => Err(failed(error)),
    }
}

/// Fails where nothing can be made in the directory of a path, which is not made for it.
fn check_parent(path: &Path, target: &Path) -> Result<(), ExportError> {
    use rustix::fs::{Access, access};
    let taken = access(parent(target), Access::WRITE_OK | Access::EXEC_OK);
    let in_directory = taken.map_err(io::Error::from).and_then(|()| {
        if parent(target).is_dir() {
            Ok(())
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    });
    in_directory.map_err(|source| ExportError::Write {
        path: path.to_owned(),
        source,
    })
}

const BUFFER_BYTES: usize = 256 * 1024;

/// Writes a file through `write`, which takes the place of the one of this name when it is whole and on disk, with its mode and
/// owner; a pipe or a device gets the bytes as they come.
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
    match output {
        Output::Stdout(stream) => {
            let mut stream = stream.0.lock().unwrap_or_else(PoisonError::into_inner);
            write_stream(&mut *stream, watch, write).map_err(failed)
        }
        Output::Path(path) => match find_target(path)? {
            Target::Stream => {
                let stream = File::options().write(true).open(path).map_err(failed)?;
                if stream.is_terminal() {
                    let path = path.clone();
                    let what = "a terminal";
                    return Err(ExportError::Kind { path, what });
                }
                write_stream(stream, watch, write).map_err(failed)
            }
            Target::File { path: target, old } => {
                let workplace = Workplace::create(parent(&target))?;
                let whole = workplace.whole();
                write_whole(&whole, old.as_ref(), watch, write).map_err(failed)?;
                Ok(rename_directory(&whole, &target)?)
            }
        },
    }
}

fn write_stream(
    stream: impl Write,
    watch: &Watch,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, watch.watch(stream));
    match write(&mut out).and_then(|()| out.flush()) {
        // Its reader has what it wanted.
        Err(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a new file as a whole, which nobody else can reach yet.
fn write_whole(
    path: &Path,
    old: Option<&Metadata>,
    watch: &Watch,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let file = File::create_new(path)?;
    if let Some(old) = old {
        take_after(&file, old)?;
    }
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, watch.watch(&file));
    write(&mut out)?;
    out.flush()?;
    file.sync_all()?;
    watch.check()
}

/// Who may look into a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Whom the user's mask leaves.
    Usual,
    /// Nobody else: it holds programs that run as root, and devices.
    Owner,
}

/// Makes a directory through `fill`, which gets its name when it is whole; nothing else may have that name.
pub(super) fn write_directory(
    output: &Output,
    readers: Readers,
    watch: &Watch,
    fill: impl FnOnce(&Path) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    output.check_directory()?;
    let path = output.path();
    let workplace = Workplace::create(parent(path))?;
    let whole = workplace.whole();
    let mode = match readers {
        Readers::Usual => 0o777,
        Readers::Owner => 0o700,
    };
    let made = DirBuilder::new().mode(mode).create(&whole);
    made.map_err(|source| FileError::new("create", path, source))?;
    fill(&whole)?;
    if watch.is_ended() {
        return Err(ExportError::Interrupted);
    }
    Ok(rename_directory(&whole, path)?)
}

fn parent(path: &Path) -> &Path {
    let parent = path.parent();
    parent
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;
    use crate::host::fs::read_text;

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

    fn write_text(path: &Path, text: &str) -> Result<(), ExportError> {
        let output = Output::Path(path.to_owned());
        output.check_file()?;
        write_file(&output, &Watch::default(), |out| {
            out.write_all(text.as_bytes())
        })
    }

    #[test]
    fn a_file_keeps_its_mode_and_a_link_leads_to_the_new_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::create_dir(path("else")).unwrap();
        let old = path("else/old.tar");
        write_text(&old, "old").unwrap();
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o640)).unwrap();
        symlink("else/old.tar", path("link.tar")).unwrap();
        write_text(&path("link.tar"), "new").unwrap();
        assert!(path("link.tar").is_symlink());
        assert_eq!(read_text(&old).unwrap(), "new");
        assert_eq!(old.metadata().unwrap().mode() & 0o7777, 0o640);
        symlink("else/none.tar", path("a")).unwrap();
        symlink("a", path("b")).unwrap();
        write_text(&path("b"), "made").unwrap();
        assert_eq!(read_text(&path("else/none.tar")).unwrap(), "made");
        assert_eq!(std::fs::read_dir(path("else")).unwrap().count(), 2);
    }

    #[test]
    fn pipes_and_devices_stay_and_get_the_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || {
                let mut text = String::new();
                File::open(pipe).unwrap().read_to_string(&mut text).unwrap();
                text
            })
        };
        write_text(&pipe, "bytes").unwrap();
        assert_eq!(reader.join().unwrap(), "bytes");
        assert!(pipe.symlink_metadata().unwrap().file_type().is_fifo());
        // A link to a device, as a device of one's own can be made by root alone.
        let null = directory.path().join("null");
        symlink("/dev/null", &null).unwrap();
        write_text(&null, "gone").unwrap();
        assert!(null.metadata().unwrap().file_type().is_char_device());
        assert!(null.is_symlink());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_neither_a_file_nor_a_stream_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let error = write_text(&socket, "x").unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("is a socket, and nothing is written over that")
        );
        let error = write_text(directory.path(), "x").unwrap_err();
        assert!(matches!(error, ExportError::Exists(_)));
        let error = write_text(&directory.path().join("none/a.tar"), "x").unwrap_err();
        assert!(matches!(error, ExportError::Write { .. }));
    }

    #[test]
    fn a_directory_is_never_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let output = Output::Path(directory.path().join("bundle"));
        let watch = Watch::default();
        let usual = Readers::Usual;
        let failed = write_directory(&output, usual, &watch, |_| Err(ExportError::Interrupted));
        assert!(matches!(failed, Err(ExportError::Interrupted)));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        write_directory(&output, Readers::Owner, &watch, |_| Ok(())).unwrap();
        assert_eq!(output.path().metadata().unwrap().mode() & 0o7777, 0o700);
        let again = write_directory(&output, usual, &watch, |_| Ok(()));
        assert!(matches!(again, Err(ExportError::Exists(_))));
        let deep = Output::Path(directory.path().join("none/deep/bundle"));
        let failed = write_directory(&deep, usual, &watch, |_| Ok(()));
        assert!(matches!(failed, Err(ExportError::Write { .. })));
        assert!(!directory.path().join("none").exists());
    }
}
