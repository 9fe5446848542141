//! A tag: the part of a reference that names one version of a repository.

use std::fmt;
use std::str::FromStr;

use super::Digest;

/// A tag that registries accept: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}` (OCI distribution-spec, "Pulling manifests").
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

/// Why a text is no tag.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TagError {
    /// The tag has no character.
    #[error("a tag cannot be empty")]
    Empty,
    /// The tag is over 128 characters.
    #[error("`{0}` is too long for a tag: 128 characters at most")]
    TooLong(String),
    /// The tag holds a character that no registry accepts.
    #[error("`{text}` cannot be a tag: it holds `{character}`")]
    Character {
        /// The refused text.
        text: String,
        /// Its first character that no tag holds.
        character: char,
    },
}

impl Tag {
    /// Gives the tag that docker-pkg and registries move to the newest version.
    #[must_use]
    pub fn latest() -> Self {
        Self("latest".to_owned())
    }

    /// Gives the tag under which an engine pushes an image that gets its version here; no version begins like this.
    #[must_use]
    pub fn incoming() -> Self {
        Self("pkg-incoming".to_owned())
    }

    /// Gives the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(TagError::Empty);
        }
        let refused = text.chars().enumerate().find(|&(i, c)| {
            !(c.is_ascii_alphanumeric() || c == '_' || (i > 0 && (c == '.' || c == '-')))
        });
        match refused {
            Some((_, character)) => Err(TagError::Character {
                text: text.to_owned(),
                character,
            }),
            None if text.len() > 128 => Err(TagError::TooLong(text.to_owned())),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl Tag {
    /// Gives the tag that lists what refers to a manifest, where the registry does not (distribution-spec, "Referrers Tag Schema").
    #[must_use]
    pub fn of_referrers(digest: &Digest) -> Self {
        Self(digest.as_str().replace(':', "-"))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_versions_without_epoch_plus_and_tilde_are_tags() {
        for text in ["1", "1.22.1-9", "8.2.29-1-20261121", "_x", &"9".repeat(128)] {
            assert_eq!(
                text.parse::<Tag>().map(|t| t.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn what_no_registry_accepts_names_its_character() {
        for (text, character) in [
            ("1:2.0", ':'),
            ("2~rc1", '~'),
            ("1+b", '+'),
            ("-1", '-'),
            (".1", '.'),
            ("ä", 'ä'),
        ] {
            let text = text.to_owned();
            assert_eq!(
                text.parse::<Tag>(),
                Err(TagError::Character { text, character })
            );
        }
        assert_eq!("".parse::<Tag>(), Err(TagError::Empty));
        assert_eq!(
            "9".repeat(129).parse::<Tag>(),
            Err(TagError::TooLong("9".repeat(129)))
        );
    }
}
