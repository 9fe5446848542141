//! Texts and bytes that never print themselves.

use std::borrow::Cow;
use std::fmt;

/// A secret of the user's: debugging output hides it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Gives the text to whoever sends it on.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Gives an address without the name and password in it: `http://ann:…@proxy:3128` is `http://proxy:3128`.
#[must_use]
pub fn without_login(address: &str) -> Cow<'_, str> {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, _)) => address.split_at(scheme.len() + 3),
        None => ("", address),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => Cow::Owned(format!("{scheme}{}", &rest[at + 1..])),
        None => Cow::Borrowed(address),
    }
}

/// A secret that may be anything but text, such as a key in a file.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Keeps bytes secret.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// Gives the bytes to whoever sends them on.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(address: &str, expected: &str) {
        assert_eq!(without_login(address), expected);
    }

    #[test]
    fn an_address_loses_its_login_alone() {
        case("http://ann:hush@proxy:3128/a@b", "http://proxy:3128/a@b");
        case("ann:hu@sh@proxy:3128", "proxy:3128");
        case("http://proxy/a@b", "http://proxy/a@b");
        case("tcp://[::1]:2375", "tcp://[::1]:2375");
    }
}
