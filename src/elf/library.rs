//! The headers of a library.

use std::io::{self, Read, Seek};

use super::bytes::{Bytes, number, word};
use super::property::find_isa_level;

/// How wide the addresses are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Four bytes.
    Bits32,
    /// Eight bytes.
    Bits64,
}

/// Numbers of machines (`e_machine`).
pub mod machine {
    /// `i386`.
    pub const I386: u16 = 3;
    /// `ppc64el`.
    pub const POWERPC_64: u16 = 21;
    /// `armhf` and `armel`.
    pub const ARM: u16 = 40;
    /// `amd64`, and x32 with the other class.
    pub const X86_64: u16 = 62;
    /// `arm64`.
    pub const AARCH64: u16 = 183;
    /// `riscv64`.
    pub const RISCV: u16 = 243;
}

/// A shared library, or a program that can be loaded at any address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// How wide its addresses are.
    pub class: Class,
    /// What it runs on, one of [`machine`] or another.
    pub machine: u16,
    /// What it says of its machine (`e_flags`).
    pub flags: u32,
    /// The name by which others need it.
    pub soname: Option<Vec<u8>>,
    /// The level of x86-64 that it needs: 0 for the first, 1 for `x86-64-v2`.
    pub isa_level: u16,
}

/// Why a file is no library that can be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ElfError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("it is no ELF file")]
    Foreign,
    /// It is a program at a fixed address, an object file or a dump, or has its bytes in the other order.
    #[error("it is no shared library of a machine that has the lowest byte first")]
    OtherKind,
    /// It has no table of what it needs.
    #[error("nothing can be linked to it")]
    Static,
    /// Its headers do not fit together.
    #[error("its headers are broken: {0}")]
    Broken(&'static str),
}

/// A shared library (`e_type`, `ET_DYN`).
const DYNAMIC: u64 = 3;
/// Segments (`p_type`).
const LOADED: u64 = 1;
const TABLE: u64 = 2;
const PROPERTIES: u64 = 0x6474_e553;
/// Entries of the table (`d_tag`).
const END: u64 = 0;
const STRINGS: u64 = 5;
const STRINGS_SIZE: u64 = 10;
const SONAME: u64 = 14;

/// So many segments are looked at; libraries have some ten.
const MOST_SEGMENTS: u64 = 256;
/// The table has some hundred bytes.
const LARGEST_TABLE_BYTES: u64 = 1 << 20;
/// Notes of properties have some ten bytes.
const LARGEST_NOTE_BYTES: u64 = 1 << 16;
/// No file system takes a longer name (`NAME_MAX`).
const LONGEST_NAME: usize = 255;

/// Reads the headers of a library.
pub fn read_library(file: &mut (impl Read + Seek)) -> Result<Library, ElfError> {
    let mut file = Bytes::new(file)?;
    let header = file.read_some(0, 64)?;
    let class = match *header.get(..6).ok_or(ElfError::Foreign)? {
        [0x7f, b'E', b'L', b'F', 1, 1] => Class::Bits32,
        [0x7f, b'E', b'L', b'F', 2, 1] => Class::Bits64,
        [0x7f, b'E', b'L', b'F', ..] => return Err(ElfError::OtherKind),
        _ => return Err(ElfError::Foreign),
    };
    if number::<2>(&header, 16)? != DYNAMIC {
        return Err(ElfError::OtherKind);
    }
    let (flags, [offset, count]) = match class {
        Class::Bits32 => (36, [word(class, &header, 28)?, number::<2>(&header, 44)?]),
        Class::Bits64 => (48, [word(class, &header, 32)?, number::<2>(&header, 56)?]),
    };
    let segments = read_segments(&mut file, class, (offset, count))?;
    let dynamic = segments.iter().find(|segment| segment.kind == TABLE);
    let table = Table::read(&mut file, class, dynamic.ok_or(ElfError::Static)?)?;
    let soname = table.read_soname(&mut file, &segments)?;
    let notes = segments.iter().find(|segment| segment.kind == PROPERTIES);
    let isa_level = match notes {
        Some(notes) => {
            let size_bytes = notes.size_bytes.min(LARGEST_NOTE_BYTES);
            find_isa_level(class, &file.read_some(notes.offset, size_bytes)?)
        }
        None => 0,
    };
    // Two and four bytes.
    #[expect(clippy::cast_possible_truncation, reason = "so many bytes were read")]
    let (machine, flags) = (
        number::<2>(&header, 18)? as u16,
        number::<4>(&header, flags)? as u32,
    );
    Ok(Library {
        class,
        machine,
        flags,
        soname,
        isa_level,
    })
}

/// A part of the file, and where it lies in memory (`Elf64_Phdr`).
struct Segment {
    kind: u64,
    offset: u64,
    address: u64,
    size_bytes: u64,
}

fn read_segments<R: Read + Seek>(
    file: &mut Bytes<'_, R>,
    class: Class,
    (offset, count): (u64, u64),
) -> Result<Vec<Segment>, ElfError> {
    if count > MOST_SEGMENTS {
        return Err(ElfError::Broken("it has more segments than any library"));
    }
    let (size, [at_offset, at_address, at_size]) = match class {
        Class::Bits32 => (32, [4, 8, 16]),
        Class::Bits64 => (56, [8, 16, 32]),
    };
    let headers = file.read(offset, count * size as u64)?;
    let segment = |header: &[u8]| {
        Ok(Segment {
            kind: number::<4>(header, 0)?,
            offset: word(class, header, at_offset)?,
            address: word(class, header, at_address)?,
            size_bytes: word(class, header, at_size)?,
        })
    };
    headers.chunks_exact(size).map(segment).collect()
}

/// The table of what has to be linked (`PT_DYNAMIC`).
#[derive(Default)]
struct Table {
    strings: Option<u64>,
    strings_bytes: Option<u64>,
    soname: Option<u64>,
}

impl Table {
    fn read<R: Read + Seek>(
        file: &mut Bytes<'_, R>,
        class: Class,
        segment: &Segment,
    ) -> Result<Self, ElfError> {
        if segment.size_bytes > LARGEST_TABLE_BYTES {
            return Err(ElfError::Broken("what it needs fills a megabyte"));
        }
        let bytes = file.read(segment.offset, segment.size_bytes)?;
        let width = match class {
            Class::Bits32 => 4,
            Class::Bits64 => 8,
        };
        let mut table = Self::default();
        for entry in bytes.chunks_exact(2 * width) {
            let value = word(class, entry, width)?;
            match word(class, entry, 0)? {
                END => break,
                STRINGS => table.strings = Some(value),
                STRINGS_SIZE => table.strings_bytes = Some(value),
                SONAME => table.soname = Some(value),
                _ => {}
            }
        }
        Ok(table)
    }

    /// Reads the library's own name. Those of what it needs are for the loader to read, and to refuse.
    fn read_soname<R: Read + Seek>(
        &self,
        file: &mut Bytes<'_, R>,
        segments: &[Segment],
    ) -> Result<Option<Vec<u8>>, ElfError> {
        let address = self
            .strings
            .ok_or(ElfError::Broken("it has no table of names"))?;
        let strings = segments.iter().find_map(|segment| {
            let into = address.checked_sub(segment.address)?;
            let is_there = segment.kind == LOADED && into < segment.size_bytes;
            is_there.then(|| segment.offset.checked_add(into)).flatten()
        });
        let strings = strings.ok_or(ElfError::Broken("no segment has the table of names"))?;
        let Some(index) = self.soname else {
            return Ok(None);
        };
        let is_outside = self.strings_bytes.is_some_and(|size| index >= size);
        let offset = strings.checked_add(index).filter(|_| !is_outside);
        let offset = offset.ok_or(ElfError::Broken("its name lies behind the table of names"))?;
        let mut name = file.read_some(offset, LONGEST_NAME as u64 + 1)?;
        let end = name.iter().position(|byte| *byte == 0);
        name.truncate(end.ok_or(ElfError::Broken("its name has no end"))?);
        Ok(Some(name))
    }
}
