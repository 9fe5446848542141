//! Lines as they are meant where they were written for an address or a shell, with the place of each byte in the line.
//!
//! ```text
//! p%22ss%2Fw         p"ss/w      which signs are escaped is each program's own choice; `+` may be a space
//! 'it'\''s'          'it's'      as bash traces commands; dash writes '"'"'
//! it\'s  $'\303\251' it's  $'é'  as `printf %q` writes, and bash what is no ASCII
//! ```

use std::ops::Range;

/// A line as it is meant.
pub(super) struct Reading {
    pub(super) bytes: Vec<u8>,
    /// Where each byte begins in the line; the last one is the end of the line.
    places: Vec<usize>,
}

/// Gives what is meant at the beginning of some bytes, and how many stand for it; nothing where it is what stands there.
type Way = fn(&[u8]) -> Option<(u8, usize)>;

/// The ways to read a line, each with a sign without which nothing is to be read.
const WAYS: [(char, Way); 4] = [
    ('%', in_address),
    ('+', in_form),
    ('\'', in_quotes),
    ('\\', behind_backslashes),
];

/// Gives the readings of a line that differ from what stands there.
pub(super) fn readings(line: &str) -> impl Iterator<Item = Reading> {
    let ways = WAYS.iter().filter(|(sign, _)| line.contains(*sign));
    ways.filter_map(|(_, way)| Reading::of(line, *way))
}

impl Reading {
    fn of(line: &str, way: Way) -> Option<Self> {
        let mut reading = Self {
            bytes: Vec::new(),
            places: Vec::new(),
        };
        let mut differs = false;
        let (mut at, mut rest) = (0, line.as_bytes());
        while let [first, ..] = rest {
            let meant = way(rest);
            differs |= meant.is_some();
            let (byte, length) = meant.unwrap_or((*first, 1));
            reading.bytes.push(byte);
            reading.places.push(at);
            at += length;
            rest = &rest[length..];
        }
        reading.places.push(at);
        differs.then_some(reading)
    }

    /// Gives where in the line a part stands, with the whole of the signs at its ends.
    pub(super) fn place_of(&self, part: &Range<usize>, line: &str) -> Range<usize> {
        let mut place = self.places[part.start]..self.places[part.end];
        while !line.is_char_boundary(place.start) {
            place.start -= 1;
        }
        while !line.is_char_boundary(place.end) {
            place.end += 1;
        }
        place
    }
}

fn in_address(bytes: &[u8]) -> Option<(u8, usize)> {
    let byte = number(bytes.strip_prefix(b"%")?, 2, 16)?;
    Some((byte, 3))
}

fn in_form(bytes: &[u8]) -> Option<(u8, usize)> {
    if bytes.starts_with(b"+") {
        return Some((b' ', 1));
    }
    in_address(bytes)
}

/// Between quotes of a shell only the quote itself is written in another way.
fn in_quotes(bytes: &[u8]) -> Option<(u8, usize)> {
    let forms: [&[u8]; 2] = [br"'\''", br#"'"'"'"#];
    let form = forms.into_iter().find(|form| bytes.starts_with(form))?;
    Some((b'\'', form.len()))
}

fn behind_backslashes(bytes: &[u8]) -> Option<(u8, usize)> {
    let escaped = bytes.strip_prefix(b"\\")?;
    let byte = *escaped.first()?;
    match byte {
        b'x' => Some((number(&escaped[1..], 2, 16)?, 4)),
        b'0'..=b'3' => Some((number(escaped, 3, 8)?, 4)),
        b't' => Some((b'\t', 2)),
        b' '..=b'/' | b':'..=b'@' | b'['..=b'`' | b'{'..=b'~' => Some((byte, 2)),
        _ => None,
    }
}

/// Reads a number of so many digits at the beginning.
fn number(bytes: &[u8], count: usize, radix: u32) -> Option<u8> {
    let digits = std::str::from_utf8(bytes.get(..count)?).ok()?;
    let is_digit = |digit: char| digit.is_digit(radix);
    let is_number = digits.chars().all(is_digit);
    is_number.then(|| u8::from_str_radix(digits, radix).ok())?
}
