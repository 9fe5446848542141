//! The files of a package, from the tar that [`read_package`](super::read_package) wrote.
//!
//! Each regular file and link may have its SHA-1 in a pax record `APK-TOOLS.checksum.SHA1`, which has to be right.

use std::io::{self, Read, Seek, SeekFrom};

use ring::digest;

use super::checksum::{Checksum, ChecksumError};
use crate::rootfs::{
    Change, Content, Entry, Extent, Kind, RootPath, TarError, VendorRecord, Volume,
    read_tar_with_records,
};

/// One file, directory or link of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageFile {
    /// Where, and what.
    pub entry: Entry,
    /// Of the content of a regular file; of the target of a link where the package has it.
    pub checksum: Option<Checksum>,
}

/// Why the files of a package cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// They are no tar, or have names that no root file system has.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// Their content cannot be read.
    #[error("they cannot be read")]
    Read(#[source] io::Error),
    /// Something that packages do not have.
    #[error("{path} is a device or a pipe, which packages do not have")]
    Device {
        /// Where.
        path: RootPath,
    },
    /// A sum that is none.
    #[error("{path}: {source}")]
    Checksum {
        /// Where.
        path: RootPath,
        /// Why.
        source: ChecksumError,
    },
    /// A file that is not the one that was packed.
    #[error("{path} has the sum {found}, and the package says {expected}")]
    Changed {
        /// Where.
        path: RootPath,
        /// From the package.
        expected: Checksum,
        /// What was computed.
        found: Checksum,
    },
}

const VENDOR: &[u8] = b"APK-TOOLS.checksum.SHA1";

/// Reads the files of a package in their order, and checks their sums; contents stay in the tar, which is `volume`.
pub fn read_files<R: Read + Seek>(
    tar: &mut R,
    volume: Volume,
) -> Result<Vec<PackageFile>, FilesError> {
    let entries = read_tar_with_records(tar, volume, VENDOR)?;
    // Packages of the first version had their control files here.
    let entries = entries
        .into_iter()
        .skip_while(|(entry, _)| is_hidden(entry));
    let mut files = Vec::new();
    for (entry, records) in entries {
        let said = find_sum(&entry.path, &records)?;
        let found = match &entry.change {
            Change::HardLink(_) => None,
            Change::Node(node) => match &node.kind {
                Kind::File(Content::Stored(extent)) => {
                    Some(sum(tar, extent).map_err(FilesError::Read)?)
                }
                Kind::File(Content::Held(bytes)) => Some(Checksum::of(bytes)),
                Kind::Link(target) => Some(Checksum::of(target)),
                Kind::Directory => None,
                Kind::CharacterDevice { .. } | Kind::BlockDevice { .. } | Kind::Pipe => {
                    return Err(FilesError::Device { path: entry.path });
                }
            },
        };
        if let (Some(expected), Some(found)) = (said, found)
            && expected != found
        {
            let path = entry.path;
            return Err(FilesError::Changed {
                path,
                expected,
                found,
            });
        }
        let is_file =
            matches!(&entry.change, Change::Node(node) if matches!(node.kind, Kind::File(_)));
        let checksum = if is_file { found } else { said };
        files.push(PackageFile { entry, checksum });
    }
    Ok(files)
}

fn is_hidden(entry: &Entry) -> bool {
    let is_directory = matches!(&entry.change, Change::Node(node) if node.is_directory());
    let name = entry.path.as_bytes();
    !is_directory && name.starts_with(b".") && !name.contains(&b'/')
}

fn find_sum(path: &RootPath, records: &[VendorRecord]) -> Result<Option<Checksum>, FilesError> {
    let record = records.iter().find(|(key, _)| key == VENDOR);
    let parse = |(_, value): &VendorRecord| Checksum::parse_record(&String::from_utf8_lossy(value));
    let sum = record.map(parse).transpose();
    sum.map_err(|source| FilesError::Checksum {
        path: path.clone(),
        source,
    })
}

fn sum<R: Read + Seek>(tar: &mut R, extent: &Extent) -> io::Result<Checksum> {
    tar.seek(SeekFrom::Start(extent.offset))?;
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    let mut content = tar.take(extent.size_bytes);
    let mut chunk = vec![0; 64 << 10];
    loop {
        match content.read(&mut chunk) {
            Ok(0) => return Ok(Checksum::from_digest(&context.finish())),
            Ok(count) => context.update(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
}
