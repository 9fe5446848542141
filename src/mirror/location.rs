//! Where an archive lies: an address of a server, or a directory.

use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::Url;

use crate::address::{shown, without_login};

/// A place that files are fetched from.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// At a server.
    Web(Url),
    /// In a file system: `file:/srv/archive`.
    Directory(PathBuf),
}

/// Why a text is no such place.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum LocationError {
    /// It is no address.
    #[error("`{0}` is no address of an archive: `https://…`, `http://…` or `file:/…`")]
    Address(String),
    /// It has more than a path.
    #[error("`{0}` has a `?` or `#`, which addresses of archives do not have")]
    Query(String),
}

impl Location {
    /// Reads an address as sources of apt have it.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        let shown = || shown(text);
        if let Some(rest) = text.strip_prefix("file:") {
            // `file:/srv`, `file:///srv`; a host can be no other than this one.
            let path = rest.strip_prefix("//").unwrap_or(rest);
            let path = path.strip_prefix("localhost").unwrap_or(path);
            if !path.starts_with('/') {
                return Err(LocationError::Address(shown()));
            }
            return Ok(Self::Directory(PathBuf::from(path)));
        }
        let url = Url::parse(text).map_err(|_| LocationError::Address(shown()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(LocationError::Address(shown()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(LocationError::Query(shown()));
        }
        Ok(Self::Web(url))
    }

    /// Gives the place of a path below this one; the path has been checked to lead nowhere else.
    #[must_use]
    pub fn join(&self, path: &str) -> Self {
        match self {
            Self::Directory(directory) => Self::Directory(directory.join(Path::new(path))),
            Self::Web(url) => {
                let mut url = url.clone();
                let base = url.path().trim_end_matches('/').to_owned();
                // A percent sign of a file's name is none of an address.
                url.set_path(&format!("{base}/{}", path.replace('%', "%25")));
                Self::Web(url)
            }
        }
    }
}

/// Without a login.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(url) => f.write_str(&without_login(url.as_str())),
            Self::Directory(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, path: &str, joined: &str) {
        let location = Location::parse(text).expect("a place");
        assert_eq!(location.join(path).to_string(), joined);
    }

    #[test]
    fn paths_are_put_behind_addresses() {
        case(
            "http://m.example.org/debian/",
            "dists/a",
            "http://m.example.org/debian/dists/a",
        );
        case("https://m.example.org", "a/b", "https://m.example.org/a/b");
        case("file:/srv/a", "b/c", "/srv/a/b/c");
        case("file:///srv/a/", "b", "/srv/a/b");
        case(
            "http://m.example.org/a",
            "x_1%3a2+b~c.deb",
            "http://m.example.org/a/x_1%253a2+b~c.deb",
        );
    }

    #[test]
    fn a_login_is_used_and_not_shown() {
        let location = Location::parse("https://ann:s3cret@m.example.org/d").expect("a place");
        assert_eq!(location.join("a").to_string(), "https://m.example.org/d/a");
        assert!(!format!("{location:?}").contains("s3cret"));
        match location.join("a") {
            Location::Web(url) => assert_eq!(url.password(), Some("s3cret")),
            Location::Directory(path) => panic!("{}", path.display()),
        }
        let error = Location::parse("ftp://ann:s3cret@m.example.org/d").expect_err("no place");
        assert!(!error.to_string().contains("s3cret"), "{error}");
        let error = Location::parse("https://m.example.org/d?token=s3cret").expect_err("no place");
        assert_eq!(
            error.to_string(),
            "`https://m.example.org/d…` has a `?` or `#`, which addresses of archives do not have"
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "debian",
            "/srv",
            "file:srv",
            "file://host/srv",
            "ftp://m/d",
            "http://",
            "http://m/?a",
            "http://m/#a",
        ] {
            Location::parse(text).expect_err(text);
        }
    }
}
