//! What a path holds.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Which of the tars an extent lies in; whoever opened them knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Volume(pub u32);

/// Where the bytes of a file lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The tar, uncompressed.
    pub volume: Volume,
    /// Where they begin in it.
    pub offset: u64,
    /// How many they are.
    pub size_bytes: u64,
}

/// The bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Made here, and small.
    Held(Arc<[u8]>),
    /// In a tar.
    Stored(Extent),
}

impl Content {
    /// Gives the number of bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::Held(bytes) => bytes.len() as u64,
            Self::Stored(extent) => extent.size_bytes,
        }
    }
}

/// What all kinds of nodes have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Permissions with setuid, setgid and sticky bits: `0o4755`.
    pub mode: u32,
    /// The owner.
    pub uid: u64,
    /// The group.
    pub gid: u64,
    /// What the archive calls owner and group, where it does; the numbers count.
    pub owner_names: Option<Arc<OwnerNames>>,
    /// Whole seconds since 1970.
    pub modified: i64,
    /// Extended attributes by their names: `security.capability`.
    pub extended: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Attributes {
    /// Gives the bytes of names and values of all extended attributes.
    pub(super) fn extended_bytes(&self) -> usize {
        let extended = self.extended.iter();
        extended.map(|(name, value)| name.len() + value.len()).sum()
    }
}

/// The names of owner and group as an archive has them (POSIX.1-2017, pax, `uname` and `gname`); one that is empty tells nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnerNames {
    /// The owner.
    pub user: Vec<u8>,
    /// The group.
    pub group: Vec<u8>,
}

/// The kinds of nodes (inode(7)); a socket is none of an archive's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File(Content),
    /// A symbolic link with its target as written.
    Link(Vec<u8>),
    /// A character device.
    CharacterDevice {
        /// The driver.
        major: u32,
        /// The device.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// The driver.
        major: u32,
        /// The device.
        minor: u32,
    },
    /// A named pipe.
    Pipe,
}

/// One node; several paths may hold the same one, as hard links do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Owner, mode, time.
    pub attributes: Attributes,
}

impl Node {
    /// Gives a directory of root's that everybody may look into, as missing parents are made.
    #[must_use]
    pub fn plain_directory() -> Self {
        Self {
            kind: Kind::Directory,
            attributes: Attributes {
                mode: 0o755,
                ..Attributes::default()
            },
        }
    }

    /// Gives the bytes of what it holds beside the contents of a file, as far as their number is anybody's choice.
    pub(super) fn bytes(&self) -> usize {
        let target = match &self.kind {
            Kind::Link(target) => target.len(),
            _ => 0,
        };
        target + self.attributes.extended_bytes()
    }

    /// Tells whether it is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }
}
