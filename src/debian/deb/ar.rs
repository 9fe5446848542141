//! `ar` archives as dpkg writes and reads them (deb(5), ar(5)): names of at most sixteen bytes, filled with blanks, with or
//! without a slash behind them; an odd member is followed by a line feed.

use std::io::{self, Read, Seek, SeekFrom};

use super::DebError;

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;
const END_OF_HEADER: &[u8] = b"`\n";

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) size_bytes: u64,
}

/// Goes from member to member.
pub(super) struct Members<'a, R> {
    file: &'a mut R,
    at: u64,
    end: u64,
}

impl<'a, R: Read + Seek> Members<'a, R> {
    pub(super) fn new(file: &'a mut R) -> Result<Self, DebError> {
        let end = file.seek(SeekFrom::End(0)).map_err(DebError::Broken)?;
        file.rewind().map_err(DebError::Broken)?;
        let mut magic = [0; MAGIC.len()];
        if read_whole(file, &mut magic)? != MAGIC.len() || magic != MAGIC {
            return Err(DebError::Archive("it does not begin as an `ar` archive"));
        }
        let at = MAGIC.len() as u64;
        Ok(Self { file, at, end })
    }

    pub(super) fn next(&mut self) -> Result<Option<Member>, DebError> {
        self.file
            .seek(SeekFrom::Start(self.at))
            .map_err(DebError::Broken)?;
        let mut header = [0; HEADER];
        match read_whole(self.file, &mut header)? {
            0 => return Ok(None),
            HEADER => (),
            _ => return Err(DebError::Archive("the header of a member is cut off")),
        }
        if !header.ends_with(END_OF_HEADER) {
            return Err(DebError::Archive("the header of a member is broken"));
        }
        let (name, rest) = header.split_at(16);
        let size_bytes =
            decimal(&rest[32..42]).ok_or(DebError::Archive("the size of a member is no number"))?;
        let offset = self.at + HEADER as u64;
        let next = offset
            .checked_add(size_bytes)
            .filter(|end| *end <= self.end);
        let next = next.ok_or(DebError::Archive("a member is cut off"))?;
        // The filling of the last member may be missing.
        self.at = next + (size_bytes & 1);
        Ok(Some(Member {
            name: parse_name(name)?,
            offset,
            size_bytes,
        }))
    }

    /// Reads a small member.
    pub(super) fn read(&mut self, member: &Member, limit: u64) -> Result<Vec<u8>, DebError> {
        self.file
            .seek(SeekFrom::Start(member.offset))
            .map_err(DebError::Broken)?;
        let mut bytes = Vec::new();
        let taken = (&mut *self.file).take(member.size_bytes.min(limit));
        taken
            .take(limit)
            .read_to_end(&mut bytes)
            .map_err(DebError::Broken)?;
        Ok(bytes)
    }
}

/// Reads as much as there is.
fn read_whole(file: &mut impl Read, bytes: &mut [u8]) -> Result<usize, DebError> {
    let mut count = 0;
    while count < bytes.len() {
        match file.read(&mut bytes[count..]) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => (),
            Err(fault) => return Err(DebError::Broken(fault)),
        }
    }
    Ok(count)
}

fn parse_name(field: &[u8]) -> Result<String, DebError> {
    let text = std::str::from_utf8(field)
        .ok()
        .map(|text| text.trim_end_matches(' '));
    let name = text.map(|text| text.strip_suffix('/').unwrap_or(text));
    let is_plain = |name: &&str| {
        !name.is_empty()
            && !name.starts_with(['/', '#'])
            && name.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let plain = name.filter(is_plain);
    plain.map(str::to_owned).ok_or(DebError::Archive(
        "a member has a long name, as dpkg does not write them",
    ))
}

fn decimal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_end_matches(' ');
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
