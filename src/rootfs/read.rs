//! Reads a tar as a list of what it would change: the layers of images (OCI image-spec, "Image Layer Filesystem Changeset"),
//! and the files of packages.
//!
//! Headers are parsed by the `tar` crate; how they follow each other is read here, since its pax records end at the first line
//! feed of a value, which extended attributes may hold.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use super::node::{Attributes, Content, Extent, Kind, Node, OwnerNames, Volume};
use super::path::{RootPath, RootPathError, check_target};
use super::pax::{EXTENDED, Extended, Records};
use super::tree::{FullError, Room};

/// One entry of a tar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where.
    pub path: RootPath,
    /// What.
    pub change: Change,
}

/// What an entry says of its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It holds this.
    Node(Node),
    /// It holds what another path does.
    HardLink(RootPath),
}

/// Why a tar cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// It is broken, cut off, or cannot be read at all.
    #[error("it is no whole tar")]
    Broken(#[source] io::Error),
    /// A name in it is none that a root file system can have.
    #[error("`{name}` in it cannot be unpacked: {source}")]
    Name {
        /// The name as written.
        name: String,
        /// Why.
        source: RootPathError,
    },
    /// A symbolic link leads where none can.
    #[error("`{name}` in it is a symbolic link whose target cannot be one: {source}")]
    Target {
        /// The name as written.
        name: String,
        /// Why.
        source: RootPathError,
    },
    /// It holds something that images do not have.
    #[error("`{name}` in it is {what}, which images do not have")]
    Foreign {
        /// The name as written.
        name: String,
        /// What it is.
        what: &'static str,
    },
    /// A pax record is none.
    #[error("the extended header of `{name}` in it cannot be read")]
    Extended {
        /// The name as written.
        name: String,
    },
    /// The extended attributes of one file are more than a file can have.
    #[error("`{name}` in it has {size_bytes} bytes of extended attributes")]
    LargeAttributes {
        /// The name as written.
        name: String,
        /// Of names and values.
        size_bytes: usize,
    },
    /// It holds more than any image does.
    #[error("it is no tar of an image's size: {0}")]
    Full(#[from] FullError),
    /// What stands before an entry is larger than any name or attribute.
    #[error("an extended header in it has {size_bytes} bytes")]
    LargeHeader {
        /// Its size.
        size_bytes: u64,
    },
}

/// What the kernel takes of one extended attribute (`XATTR_SIZE_MAX`), and most file systems of all of them.
const LARGEST_ATTRIBUTES_BYTES: usize = 64 << 10;
/// The names of owners and groups are shorter (useradd(8)).
const LONGEST_OWNER: usize = 255;
/// The most that names and attributes of one entry take, in any of the formats.
const LARGEST_HEADER_BYTES: u64 = 1 << 20;
const BLOCK: usize = 512;

/// A pax record of an entry that only some kinds of archives have: key and value.
pub type VendorRecord = (Vec<u8>, Vec<u8>);

/// Reads the entries of an uncompressed tar, in their order; contents stay where they are.
pub fn read_tar<R: Read + Seek>(tar: &mut R, volume: Volume) -> Result<Vec<Entry>, TarError> {
    read_within(tar, volume, Room::default())
}

/// Likewise, each entry with its pax records whose keys begin with `vendor`.
pub fn read_tar_with_records<R: Read + Seek>(
    tar: &mut R,
    volume: Volume,
    vendor: &[u8],
) -> Result<Vec<(Entry, Vec<VendorRecord>)>, TarError> {
    let mut entries = Vec::new();
    let mut push = |entry, records| entries.push((entry, records));
    let want = (Some(vendor), Room::default());
    read_each(tar, volume, want, &mut push)?;
    Ok(entries)
}

/// Reads the entries of a tar that has no more of them than there is room for.
pub(super) fn read_within<R: Read + Seek>(
    tar: &mut R,
    volume: Volume,
    room: Room,
) -> Result<Vec<Entry>, TarError> {
    let mut entries = Vec::new();
    read_each(tar, volume, (None, room), &mut |entry, _| {
        entries.push(entry);
    })?;
    Ok(entries)
}

fn read_each<R: Read + Seek>(
    tar: &mut R,
    volume: Volume,
    (vendor, room): (Option<&[u8]>, Room),
    take: &mut dyn FnMut(Entry, Vec<VendorRecord>),
) -> Result<(), TarError> {
    let end = tar.seek(SeekFrom::End(0)).map_err(TarError::Broken)?;
    tar.rewind().map_err(TarError::Broken)?;
    let mut reader = Reader { tar, end, at: 0 };
    let mut extended = Extended::default();
    let (mut count, mut bytes) = (0, 0);
    let mut names = SharedNames::default();
    while let Some(header) = reader.next_header()? {
        let kind = header.entry_type();
        let said = size(&header)?;
        match kind {
            tar::EntryType::XHeader => extended.records = Records(reader.read(said)?),
            tar::EntryType::GNULongName => extended.name = Some(without_zeros(reader.read(said)?)),
            tar::EntryType::GNULongLink => {
                extended.target = Some(without_zeros(reader.read(said)?));
            }
            // Comments on the whole archive, such as git's.
            tar::EntryType::XGlobalHeader => reader.skip(said)?,
            _ => {
                let extended = std::mem::take(&mut extended);
                let records = extended.records.find_vendors(vendor);
                let mut written = Written::new(&header, extended)?;
                written.attributes.owner_names = names.share(&mut written.names);
                let size_bytes = if has_content(kind) {
                    written.size_bytes
                } else {
                    0
                };
                let extent = Extent {
                    volume,
                    offset: reader.at,
                    size_bytes,
                };
                reader.skip(size_bytes)?;
                let entry = written.entry(extent)?;
                count += 1;
                bytes += entry.bytes();
                bytes += records
                    .iter()
                    .map(|(key, value)| key.len() + value.len())
                    .sum::<usize>();
                take(entry, records);
                room.check(count, bytes)?;
            }
        }
    }
    Ok(())
}

impl Entry {
    /// Gives the bytes that are anybody's choice.
    fn bytes(&self) -> usize {
        let change = match &self.change {
            Change::Node(node) => node.bytes(),
            Change::HardLink(target) => target.as_bytes().len(),
        };
        self.path.as_bytes().len() + change
    }
}

/// Names of owners, which most entries have in common with the one before.
#[derive(Default)]
struct SharedNames(Option<Arc<OwnerNames>>);

impl SharedNames {
    fn share(&mut self, names: &mut OwnerNames) -> Option<Arc<OwnerNames>> {
        if names.user.is_empty() && names.group.is_empty() {
            return None;
        }
        match &self.0 {
            Some(last) if **last == *names => {}
            _ => self.0 = Some(Arc::new(std::mem::take(names))),
        }
        self.0.clone()
    }
}

/// Entries of other kinds have no bytes behind them, whatever their headers say (as Go and libarchive read them).
fn has_content(kind: tar::EntryType) -> bool {
    !matches!(
        kind,
        tar::EntryType::Link
            | tar::EntryType::Symlink
            | tar::EntryType::Char
            | tar::EntryType::Block
            | tar::EntryType::Directory
            | tar::EntryType::Fifo
    )
}

/// Long names of GNU's end with a zero byte.
fn without_zeros(mut name: Vec<u8>) -> Vec<u8> {
    let end = name.iter().position(|byte| *byte == 0);
    name.truncate(end.unwrap_or(name.len()));
    name
}

/// Goes from header to header.
struct Reader<'a, R> {
    tar: &'a mut R,
    end: u64,
    at: u64,
}

impl<R: Read + Seek> Reader<'_, R> {
    /// Gives the next header; there is none behind a block of zeros, or where the tar ends.
    fn next_header(&mut self) -> Result<Option<tar::Header>, TarError> {
        if self.at == self.end {
            return Ok(None);
        }
        let mut header = tar::Header::new_old();
        let block = header.as_mut_bytes();
        self.tar.read_exact(block).map_err(TarError::Broken)?;
        self.at += BLOCK as u64;
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        // The checksum counts its own place as blanks.
        let sum = |range: std::ops::Range<usize>| -> u32 {
            block[range].iter().map(|byte| u32::from(*byte)).sum()
        };
        let summed = sum(0..148) + sum(156..BLOCK) + 8 * u32::from(b' ');
        if header.cksum().map_err(TarError::Broken)? != summed {
            let wrong = io::Error::new(io::ErrorKind::InvalidData, "a header has a wrong checksum");
            return Err(TarError::Broken(wrong));
        }
        Ok(Some(header))
    }

    /// Reads what stands behind an extended header.
    fn read(&mut self, size_bytes: u64) -> Result<Vec<u8>, TarError> {
        if size_bytes > LARGEST_HEADER_BYTES {
            return Err(TarError::LargeHeader { size_bytes });
        }
        let mut bytes = Vec::new();
        let taken = (&mut *self.tar).take(size_bytes).read_to_end(&mut bytes);
        taken.map_err(TarError::Broken)?;
        self.skip(size_bytes)?;
        Ok(bytes)
    }

    /// Goes to the block behind so many bytes, which have to be there.
    fn skip(&mut self, size_bytes: u64) -> Result<(), TarError> {
        let cut = || TarError::Broken(io::ErrorKind::UnexpectedEof.into());
        let end = self.at.checked_add(size_bytes).ok_or_else(cut)?;
        if end > self.end {
            return Err(cut());
        }
        // The last block may lack its filling.
        self.at = end.next_multiple_of(BLOCK as u64).min(self.end);
        self.tar
            .seek(SeekFrom::Start(self.at))
            .map_err(TarError::Broken)?;
        Ok(())
    }
}

/// An entry as its headers have it.
struct Written<'a> {
    header: &'a tar::Header,
    name: Vec<u8>,
    target: Vec<u8>,
    size_bytes: u64,
    attributes: Attributes,
    names: OwnerNames,
    has_holes: bool,
}

impl<'a> Written<'a> {
    fn new(header: &'a tar::Header, extended: Extended) -> Result<Self, TarError> {
        let name = extended
            .name
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let target = extended.target;
        let target = target.or_else(|| Some(header.link_name_bytes()?.into_owned()));
        let mut written = Self {
            header,
            name,
            target: target.unwrap_or_default(),
            size_bytes: size(header)?,
            attributes: Attributes {
                mode: number(&header.as_old().mode, || header.mode())? & 0o7777,
                uid: number(&header.as_old().uid, || header.uid())?,
                gid: number(&header.as_old().gid, || header.gid())?,
                modified: number(&header.as_old().mtime, || header.mtime())?.cast_signed(),
                ..Attributes::default()
            },
            names: OwnerNames {
                user: header.username_bytes().unwrap_or_default().to_vec(),
                group: header.groupname_bytes().unwrap_or_default().to_vec(),
            },
            has_holes: false,
        };
        for record in extended.records.iter() {
            let taken = record.and_then(|(key, value)| written.take(key, value));
            taken.ok_or_else(|| TarError::Extended {
                name: show(&written.name),
            })?;
        }
        let size_bytes = written.attributes.extended_bytes();
        if size_bytes > LARGEST_ATTRIBUTES_BYTES {
            let name = show(&written.name);
            return Err(TarError::LargeAttributes { name, size_bytes });
        }
        Ok(written)
    }

    /// Takes one pax record, which counts more than the header; what it cannot mean gives nothing.
    fn take(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let text = std::str::from_utf8(value).ok();
        let decimal = || text?.parse().ok();
        match key {
            b"path" => self.name = value.to_vec(),
            b"linkpath" => self.target = value.to_vec(),
            b"size" => self.size_bytes = decimal()?,
            b"uid" => self.attributes.uid = decimal()?,
            b"gid" => self.attributes.gid = decimal()?,
            b"uname" if value.len() <= LONGEST_OWNER => self.names.user = value.to_vec(),
            b"gname" if value.len() <= LONGEST_OWNER => self.names.group = value.to_vec(),
            b"uname" | b"gname" => return None,
            b"mtime" => self.attributes.modified = whole_seconds(text?)?,
            key => {
                // Formats 0.0, 0.1 and 1.0 of GNU tar: only what it has is stored, and its name is another one.
                self.has_holes |= key.starts_with(b"GNU.sparse.");
                if let Some(name) = key.strip_prefix(EXTENDED) {
                    let extended = &mut self.attributes.extended;
                    extended.insert(name.to_vec(), value.to_vec());
                }
            }
        }
        Some(())
    }

    fn entry(self, extent: Extent) -> Result<Entry, TarError> {
        let path = parse_path(&self.name)?;
        let foreign = |what| TarError::Foreign {
            name: show(&self.name),
            what,
        };
        if self.has_holes {
            return Err(foreign("a file with holes"));
        }
        let kind = match self.header.entry_type() {
            tar::EntryType::Regular | tar::EntryType::Continuous => {
                Kind::File(Content::Stored(extent))
            }
            tar::EntryType::Directory => Kind::Directory,
            tar::EntryType::Symlink => {
                check_target(&self.target).map_err(|source| TarError::Target {
                    name: show(&self.name),
                    source,
                })?;
                Kind::Link(self.target)
            }
            tar::EntryType::Link => {
                let change = Change::HardLink(parse_path(&self.target)?);
                return Ok(Entry { path, change });
            }
            tar::EntryType::Char => {
                let (major, minor) = device(self.header)?;
                Kind::CharacterDevice { major, minor }
            }
            tar::EntryType::Block => {
                let (major, minor) = device(self.header)?;
                Kind::BlockDevice { major, minor }
            }
            tar::EntryType::Fifo => Kind::Pipe,
            tar::EntryType::GNUSparse => return Err(foreign("a file with holes")),
            _ => return Err(foreign("of an unknown kind")),
        };
        let attributes = self.attributes;
        let change = Change::Node(Node { kind, attributes });
        Ok(Entry { path, change })
    }
}

fn size(header: &tar::Header) -> Result<u64, TarError> {
    number(&header.as_old().size, || header.entry_size())
}

/// Reads a number; a field that nothing was written into is zero.
fn number<T: Default>(field: &[u8], read: impl FnOnce() -> io::Result<T>) -> Result<T, TarError> {
    if field.iter().all(|byte| matches!(byte, 0 | b' ')) {
        return Ok(T::default());
    }
    read().map_err(TarError::Broken)
}

fn device(header: &tar::Header) -> Result<(u32, u32), TarError> {
    let major = header.device_major().map_err(TarError::Broken)?;
    let minor = header.device_minor().map_err(TarError::Broken)?;
    Ok((major.unwrap_or(0), minor.unwrap_or(0)))
}

/// Reads seconds with a fraction (POSIX, pax, `mtime`), rounded down.
fn whole_seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let is_before = whole.starts_with('-') && fraction.bytes().any(|digit| digit != b'0');
    Some(if is_before {
        seconds.saturating_sub(1)
    } else {
        seconds
    })
}

fn parse_path(written: &[u8]) -> Result<RootPath, TarError> {
    RootPath::parse(written).map_err(|source| TarError::Name {
        name: show(written),
        source,
    })
}

fn show(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}
