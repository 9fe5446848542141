//! The journal of a change: which files of a root it is about, by what they held and what they are to hold.
//!
//! ```text
//! pkg changes 2␀3f5c…␀2␀/srv/images␀/srv/istio␀<SHA-256 before>␀<SHA-256 after>␀nginx/changelog␀…
//! ```
//!
//! A journal may come with a repository, so nothing in it is believed: paths stay below the root, and a file is touched only
//! where it holds what the journal says.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use crate::oci::Digest;

const HEADER: &[u8] = b"pkg changes 2";

/// One change of files in one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Journal {
    /// Names the change in all of its roots.
    pub(super) id: String,
    /// All roots of the change; the journal of the first decides whether it is done.
    pub(super) roots: Vec<PathBuf>,
    /// The files.
    pub(super) files: Vec<JournalFile>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JournalFile {
    /// Where it is, below the root.
    pub(super) path: PathBuf,
    /// What it held.
    pub(super) old: Digest,
    /// What it is to hold.
    pub(super) new: Digest,
}

impl Journal {
    pub(super) fn render(&self) -> Vec<u8> {
        let count = self.roots.len().to_string();
        let mut parts: Vec<&[u8]> = vec![HEADER, self.id.as_bytes(), count.as_bytes()];
        parts.extend(self.roots.iter().map(|root| root.as_os_str().as_bytes()));
        for file in &self.files {
            parts.extend([file.old.as_str().as_bytes(), file.new.as_str().as_bytes()]);
            parts.push(file.path.as_os_str().as_bytes());
        }
        let mut bytes = parts.join(&0);
        bytes.push(0);
        bytes
    }

    /// Reads a journal; one with a path that leaves the root is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_suffix(&[0])?;
        let mut parts = bytes.split(|&byte| byte == 0);
        if parts.next()? != HEADER {
            return None;
        }
        let id = str::from_utf8(parts.next()?).ok()?.to_owned();
        let count: usize = str::from_utf8(parts.next()?).ok()?.parse().ok()?;
        let path = |part: &[u8]| PathBuf::from(OsStr::from_bytes(part));
        let roots: Vec<PathBuf> = parts.by_ref().take(count).map(path).collect();
        if roots.is_empty() || roots.len() < count {
            return None;
        }
        let mut files = Vec::new();
        while let Some(old) = parts.next() {
            let digest = |part: &[u8]| str::from_utf8(part).ok()?.parse::<Digest>().ok();
            let (old, new) = (digest(old)?, digest(parts.next()?)?);
            let path = PathBuf::from(OsStr::from_bytes(parts.next()?));
            if !is_below(&path) {
                return None;
            }
            files.push(JournalFile { path, old, new });
        }
        Some(Self { id, roots, files })
    }
}

fn is_below(path: &Path) -> bool {
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    path.components().next().is_some() && path.components().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(path: &str) -> Journal {
        Journal {
            id: "3f5c".to_owned(),
            roots: ["/srv/images", "/srv/istio"].map(PathBuf::from).into(),
            files: vec![JournalFile {
                path: path.into(),
                old: Digest::of(b"old"),
                new: Digest::of(b"new"),
            }],
        }
    }

    #[test]
    fn a_journal_reads_as_it_was_written() {
        let written = journal("a b/changelog");
        assert_eq!(Journal::parse(&written.render()), Some(written));
    }

    #[test]
    fn paths_that_leave_the_root_and_other_texts_are_no_journal() {
        for path in ["/etc/passwd", "../changelog", "a/../../changelog", ""] {
            assert_eq!(Journal::parse(&journal(path).render()), None, "{path}");
        }
        for bytes in [
            &b""[..],
            b"\0",
            b"pkg changes 1\0a\x001\0/b\0",
            b"pkg changes 2\0a\x000\0",
            b"pkg changes 2\0a\x002\0/b\0",
            b"pkg changes 2\0a\x001\0/b\0c\0",
        ] {
            assert_eq!(Journal::parse(bytes), None);
        }
    }
}
