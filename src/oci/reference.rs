//! An image reference: `[registry/]repository[:tag][@digest]`.
//!
//! A first component is a registry when it holds a `.` or a `:` or is `localhost`; otherwise it belongs to the
//! repository and Docker reads the whole as a name on its default registry (`nginx` → `library/nginx` there). The text is
//! kept as it was written: a label is compared and printed the way the user knows it.

use std::fmt;
use std::str::FromStr;

use super::{Digest, DigestError, Tag, TagError};

/// A reference that was checked part by part (distribution-spec "Pulling manifests", Docker's reference grammar).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    registry: Option<String>,
    repository: String,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

/// Why a text is no reference.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReferenceError {
    /// The part before tag and digest is empty or has an empty component.
    #[error("`{0}` is no image reference: a part of its name is empty")]
    EmptyPart(String),
    /// A component holds a character that no repository has, or a capital.
    #[error(
        "`{text}` is no image reference: `{part}` has to be lower-case letters and digits, parted by `.`, `_`, `__` or `-`"
    )]
    Part {
        /// The refused text.
        text: String,
        /// The component at fault.
        part: String,
    },
    /// The registry is no host with an optional port.
    #[error("`{text}` is no image reference: `{registry}` is no host name with an optional port")]
    Registry {
        /// The refused text.
        text: String,
        /// The component at fault.
        registry: String,
    },
    /// The name without tag and digest is over 255 characters.
    #[error("`{0}` is no image reference: its name is over 255 characters")]
    TooLong(String),
    /// The part after the last colon is no tag.
    #[error("`{text}` is no image reference")]
    Tag {
        /// The refused text.
        text: String,
        /// What is wrong with the tag.
        source: TagError,
    },
    /// The part after `@` is no digest.
    #[error("`{text}` is no image reference")]
    Digest {
        /// The refused text.
        text: String,
        /// What is wrong with the digest.
        source: DigestError,
    },
}

impl Reference {
    /// Gives the registry as written (`host` or `host:port`), if the reference names one.
    #[must_use]
    pub fn registry(&self) -> Option<&str> {
        self.registry.as_deref()
    }

    /// Gives the path below the registry, without tag and digest.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Gives the tag, if one is written.
    #[must_use]
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// Gives the digest, if one is written.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Gives registry and repository without tag and digest: `registry.example.org/base/nginx`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.registry {
            Some(registry) => format!("{registry}/{}", self.repository),
            None => self.repository.clone(),
        }
    }

    /// Gives the reference as Docker lists it: without its default registry and the `library` there.
    ///
    /// The default registry stays where the rest would be read as an image of another one: `docker.io/r.example.org/a`.
    #[must_use]
    pub fn familiar(&self) -> Self {
        let is_default = matches!(
            self.registry.as_deref(),
            None | Some("docker.io" | "index.docker.io" | "registry-1.docker.io")
        );
        if !is_default {
            return self.clone();
        }
        let repository = match self.repository.strip_prefix("library/") {
            Some(short) if !short.contains('/') => short,
            _ => &self.repository,
        };
        let first = repository.split_once('/').map(|(first, _)| first);
        let names_registry = first.is_some_and(is_registry);
        Self {
            registry: names_registry.then(|| "docker.io".to_owned()),
            repository: repository.to_owned(),
            ..self.clone()
        }
    }

    /// Gives the last component of the repository: `nginx` of `registry.example.org/base/nginx:1`.
    #[must_use]
    pub fn short_name(&self) -> &str {
        match self.repository.rsplit_once('/') {
            Some((_, last)) => last,
            None => &self.repository,
        }
    }

    /// Gives the same repository with this tag and no digest.
    #[must_use]
    pub fn with_tag(&self, tag: Tag) -> Self {
        Self {
            tag: Some(tag),
            digest: None,
            ..self.clone()
        }
    }

    /// Gives the same repository with this digest and no tag.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self {
            tag: None,
            digest: Some(digest),
            ..self.clone()
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let owned = || text.to_owned();
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let digest =
            digest
                .map(str::parse)
                .transpose()
                .map_err(|source| ReferenceError::Digest {
                    text: owned(),
                    source,
                })?;
        // A colon before a slash is a port's.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        let tag = tag
            .map(str::parse)
            .transpose()
            .map_err(|source| ReferenceError::Tag {
                text: owned(),
                source,
            })?;
        if name.len() > 255 {
            return Err(ReferenceError::TooLong(owned()));
        }
        let (registry, repository) = match name.split_once('/') {
            Some((first, path)) if is_registry(first) => (Some(first), path),
            _ => (None, name),
        };
        if let Some(registry) = registry
            && !is_host(registry)
        {
            return Err(ReferenceError::Registry {
                text: owned(),
                registry: registry.to_owned(),
            });
        }
        for part in repository.split('/') {
            if part.is_empty() {
                return Err(ReferenceError::EmptyPart(owned()));
            }
            if !is_component(part) {
                return Err(ReferenceError::Part {
                    text: owned(),
                    part: part.to_owned(),
                });
            }
        }
        Ok(Self {
            registry: registry.map(str::to_owned),
            repository: repository.to_owned(),
            tag,
            digest,
        })
    }
}

fn is_registry(component: &str) -> bool {
    component.contains(['.', ':']) || component == "localhost"
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            (
                None,
                port.strip_prefix(':').or((!port.is_empty()).then_some("")),
            )
        }
        None => match text.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(text), None),
        },
    };
    let host_fits = host.is_none_or(|host| {
        host.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
    });
    host_fits && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// `[a-z0-9]+` runs, parted by `.`, `_`, `__` or any number of `-`.
fn is_component(part: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    if !bytes.first().copied().is_some_and(alphanumeric)
        || !bytes.last().copied().is_some_and(alphanumeric)
    {
        return false;
    }
    part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .filter(|separator| !separator.is_empty())
        .all(|separator| {
            matches!(separator, "." | "_" | "__") || separator.bytes().all(|b| b == b'-')
        })
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(registry) = &self.registry {
            write!(f, "{registry}/")?;
        }
        f.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[track_caller]
    fn case(text: &str, registry: Option<&str>, repository: &str, tag: Option<&str>) {
        let reference: Reference = text.parse().expect("a reference");
        assert_eq!(reference.registry(), registry);
        assert_eq!(reference.repository(), repository);
        assert_eq!(reference.tag().map(Tag::as_str), tag);
        assert_eq!(reference.to_string(), text, "the text is kept");
    }

    #[test]
    fn parts_are_found_with_and_without_registry_and_tag() {
        case("nginx", None, "nginx", None);
        case(
            "example/nginx:1.22-1",
            None,
            "example/nginx",
            Some("1.22-1"),
        );
        case("localhost/nginx:1", Some("localhost"), "nginx", Some("1"));
        case("127.0.0.1:5000/a/b", Some("127.0.0.1:5000"), "a/b", None);
        case("[::1]:5000/a:1", Some("[::1]:5000"), "a", Some("1"));
        case(
            "registry.example.org/a__b/c-d:latest",
            Some("registry.example.org"),
            "a__b/c-d",
            Some("latest"),
        );
        case(
            &format!("r.example.org:5000/a:1@sha256:{HEX}"),
            Some("r.example.org:5000"),
            "a",
            Some("1"),
        );
    }

    #[test]
    fn a_name_is_a_registry_only_with_dot_colon_or_as_localhost() {
        case("registry/nginx:1", None, "registry/nginx", Some("1"));
    }

    #[test]
    fn the_default_registry_has_several_spellings() {
        for text in [
            "docker.io/library/a:1",
            "library/a:1",
            "index.docker.io/a:1",
            "a:1",
        ] {
            let reference: Reference = text.parse().expect("a reference");
            assert_eq!(reference.familiar().to_string(), "a:1");
        }
        for text in ["docker.io/ns/a:1", "r.example.org/library/a:1"] {
            let reference: Reference = text.parse().expect("a reference");
            let familiar = text.trim_start_matches("docker.io/");
            assert_eq!(reference.familiar().to_string(), familiar);
        }
    }

    #[test]
    fn what_the_default_registry_holds_is_never_taken_for_another_registrys() {
        for text in ["docker.io/r.example.org/a:1", "docker.io/localhost/a"] {
            let reference: Reference = text.parse().expect("a reference");
            assert_eq!(reference.familiar(), reference);
        }
        let reference: Reference = "index.docker.io/r.example.org/a".parse().expect("one");
        let familiar = reference.familiar();
        assert_eq!(familiar.to_string(), "docker.io/r.example.org/a");
    }

    #[test]
    fn wrong_parts_are_refused() {
        for text in [
            "",
            "/a",
            "a//b",
            "a/",
            "A",
            "a/B:1",
            "a_-b",
            "a___b",
            "-a",
            "a:",
            "a:b/c:d",
            "a@sha256:1",
            "a:1:2",
            "r.example.org:port/a",
            "-r.example.org/a",
            "[::zz]:1/a",
            "a b",
            "a:1@",
            "r..org/a",
        ] {
            text.parse::<Reference>().expect_err(text);
        }
    }

    #[test]
    fn tag_and_digest_replace_each_other() {
        let reference: Reference = "r.example.org/base/nginx:1".parse().expect("a reference");
        let digest: Digest = format!("sha256:{HEX}").parse().expect("a digest");
        assert_eq!(
            reference.with_tag(Tag::latest()).to_string(),
            "r.example.org/base/nginx:latest"
        );
        assert_eq!(
            reference.with_digest(digest).to_string(),
            format!("r.example.org/base/nginx@sha256:{HEX}")
        );
        assert_eq!(
            (reference.name().as_str(), reference.short_name()),
            ("r.example.org/base/nginx", "nginx")
        );
    }
}
