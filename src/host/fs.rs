//! Files: every error names its path, and a file that is replaced is old or new, never half of it.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// `O_NONBLOCK` of open(2).
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();

/// A file or directory that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct FileError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    /// Names the path of a failed operation; `action` completes "cannot …".
    #[must_use]
    pub fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// Gives the path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells whether it was to be read, and not to be made or changed.
    #[must_use]
    pub fn is_of_reading(&self) -> bool {
        self.action == "read"
    }

    /// Gives the kind of the fault.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

/// More than any file has that is read as a whole.
const LARGEST_TEXT_BYTES: u64 = 64 << 20;

/// Reads a whole file of UTF-8 text; what is no file (a pipe, a device) or is larger than 64 MiB is an error.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    Ok(read_stamped_text(path)?.0)
}

/// Reads a whole file, as [`read_text`] does, and tells which one it was that was read.
pub fn read_stamped_text(path: &Path) -> Result<(String, Stamp), FileError> {
    let (bytes, stamp) = read_stamped(path)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        let source = io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
        FileError::new("read", path, source)
    })?;
    Ok((text, stamp))
}

/// Reads a whole file, as [`read_text`] does.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, FileError> {
    Ok(read_stamped(path)?.0)
}

fn read_stamped(path: &Path) -> Result<(Vec<u8>, Stamp), FileError> {
    let read = || {
        let file = File::options()
            .read(true)
            // A pipe without a writer would be waited for.
            .custom_flags(NONBLOCK)
            .open(path)?;
        let metadata = file.metadata()?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            return Err(io::Error::other("it is a directory"));
        }
        if !kind.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        Ok((read_whole(file, metadata.len())?, Stamp::of(&metadata)))
    };
    read().map_err(|source| FileError::new("read", path, source))
}

/// Reads a file that is said to have so many bytes, in one step where it has.
fn read_whole(mut file: impl Read, size_bytes: u64) -> io::Result<Vec<u8>> {
    /// Files of `/proc` are said to be empty.
    const UNTOLD_BYTES: u64 = 4096;
    if size_bytes > LARGEST_TEXT_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    // One more than there are: a step that gives fewer than it may, and all that there are, has come to the end.
    let room = match size_bytes {
        0 => UNTOLD_BYTES,
        size => size + 1,
    };
    let mut bytes = vec![0; usize::try_from(room).unwrap_or(usize::MAX)];
    let count = loop {
        match file.read(&mut bytes) {
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    bytes.truncate(count);
    if count as u64 == size_bytes {
        return Ok(bytes);
    }
    let left = LARGEST_TEXT_BYTES + 1 - count as u64;
    file.take(left).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_TEXT_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// What tells a file from one that was put in its place, and from itself before it was written to: device, inode, and the
/// time of its last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u64, u64, i64, i64);

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self(file.dev(), file.ino(), file.ctime(), file.ctime_nsec())
    }

    /// Finds the stamp of what stands at a path, and of the link where it is one.
    #[must_use]
    pub fn find(path: &Path) -> Option<Self> {
        Some(Self::of(&path.symlink_metadata().ok()?))
    }

    /// Finds the stamp of the file at a path, links followed.
    #[must_use]
    pub fn find_linked(path: &Path) -> Option<Self> {
        Some(Self::of(&path.metadata().ok()?))
    }
}

/// Reads a file of UTF-8 text, or gives nothing where there is none.
pub fn find_text(path: &Path) -> Result<Option<String>, FileError> {
    match read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Tells whether a file is one that somebody may run.
#[must_use]
pub fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o111 != 0)
}

/// Follows the links of a path as far as it is there; what is not stays as it is written.
#[must_use]
pub fn resolve(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = absolute.ancestors().find_map(|ancestor| {
        let real = ancestor.canonicalize().ok()?;
        Some(match absolute.strip_prefix(ancestor) {
            Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
            _ => real,
        })
    });
    there.unwrap_or(absolute)
}

/// Creates a directory and its parents.
pub fn create_directory(path: &Path) -> Result<(), FileError> {
    std::fs::create_dir_all(path).map_err(|source| FileError::new("create", path, source))
}

/// Gives a file the name and the place of another one, whole or not at all.
pub(super) fn rename_file(from: &Path, to: &Path) -> Result<(), FileError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where files are replaced"
    )]
    std::fs::rename(from, to).map_err(|source| FileError::new("replace", to, source))
}

/// Gives a directory its name, where nothing has it.
pub fn rename_directory(from: &Path, to: &Path) -> Result<(), FileError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a directory that is complete gets its name"
    )]
    std::fs::rename(from, to).map_err(|source| FileError::new("create", to, source))
}

/// Gives a new file the group, the mode and the owner of the one whose place it is to take, as far as the process may.
///
/// Where the group stays another one, that gets no more than everybody has.
pub fn take_after(file: &File, old: &Metadata) -> io::Result<()> {
    let new = file.metadata()?;
    let has_group = new.gid() == old.gid() || is_given(fchown(file, None, Some(old.gid())))?;
    let mode = old.mode() & 0o7777;
    let mode = if has_group {
        mode
    } else {
        (mode & !0o2070) | (((mode & 0o7) << 3) & mode)
    };
    if new.mode() & 0o7777 != mode {
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    }
    if new.uid() != old.uid() {
        is_given(fchown(file, Some(old.uid()), None))?;
    }
    Ok(())
}

/// Most processes may not give files away, and not every file system knows of owners.
fn is_given(changed: io::Result<()>) -> io::Result<bool> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    match changed {
        Ok(()) => Ok(true),
        Err(fault) if matches!(fault.kind(), PermissionDenied | InvalidInput | Unsupported) => {
            Ok(false)
        }
        Err(fault) => Err(fault),
    }
}

/// Replaces a file of the user's: the bytes are written and synced beside it, then renamed over it.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    replace(path, bytes, Durability::Synced)
}

/// Writes a file that can be made again at any time: nobody sees half of it, and one that is the same is left alone.
pub fn write_generated(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let is_same = |file: File| -> io::Result<bool> {
        let mut there = Vec::new();
        file.take(bytes.len() as u64 + 1).read_to_end(&mut there)?;
        Ok(there == bytes)
    };
    match File::open(path).and_then(is_same) {
        Ok(true) => Ok(()),
        _ => replace(path, bytes, Durability::Cached),
    }
}

/// Whether the bytes are on disk before the file has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    Synced,
    Cached,
}

fn replace(path: &Path, bytes: &[u8], durability: Durability) -> Result<(), FileError> {
    let failed = |source| FileError::new("write", path, source);
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    let mut name = std::ffi::OsString::from(".");
    let last = path.file_name();
    name.push(last.ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?);
    name.push(format!(".{}.new", super::unique_hex()));
    let beside = directory.join(name);
    let written = (|| {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        if durability == Durability::Synced {
            file.sync_all()?;
        }
        if let Ok(old) = std::fs::metadata(path) {
            take_after(&file, &old)?;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "this is where files are replaced"
        )]
        std::fs::rename(&beside, path)
    })();
    written.map_err(|source| {
        // The fault that is told is the write's; what it left behind goes as far as it can.
        let _ = std::fs::remove_file(&beside);
        failed(source)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("changelog");
        write_atomically(&path, b"one").unwrap();
        write_atomically(&path, b"two").unwrap();
        assert_eq!(read_text(&path).unwrap(), "two");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_generated_file_that_is_the_same_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("Dockerfile");
        let inode = || {
            use std::os::unix::fs::MetadataExt as _;
            std::fs::metadata(&path).unwrap().ino()
        };
        write_generated(&path, b"FROM a").unwrap();
        let first = inode();
        write_generated(&path, b"FROM a").unwrap();
        assert_eq!(inode(), first);
        write_generated(&path, b"FROM ab").unwrap();
        assert_eq!(read_text(&path).unwrap(), "FROM ab");
        write_generated(&path, b"FROM a").unwrap();
        assert_eq!(read_text(&path).unwrap(), "FROM a");
    }

    #[test]
    fn what_is_no_file_is_neither_waited_for_nor_read_without_end() {
        for path in ["/dev/zero", "/dev/tty", "/proc"] {
            let error = read_text(Path::new(path)).expect_err("no regular file");
            assert_eq!(error.to_string(), format!("cannot read {path}"));
        }
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("control");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
        read_text(&pipe).expect_err("a pipe without a writer");
    }

    /// Gives its parts one after another, and counts how often it was asked.
    struct Parts {
        parts: Vec<Vec<u8>>,
        asked: usize,
    }

    impl Read for Parts {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.asked += 1;
            let Some(part) = self.parts.first_mut() else {
                return Ok(0);
            };
            let count = part.len().min(buffer.len());
            buffer[..count].copy_from_slice(&part[..count]);
            part.drain(..count);
            if part.is_empty() {
                self.parts.remove(0);
            }
            Ok(count)
        }
    }

    #[test]
    fn a_file_is_read_in_one_step_and_to_its_end_where_it_is_another_size_than_was_said() {
        for (parts, size, steps) in [
            (&["abc"][..], 3, 1),
            (&[], 0, 1),
            // It has grown, shrunk, or is one that does not tell its size.
            (&["abcdef"], 3, 3),
            (&["ab"], 3, 2),
            (&["abc"], 0, 2),
            // It comes in parts.
            (&["a", "bc"], 3, 3),
            (&["", "abc"], 3, 3),
        ] {
            let mut file = Parts {
                parts: parts.iter().map(|part| part.as_bytes().to_vec()).collect(),
                asked: 0,
            };
            let read = read_whole(&mut file, size).unwrap();
            assert_eq!(read, parts.concat().as_bytes(), "{parts:?} {size}");
            assert!(file.asked <= steps, "{parts:?} {size}: {}", file.asked);
        }
        let error = read_whole(io::repeat(0), 0).expect_err("it has no end");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        read_whole(io::empty(), LARGEST_TEXT_BYTES + 1).expect_err("it is said to be too large");
        assert!(read_text(Path::new("/proc/self/status")).unwrap().len() > 100);
    }

    #[test]
    fn a_stamp_tells_a_file_from_its_successor() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("changelog");
        write_atomically(&path, b"one").unwrap();
        let (text, read) = read_stamped_text(&path).unwrap();
        assert_eq!((text.as_str(), Some(read)), ("one", Stamp::find(&path)));
        write_atomically(&path, b"two").unwrap();
        assert_ne!(Some(read), Stamp::find(&path));
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("changelog", &link).unwrap();
        assert_ne!(Stamp::find(&link), Stamp::find(&path));
        assert_eq!(Stamp::find_linked(&link), Stamp::find(&path));
    }

    #[test]
    fn errors_name_the_path() {
        let error =
            read_text(Path::new("/nowhere/config.yaml")).expect_err("there is no such file");
        assert_eq!(error.to_string(), "cannot read /nowhere/config.yaml");
        assert_eq!(find_text(Path::new("/nowhere/config.yaml")).unwrap(), None);
        let error = write_atomically(Path::new("/nowhere/file"), b"")
            .expect_err("there is no such directory");
        assert_eq!(error.to_string(), "cannot write /nowhere/file");
    }
}
