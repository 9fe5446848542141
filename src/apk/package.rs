//! A package, `zlib-1.3.1-r0.apk`: gzip members in a row, which hold a signature, the control part, and the files.
//!
//! ```text
//! [.SIGN.RSA.NAME] │ .PKGINFO .post-install .trigger … │ bin/ bin/busybox …
//!                    signed; its SHA-1 is in the index     its SHA-256 is in .PKGINFO
//! ```
//!
//! It is read once, from its begin to its end: nothing of the files is written before the control part was found to be the
//! one that is expected, and none of them may be used before [`read_package`] has come to the end.

use std::io::{Cursor, Read, Write};

use super::checksum::{Checksum, Sha256};
use super::gzip::{GzipError, Part, Source};
use super::info::{Info, InfoError, parse_info};
use super::key::{Trust, TrustError, check, find_content, read_signatures};
use super::record::Record;
use crate::rootfs::{Change, TarError, Volume, read_tar};

/// A package without its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// What it says of itself.
    pub info: Info,
    /// Its scripts in their order, which nobody runs.
    pub scripts: Vec<Script>,
    /// The signature, where it has one.
    pub signature: Option<Part<Checksum>>,
    /// The control part.
    pub control: Part<Checksum>,
    /// The files.
    pub data: Part<Sha256>,
}

/// A script of a package, as the installed database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Its name in the control part: `.post-install`.
    pub name: String,
    /// Its permissions.
    pub mode: u32,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Which package has to be read, and what has to be right with it.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// What the image is for, in Alpine's words: `x86_64`; a package may be for all besides.
    pub architecture: &'a str,
    /// The sum of its control part, from an index or a lock.
    pub checksum: Checksum,
    /// Who has to have signed it.
    pub trust: Trust<'a>,
    /// How large it may be.
    pub limits: Limits,
}

/// How large the parts of a package may be, compressed and not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The signature and the control part, each; they are held in memory.
    pub control_bytes: u64,
    /// The files.
    pub data_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            control_bytes: 10 << 20,
            data_bytes: 16 << 30,
        }
    }
}

impl<'a> Expected<'a> {
    /// Expects what an index says, for an architecture.
    #[must_use]
    pub fn of(record: &'a Record, architecture: &'a str, trust: Trust<'a>) -> Self {
        Self {
            name: &record.name,
            version: record.version.as_str(),
            architecture,
            checksum: record.checksum,
            trust,
            limits: Limits::default(),
        }
    }
}

/// Why a package cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Its signature cannot be read.
    #[error("its signature cannot be read")]
    Signature(#[source] GzipError),
    /// Its control part cannot be read.
    #[error("its control part cannot be read")]
    Control(#[source] GzipError),
    /// Its files cannot be read, or written to where they were to go.
    #[error("its files cannot be unpacked")]
    Data(#[source] GzipError),
    /// What is compressed in its first parts is no tar.
    #[error("its control part: {0}")]
    Tar(#[from] TarError),
    /// It is not trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// It is another one than the one that was asked for, or was changed.
    #[error("its control part has the sum {found}, and {expected} was expected")]
    Checksum {
        /// From an index or a lock.
        expected: Checksum,
        /// What was computed.
        found: Checksum,
    },
    /// It does not say what it is.
    #[error("it has no `.PKGINFO` in UTF-8")]
    NoInfo,
    /// What it says of itself cannot be read.
    #[error(transparent)]
    Info(#[from] InfoError),
    /// It says that it is another one.
    #[error("it says that it is `{found}`, and `{expected}` was expected")]
    Name {
        /// From an index or a lock.
        expected: String,
        /// From `.PKGINFO`.
        found: String,
    },
    /// Its programs do not run where they are wanted.
    #[error("it is for the architecture `{found}`, and `{expected}` was expected")]
    Architecture {
        /// What the image is for.
        expected: String,
        /// From an index or `.PKGINFO`.
        found: String,
    },
    /// Nothing says what its files have to be.
    #[error("its `.PKGINFO` has no `datahash`: nothing says which files it has to have")]
    NoDataHash,
    /// Its files were changed.
    #[error("its files have the SHA-256 {found}, and `.PKGINFO` says {expected}")]
    DataHash {
        /// From `.PKGINFO`.
        expected: String,
        /// What was computed.
        found: String,
    },
}

/// The names of scripts (apk-package(5)).
const SCRIPTS: [&str; 7] = [
    ".pre-install",
    ".post-install",
    ".pre-upgrade",
    ".post-upgrade",
    ".pre-deinstall",
    ".post-deinstall",
    ".trigger",
];

/// Reads a package, checks that it is what is expected, and writes the tar of its files to `data`.
pub fn read_package(
    apk: impl Read,
    expected: &Expected<'_>,
    data: &mut dyn Write,
) -> Result<Package, PackageError> {
    let limits = expected.limits;
    let mut source = Source::new(apk);
    let first = source.member(limits.control_bytes);
    let first = first.map_err(PackageError::Signature)?;
    let (signatures, signature, control) = match read_signatures(&first.bytes)? {
        Some(signatures) => {
            let control = source.member(limits.control_bytes);
            let control = control.map_err(PackageError::Control)?;
            (signatures, Some(first.part), control)
        }
        None => (Vec::new(), None, first),
    };
    let found = control.part.sum;
    if found != expected.checksum {
        let expected = expected.checksum;
        return Err(PackageError::Checksum { expected, found });
    }
    check(expected.trust, &signatures, &control.compressed)?;
    let (info, scripts) = read_control(&control.bytes, found)?;
    check_name(&info.record, expected)?;
    check_architecture(&info.record, expected.architecture)?;
    let data_hash = info.data_hash.clone().ok_or(PackageError::NoDataHash)?;
    let data = source.rest(limits.data_bytes, data);
    let data = data.map_err(PackageError::Data)?;
    if !data_hash.eq_ignore_ascii_case(&data.sum.hex()) {
        let found = data.sum.hex();
        let expected = data_hash;
        return Err(PackageError::DataHash { expected, found });
    }
    Ok(Package {
        info,
        scripts,
        signature,
        control: control.part,
        data,
    })
}

fn check_name(record: &Record, expected: &Expected<'_>) -> Result<(), PackageError> {
    if *record.name == *expected.name && record.version.as_str() == expected.version {
        return Ok(());
    }
    Err(PackageError::Name {
        expected: format!("{}-{}", expected.name, expected.version),
        found: record.id(),
    })
}

/// What packages without programs are for, in the words of abuild and melange.
const ALL: [&str; 2] = ["noarch", "all"];

/// Checks that a package is for an architecture, or for all; an old one may not say what it is for.
pub fn check_architecture(record: &Record, architecture: &str) -> Result<(), PackageError> {
    let found = &*record.architecture;
    if found.is_empty() || found == architecture || ALL.contains(&found) {
        return Ok(());
    }
    Err(PackageError::Architecture {
        expected: architecture.to_owned(),
        found: found.to_owned(),
    })
}

/// Reads the control part; what is neither `.PKGINFO` nor a script is of no use here (melange adds its recipe).
fn read_control(tar: &[u8], sum: Checksum) -> Result<(Info, Vec<Script>), PackageError> {
    let mut info = None;
    let mut scripts = Vec::new();
    for entry in read_tar(&mut Cursor::new(tar), Volume(0))? {
        let name = String::from_utf8_lossy(entry.path.as_bytes());
        let (Some(bytes), Change::Node(node)) = (find_content(tar, &entry), &entry.change) else {
            continue;
        };
        if name == ".PKGINFO" {
            let text = std::str::from_utf8(bytes).map_err(|_| PackageError::NoInfo)?;
            info = Some(parse_info(text, sum)?);
        } else if SCRIPTS.contains(&&*name) {
            scripts.push(Script {
                name: name.into_owned(),
                mode: node.attributes.mode,
                bytes: bytes.to_vec(),
            });
        }
    }
    Ok((info.ok_or(PackageError::NoInfo)?, scripts))
}

impl Package {
    /// Gives the bytes of the whole file.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.data.end
    }
}
