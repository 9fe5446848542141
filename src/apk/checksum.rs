//! The SHA-1 sums that APK names packages and files by: `Q1` and base64 (`Q1m6wB0UFePGN8Drz82pC8y2uAiu8=`), or hex.
//!
//! SHA-1 is what the format has; what is installed is held by the SHA-256 in a package's `.PKGINFO`, which this sum pins.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest;

/// A SHA-1 sum.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum([u8; 20]);

/// Why a text is no checksum.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no checksum: it has to be `Q1` and the base64 of a SHA-1 sum")]
pub struct ChecksumError(pub String);

impl Checksum {
    /// Computes the sum of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_digest(&digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes))
    }

    pub(super) fn from_digest(sum: &digest::Digest) -> Self {
        let mut bytes = [0; 20];
        bytes.copy_from_slice(sum.as_ref());
        Self(bytes)
    }

    /// Reads `Q1` and base64.
    pub fn parse(text: &str) -> Result<Self, ChecksumError> {
        let base64 = text.strip_prefix("Q1");
        let bytes = base64.and_then(|base64| BASE64_STANDARD.decode(base64).ok());
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(Self)
            .ok_or_else(|| ChecksumError(text.to_owned()))
    }

    /// Reads what tars have (`APK-TOOLS.checksum.SHA1`): 40 hex digits, and sometimes `Q1` and base64.
    pub(super) fn parse_record(text: &str) -> Result<Self, ChecksumError> {
        if text.starts_with("Q1") {
            return Self::parse(text);
        }
        let wrong = || ChecksumError(text.to_owned());
        if text.len() != 40 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }

    /// Gives the base64 alone, as lock files have it behind `sha1-`.
    #[must_use]
    pub fn base64(&self) -> String {
        BASE64_STANDARD.encode(self.0)
    }

    /// Gives the hex digits, which can be the name of a file.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

/// With `Q1`.
impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Q1{}", self.base64())
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A SHA-256 sum: of the compressed files of a package, or of what a lock was made from.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// Computes the sum of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_digest(&digest::digest(&digest::SHA256, bytes))
    }

    pub(super) fn from_digest(sum: &digest::Digest) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(sum.as_ref());
        Self(bytes)
    }

    /// Gives the hex digits, as `.PKGINFO` has them.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// Gives the base64, as lock files have it behind `sha256-`.
    #[must_use]
    pub fn base64(&self) -> String {
        BASE64_STANDARD.encode(self.0)
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_write_a_sum_mean_the_same() {
        let empty = Checksum::of(b"");
        assert_eq!(empty.to_string(), "Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=");
        assert_eq!(Checksum::parse("Q12jmj7l5rSw0yVb/vlWAYkK/YBwk="), Ok(empty));
        for text in [
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "Q12jmj7l5rSw0yVb/vlWAYkK/YBwk=",
        ] {
            assert_eq!(Checksum::parse_record(text), Ok(empty), "{text}");
        }
        assert_eq!(empty.hex(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    }

    #[test]
    fn what_is_no_sum_is_refused() {
        for text in [
            "",
            "Q1",
            "Q2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
            "Q12jmj7l5rSw0yVb/vlWAYkK/YBw",
            "Q1AAAA",
            "da39a3ee5e6b4b0d3255bfef95601890afd807",
            "+a39a3ee5e6b4b0d3255bfef95601890afd80709",
        ] {
            let wrong = ChecksumError(text.to_owned());
            assert_eq!(Checksum::parse_record(text), Err(wrong.clone()));
            assert_eq!(Checksum::parse(text), Err(wrong));
        }
    }
}
