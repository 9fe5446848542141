//! Unpacks packages on several threads, each of which keeps what it unpacks in one file.

use std::fs::File;
use std::io::{self, BufReader, Write};

use super::fault::ApkFault;
use crate::apk::{GzipError, Package, PackageError, PackageFile, read_files};
use crate::host::{Scratch, Watched, Window, in_parallel};
use crate::mirror::{ApkError, FetchedApk, Store, WantedApk};
use crate::rootfs::Volume;

/// A package, unpacked.
pub(super) struct Unpacked {
    pub(super) package: Package,
    pub(super) files: Vec<PackageFile>,
    /// The tar of its files.
    pub(super) tar: Window,
}

/// A package that is still to be unpacked, and the volume that it is to be.
type Packed<'a> = (&'a (WantedApk, FetchedApk), Volume);

/// Unpacks packages in their order, each into the volume of its place there; all that has to be right with them is checked once
/// more. Each thread opens one package after the other.
pub(super) fn unpack(
    packed: &[(WantedApk, FetchedApk)],
    store: &Store,
    scratch: &Scratch,
) -> Result<Vec<Unpacked>, ApkFault> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = packed.len().div_ceil(threads).max(1);
    let packed: Vec<Packed<'_>> = packed.iter().zip((0..).map(Volume)).collect();
    let shares: Vec<&[Packed<'_>]> = packed.chunks(share).collect();
    let unpacked = in_parallel(&shares, 1, |share| unpack_share(share, store, scratch));
    let unpacked: Vec<Vec<Unpacked>> = unpacked.into_iter().collect::<Result<_, _>>()?;
    Ok(unpacked.into_iter().flatten().collect())
}

fn unpack_share(
    share: &[Packed<'_>],
    store: &Store,
    scratch: &Scratch,
) -> Result<Vec<Unpacked>, ApkFault> {
    let file = scratch.open()?;
    let mut out = Counted {
        inner: scratch.watch().watch(&file),
        bytes: 0,
    };
    let mut read = Vec::with_capacity(share.len());
    for ((wanted, fetched), volume) in share {
        let start = out.bytes;
        let apk = wanted.open(store, fetched);
        let apk = apk.map_err(|error| ApkFault::Mirror(vec![error]))?;
        let package = wanted.read(BufReader::new(apk), &mut out);
        let package = package.map_err(|error| tell_full_disk(error, scratch))?;
        let size_bytes = out.bytes - start;
        read.push((wanted.id(), *volume, package, (start, size_bytes)));
    }
    let whole = Window::of_file(file);
    let whole = whole.map_err(|source| scratch.failed(source))?;
    let read = read.into_iter();
    let unpacked = read.map(|(id, volume, package, (start, size_bytes))| {
        let tar = whole.part(start, size_bytes);
        let files = read_files(&mut tar.clone(), volume);
        let files = files.map_err(|source| ApkFault::Files { id, source })?;
        Ok(Unpacked {
            package,
            files,
            tar,
        })
    });
    unpacked.collect()
}

/// A disk without room is no fault of the package's.
fn tell_full_disk(error: ApkError, scratch: &Scratch) -> ApkFault {
    if let ApkError::Package { source, place } = error {
        return match *source {
            PackageError::Data(GzipError::Write(source)) => scratch.failed(source).into(),
            source => ApkFault::Mirror(vec![ApkError::Package {
                place,
                source: Box::new(source),
            }]),
        };
    }
    ApkFault::Mirror(vec![error])
}

/// Counts what is written.
struct Counted<'a> {
    inner: Watched<&'a File>,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
