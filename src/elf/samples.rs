//! Small libraries for tests.

use super::{Class, machine};

/// What a library is to say.
#[derive(Clone, Debug)]
pub(crate) struct Sample<'a> {
    pub(crate) class: Class,
    pub(crate) machine: u16,
    pub(crate) flags: u32,
    pub(crate) soname: Option<&'a str>,
    pub(crate) needed: &'a [&'a str],
    /// The bits of the levels that it needs.
    pub(crate) isa: u32,
}

impl<'a> Sample<'a> {
    /// Gives one of amd64.
    pub(crate) fn named(soname: &'a str) -> Self {
        Self {
            class: Class::Bits64,
            machine: machine::X86_64,
            flags: 0,
            soname: Some(soname),
            needed: &["libc.so.6"],
            isa: 0,
        }
    }

    /// Writes it: header, segments, table, note, names.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut strings = vec![0];
        let mut add = |name: &str| {
            let at = strings.len() as u64;
            strings.extend(name.bytes().chain([0]));
            at
        };
        let mut table: Vec<(u64, u64)> = self.needed.iter().map(|name| (1, add(name))).collect();
        table.extend(self.soname.map(|name| (14, add(name))));
        let is_wide = self.class == Class::Bits64;
        let (header, segment, word) = if is_wide { (64, 56, 8) } else { (52, 32, 4) };
        let mut note = Vec::new();
        for number in [4, 16, 5, 0x0055_4e47, 0xc000_8002, 4, self.isa, 0] {
            note.extend(u32::to_le_bytes(number));
        }
        let dynamic = header + 3 * segment;
        let notes = dynamic + 2 * word * (table.len() as u64 + 3);
        let names = notes + note.len() as u64;
        let end = names + strings.len() as u64;
        // Everything is loaded a page behind where it lies.
        table.extend([(5, names + 0x1000), (10, strings.len() as u64), (0, 0)]);
        let mut bytes = vec![0x7f, b'E', b'L', b'F', 1 + u8::from(is_wide), 1, 1];
        bytes.resize(16, 0);
        push(&mut bytes, &[(3, 2), (self.machine.into(), 2), (1, 4)]);
        push(
            &mut bytes,
            &[(0, word), (header, word), (0, word), (self.flags.into(), 4)],
        );
        push(
            &mut bytes,
            &[(header, 2), (segment, 2), (3, 2), (0, 2), (0, 2), (0, 2)],
        );
        for (kind, from, to) in [
            (1, 0, end),
            (2, dynamic, notes),
            (0x6474_e553, notes, names),
        ] {
            let place = [
                (from, word),
                (from + 0x1000, word),
                (0, word),
                (to - from, word),
                (to - from, word),
            ];
            if is_wide {
                push(&mut bytes, &[(kind, 4), (4, 4)]);
                push(&mut bytes, &place);
            } else {
                push(&mut bytes, &[(kind, 4)]);
                push(&mut bytes, &place);
                push(&mut bytes, &[(4, 4)]);
            }
            push(&mut bytes, &[(8, word)]);
        }
        for (tag, value) in table {
            push(&mut bytes, &[(tag, word), (value, word)]);
        }
        bytes.extend(note);
        bytes.extend(strings);
        bytes
    }
}

/// Writes numbers of so many bytes each, the lowest first.
fn push(bytes: &mut Vec<u8>, numbers: &[(u64, u64)]) {
    for (number, size) in numbers {
        let size = usize::try_from(*size).expect("a few bytes");
        bytes.extend(&number.to_le_bytes()[..size]);
    }
}
