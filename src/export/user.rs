//! Who a container of an image runs as: names of its configuration looked up in its own files (image-spec, "Conversion to OCI
//! Runtime Configuration").

use super::error::ExportError;
use crate::rootfs::{Content, Kind, RootPath, Tree};
use crate::unpack::Unpacked;

/// A user in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Further groups.
    pub(super) groups: Vec<u32>,
    /// The home directory, where /etc/passwd names one.
    pub(super) home: Option<String>,
}

/// Looks a user up, as `name`, `uid`, `name:group` or `uid:gid`; groups that a name is a member of count where no group is
/// named.
pub(super) fn find_user(written: &str, image: &Unpacked, tree: &Tree) -> Result<User, ExportError> {
    let read = |name: &str| read_text(name, image, tree);
    let (passwd, groups) = (read("etc/passwd")?, read("etc/group")?);
    let unknown = |part: &str| ExportError::User {
        user: written.to_owned(),
        unknown: part.to_owned(),
    };
    let (name, group) = match written.split_once(':') {
        Some((name, group)) => (name, Some(group)),
        None => (written, None),
    };
    let name = if name.is_empty() { "0" } else { name };
    let mut user = User::default();
    let known = passwd.lines().map(fields).find(|line| {
        let field = if is_number(name) { 2 } else { 0 };
        line.get(field) == Some(&name)
    });
    match (&known, name.parse()) {
        (_, Ok(uid)) => user.uid = uid,
        (Some(line), Err(_)) => user.uid = number(line, 2).ok_or_else(|| unknown(name))?,
        (None, Err(_)) => return Err(unknown(name)),
    }
    if let Some(line) = &known {
        user.gid = number(line, 3).unwrap_or(0);
        let home = line.get(5).filter(|home| home.starts_with('/'));
        user.home = home.map(|home| (*home).to_owned());
    }
    if let Some(group) = group.filter(|group| !group.is_empty()) {
        let known = || {
            let mut lines = groups.lines().map(fields);
            number(&lines.find(|line| line.first() == Some(&group))?, 2)
        };
        let parsed = group.parse().ok();
        user.gid = parsed.or_else(known).ok_or_else(|| unknown(group))?;
    } else if !is_number(name) {
        let lines = groups.lines().map(fields);
        let is_member = |line: &Vec<&str>| {
            let members = line.get(3).copied().unwrap_or_default();
            members.split(',').any(|member| member == name)
        };
        let further = lines.filter(is_member);
        user.groups = further.filter_map(|line| number(&line, 2)).collect();
        user.groups.sort_unstable();
        user.groups.dedup();
    }
    Ok(user)
}

fn is_number(text: &str) -> bool {
    text.parse::<u32>().is_ok()
}

fn fields(line: &str) -> Vec<&str> {
    line.split(':').collect()
}

fn number(line: &[&str], field: usize) -> Option<u32> {
    line.get(field)?.parse().ok()
}

/// Files of users are small; what is larger is none.
const LARGEST_BYTES: u64 = 16 << 20;

/// Reads a file of the image, following its links inside of it; nothing where there is none.
fn read_text(name: &str, image: &Unpacked, tree: &Tree) -> Result<String, ExportError> {
    let path = RootPath::parse(name.as_bytes()).unwrap_or_default();
    let path = tree.resolve(&path)?;
    let mut bytes = Vec::new();
    match tree.find(&path).map(|node| &node.kind) {
        Some(Kind::File(content)) if content.size_bytes() > LARGEST_BYTES => (),
        Some(Kind::File(Content::Held(held))) => bytes.extend_from_slice(held),
        Some(Kind::File(Content::Stored(extent))) => {
            let copied = image.copy(extent, &mut bytes);
            copied.map_err(|source| ExportError::Write {
                path: name.into(),
                source,
            })?;
        }
        _ => (),
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
