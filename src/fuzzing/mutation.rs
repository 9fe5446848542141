//! Small changes of inputs, the same in every run.

/// A sequence of numbers that looks random (xorshift64*, Vigna 2014).
pub(super) struct Dice(u64);

impl Dice {
    /// Begins a sequence; each seed has its own.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Gives a number below a bound, or 0 where that is 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).map_or(0, |high| high.checked_rem(bound).unwrap_or(0))
    }
}

/// What parsers stumble over.
const WORDS: [&[u8]; 24] = [
    b"\0",
    b"\r\n",
    b"\n\n",
    b"\xff",
    "\u{e4}".as_bytes(),
    "\u{202e}".as_bytes(),
    "\u{85}".as_bytes(),
    b"\x1b[2J",
    b"{{",
    b"}}",
    b"{%",
    b"${",
    b"\\\n",
    b"\"",
    b"'",
    b"[",
    b"]]]]]]]]",
    b"{\"a\":",
    b"<<EOF\n",
    b"..",
    b"//",
    b"-1",
    b"18446744073709551616",
    b"0000000000000000000000",
];

/// Changes an input in one to four places; `other` gives parts to it.
pub(super) fn mutate(input: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    const LONGEST: usize = 4096;
    let mut bytes = input.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let end = at + dice.below((bytes.len() - at).min(32) + 1);
        match dice.below(6) {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let part = bytes[at..end].repeat(1 + dice.below(4));
                bytes.splice(at..at, part);
            }
            2 => {
                let word = WORDS[dice.below(WORDS.len())];
                bytes.splice(at..at, word.iter().copied());
            }
            3 => {
                let from = dice.below(other.len());
                let to = from + dice.below(other.len() - from + 1);
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            4 => bytes.truncate(end),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = u8::try_from(dice.below(256)).unwrap_or_default();
                }
            }
        }
        bytes.truncate(LONGEST);
    }
    bytes
}
