//! Where images go, and under which tags.
//!
//! ```text
//! label                       registry.example.org/base/nginx:1.22-1
//! at mirror.example.org/prod  mirror.example.org/prod/nginx:1.22-1
//! candidate `next`            registry.example.org/base/nginx:next
//! ```

use std::fmt;
use std::str::FromStr;

use crate::oci::{Reference, ReferenceError, Tag, TagError};

/// Where the images of a run are published; by default where their labels say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The place instead of the one that the labels have.
    pub place: Option<Place>,
    /// The tags of candidates; without one, versions are published.
    pub candidates: Vec<CandidateTag>,
}

impl Target {
    /// Tells whether versions go where the labels say.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        self.place.is_none() && self.candidates.is_empty()
    }

    /// Gives the reference under which the version of an image is found there.
    pub fn version(&self, label: &Reference) -> Result<Reference, ReferenceError> {
        match &self.place {
            None => Ok(label.clone()),
            Some(place) => {
                let name: Reference = format!("{place}/{}", label.short_name()).parse()?;
                let tag = label.tag().cloned().unwrap_or_else(Tag::latest);
                Ok(name.with_tag(tag))
            }
        }
    }

    /// Gives the host that it is at, where that is another one than the labels have.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let place = self.place.as_ref()?;
        place.0.split('/').next()
    }
}

/// `HOST` or `HOST/PATH`: what stands before the name of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(String);

/// Why a text names no place.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlaceError {
    /// A part of it cannot stand in a reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// It does not begin with a host.
    #[error("it has to begin with a host that has a dot or a port")]
    NoHost,
    /// It has a login; it is not repeated.
    #[error("it has to be without a login: `docker login` says who logs in there")]
    Login,
    /// It has a tag or a digest.
    #[error("tags and digests are put behind it by this program")]
    Tag,
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let last = text.rsplit('/').next().unwrap_or_default();
        let before = text.split_once('@').map(|(before, _)| before);
        if before.is_some_and(|before| before.contains(':') || !before.contains('/')) {
            return Err(PlaceError::Login);
        }
        if text.contains('@') || (text.contains('/') && last.contains(':')) {
            return Err(PlaceError::Tag);
        }
        let example: Reference = format!("{text}/name").parse()?;
        match example.registry() {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(PlaceError::NoHost),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A tag that can be neither a version nor `latest`, so that moving it breaks no promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateTag(Tag);

/// Why a text is no tag of a candidate.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CandidateTagError {
    /// It is no tag at all.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// It is `latest`.
    #[error("`latest` follows published versions, and no candidate")]
    Latest,
    /// It is the tag under which images come.
    #[error("`{0}` is where an image comes before it gets its tag")]
    Incoming(Tag),
    /// It may be a version.
    #[error("a tag that begins with a digit may be a version, and versions do not move")]
    Version,
}

impl CandidateTag {
    /// Gives the tag.
    #[must_use]
    pub fn tag(&self) -> &Tag {
        &self.0
    }
}

impl FromStr for CandidateTag {
    type Err = CandidateTagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tag: Tag = text.parse()?;
        if tag == Tag::latest() {
            return Err(CandidateTagError::Latest);
        }
        if tag == Tag::incoming() {
            return Err(CandidateTagError::Incoming(tag));
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(CandidateTagError::Version);
        }
        Ok(Self(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(place: &str) -> Target {
        Target {
            place: Some(place.parse().expect(place)),
            ..Target::default()
        }
    }

    #[test]
    fn another_place_keeps_name_and_version() {
        let label: Reference = "r.example.org/base/tools/nginx:1.22-1".parse().unwrap();
        for (place, expected) in [
            ("m.example.org/prod", "m.example.org/prod/nginx:1.22-1"),
            ("m.example.org:5000", "m.example.org:5000/nginx:1.22-1"),
            ("localhost/a/b", "localhost/a/b/nginx:1.22-1"),
        ] {
            let there = at(place).version(&label).expect(place);
            assert_eq!(there.to_string(), expected);
        }
        assert_eq!(Target::default().version(&label), Ok(label));
        assert_eq!(
            at("m.example.org:5000/a").host(),
            Some("m.example.org:5000")
        );
        assert_eq!(Target::default().host(), None);
    }

    #[test]
    fn a_place_is_a_host_with_a_path_and_nothing_more() {
        for (text, expected) in [
            ("base", PlaceError::NoHost),
            ("base/tools", PlaceError::NoHost),
            ("m.example.org/a:1", PlaceError::Tag),
            ("m.example.org/a@sha256:1", PlaceError::Tag),
        ] {
            assert_eq!(text.parse::<Place>(), Err(expected), "{text}");
        }
        for text in ["", "m.example.org/", "m.example.org//a", "m.example.org/A"] {
            let error = text.parse::<Place>().expect_err(text);
            assert!(matches!(error, PlaceError::Reference(_)), "{text}: {error}");
        }
    }

    #[test]
    fn a_candidate_is_no_version_and_not_latest() {
        for (text, expected) in [
            ("latest", CandidateTagError::Latest),
            ("1.22-1", CandidateTagError::Version),
            ("pkg-incoming", CandidateTagError::Incoming(Tag::incoming())),
            ("", CandidateTagError::Tag(TagError::Empty)),
        ] {
            assert_eq!(text.parse::<CandidateTag>(), Err(expected), "{text}");
        }
        let next: CandidateTag = "next-1.22".parse().expect("a candidate");
        assert_eq!(next.tag().as_str(), "next-1.22");
    }
}
