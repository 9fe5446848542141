//! A path inside a root file system: relative to its root, without `.`, `..` or doubled slashes.

use std::cmp::Ordering;
use std::fmt;

/// The path of a name in a root file system, in bytes as file systems keep them; the root itself is empty.
///
/// Paths are ordered as a walk meets them that goes down into each directory at once: `a`, `a/b`, `a-b`.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct RootPath(Box<[u8]>);

/// Why a name cannot be one in a root file system.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RootPathError {
    /// It climbs with `..`.
    #[error("it climbs out with `..`")]
    Climbs,
    /// It holds a zero byte.
    #[error("it holds a zero byte")]
    Zero,
    /// No file system takes it: `NAME_MAX` and `PATH_MAX` of Linux.
    #[error("it is longer than a path can be")]
    TooLong,
}

const LONGEST_NAME: usize = 255; // bytes
const LONGEST_PATH: usize = 4095; // bytes

impl RootPath {
    /// Gives the root.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads a path as archives write it: `./etc/passwd`, `/etc/passwd`, `etc/`.
    pub fn parse(text: &[u8]) -> Result<Self, RootPathError> {
        if text.contains(&0) {
            return Err(RootPathError::Zero);
        }
        let mut path = Vec::with_capacity(text.len());
        for name in text.split(|byte| *byte == b'/') {
            match name {
                b"" | b"." => (),
                b".." => return Err(RootPathError::Climbs),
                name if name.len() > LONGEST_NAME => return Err(RootPathError::TooLong),
                name => {
                    if !path.is_empty() {
                        path.push(b'/');
                    }
                    path.extend_from_slice(name);
                }
            }
        }
        if path.len() > LONGEST_PATH {
            return Err(RootPathError::TooLong);
        }
        Ok(Self(path.into()))
    }

    /// Gives the bytes, without a slash at either end.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Tells whether it is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives the names from the root on.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0
            .split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty())
    }

    /// Gives the directory that it lies in, and its last name; the root has neither.
    #[must_use]
    pub fn split(&self) -> Option<(Self, &[u8])> {
        if self.is_root() {
            return None;
        }
        Some(match self.0.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (Self(self.0[..slash].into()), &self.0[slash + 1..]),
            None => (Self::root(), &self.0),
        })
    }

    /// Gives the path of `name` in this directory; `name` is one name, as [`RootPath::names`] gives them.
    #[must_use]
    pub fn join(&self, name: &[u8]) -> Self {
        if self.is_root() {
            return Self(name.into());
        }
        Self([&self.0, b"/".as_slice(), name].concat().into())
    }

    /// Gives the path of `name` in this directory, where a file system takes both.
    pub fn try_join(&self, name: &[u8]) -> Result<Self, RootPathError> {
        let joined = self.join(name);
        if name.len() > LONGEST_NAME || joined.0.len() > LONGEST_PATH {
            return Err(RootPathError::TooLong);
        }
        Ok(joined)
    }

    /// Gives what comes behind all that lies below it, and before all else that comes behind it.
    pub(super) fn end(&self) -> Self {
        // No name holds a zero byte.
        Self([&self.0, b"\0".as_slice()].concat().into())
    }

    /// Tells whether it lies below `directory`, at any depth.
    #[must_use]
    pub fn is_below(&self, directory: &Self) -> bool {
        if directory.is_root() {
            return !self.is_root();
        }
        let rest = self.0.strip_prefix(&*directory.0);
        rest.is_some_and(|rest| rest.first() == Some(&b'/'))
    }
}

/// Tells why a symbolic link cannot lead where it is written to: `PATH_MAX` bounds targets, too.
pub(super) fn check_target(target: &[u8]) -> Result<(), RootPathError> {
    if target.len() > LONGEST_PATH {
        return Err(RootPathError::TooLong);
    }
    if target.contains(&0) {
        return Err(RootPathError::Zero);
    }
    Ok(())
}

impl Ord for RootPath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.names().cmp(other.names())
    }
}

impl PartialOrd for RootPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// As a user reads it, from the root: `/etc/passwd`.
impl fmt::Display for RootPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for RootPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RootPath {
        RootPath::parse(text.as_bytes()).expect("a path")
    }

    #[test]
    fn all_ways_to_write_a_path_mean_the_same() {
        for text in [
            "etc/ssl",
            "/etc/ssl",
            "./etc/ssl",
            "etc//ssl/",
            "//etc/./ssl/.",
        ] {
            assert_eq!(path(text).as_bytes(), b"etc/ssl", "{text}");
        }
        for text in ["", "/", ".", "./"] {
            assert!(path(text).is_root(), "{text}");
        }
        let (directory, name) = path("etc/ssl/certs")
            .split()
            .map(|(d, n)| (d, n.to_vec()))
            .unwrap();
        assert_eq!(
            (directory, name.as_slice()),
            (path("etc/ssl"), &b"certs"[..])
        );
        assert_eq!(path("etc").join(b"ssl"), path("etc/ssl"));
        assert_eq!(RootPath::root().join(b"etc"), path("etc"));
    }

    #[test]
    fn what_leaves_the_root_or_fits_nowhere_is_refused() {
        for (text, error) in [
            ("../etc".to_owned(), RootPathError::Climbs),
            ("etc/../../x".to_owned(), RootPathError::Climbs),
            ("a\0b".to_owned(), RootPathError::Zero),
            ("a".repeat(256), RootPathError::TooLong),
            ("a/".repeat(2500), RootPathError::TooLong),
        ] {
            assert_eq!(RootPath::parse(text.as_bytes()), Err(error), "{text}");
        }
        path(&"a".repeat(255));
    }

    #[test]
    fn a_directory_is_followed_by_what_is_in_it() {
        let mut paths = ["a-b", "a/b", "a", "a/b/c", "", "b"].map(path);
        paths.sort();
        assert_eq!(paths, ["", "a", "a/b", "a/b/c", "a-b", "b"].map(path));
        let end = path("a").end();
        assert!(path("a/b/c") < end && end < path("a\u{1}") && end < path("b"));
        assert!(path("a/b/c").is_below(&path("a")));
        assert!(!path("a-b").is_below(&path("a")));
        assert!(!path("a").is_below(&path("a")));
        assert!(path("a").is_below(&path("")));
    }
}
