//! The next version, by semantic versioning (semver.org) or by Debian's numbering.
//!
//! ```text
//!            major    minor    patch    debian
//! 1.2.3-4    2.0.0-1  1.3.0-1  1.2.4-1  1.2.3-5
//! 13.7       14.0     13.8     13.7.1   13.7-1
//! ```
//!
//! Debian's numbering raises the number at the end, once the date of a refresh is gone: `1.2-3-20261121` → `1.2-4`, and
//! `1.2-3-s1` → `1.2-3-s2`, since `1.2-4` sorts before that.

use semver::Version as Numbers;

use super::Version;

/// Which part of a version goes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bump {
    /// The first number.
    Major,
    /// The second.
    Minor,
    /// The third.
    Patch,
    /// The number at the end: Debian's revision, or a part of it.
    Debian,
}

/// Why a version has no such part.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BumpError {
    /// Before the first hyphen stands no version of semantic versioning.
    #[error(
        "`{0}` is not one to three numbers without leading zeros, and only of such is one raised by its name"
    )]
    Upstream(String),
    /// What comes next would not sort after it.
    #[error("no version with a higher number at its end sorts after `{0}`")]
    Revision(String),
}

impl Version {
    /// Gives the next version; the date of a weekly rebuild goes, and a new upstream version has revision 1 where this one has a
    /// revision. It may follow this one ([`Version::may_follow`]).
    ///
    /// [`Bump::Debian`] raises the number at the end of what is left, also that of a rebuild: `1.2-4` would sort before `1.2-3-s1`.
    pub fn bumped(&self, bump: Bump) -> Result<Self, BumpError> {
        let refused = || match bump {
            Bump::Debian => BumpError::Revision(self.as_str().to_owned()),
            _ => BumpError::Upstream(upstream(self.as_str()).to_owned()),
        };
        let undated = self.find_undated();
        let text = undated.as_ref().unwrap_or(self).as_str();
        let next = match bump {
            Bump::Debian => Some(next_revision(text)),
            _ => next_upstream(text, bump),
        };
        next.and_then(|next| next.parse().ok())
            .filter(|next: &Self| next.may_follow(self))
            .ok_or_else(refused)
    }
}

fn next_revision(text: &str) -> String {
    let start = text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let number = text[start..].parse::<u64>().ok();
    match number.and_then(|number| number.checked_add(1)) {
        Some(next) if text.contains('-') => format!("{}{next}", &text[..start]),
        _ => format!("{text}-1"),
    }
}

/// Gives what stands before the first hyphen.
fn upstream(text: &str) -> &str {
    text.split('-').next().unwrap_or(text)
}

/// Raises a number of the upstream part, which is everything before the first hyphen; as many numbers stay as there were.
fn next_upstream(text: &str, bump: Bump) -> Option<String> {
    let has_revision = text.contains('-');
    let upstream = upstream(text);
    let numbers = upstream.strip_prefix('v').unwrap_or(upstream);
    let prefix = &upstream[..upstream.len() - numbers.len()];
    let count = numbers.split('.').count();
    let missing = [".0"].repeat(3_usize.checked_sub(count)?).concat();
    let old: Numbers = format!("{numbers}{missing}").parse().ok()?;
    if !old.pre.is_empty() || !old.build.is_empty() {
        return None;
    }
    let (major, minor, patch) = match bump {
        Bump::Major => (old.major.checked_add(1)?, 0, 0),
        Bump::Minor => (old.major, old.minor.checked_add(1)?, 0),
        Bump::Patch | Bump::Debian => (old.major, old.minor, old.patch.checked_add(1)?),
    };
    let numbers = [major, minor, patch].map(|number| number.to_string());
    let needed = match bump {
        Bump::Major => 1,
        Bump::Minor => 2,
        Bump::Patch | Bump::Debian => 3,
    };
    let numbers = numbers[..count.max(needed)].join(".");
    let revision = if has_revision { "-1" } else { "" };
    Some(format!("{prefix}{numbers}{revision}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(old: &str, expected: [Option<&str>; 4]) {
        let old: Version = old.parse().expect("a version");
        let bumps = [Bump::Major, Bump::Minor, Bump::Patch, Bump::Debian];
        for (bump, expected) in bumps.into_iter().zip(expected) {
            let next = old.bumped(bump).ok();
            assert_eq!(
                next.as_ref().map(Version::as_str),
                expected,
                "{old} {bump:?}"
            );
        }
    }

    #[test]
    fn the_next_version_has_one_number_more() {
        case(
            "1.2.3-4",
            [
                Some("2.0.0-1"),
                Some("1.3.0-1"),
                Some("1.2.4-1"),
                Some("1.2.3-5"),
            ],
        );
        case(
            "1.2.3-4-20260816",
            [
                Some("2.0.0-1"),
                Some("1.3.0-1"),
                Some("1.2.4-1"),
                Some("1.2.3-5"),
            ],
        );
        case(
            "1.2.3-4-s2",
            [
                Some("2.0.0-1"),
                Some("1.3.0-1"),
                Some("1.2.4-1"),
                Some("1.2.3-4-s3"),
            ],
        );
        case(
            "13.7",
            [Some("14.0"), Some("13.8"), Some("13.7.1"), Some("13.7-1")],
        );
        case("9", [Some("10"), Some("9.1"), Some("9.0.1"), Some("9-1")]);
        case(
            "v1.2.9-wmf9",
            [
                Some("v2.0.0-1"),
                Some("v1.3.0-1"),
                Some("v1.2.10-1"),
                Some("v1.2.9-wmf10"),
            ],
        );
    }

    #[test]
    fn what_is_no_number_goes_up_by_hand() {
        case("2.1.2rocm5.6-3", [None, None, None, Some("2.1.2rocm5.6-4")]);
        case("1.2.3.4-1", [None, None, None, Some("1.2.3.4-2")]);
        case("1.2~rc1-1", [None, None, None, Some("1.2~rc1-2")]);
        case(
            "2023.07.17.00-2-20260816",
            [None, None, None, Some("2023.07.17.00-3")],
        );
        case(
            "1.2-3-20260816.1",
            [Some("2.0-1"), Some("1.3-1"), Some("1.2.1-1"), Some("1.2-4")],
        );
        case(
            "1.2-3-20260816-s1",
            [
                Some("2.0-1"),
                Some("1.3-1"),
                Some("1.2.1-1"),
                Some("1.2-3-20260816-s2"),
            ],
        );
        let version: Version = "2023.07.17.00-2-20260816".parse().expect("a version");
        let error = version.bumped(Bump::Minor).expect_err("no such part");
        assert_eq!(error, BumpError::Upstream("2023.07.17.00".to_owned()));
    }
}
