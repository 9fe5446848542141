//! The notes of what a library needs of its processor (x86-64 psABI, "Program Property").

use super::bytes::number;
use super::library::Class;

/// The type of the note (`NT_GNU_PROPERTY_TYPE_0`), and its owner.
const KIND: u64 = 5;
const OWNER: &[u8] = b"GNU\0";
/// The property (`GNU_PROPERTY_X86_ISA_1_NEEDED`): a bit for each level.
const NEEDED: u64 = 0xc000_8002;

/// Gives the highest level that the notes say is needed; what cannot be read says nothing.
pub(super) fn find_isa_level(class: Class, mut notes: &[u8]) -> u16 {
    let align = match class {
        Class::Bits32 => 4,
        Class::Bits64 => 8,
    };
    while let Some((header, rest)) = notes.split_at_checked(12) {
        let part = |at| {
            number::<4>(header, at)
                .ok()
                .and_then(|it| usize::try_from(it).ok())
        };
        let (Some(owner), Some(size), Ok(kind)) = (part(0), part(4), number::<4>(header, 8)) else {
            break;
        };
        let Some((name, rest)) = take(rest, owner, 4) else {
            break;
        };
        let Some((properties, rest)) = take(rest, size, align) else {
            break;
        };
        if (kind, name) == (KIND, OWNER)
            && let Some(level) = find_level(align, properties)
        {
            return level;
        }
        notes = rest;
    }
    0
}

fn find_level(align: usize, mut properties: &[u8]) -> Option<u16> {
    loop {
        let (header, rest) = properties.split_at_checked(8)?;
        let size = usize::try_from(number::<4>(header, 4).ok()?).ok()?;
        let (value, rest) = take(rest, size, align)?;
        if number::<4>(header, 0).ok()? == NEEDED {
            let bits = number::<4>(value, 0).ok()?;
            return u16::try_from(bits.checked_ilog2().unwrap_or(0)).ok();
        }
        properties = rest;
    }
}

/// Takes `size` bytes, and what fills them up, where that is there.
fn take(bytes: &[u8], size: usize, align: usize) -> Option<(&[u8], &[u8])> {
    let (taken, _) = bytes.split_at_checked(size)?;
    let filled = size.checked_next_multiple_of(align)?;
    Some((taken, bytes.get(filled..).unwrap_or_default()))
}
