//! Packages of Debian, `.deb` (deb(5)): an `ar` archive of three members.
//!
//! ```text
//! debian-binary     2.0
//! control.tar.xz    ./control ./md5sums ./conffiles ./postinst …
//! data.tar.xz       ./usr/bin/hello …
//! ```
//!
//! [`read_deb`] reads what the package says of itself and finds its files, [`unpack_data`] decompresses those, and
//! [`read_data`] reads them as entries of a root file system, none of which leads out of it. Nothing is run.

mod ar;
mod control;

use std::collections::BTreeMap;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom, Write};

use ar::Member;
pub use control::{ConfigFile, DebControl, Md5Sum, SCRIPTS};

use super::StanzaError;
use crate::oci::Compression;
use crate::rootfs::{Change, Content, Entry, Kind, Node, TarError, Volume, read_tar};

/// What was found in a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deb {
    /// What it says of itself.
    pub control: DebControl,
    /// Its files, still compressed.
    pub data: DebData,
}

/// Where the files of a package lie in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DebData {
    /// Where they begin.
    pub offset: u64,
    /// How many bytes they are, compressed.
    pub size_bytes: u64,
    /// How they are compressed.
    pub compression: Compression,
}

/// Why a file is no package that can be used.
#[derive(Debug, thiserror::Error)]
pub enum DebError {
    /// It cannot be read, or what it holds is broken.
    #[error("it cannot be read")]
    Broken(#[source] io::Error),
    /// It is no `ar` archive, or a broken one.
    #[error("it is no Debian package: {0}")]
    Archive(&'static str),
    /// Its members are not those of a package, or in another order.
    #[error("it is no Debian package: expected `{expected}`, found {found}")]
    Member {
        /// What should stand here.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// Its format is another one than 2.
    #[error("its format is `{0}`, and only 2.x is known")]
    Format(String),
    /// Its tars are compressed in a way that nobody uses any more.
    #[error("`{0}` is compressed in a way that is not supported: xz, gzip, zstd or not at all")]
    Compression(String),
    /// A tar is larger than allowed when it is decompressed.
    #[error("`{member}` has more than {limit_bytes} bytes when it is decompressed")]
    TooLarge {
        /// Which one.
        member: &'static str,
        /// What is allowed.
        limit_bytes: u64,
    },
    /// A tar is broken, or holds what cannot be unpacked.
    #[error("`{member}` cannot be unpacked: {source}")]
    Tar {
        /// Which one.
        member: &'static str,
        /// Why.
        source: TarError,
    },
    /// What it says of itself has something else than plain files.
    #[error("`control.tar` holds `{0}`, which is no plain file")]
    NotPlain(String),
    /// It does not say what it is.
    #[error("`control.tar` holds no file `control`")]
    NoControl,
    /// A file of `control.tar` is not UTF-8.
    #[error("its `{0}` is not UTF-8")]
    Utf8(&'static str),
    /// What it says of itself cannot be read.
    #[error("its `control`, line {}: {source}", source.line())]
    Stanza {
        /// Why.
        #[from]
        source: StanzaError,
    },
    /// What it says of itself is not one paragraph.
    #[error("its `control` is not one paragraph of fields")]
    Paragraphs,
    /// It does not say what it has to.
    #[error("its `control` has no valid field `{0}`")]
    Field(&'static str),
    /// A line of one of its lists cannot be read.
    #[error("its `{member}`, line {line}: {expected}")]
    Line {
        /// The list.
        member: &'static str,
        /// The line, counted from 1.
        line: usize,
        /// What is expected.
        expected: &'static str,
    },
    /// It is another package than the index says.
    #[error("it says that it is `{found}`, but the index says `{expected}`")]
    Other {
        /// Name, version and architecture by the index.
        expected: String,
        /// By itself.
        found: String,
    },
}

/// Scripts and lists of files; those of the largest packages have some megabytes.
const LARGEST_CONTROL_BYTES: u64 = 64 << 20;
const CONTROL: &str = "control.tar";
const DATA: &str = "data.tar";

/// Reads what a package says of itself, and finds its files.
///
/// Members whose names begin with `_` are passed over, as is what stands behind the files (deb(5)).
pub fn read_deb<R: Read + Seek>(deb: &mut R) -> Result<Deb, DebError> {
    let mut members = ar::Members::new(deb)?;
    let first = expect(members.next()?, "debian-binary", |name| {
        name == "debian-binary"
    })?;
    let format = members.read(&first, 64)?;
    check_format(&format)?;
    let mut next = |expected, start: &str| {
        let mut member = members.next()?;
        while member.as_ref().is_some_and(|it| it.name.starts_with('_')) {
            member = members.next()?;
        }
        expect(member, expected, |name| {
            name.strip_prefix(start)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    let control = next("control.tar.*", CONTROL)?;
    let data = next("data.tar.*", DATA)?;
    let control = DebData::new(&control, CONTROL)?;
    let mut tar = Vec::new();
    control.unpack(deb, CONTROL, LARGEST_CONTROL_BYTES, &mut tar)?;
    Ok(Deb {
        control: DebControl::new(read_members(&tar)?)?,
        data: DebData::new(&data, DATA)?,
    })
}

fn expect(
    member: Option<Member>,
    expected: &'static str,
    is_right: impl FnOnce(&str) -> bool,
) -> Result<Member, DebError> {
    match member {
        Some(member) if is_right(&member.name) => Ok(member),
        other => Err(DebError::Member {
            expected,
            found: other.map_or("its end".to_owned(), |it| format!("`{}`", it.name)),
        }),
    }
}

/// The first line is the format; further ones may follow one day (deb(5)).
fn check_format(bytes: &[u8]) -> Result<(), DebError> {
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let text = String::from_utf8_lossy(line).escape_debug().to_string();
    let minor = text.strip_prefix("2.").unwrap_or_default();
    if !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(())
    } else {
        Err(DebError::Format(text))
    }
}

/// Decompresses the files of a package; more than `limit_bytes` is an error.
///
/// Gives how many bytes were written.
pub fn unpack_data<R: Read + Seek>(
    deb: &mut R,
    data: &DebData,
    limit_bytes: u64,
    out: &mut dyn Write,
) -> Result<u64, DebError> {
    data.unpack(deb, DATA, limit_bytes, out)
}

/// Opens the files of a package, to be read as a plain tar; what is broken in it shows while it is read.
pub fn open_data<'a, R: Read + Seek>(
    deb: &'a mut R,
    data: &DebData,
) -> Result<Box<dyn Read + 'a>, DebError> {
    data.open(deb)
}

/// Reads the entries of what [`unpack_data`] wrote; their contents lie in it, at `volume`.
///
/// Names such as `.wh.x` mean nothing special in a package: add the entries one by one with `Tree::add`.
pub fn read_data<R: Read + Seek>(tar: &mut R, volume: Volume) -> Result<Vec<Entry>, DebError> {
    read_tar(tar, volume).map_err(|source| DebError::Tar {
        member: DATA,
        source,
    })
}

impl DebData {
    fn new(member: &Member, stem: &str) -> Result<Self, DebError> {
        let compression = match member.name.strip_prefix(stem) {
            Some("") => Compression::None,
            Some(".gz") => Compression::Gzip,
            Some(".xz") => Compression::Xz,
            Some(".zst") => Compression::Zstd,
            _ => return Err(DebError::Compression(member.name.clone())),
        };
        Ok(Self {
            offset: member.offset,
            size_bytes: member.size_bytes,
            compression,
        })
    }

    fn open<'a, R: Read + Seek>(&self, deb: &'a mut R) -> Result<Box<dyn Read + 'a>, DebError> {
        deb.seek(SeekFrom::Start(self.offset))
            .map_err(DebError::Broken)?;
        let compressed = BufReader::with_capacity(1 << 16, deb.take(self.size_bytes));
        let decoder = self.compression.decoder(compressed);
        decoder.map_err(DebError::Broken)
    }

    fn unpack<R: Read + Seek>(
        &self,
        deb: &mut R,
        member: &'static str,
        limit_bytes: u64,
        out: &mut dyn Write,
    ) -> Result<u64, DebError> {
        let decoder = self.open(deb)?;
        let mut bounded = decoder.take(limit_bytes.saturating_add(1));
        let count = io::copy(&mut bounded, out).map_err(DebError::Broken)?;
        if count > limit_bytes {
            return Err(DebError::TooLarge {
                member,
                limit_bytes,
            });
        }
        Ok(count)
    }
}

/// Reads the files of `control.tar` by their names.
fn read_members(tar: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, DebError> {
    let entries = read_tar(&mut Cursor::new(tar), Volume(0));
    let entries = entries.map_err(|source| DebError::Tar {
        member: CONTROL,
        source,
    })?;
    let mut members = BTreeMap::new();
    for entry in entries {
        let refused = || DebError::NotPlain(entry.path.to_string());
        let Change::Node(Node { kind, .. }) = &entry.change else {
            return Err(refused());
        };
        match kind {
            Kind::Directory if entry.path.is_root() => (),
            Kind::File(Content::Stored(extent)) if entry.path.names().count() == 1 => {
                let name = std::str::from_utf8(entry.path.as_bytes()).map_err(|_| refused())?;
                let start = usize::try_from(extent.offset).map_err(|_| refused())?;
                let size = usize::try_from(extent.size_bytes).map_err(|_| refused())?;
                let bytes = tar.get(start..).and_then(|rest| rest.get(..size));
                members.insert(name.to_owned(), bytes.ok_or_else(refused)?.to_vec());
            }
            _ => return Err(refused()),
        }
    }
    Ok(members)
}

#[cfg(test)]
mod tests;
