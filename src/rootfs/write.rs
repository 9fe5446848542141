//! Writes a tree as a tar: the same tree gives the same bytes, whatever order it was made in.
//!
//! Paths are sorted, without `./` before and a slash behind them; headers are USTAR, with pax records only where those have
//! no room (POSIX.1-2017, pax, "ustar Interchange Format").

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use super::node::{Attributes, Content, Extent, Kind, Node, OwnerNames};
use super::path::RootPath;
use super::pax::{EXTENDED, render_record};
use super::tree::{NodeId, Tree};

/// Copies the bytes of an extent to a writer.
pub type Fetch<'a> = dyn Fn(&Extent, &mut dyn Write) -> io::Result<()> + 'a;

/// Whether a tar tells owners and groups by their names, too.
///
/// Root's `tar` takes a name that the machine knows for more than the number; that is right for a package, and wrong for an
/// image, whose users are its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Owners {
    /// By their numbers alone.
    #[default]
    Numbers,
    /// By what they were called where they come from, as far as that is known.
    Named,
}

/// What of a tree goes into a tar, and how.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// The directory of the tar below which it lies, which is written too where it is not the root.
    pub prefix: &'a RootPath,
    /// How owners are told.
    pub owners: Owners,
    /// Chooses paths of the tree; the directories above them are written as well, in every part that needs them.
    pub chosen: &'a dyn Fn(&RootPath) -> bool,
}

/// Writes all of a tree but its root below the directory `prefix`, which is written too where it is not the root.
pub fn write_tar(
    tree: &Tree,
    prefix: &RootPath,
    out: &mut dyn Write,
    fetch: &Fetch<'_>,
) -> io::Result<()> {
    let part = Part {
        prefix,
        owners: Owners::default(),
        chosen: &|_| true,
    };
    write_part(tree, &part, out, fetch)
}

/// Writes a part of a tree.
///
/// Hard links are links within a part; where the first of their names is in another part, this one has a file of its own.
pub fn write_part(
    tree: &Tree,
    part: &Part<'_>,
    out: &mut dyn Write,
    fetch: &Fetch<'_>,
) -> io::Result<()> {
    let mut writer = Writer::new(part.prefix, part.owners, out, fetch);
    for (path, id, node) in tree.with_ids() {
        if (part.chosen)(path) {
            writer.write(path, id, node)?;
        } else {
            writer.pass(path, id, node);
        }
    }
    writer.finish()
}

/// Writes paths that come in their order, with the directories above them.
pub(super) struct Writer<'a> {
    prefix: &'a RootPath,
    owners: Owners,
    out: &'a mut dyn Write,
    fetch: &'a Fetch<'a>,
    first_names: HashMap<NodeId, RootPath>,
    /// Directories above the path that comes next, as far as they are not written.
    above: Vec<(&'a RootPath, NodeId, &'a Node)>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        prefix: &'a RootPath,
        owners: Owners,
        out: &'a mut dyn Write,
        fetch: &'a Fetch<'a>,
    ) -> Self {
        Self {
            prefix,
            owners,
            out,
            fetch,
            first_names: HashMap::new(),
            above: Vec::new(),
        }
    }

    /// Passes by a path, which is written if something below it is.
    pub(super) fn pass(&mut self, path: &'a RootPath, id: NodeId, node: &'a Node) {
        self.leave(path);
        if node.is_directory() {
            self.above.push((path, id, node));
        }
    }

    /// Writes a path.
    pub(super) fn write(&mut self, path: &RootPath, id: NodeId, node: &Node) -> io::Result<()> {
        self.write_above(path)?;
        self.write_node(path, id, node)
    }

    /// Writes a file that is no node of the tree, such as a whiteout, and empty.
    pub(super) fn write_mark(&mut self, path: &RootPath) -> io::Result<()> {
        self.write_above(path)?;
        let node = Node {
            kind: Kind::File(Content::Held(Arc::from([]))),
            attributes: Attributes::default(),
        };
        let path = place(self.prefix, path)?;
        Header::new(&path, &node, None, self.owners).write(self.out)
    }

    /// Ends the tar.
    pub(super) fn finish(self) -> io::Result<()> {
        self.out.write_all(&[0; 2 * BLOCK])
    }

    fn leave(&mut self, path: &RootPath) {
        let is_left = |(above, ..): &mut (&RootPath, _, _)| !path.is_below(above);
        while self.above.pop_if(is_left).is_some() {}
    }

    fn write_above(&mut self, path: &RootPath) -> io::Result<()> {
        self.leave(path);
        for (path, id, node) in std::mem::take(&mut self.above) {
            self.write_node(path, id, node)?;
        }
        Ok(())
    }

    fn write_node(&mut self, path: &RootPath, id: NodeId, node: &Node) -> io::Result<()> {
        let path = place(self.prefix, path)?;
        if path.is_root() {
            return Ok(());
        }
        let linked = match node.kind {
            Kind::Directory => None,
            _ => self.first_names.get(&id),
        };
        Header::new(&path, node, linked, self.owners).write(self.out)?;
        if linked.is_none() {
            if let Kind::File(content) = &node.kind {
                write_content(content, self.out, self.fetch)?;
            }
            self.first_names.insert(id, path);
        }
        Ok(())
    }
}

fn place(prefix: &RootPath, path: &RootPath) -> io::Result<RootPath> {
    path.names().try_fold(prefix.clone(), |place, name| {
        let fits = place.try_join(name);
        fits.map_err(|fault| {
            io::Error::other(format!("{path} does not fit below {prefix}: {fault}"))
        })
    })
}

const BLOCK: usize = 512;

fn write_content(content: &Content, out: &mut dyn Write, fetch: &Fetch<'_>) -> io::Result<()> {
    match content {
        Content::Held(bytes) => out.write_all(bytes)?,
        Content::Stored(extent) => fetch(extent, out)?,
    }
    pad(content.size_bytes(), out)
}

/// Fills the last block of `size_bytes` bytes.
fn pad(size_bytes: u64, out: &mut dyn Write) -> io::Result<()> {
    let over = usize::try_from(size_bytes % BLOCK as u64).map_err(io::Error::other)?;
    match over {
        0 => Ok(()),
        over => out.write_all(&[0; BLOCK][over..]),
    }
}

/// One header, and what did not fit into it.
struct Header {
    ustar: tar::Header,
    records: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Header {
    fn new(path: &RootPath, node: &Node, linked: Option<&RootPath>, owners: Owners) -> Self {
        let mut header = Self {
            ustar: tar::Header::new_ustar(),
            records: Vec::new(),
        };
        header.name(path);
        header.attributes(&node.attributes);
        if let (Owners::Named, Some(names)) = (owners, &node.attributes.owner_names) {
            header.owner_names(names);
        }
        if let Some(target) = linked {
            header.ustar.set_entry_type(tar::EntryType::Link);
            header.target(target.as_bytes());
            return header;
        }
        match &node.kind {
            Kind::Directory => header.ustar.set_entry_type(tar::EntryType::Directory),
            Kind::File(content) => {
                header.ustar.set_entry_type(tar::EntryType::Regular);
                header.number(b"size", content.size_bytes(), tar::Header::set_size);
            }
            Kind::Link(target) => {
                header.ustar.set_entry_type(tar::EntryType::Symlink);
                header.target(target);
            }
            Kind::CharacterDevice { major, minor } => {
                header.device(tar::EntryType::Char, *major, *minor);
            }
            Kind::BlockDevice { major, minor } => {
                header.device(tar::EntryType::Block, *major, *minor);
            }
            Kind::Pipe => header.ustar.set_entry_type(tar::EntryType::Fifo),
        }
        header
    }

    /// A path of up to 255 bytes fits where one of its slashes parts it into at most 155 and 100.
    fn name(&mut self, path: &RootPath) {
        let bytes = path.as_bytes();
        let parted = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        let parted = parted.map(|(slash, _)| (&bytes[..slash], &bytes[slash + 1..]));
        let fits = |(prefix, name): &(&[u8], &[u8])| prefix.len() <= 155 && name.len() <= 100;
        let whole = std::iter::once((&b""[..], bytes));
        let found = whole.chain(parted).find(fits);
        if found.is_none() || is_for_pax(bytes) {
            self.records.push((b"path".to_vec(), bytes.to_vec()));
        }
        // Readers that know no pax get the end of the name.
        let (prefix, name) = found.unwrap_or((b"", &bytes[bytes.len().saturating_sub(100)..]));
        if let Some(ustar) = self.ustar.as_ustar_mut() {
            ustar.name[..name.len()].copy_from_slice(name);
            ustar.prefix[..prefix.len()].copy_from_slice(prefix);
        }
    }

    fn target(&mut self, target: &[u8]) {
        if target.len() > 100 || is_for_pax(target) {
            self.records.push((b"linkpath".to_vec(), target.to_vec()));
        }
        let target = &target[..target.len().min(100)];
        if let Some(ustar) = self.ustar.as_ustar_mut() {
            ustar.linkname[..target.len()].copy_from_slice(target);
        }
    }

    fn attributes(&mut self, attributes: &Attributes) {
        self.ustar.set_mode(attributes.mode);
        self.ustar.set_size(0);
        self.number(b"uid", attributes.uid, tar::Header::set_uid);
        self.number(b"gid", attributes.gid, tar::Header::set_gid);
        if let Ok(seconds) = u64::try_from(attributes.modified) {
            self.number(b"mtime", seconds, tar::Header::set_mtime);
        } else {
            self.ustar.set_mtime(0);
            let seconds = attributes.modified.to_string();
            self.records.push((b"mtime".to_vec(), seconds.into()));
        }
        for (name, value) in &attributes.extended {
            let name = [EXTENDED, name].concat();
            self.records.push((name, value.clone()));
        }
    }

    fn owner_names(&mut self, names: &OwnerNames) {
        let Some(ustar) = self.ustar.as_ustar_mut() else {
            return;
        };
        let fields = [
            (&b"uname"[..], &names.user, &mut ustar.uname),
            (b"gname", &names.group, &mut ustar.gname),
        ];
        for (key, name, field) in fields {
            // A field ends with a zero byte.
            if name.len() < field.len() && !is_for_pax(name) {
                field[..name.len()].copy_from_slice(name);
            } else {
                self.records.push((key.to_vec(), name.clone()));
            }
        }
    }

    fn number(&mut self, key: &[u8], value: u64, set: fn(&mut tar::Header, u64)) {
        // Seven digits in octal for owners, eleven for sizes and times.
        let largest = match key {
            b"uid" | b"gid" => 0o777_7777,
            _ => 0o777_7777_7777,
        };
        if value > largest {
            self.records.push((key.to_vec(), value.to_string().into()));
        }
        set(&mut self.ustar, if value > largest { 0 } else { value });
    }

    fn device(&mut self, kind: tar::EntryType, major: u32, minor: u32) {
        self.ustar.set_entry_type(kind);
        if let Some(ustar) = self.ustar.as_ustar_mut() {
            ustar.set_device_major(major);
            ustar.set_device_minor(minor);
        }
    }

    fn write(mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.records.is_empty() {
            self.records.sort();
            let records = self.records.iter();
            let records = records.flat_map(|(key, value)| render_record(key, value));
            let records: Vec<u8> = records.collect();
            let mut pax = tar::Header::new_ustar();
            pax.set_entry_type(tar::EntryType::XHeader);
            pax.set_mode(0o644);
            pax.set_uid(0);
            pax.set_gid(0);
            pax.set_mtime(0);
            pax.set_size(records.len() as u64);
            if let Some(ustar) = pax.as_ustar_mut() {
                ustar.name[..PAX_NAME.len()].copy_from_slice(PAX_NAME);
            }
            pax.set_cksum();
            out.write_all(pax.as_bytes())?;
            out.write_all(&records)?;
            pad(records.len() as u64, out)?;
        }
        self.ustar.set_cksum();
        out.write_all(self.ustar.as_bytes())
    }
}

const PAX_NAME: &[u8] = b"PaxHeaders/pax";

/// Names that are no ASCII are UTF-8 only in a pax record; what is neither stays in the plain header, as GNU tar does it.
fn is_for_pax(name: &[u8]) -> bool {
    !name.is_ascii() && std::str::from_utf8(name).is_ok()
}
