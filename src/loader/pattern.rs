//! Patterns of names (POSIX.1-2017, "Pattern Matching Notation"): `*`, `?`, `[a-z]`, `[!x]`.

/// A pattern of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Part>);

/// A pattern cannot be used.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("it is longer than a path can be")]
pub struct PatternError;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// `*`.
    Any,
    /// `?`.
    One,
    /// The byte itself.
    Byte(u8),
    /// `[…]`: which bytes are of it.
    Set(Box<[bool; 256]>),
}

/// `PATH_MAX` of Linux, without the zero byte.
const LONGEST_PATH: usize = 4095;

impl Pattern {
    /// Parses a path of patterns, one for each of its names.
    pub fn parse_path(path: &[u8]) -> Result<Vec<Self>, PatternError> {
        if path.len() > LONGEST_PATH {
            return Err(PatternError);
        }
        let names = path.split(|byte| *byte == b'/');
        let names = names.filter(|name| !matches!(*name, b"" | b"."));
        Ok(names.map(Self::parse).collect())
    }

    fn parse(mut text: &[u8]) -> Self {
        let mut parts = Vec::new();
        // Where one set has no end, none behind it has.
        let mut may_be_sets = true;
        while let [first, rest @ ..] = text {
            let part;
            (part, text) = match (*first, rest) {
                (b'*', rest) => (Part::Any, rest),
                (b'?', rest) => (Part::One, rest),
                (b'\\', [escaped, rest @ ..]) => (Part::Byte(*escaped), rest),
                (b'[', rest) if may_be_sets => {
                    if let Some((set, rest)) = split_set(rest) {
                        (Part::Set(read_set(set)), rest)
                    } else {
                        may_be_sets = false;
                        (Part::Byte(b'['), rest)
                    }
                }
                (plain, rest) => (Part::Byte(plain), rest),
            };
            parts.push(part);
        }
        Self(parts)
    }

    /// Tells whether a name is of it; a dot at its beginning is only what is written as one.
    #[must_use]
    pub fn is_match(&self, name: &[u8]) -> bool {
        if name.first() == Some(&b'.') && self.0.first() != Some(&Part::Byte(b'.')) {
            return false;
        }
        let (mut at, mut here) = (0, 0);
        // Behind the last `*`, and as far as that one goes.
        let mut retry: Option<(usize, usize)> = None;
        while here < name.len() {
            match self.0.get(at) {
                Some(Part::Any) => {
                    at += 1;
                    retry = Some((at, here));
                }
                Some(part) if part.has(name[here]) => {
                    at += 1;
                    here += 1;
                }
                _ => {
                    let Some((behind, reached)) = retry else {
                        return false;
                    };
                    retry = Some((behind, reached + 1));
                    (at, here) = (behind, reached + 1);
                }
            }
        }
        self.0[at..].iter().all(|part| *part == Part::Any)
    }

    /// Gives the only name that is of it, where it is one.
    #[must_use]
    pub fn name(&self) -> Option<Vec<u8>> {
        let byte = |part: &Part| match part {
            Part::Byte(byte) => Some(*byte),
            _ => None,
        };
        self.0.iter().map(byte).collect()
    }

    /// Gives in how many steps it is known at most whether a name is of it.
    #[must_use]
    pub fn most_steps(&self, name: &[u8]) -> usize {
        (self.0.len() + 1) * (name.len() + 1)
    }
}

impl Part {
    /// Tells whether a byte is what it stands for.
    fn has(&self, byte: u8) -> bool {
        match self {
            Self::Any | Self::One => true,
            Self::Byte(own) => *own == byte,
            Self::Set(bytes) => bytes[usize::from(byte)],
        }
    }
}

/// Gives what stands before the `]` that ends a set, and what is behind; one that is first does not end it.
fn split_set(pattern: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = 1 + usize::from(matches!(pattern.first(), Some(b'!' | b'^')));
    let end = pattern.iter().skip(first).position(|byte| *byte == b']')?;
    Some((&pattern[..first + end], &pattern[first + end + 1..]))
}

fn read_set(set: &[u8]) -> Box<[bool; 256]> {
    let (is_not, mut set) = match set {
        [b'!' | b'^', rest @ ..] => (true, rest),
        set => (false, set),
    };
    let mut bytes = Box::new([is_not; 256]);
    while let [first, rest @ ..] = set {
        let last;
        (last, set) = match rest {
            [b'-', last, rest @ ..] => (last, rest),
            rest => (first, rest),
        };
        for byte in *first..=*last {
            bytes[usize::from(byte)] = !is_not;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses the pattern of one name.
    fn parse(text: &str) -> Pattern {
        let mut names = Pattern::parse_path(text.as_bytes()).expect("a pattern");
        names.pop().expect("a name")
    }

    #[test]
    fn names_are_of_patterns_as_in_a_shell() {
        for (pattern, names, others) in [
            (
                "*.conf",
                "a.conf libc.conf a.conf.conf",
                ".conf .a.conf a.conf~ conf",
            ),
            ("a", "a", "b aa"),
            ("a?c*", "abc abcd a*c", "ac abd"),
            ("[ab]x", "ax bx", "cx abx x"),
            ("[!ab]x", "cx -x", "ax bx"),
            ("[a-c]", "a b c", "d -"),
            ("[]a]", "] a", "b"),
            ("[a", "[a", "a"),
            ("[a[b", "[a[b", "a b"),
            ("[!]", "[!]", "a ]"),
            ("x-]", "x-]", "x"),
            ("[a-]", "a -", "b"),
            ("\\*", "*", "a \\*"),
            ("*a*b*", "ab xaxbx", "ba"),
            (".*", ".a", "a"),
            ("\\.a", ".a", "a \\.a"),
        ] {
            let parsed = parse(pattern);
            for name in names.split(' ') {
                assert!(parsed.is_match(name.as_bytes()), "{pattern} {name}");
            }
            for name in others.split(' ') {
                assert!(!parsed.is_match(name.as_bytes()), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn a_pattern_without_wildcards_is_a_name() {
        for (pattern, name) in [("a.conf", "a.conf"), ("\\*", "*"), ("[a", "[a")] {
            assert_eq!(parse(pattern).name().as_deref(), Some(name.as_bytes()));
        }
        for pattern in ["*", "a?", "[a]"] {
            assert_eq!(parse(pattern).name(), None, "{pattern}");
        }
        let names = Pattern::parse_path(b"/etc//./*.d/a").expect("a path");
        let names: Vec<_> = names.iter().map(Pattern::name).collect();
        assert_eq!(names, [Some(b"etc".to_vec()), None, Some(b"a".to_vec())]);
    }

    #[test]
    fn a_pattern_longer_than_a_path_is_refused() {
        let long = "[".repeat(LONGEST_PATH);
        assert_eq!(parse(&long).name().as_deref(), Some(long.as_bytes()));
        let error = Pattern::parse_path("*".repeat(LONGEST_PATH + 1).as_bytes());
        assert_eq!(error, Err(PatternError));
    }

    #[test]
    fn no_pattern_takes_long() {
        let name = [b'a'; 255];
        let pattern = parse(&["*a".repeat(1000), "b".to_owned()].concat());
        assert!(!pattern.is_match(&name));
        assert_eq!(pattern.most_steps(&name), 2002 * 256);
    }
}
