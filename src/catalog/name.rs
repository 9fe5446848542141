//! The name of an image: what its changelog calls it and what stands before the colon of its label.

use std::fmt;
use std::str::FromStr;

/// A name that is at once a Debian source package name (Policy 5.6.1) and one component of an OCI repository.
///
/// Debian allows `+` where OCI does not; such a name could be scanned but never built, so it is refused here.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageName(String);

/// Why a text is no image name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` cannot name an image: a name has lower-case letters and digits, parted by `.` or `-`"
)]
pub struct NameError(String);

impl ImageName {
    /// Gives the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ImageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let ends_fit = text.bytes().next().is_some_and(alphanumeric)
            && text.bytes().last().is_some_and(alphanumeric);
        let separators_fit = text
            .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            .all(|separator| matches!(separator, "" | ".") || separator.bytes().all(|b| b == b'-'));
        if ends_fit && separators_fit {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError(text.to_owned()))
        }
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_debian_and_registries_both_accept() {
        for text in ["nginx", "php8.2-cli", "openjdk-17-jre", "7zip", "a--b"] {
            assert_eq!(
                text.parse::<ImageName>().map(|name| name.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn names_that_one_of_them_refuses() {
        for text in [
            "", "a/foo", "a+foo", "a_foo", "Foo", "foo~", "-foo", "foo.", "a..b", "a.-b",
        ] {
            assert_eq!(text.parse::<ImageName>(), Err(NameError(text.to_owned())));
        }
    }
}
