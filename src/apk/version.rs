//! A version of an APK package: `1.2.3b_rc1_p2-r4`.
//!
//! ```text
//! digits(.digits)* [letter] (_suffix[digits])* [~hash] [-rdigits]
//! ```
//!
//! Suffixes before the release: `_alpha _beta _pre _rc`; behind it: `_cvs _svn _git _hg _p`. The order is apko's, whose lock
//! files have to come out the same: components count as numbers. apk-tools reads one with a leading zero as a fraction
//! (`1.05` before `1.5`), and here they are the same version. What only apk-tools takes (several suffixes of a kind in a row,
//! the hash of version 3) is ordered as it does.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version as it was written. Different texts can be the same version (`1.0` and `1.0-r0`).
#[derive(Clone)]
pub struct Version {
    text: Box<str>,
    numbers: Vec<u64>,
    letter: Option<u8>,
    suffixes: Vec<Suffix>,
    hash: Option<Box<str>>,
    revision: Option<u64>,
}

/// Why a text is no version.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum VersionError {
    /// It does not begin with a number.
    #[error("`{0}` is no version: it has to begin with a number")]
    Start(String),
    /// It is longer than any version.
    #[error("a version has {MAX_LEN} characters at most, not {0}")]
    TooLong(usize),
    /// One of its numbers is larger than any.
    #[error("`{0}` is no version: one of its numbers is too large")]
    Number(String),
    /// A suffix that the format does not have.
    #[error("`{text}` is no version: it has no suffix `_{suffix}`")]
    Suffix {
        /// The refused text.
        text: String,
        /// What stands behind `_`.
        suffix: String,
    },
    /// Something stands where nothing of its kind can.
    #[error("`{text}` is no version: nothing of it can be `{rest}`")]
    Rest {
        /// The refused text.
        text: String,
        /// From where on it is wrong.
        rest: String,
    },
}

const MAX_LEN: usize = 1024;

/// The kinds of suffixes in their order; `End` stands for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Alpha,
    Beta,
    Pre,
    Rc,
    End,
    Cvs,
    Svn,
    Git,
    Hg,
    P,
}

/// A suffix with its number, 0 where none is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Suffix(Kind, u64);

const END: Suffix = Suffix(Kind::End, 0);

impl Kind {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "alpha" => Self::Alpha,
            "beta" => Self::Beta,
            "pre" => Self::Pre,
            "rc" => Self::Rc,
            "cvs" => Self::Cvs,
            "svn" => Self::Svn,
            "git" => Self::Git,
            "hg" => Self::Hg,
            "p" => Self::P,
            _ => return None,
        })
    }
}

impl Version {
    /// Gives the text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Tells whether the revision is written: `-r4`.
    #[must_use]
    pub fn has_revision(&self) -> bool {
        self.revision.is_some()
    }

    /// Tells whether it is what `~required` asks for: its numbers begin with the required ones, and where it has no more of
    /// them, it has the letter, the suffixes and the revision that are written there.
    #[must_use]
    pub fn is_like(&self, required: &Self) -> bool {
        if !self.numbers.starts_with(&required.numbers) {
            return false;
        }
        if self.numbers.len() > required.numbers.len() {
            return true;
        }
        let suffix_fits = |(own, required): (&Suffix, &Suffix)| {
            own.0 == required.0 && (required.1 == 0 || own.1 == required.1)
        };
        (required.letter.is_none() || self.letter == required.letter)
            && self.suffixes.len() >= required.suffixes.len()
            && self
                .suffixes
                .iter()
                .zip(&required.suffixes)
                .all(suffix_fits)
            && (required.hash.is_none() || self.hash == required.hash)
            && (required.revision.is_none() || self.revision == required.revision)
    }

    fn compare_suffixes(&self, other: &Self) -> Ordering {
        let most = self.suffixes.len().max(other.suffixes.len());
        let at = |version: &Self, i| version.suffixes.get(i).copied().unwrap_or(END);
        (0..most)
            .map(|i| at(self, i).cmp(&at(other, i)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

/// Reads a text from its begin on.
struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// Splits the first letters of a kind off.
    fn take(&mut self, is_taken: impl Fn(u8) -> bool) -> &'a str {
        let end = self.rest.bytes().position(|byte| !is_taken(byte));
        let (taken, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn skip(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Gives the number that stands here; `None` where there is none.
    fn number(&mut self) -> Result<Option<u64>, VersionError> {
        let digits = self.take(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return Ok(None);
        }
        let number = digits.parse();
        number
            .map(Some)
            .map_err(|_| VersionError::Number(self.text.to_owned()))
    }

    fn wrong(&self, rest: &str) -> VersionError {
        VersionError::Rest {
            text: self.text.to_owned(),
            rest: rest.to_owned(),
        }
    }

    fn numbers(&mut self) -> Result<Vec<u64>, VersionError> {
        let first = self.number()?;
        let mut numbers = vec![first.ok_or_else(|| VersionError::Start(self.text.to_owned()))?];
        loop {
            let here = self.rest;
            if !self.skip(".") {
                return Ok(numbers);
            }
            numbers.push(self.number()?.ok_or_else(|| self.wrong(here))?);
        }
    }

    fn suffixes(&mut self) -> Result<Vec<Suffix>, VersionError> {
        let mut suffixes = Vec::new();
        while self.skip("_") {
            let name = self.take(|byte| byte.is_ascii_alphabetic());
            let kind = Kind::parse(name).ok_or_else(|| VersionError::Suffix {
                text: self.text.to_owned(),
                suffix: name.to_owned(),
            })?;
            suffixes.push(Suffix(kind, self.number()?.unwrap_or(0)));
        }
        Ok(suffixes)
    }

    fn hash(&mut self) -> Result<Option<Box<str>>, VersionError> {
        let here = self.rest;
        if !self.skip("~") {
            return Ok(None);
        }
        let hash = self.take(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if hash.is_empty() {
            return Err(self.wrong(here));
        }
        Ok(Some(hash.into()))
    }

    fn revision(&mut self) -> Result<Option<u64>, VersionError> {
        let here = self.rest;
        if !self.skip("-r") {
            return Ok(None);
        }
        let number = self.number()?;
        number.map(Some).ok_or_else(|| self.wrong(here))
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        if text.len() > MAX_LEN {
            return Err(VersionError::TooLong(text.len()));
        }
        let mut reader = Reader { text, rest: text };
        let numbers = reader.numbers()?;
        let letter = reader.rest.bytes().next().filter(u8::is_ascii_lowercase);
        reader.rest = &reader.rest[usize::from(letter.is_some())..];
        let version = Self {
            text: text.into(),
            numbers,
            letter,
            suffixes: reader.suffixes()?,
            hash: reader.hash()?,
            revision: reader.revision()?,
        };
        if reader.rest.is_empty() {
            Ok(version)
        } else {
            Err(reader.wrong(reader.rest))
        }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| self.letter.cmp(&other.letter))
            .then_with(|| self.compare_suffixes(other))
            .then_with(|| self.hash.cmp(&other.hash))
            .then_with(|| self.revision.unwrap_or(0).cmp(&other.revision.unwrap_or(0)))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().expect("a version")
    }

    #[track_caller]
    fn case(smaller: &str, order: Ordering, larger: &str) {
        assert_eq!(version(smaller).cmp(&version(larger)), order);
        assert_eq!(version(larger).cmp(&version(smaller)), order.reverse());
    }

    #[test]
    fn each_part_counts_after_the_one_before_it() {
        let sorted = [
            "0.9.9",
            "1_alpha",
            "1_alpha2",
            "1_alpha10",
            "1_beta",
            "1_pre1",
            "1_rc1",
            "1_rc1_git20200101",
            "1",
            "1-r1",
            "1-r10",
            "1_cvs1",
            "1_svn1",
            "1_git20200101",
            "1_hg2",
            "1_p1",
            "1_p1-r3",
            "1_p2",
            "1a_rc1",
            "1a",
            "1b",
            "1.0",
            "1.0.0",
            "1.0.1",
            "1.2",
            "1.10",
            "20240101",
        ];
        for pair in sorted.windows(2) {
            case(pair[0], Ordering::Less, pair[1]);
        }
        for (i, one) in sorted.iter().enumerate() {
            for other in &sorted[i + 1..] {
                case(one, Ordering::Less, other);
            }
        }
    }

    #[test]
    fn what_is_not_written_is_zero() {
        case("1.0", Ordering::Equal, "1.0-r0");
        case("1_alpha", Ordering::Equal, "1_alpha0");
        // apk-tools reads the first one as a fraction.
        case("1.05", Ordering::Equal, "1.5");
        case("01.2", Ordering::Equal, "1.2");
    }

    #[test]
    fn what_only_apk_tools_takes_is_ordered_as_it_does() {
        case("1_alpha_beta", Ordering::Less, "1_alpha");
        case("1_p1_p1", Ordering::Greater, "1_p1");
        case("1_git1_rc1", Ordering::Less, "1_git1");
        case(
            "1_git20240101~abc-r0",
            Ordering::Less,
            "1_git20240101~abd-r0",
        );
        case("1_git20240101", Ordering::Less, "1_git20240101~0-r0");
    }

    #[track_caller]
    fn like(actual: &str, required: &str, expected: bool) {
        let found = version(actual).is_like(&version(required));
        assert_eq!(found, expected, "{actual} ~ {required}");
    }

    #[test]
    fn a_like_version_begins_with_the_required_numbers() {
        like("1.2.3", "1", true);
        like("1.2.3", "1.2", true);
        like("1.2.3", "1.2.3", true);
        like("1.2.3-r4", "1.2.3", true);
        like("1.2", "1.2.3", false);
        like("1.20", "1.2", false);
        like("1.3", "1.2", false);
        // With more numbers, the rest is free.
        like("1.2.3", "1.2b_rc1-r7", true);
    }

    #[test]
    fn a_like_version_of_the_same_length_has_what_is_written() {
        like("1.2b", "1.2b", true);
        like("1.2", "1.2b", false);
        like("1.2b", "1.2", true);
        like("1.2_rc3", "1.2_rc", true);
        like("1.2_rc3", "1.2_rc3", true);
        like("1.2_rc3", "1.2_rc4", false);
        like("1.2_rc3_p1", "1.2_rc3", true);
        like("1.2", "1.2_p1", false);
        like("1.2-r3", "1.2-r3", true);
        like("1.2-r3", "1.2-r4", false);
        like("1.2-r3", "1.2-r0", false);
        like("1.2", "1.2-r0", false);
    }

    #[test]
    fn what_is_no_version_is_refused_with_what_is_wrong() {
        for (text, expected) in [
            ("", "`` is no version: it has to begin with a number"),
            ("v1", "`v1` is no version: it has to begin with a number"),
            ("1.", "`1.` is no version: nothing of it can be `.`"),
            ("1..2", "`1..2` is no version: nothing of it can be `..2`"),
            ("1ab", "`1ab` is no version: nothing of it can be `b`"),
            ("1-2", "`1-2` is no version: nothing of it can be `-2`"),
            ("1-r", "`1-r` is no version: nothing of it can be `-r`"),
            (
                "1-r1-r2",
                "`1-r1-r2` is no version: nothing of it can be `-r2`",
            ),
            ("1~", "`1~` is no version: nothing of it can be `~`"),
            ("1_foo", "`1_foo` is no version: it has no suffix `_foo`"),
            ("1_", "`1_` is no version: it has no suffix `_`"),
            ("1 ", "`1 ` is no version: nothing of it can be ` `"),
            (
                "99999999999999999999",
                "`99999999999999999999` is no version: one of its numbers is too large",
            ),
        ] {
            let error = text.parse::<Version>().expect_err(text);
            assert_eq!(error.to_string(), expected);
        }
        let long = "1".repeat(2000).parse::<Version>();
        assert_eq!(long, Err(VersionError::TooLong(2000)));
    }

    fn any_version() -> impl Strategy<Value = Version> {
        let suffix = "(_(alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-2]{0,1}){0,2}";
        let pattern = format!("[0-2](\\.0?[0-2]){{0,2}}[ab]?{suffix}(~[ab])?(-r[0-2])?");
        proptest::string::string_regex(&pattern)
            .expect("a pattern")
            .prop_map(|text| version(&text))
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in any_version(), b in any_version(), c in any_version()) {
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert_eq!(a.cmp(&a), Ordering::Equal);
            if a <= b && b <= c {
                prop_assert!(a <= c, "{} {} {}", a, b, c);
            }
            if a == b {
                prop_assert_eq!(a.cmp(&c), b.cmp(&c));
            }
        }

        #[test]
        fn a_version_is_like_itself_and_keeps_its_text(a in any_version()) {
            prop_assert!(a.is_like(&a));
            prop_assert_eq!(version(a.as_str()).to_string(), a.to_string());
        }
    }
}
