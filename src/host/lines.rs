//! Lines out of a stream of bytes that comes in pieces: bounded in length, and always text.

use crate::settings::Mask;

/// Collects bytes and gives out whole lines.
///
/// A line ends at `\n` or `\r\n`, or where the stream ends. What is longer than [`LineSplitter::LIMIT`] comes in parts of
/// about that size, or without its end, so a program that never ends its line fills no memory. Parts end between words where
/// there are some, and never within a secret, so that it is found in one of them. What is not UTF-8 is replaced.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    pending: Vec<u8>,
    long: LongLines,
    /// What no part may end within.
    mask: Mask,
    /// The rest of a line whose beginning was given is passed over.
    is_cut: bool,
}

/// What becomes of lines that are too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LongLines {
    /// They come in parts: whoever reads them misses nothing.
    #[default]
    InParts,
    /// Their ends are lost: a part could be taken for a line that means something else.
    Cut,
}

impl LineSplitter {
    /// The most bytes of one line, but for a secret at the end of a part.
    pub(super) const LIMIT: usize = 16 * 1024;

    /// Makes one that deals so with lines that are too long.
    pub(super) fn with(long: LongLines) -> Self {
        Self {
            long,
            ..Self::default()
        }
    }

    /// Ends no part within a secret.
    pub(super) fn hiding(mut self, mask: Mask) -> Self {
        self.mask = mask;
        self
    }

    /// Takes the next bytes and gives each line that they complete.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut on_line: impl FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = bytes.split_at(end);
            self.hold(line, &mut on_line);
            if !std::mem::take(&mut self.is_cut) {
                self.give(&mut on_line);
            }
            bytes = &rest[1..];
        }
        self.hold(bytes, &mut on_line);
    }

    /// Gives the last line, which no line end closed.
    pub(super) fn finish(&mut self, mut on_line: impl FnMut(&str)) {
        if !self.pending.is_empty() {
            self.give(&mut on_line);
        }
    }

    fn hold(&mut self, bytes: &[u8], on_line: &mut impl FnMut(&str)) {
        if self.is_cut {
            return;
        }
        self.pending.extend_from_slice(bytes);
        let seen = Self::LIMIT + self.mask.overlap();
        while self.pending.len() > seen {
            let end = match self.long {
                LongLines::InParts => {
                    let end = find_part_end(&self.pending);
                    self.mask.find_cut(&self.pending[..seen], end)
                }
                LongLines::Cut => character_start(&self.pending),
            };
            let rest = self.pending.split_off(end);
            self.give(on_line);
            if self.long == LongLines::Cut {
                self.is_cut = true;
                return;
            }
            self.pending = rest;
        }
    }

    fn give(&mut self, on_line: &mut impl FnMut(&str)) {
        let line = self.pending.strip_suffix(b"\r").unwrap_or(&self.pending);
        on_line(&String::from_utf8_lossy(line));
        self.pending.clear();
    }
}

/// Finds where a part of a long line ends: behind the last space, or else behind the last sign that ends words in JSON and
/// lists.
fn find_part_end(bytes: &[u8]) -> usize {
    let half = LineSplitter::LIMIT / 2;
    let second = &bytes[half..LineSplitter::LIMIT];
    let is_space = |byte: &u8| byte.is_ascii_whitespace();
    let space = second.iter().rposition(is_space);
    let sign = || second.iter().rposition(|byte| b"\",;".contains(byte));
    let last = space.or_else(sign);
    last.map_or_else(|| character_start(bytes), |at| half + at + 1)
}

/// Finds where the character at the limit begins, so that no part of a long line ends inside one.
fn character_start(bytes: &[u8]) -> usize {
    let is_start = |&&at: &&usize| bytes[at] & 0b1100_0000 != 0b1000_0000;
    let candidates: [usize; 4] = std::array::from_fn(|back| LineSplitter::LIMIT - back);
    *candidates
        .iter()
        .find(is_start)
        .unwrap_or(&LineSplitter::LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives the parts of a line, which comes in pieces.
    fn parts_of(line: &[u8], mask: &Mask) -> Vec<String> {
        let mut parts = Vec::new();
        let mut splitter = LineSplitter::default().hiding(mask.clone());
        for piece in line.chunks(1000) {
            splitter.push(piece, |part| parts.push(part.to_owned()));
        }
        splitter.finish(|part| parts.push(part.to_owned()));
        parts
    }

    #[test]
    fn no_part_of_a_long_line_ends_within_a_secret() {
        for secret in [
            "hush-6",
            "hush hush",
            "h%FCsh-h\u{fc}sh-hush",
            &"h-".repeat(60),
        ] {
            let mask = Mask::default().with(secret.as_bytes());
            for before in 0..=secret.len() {
                let (limit, near) = (LineSplitter::LIMIT, LineSplitter::LIMIT - before);
                let line = format!("{}{secret}{}", "x".repeat(near), "x".repeat(2 * limit));
                let parts = parts_of(line.as_bytes(), &mask);
                assert_eq!(parts.concat(), line);
                let longest = parts.iter().map(String::len).max();
                assert!(longest <= Some(limit + secret.len() + mask.overlap()));
                let shown: String = parts.iter().map(|part| mask.hide(part)).collect();
                assert_eq!(shown, line.replace(secret, "***"), "{secret} {before}");
            }
        }
    }

    #[test]
    fn a_secret_that_is_longer_than_a_part_is_hidden_in_all_of_them() {
        let numbers: Vec<_> = (0..9000).map(|number| format!("{number:05}")).collect();
        let secret = numbers.concat();
        let mask = Mask::default().with(secret.as_bytes());
        let parts = parts_of(format!("is {secret} it").as_bytes(), &mask);
        let shown: Vec<_> = parts.iter().map(|part| mask.hide(part)).collect();
        assert!(shown.len() > 2 && shown.concat().len() < 40, "{shown:?}");
    }

    #[track_caller]
    fn case(pieces: &[&[u8]], expected: &[&str]) {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for piece in pieces {
            splitter.push(piece, |line| lines.push(line.to_owned()));
        }
        splitter.finish(|line| lines.push(line.to_owned()));
        assert_eq!(lines, expected);
    }

    #[test]
    fn lines_are_whole_however_the_bytes_come() {
        case(&[], &[]);
        case(&[b"one\ntwo\n"], &["one", "two"]);
        case(&[b"o", b"ne\n\ntw", b"o"], &["one", "", "two"]);
        case(&[b"one\r", b"\ntwo\r\n"], &["one", "two"]);
        case(&[b"\xc3", b"\xa4\n"], &["\u{e4}"]);
        case(&[b"10%\r20%\n"], &["10%\r20%"]);
    }

    #[test]
    fn where_lines_mean_something_the_end_of_a_long_one_is_lost() {
        let mut splitter = LineSplitter::with(LongLines::Cut);
        let mut lines = Vec::new();
        let long = format!("+{}\n+++ b\n", "-x".repeat(LineSplitter::LIMIT));
        for piece in long.as_bytes().chunks(1000).chain([b"+".as_slice()]) {
            splitter.push(piece, |line| lines.push(line.to_owned()));
        }
        splitter.finish(|line| lines.push(line.to_owned()));
        assert_eq!(lines[0].len(), LineSplitter::LIMIT);
        assert_eq!(lines[1..], ["+++ b", "+"]);
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        case(&[b"a\xffb\n"], &["a\u{fffd}b"]);
    }

    #[test]
    fn a_long_line_comes_in_parts_that_split_no_word() {
        for between in [" ", "\t", "\",\"", ";"] {
            for before in 0..20 {
                let secret = format!("hush-hush-hush{between}");
                let line = format!("{}{}", "x".repeat(before), secret.repeat(4000));
                let mut parts = Vec::new();
                let mut splitter = LineSplitter::default();
                for piece in line.as_bytes().chunks(1000) {
                    splitter.push(piece, |part| parts.push(part.to_owned()));
                }
                splitter.finish(|part| parts.push(part.to_owned()));
                assert_eq!(parts.concat(), line);
                assert!(
                    parts.len() > 3 && parts.iter().all(|part| part.len() <= LineSplitter::LIMIT)
                );
                let whole = parts
                    .iter()
                    .map(|part| part.matches("hush-hush-hush").count());
                assert_eq!(whole.sum::<usize>(), 4000);
            }
        }
    }

    #[test]
    fn a_long_line_comes_in_parts_that_split_no_character() {
        let limit = LineSplitter::LIMIT;
        let text = "\u{e4}".repeat(limit);
        let mut parts = Vec::new();
        let mut splitter = LineSplitter::default();
        splitter.push(b"x", |_| panic!("the line is not over"));
        splitter.push(text.as_bytes(), |part| parts.push(part.to_owned()));
        splitter.finish(|part| parts.push(part.to_owned()));
        assert_eq!(parts.concat(), format!("x{text}"));
        let longest = parts.iter().map(String::len).max();
        assert_eq!(longest, Some(limit), "or one less, never more");
    }
}
