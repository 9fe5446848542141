//! A Debian version: `[epoch:]upstream[-revision]`, as in `1:2.4.57~rc1+dfsg-2`.
//!
//! The order is Debian Policy's (section 5.6.12): runs of digits count as numbers, `~` sorts before the end of a part,
//! letters before the other characters. So `1.0~rc1 < 1.0 < 1.0-s1 < 1.0.1`.
//!
//! The crate `debversion` orders the parts. What a version may hold is checked here, since that crate takes `1-`, `:1` and
//! `1:` for versions.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::Stamp;
use crate::oci::{Tag, TagError};

/// A version as it was written, ordered as Debian orders it.
///
/// Two texts can be the same version (`1.0`, `1.00`, `1.0-0`): they are equal here, as they are for dpkg, and still different
/// tags. Compare the texts ([`Version::as_str`]) where a tag is meant; for that reason there is no `Hash`.
#[derive(Clone)]
pub struct Version {
    text: String,
    upstream_start: usize,
    upstream_end: usize,
    order: debversion::Version,
}

/// Why a text is no version (Debian Policy 5.6.12).
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum VersionError {
    /// There is no text.
    #[error("a version cannot be empty")]
    Empty,
    /// The text is longer than any version is.
    #[error("a version has {MAX_LEN} characters at most, not {0}")]
    TooLong(usize),
    /// A character stands where none of its kind can stand.
    #[error(
        "`{text}` is no version: it holds `{}`, and the {part} has only letters, digits and {others}",
        character.escape_debug()
    )]
    Character {
        /// The refused text.
        text: String,
        /// The first character at fault.
        character: char,
        /// The part that holds it: "upstream part" or "revision".
        part: &'static str,
        /// The other characters that the part may have.
        others: &'static str,
    },
    /// The part before the first colon is no epoch.
    #[error(
        "`{text}` is no version: before `:` stands a whole number up to {MAX_EPOCH}, not `{epoch}`"
    )]
    Epoch {
        /// The refused text.
        text: String,
        /// What stands before the colon.
        epoch: String,
    },
    /// Nothing stands between the epoch and the revision.
    #[error("`{0}` is no version: its upstream part is missing")]
    NoUpstream(String),
    /// The upstream part begins with a sign.
    #[error(
        "`{text}` is no version: its upstream part begins with `{character}` instead of a digit or a letter"
    )]
    Start {
        /// The refused text.
        text: String,
        /// The character that it begins with.
        character: char,
    },
    /// Nothing follows the last hyphen.
    #[error("`{0}` is no version: nothing follows the last `-`")]
    EmptyRevision(String),
}

/// What dpkg takes for an epoch.
const MAX_EPOCH: u32 = i32::MAX as u32;
/// Far over any version in use; long runs of digits are dear to compare.
const MAX_LEN: usize = 1024;

impl Version {
    /// Gives the text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Gives the number before the first colon; 0 where there is none.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.order.epoch.unwrap_or_default()
    }

    /// Gives the part between epoch and revision: `2.4.57` of `1:2.4.57-2`.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.text[self.upstream_start..self.upstream_end]
    }

    /// Gives the part after the last hyphen, where there is a hyphen.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.text[self.upstream_end..].strip_prefix('-')
    }

    /// Tells whether this version may follow another one: it sorts after it, where the dates that weekly rebuilds put behind
    /// versions count only between two of the same version.
    ///
    /// Debian sorts `1.2-3-20260816` after `1.2-4`, because everything before the last hyphen is the upstream version. Of 133
    /// versions in real changelogs that do not sort after the one before, 127 are such a `1.2-4`.
    #[must_use]
    pub fn may_follow(&self, old: &Self) -> bool {
        let (new_undated, old_undated) = (self.find_undated(), old.find_undated());
        let undated = new_undated.as_ref().unwrap_or(self);
        let by_version = undated.cmp(old_undated.as_ref().unwrap_or(old));
        by_version.then_with(|| self.cmp(old)) == Ordering::Greater
    }

    /// Finds the version without the date at its end, where there is one: `1.2-3` of `1.2-3-20260816` and `1.2-3-20260816.1`.
    #[must_use]
    pub fn find_undated(&self) -> Option<Self> {
        let (before, stamp) = self.text.rsplit_once('-')?;
        Stamp::parse(stamp).and_then(|_| before.parse().ok())
    }

    /// Gives the version of the next rebuild, as docker-pkg numbers them: `1.2-1` → `1.2-1-s1` → `1.2-1-s2`, with `s` for `id`.
    ///
    /// It sorts after this one, whatever this one is: what was the revision becomes a part of the upstream version. An id
    /// that no revision can have is an error.
    pub fn next_rebuild(&self, id: &str) -> Result<Self, VersionError> {
        let numbered = self.text.rsplit_once(&format!("-{id}"));
        let next = numbered.and_then(|(before, digits)| {
            let is_number = digits.bytes().all(|b| b.is_ascii_digit());
            let number: u64 = digits.parse().ok().filter(|_| is_number)?;
            Some(format!("{before}-{id}{}", number.checked_add(1)?))
        });
        next.unwrap_or_else(|| format!("{}-{id}1", self.text))
            .parse()
    }

    /// Gives the tag of an image with this version, the whole text.
    ///
    /// A tag cannot hold the `:` of an epoch, nor `+` or `~`.
    pub fn as_tag(&self) -> Result<Tag, TagError> {
        self.text.parse()
    }
}

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(VersionError::Empty);
        }
        if text.len() > MAX_LEN {
            return Err(VersionError::TooLong(text.len()));
        }
        let (epoch, upstream_start) = match text.split_once(':') {
            Some((epoch, _)) => (Some(parse_epoch(text, epoch)?), epoch.len() + 1),
            None => (None, 0),
        };
        let rest = &text[upstream_start..];
        let (upstream, revision) = match rest.rsplit_once('-') {
            Some((upstream, revision)) => (upstream, Some(revision)),
            None => (rest, None),
        };
        check_characters(text, upstream, "upstream part", ".+-:~")?;
        match upstream.chars().next() {
            None => return Err(VersionError::NoUpstream(text.to_owned())),
            Some(first) if first.is_ascii_alphanumeric() => {}
            Some(character) => {
                let text = text.to_owned();
                return Err(VersionError::Start { text, character });
            }
        }
        if let Some(revision) = revision {
            check_characters(text, revision, "revision", ".+~")?;
            if revision.is_empty() {
                return Err(VersionError::EmptyRevision(text.to_owned()));
            }
        }
        Ok(Self {
            text: text.to_owned(),
            upstream_start,
            upstream_end: upstream_start + upstream.len(),
            order: debversion::Version {
                epoch,
                upstream_version: end_with_number(upstream),
                debian_revision: revision.map(end_with_number),
            },
        })
    }
}

fn parse_epoch(text: &str, epoch: &str) -> Result<u32, VersionError> {
    let number = epoch
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| epoch.parse().ok())
        .flatten()
        .filter(|&number| number <= MAX_EPOCH);
    number.ok_or_else(|| VersionError::Epoch {
        text: text.to_owned(),
        epoch: epoch.to_owned(),
    })
}

fn check_characters(
    text: &str,
    part: &str,
    name: &'static str,
    others: &'static str,
) -> Result<(), VersionError> {
    let refused = part
        .chars()
        .find(|&c| !c.is_ascii_alphanumeric() && !others.contains(c));
    match refused {
        None => Ok(()),
        Some(character) => Err(VersionError::Character {
            text: text.to_owned(),
            character,
            part: name,
            others,
        }),
    }
}

/// A part that ends without a number counts as ending with 0 (`1.a` is `1.a0`): Policy says so, `debversion` does not.
fn end_with_number(part: &str) -> String {
    let mut part = part.to_owned();
    if !part.ends_with(|c: char| c.is_ascii_digit()) {
        part.push('0');
    }
    part
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order.cmp(&other.order)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({:?})", self.text)
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
    fn case(text: &str, epoch: u32, upstream: &str, revision: Option<&str>) {
        let version = version(text);
        assert_eq!(version.to_string(), text, "the text is kept");
        assert_eq!(version.epoch(), epoch);
        assert_eq!(version.upstream(), upstream);
        assert_eq!(version.revision(), revision);
    }

    #[test]
    fn the_parts_are_found_and_the_text_is_kept() {
        case("1", 0, "1", None);
        case("1.22.1-9", 0, "1.22.1", Some("9"));
        case("8.2.29-1-20261121", 0, "8.2.29-1", Some("20261121"));
        case("1:2.4.57~rc1+dfsg-2", 1, "2.4.57~rc1+dfsg", Some("2"));
        case("00:1", 0, "1", None);
        case("1:1:2", 1, "1:2", None);
        case("v1", 0, "v1", None);
        case("1.0-s1", 0, "1.0", Some("s1"));
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        let error = text.parse::<Version>().expect_err("no version");
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn what_is_no_version_is_refused_by_name() {
        refused("", "a version cannot be empty");
        refused(
            "1.0_2",
            "`1.0_2` is no version: it holds `_`, and the upstream part has only letters, digits and .+-:~",
        );
        refused(
            "1.0-2\n",
            "`1.0-2\n` is no version: it holds `\\n`, and the revision has only letters, digits and .+~",
        );
        refused(
            "٣:1",
            "`٣:1` is no version: before `:` stands a whole number up to 2147483647, not `٣`",
        );
        refused(
            "2147483648:1",
            "`2147483648:1` is no version: before `:` stands a whole number up to 2147483647, not `2147483648`",
        );
        refused(
            ":1",
            "`:1` is no version: before `:` stands a whole number up to 2147483647, not ``",
        );
        refused("1:", "`1:` is no version: its upstream part is missing");
        refused("-1", "`-1` is no version: its upstream part is missing");
        refused("1-", "`1-` is no version: nothing follows the last `-`");
        refused(
            "~rc1",
            "`~rc1` is no version: its upstream part begins with `~` instead of a digit or a letter",
        );
        refused(
            &"1".repeat(1025),
            "a version has 1024 characters at most, not 1025",
        );
    }

    #[test]
    fn versions_stand_in_debians_order() {
        let texts = [
            "1.0~~",
            "1.0~rc1",
            "1.0~rc1-s1",
            "1.0",
            "1.0-s1",
            "1.0-s2",
            "1.0-s10",
            "1.0a",
            "1.0+b1",
            "1.0.1",
            "1.10",
            "1:0.1",
        ];
        for pair in texts.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
        for (one, other) in [("1.0", "1.00"), ("1.0", "0:1.0-0"), ("1.a", "1.a0")] {
            assert_eq!(version(one), version(other));
        }
    }

    #[test]
    fn the_date_of_a_rebuild_does_not_stand_in_the_way_of_the_next_version() {
        for (old, new) in [
            ("1.2-3", "1.2-4"),
            ("1.2-3-20260816", "1.2-4"),
            ("1.2-3-20260816", "1.2-3-20261121"),
            ("1.2-3-20260816", "1.2-4-20261121"),
            ("8.1.33-1-s1-20250720", "8.1.33-1-s2"),
            ("18.2.2-wmf5-20240623", "18.2.2-wmf6"),
            ("1.2-3-20260816", "1.2-3-20260816-s1"),
            ("1.2-3-20260816", "1.2-3-20260816.1"),
            ("1.2-3-20260816.9", "1.2-3-20260816.10"),
            ("1.2-3-20260816.1", "1.2-3-20261121"),
            ("1.2-3-20260816.1", "1.2-4"),
        ] {
            assert!(version(new).may_follow(&version(old)), "{old}, {new}");
            assert!(!version(old).may_follow(&version(new)), "{new}, {old}");
        }
        for (old, new) in [
            ("1.2-3", "1.2-3"),
            ("1.2-3-20260816", "1.2-3"),
            ("1.2-3-20260816", "1.2-2"),
            ("1.2-3-20261399", "1.2-4"),
        ] {
            assert!(!version(new).may_follow(&version(old)), "{old}, {new}");
        }
        assert_eq!(version("1.2").find_undated(), None);
    }

    #[test]
    fn a_rebuild_is_numbered_behind_any_version_and_sorts_after_it() {
        for (old, new) in [
            ("1.2.3", "1.2.3-s1"),
            ("1.2.3-1", "1.2.3-1-s1"),
            ("1.2.3-s1", "1.2.3-s2"),
            ("1.2.3-s9", "1.2.3-s10"),
            ("1-2-3-4", "1-2-3-4-s1"),
            ("1.0-3-20260101", "1.0-3-20260101-s1"),
            ("1.0-s1-20260101", "1.0-s1-20260101-s1"),
            ("1.0~rc1", "1.0~rc1-s1"),
            ("8.1-fpm", "8.1-fpm-s1"),
            ("v1", "v1-s1"),
            ("1.0+git20260101-1", "1.0+git20260101-1-s1"),
            ("1.0-S9", "1.0-S9-s1"),
            ("1.0-sid", "1.0-sid-s1"),
            ("1.0-s18446744073709551615", "1.0-s18446744073709551615-s1"),
        ] {
            let next = version(old).next_rebuild("s").expect("a version");
            assert_eq!(next.as_str(), new);
            assert!(next > version(old), "{old} < {new}");
        }
        let next = version("1.0-wmf3").next_rebuild("wmf").expect("a version");
        assert_eq!(next.as_str(), "1.0-wmf4");
        version("1.0").next_rebuild("s_").expect_err("no revision");
    }

    #[test]
    fn an_epoch_a_plus_and_a_tilde_cannot_be_in_a_tag() {
        assert_eq!(
            version("1.22.1-9").as_tag().map(|tag| tag.to_string()),
            Ok("1.22.1-9".to_owned())
        );
        for (text, character) in [("1:2.0", ':'), ("2+git1", '+'), ("2~rc1", '~')] {
            let text = text.to_owned();
            assert_eq!(
                version(&text).as_tag(),
                Err(TagError::Character { text, character })
            );
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test asks dpkg; the program never does"
    )]
    fn dpkg_holds(one: &str, relation: &str, other: &str) -> bool {
        let output = std::process::Command::new("dpkg")
            .args(["--compare-versions", "--", one, relation, other])
            .output()
            .expect("this test needs the program `dpkg`");
        match output.status.code() {
            Some(0) => true,
            Some(1) => false,
            _ => panic!("dpkg refused {one:?} or {other:?}: {output:?}"),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        // Few different characters, so that many pairs differ late or not at all.
        #[test]
        fn the_order_agrees_with_dpkg(
            one in "([01]:)?[019][019ab.+~-]{0,4}[01a~](-[01a.+~]{1,2})?",
            other in "([01]:)?[019][019ab.+~-]{0,4}[01a~](-[01a.+~]{1,2})?",
        ) {
            let expected = if dpkg_holds(&one, "lt", &other) {
                Ordering::Less
            } else if dpkg_holds(&one, "eq", &other) {
                Ordering::Equal
            } else {
                Ordering::Greater
            };
            prop_assert_eq!(version(&one).cmp(&version(&other)), expected);
        }

        #[test]
        fn close_versions_agree_with_dpkg(
            start in "[01][01a.~]{0,2}", one in "[01a~+.]{0,2}", other in "[01a~+.]{0,2}",
        ) {
            let (one, other) = (format!("{start}{one}"), format!("{start}{other}"));
            let holds = version(&one) < version(&other);
            prop_assert_eq!(holds, dpkg_holds(&one, "lt", &other));
            let holds = version(&one) == version(&other);
            prop_assert_eq!(holds, dpkg_holds(&one, "eq", &other));
        }
    }

    proptest! {
        #[test]
        fn every_rebuild_sorts_after_its_version(text in "[0-9][0-9a-z.+~-]{0,8}[0-9a-z]", id in "[a-z]{0,3}") {
            if let Ok(old) = text.parse::<Version>() {
                prop_assert!(old.next_rebuild(&id).expect("a version") > old);
            }
        }

        #[test]
        fn no_text_panics_and_a_version_keeps_its_text(text in "\\PC{0,12}") {
            if let Ok(version) = text.parse::<Version>() {
                prop_assert_eq!(version.to_string(), text);
            }
        }
    }
}
