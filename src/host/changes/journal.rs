//! The journal of a change: which files of a root it is about, by what they held and what they are to hold.
//!
//! ```text
//! pkg changes 3␀3f5c…␀1␀2␀../images␀.␀<SHA-256 before>␀<SHA-256 after>␀nginx/changelog␀nginx/changelog␀…
//! ```
//!
//! That is the root with number 1 of 2, and the ways to both. All ways begin at the root, so that a tree that is moved or
//! mounted elsewhere takes its journals along. A file has two: the one to the file itself, and the one by which the catalog
//! knows it, which may be a link. Of a lock that was not there before stands `none` in the place of what it held.
//!
//! Nothing in a journal is believed: it names files `changelog`, `control` and `image.lock.json` below its root and nothing of
//! git's, without a link on the way to them, and a file is touched only where it holds what the journal says.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use super::workshop::WORKSHOP;
use crate::oci::Digest;

const HEADER: &[u8] = b"pkg changes 3";
/// What is changed.
const NAMES: [&str; 3] = ["changelog", "control", CREATED];
/// What is also made anew.
const CREATED: &str = "image.lock.json";
/// Stands for what a file held that was not there.
const NOTHING: &str = "none";

/// One change of files in one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::host) struct Journal {
    /// Names the change in all of its roots.
    pub(in crate::host) id: String,
    /// Which of the roots this one is; the journal of the first decides whether the change is done.
    pub(in crate::host) number: usize,
    /// The ways from this root to all roots of the change.
    pub(in crate::host) roots: Vec<PathBuf>,
    /// The files.
    pub(in crate::host) files: Vec<JournalFile>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::host) struct JournalFile {
    /// What it held; nothing where it was not there.
    pub(in crate::host) old: Option<Digest>,
    /// What it is to hold.
    pub(in crate::host) new: Digest,
    /// Where it is, below the root.
    pub(in crate::host) path: PathBuf,
    /// The way from the root to the name by which the catalog knows it.
    pub(in crate::host) name: PathBuf,
}

impl JournalFile {
    /// Tells whether this may be a file of an image, as far as its names show it.
    pub(super) fn is_of_image(&self) -> bool {
        let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        let mut parts = self.path.components();
        let is_below = parts.next().is_some_and(is_plain) && parts.all(is_plain);
        let last = self.name.file_name();
        is_below
            && (self.old.is_some() || last.is_some_and(|last| last == CREATED))
            && is_open_ground(&self.path)
            && is_way(&self.name)
            && is_open_ground(&self.name)
            && last.is_some_and(|last| NAMES.iter().any(|name| last == *name))
    }
}

impl Journal {
    pub(in crate::host) fn render(&self) -> Vec<u8> {
        let (number, count) = (self.number.to_string(), self.roots.len().to_string());
        let mut parts: Vec<&[u8]> = vec![HEADER];
        parts.extend([self.id.as_bytes(), number.as_bytes(), count.as_bytes()]);
        parts.extend(self.roots.iter().map(|root| root.as_os_str().as_bytes()));
        for file in &self.files {
            let old = file.old.as_ref().map_or(NOTHING, Digest::as_str);
            parts.extend([old.as_bytes(), file.new.as_str().as_bytes()]);
            parts.extend([&file.path, &file.name].map(|path| path.as_os_str().as_bytes()));
        }
        let mut bytes = parts.join(&0);
        bytes.push(0);
        bytes
    }

    /// Reads a journal; one with a file that cannot be one of an image is none.
    pub(in crate::host) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_suffix(&[0])?;
        let mut parts = bytes.split(|&byte| byte == 0);
        if parts.next()? != HEADER {
            return None;
        }
        let id = str::from_utf8(parts.next()?).ok()?.to_owned();
        let mut digits = || str::from_utf8(parts.next()?).ok()?.parse::<usize>().ok();
        let (number, count) = (digits()?, digits()?);
        let path = |part: &[u8]| PathBuf::from(OsStr::from_bytes(part));
        let roots: Vec<PathBuf> = parts.by_ref().take(count).map(path).collect();
        let is_here = |(at, root): (usize, &PathBuf)| (root == Path::new(".")) == (at == number);
        if number >= count
            || roots.len() < count
            || !roots.iter().all(|root| is_way(root))
            || !roots.iter().enumerate().all(is_here)
        {
            return None;
        }
        let mut files = Vec::new();
        while let Some(old) = parts.next() {
            let digest = |part: &[u8]| str::from_utf8(part).ok()?.parse::<Digest>().ok();
            let file = JournalFile {
                old: match old {
                    old if old == NOTHING.as_bytes() => None,
                    old => Some(digest(old)?),
                },
                new: digest(parts.next()?)?,
                path: path(parts.next()?),
                name: path(parts.next()?),
            };
            if !file.is_of_image() {
                return None;
            }
            files.push(file);
        }
        Some(Self {
            id,
            number,
            roots,
            files,
        })
    }
}

/// Tells whether nothing of git's and nothing of a change under way is touched.
fn is_open_ground(path: &Path) -> bool {
    let mut parts = path.iter();
    parts.all(|part| !part.eq_ignore_ascii_case(".git") && part != WORKSHOP)
}

/// Tells whether a path goes up first, if at all, and then down.
fn is_way(way: &Path) -> bool {
    let down = way
        .components()
        .skip_while(|part| *part == Component::ParentDir);
    let mut down = down.peekable();
    let is_there = way.components().next().is_some();
    let is_here = way == Path::new(".");
    is_there && (is_here || down.all(|part| matches!(part, Component::Normal(_))))
}

/// Gives the way from one directory to another; both are real paths.
pub(super) fn way(from: &Path, to: &Path) -> PathBuf {
    let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let up = from.iter().skip(shared).map(|_| OsStr::new(".."));
    let way: PathBuf = up.chain(to.iter().skip(shared)).collect();
    if way.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        way
    }
}

/// Goes a way from a directory, by its words alone.
pub(super) fn go(from: &Path, way: &Path) -> PathBuf {
    let mut place = from.to_owned();
    for part in way.components() {
        match part {
            Component::ParentDir => drop(place.pop()),
            Component::Normal(name) => place.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(path: &str, name: &str) -> Journal {
        Journal {
            id: "3f5c".to_owned(),
            number: 1,
            roots: ["../images", "."].map(PathBuf::from).into(),
            files: vec![JournalFile {
                old: Some(Digest::of(b"old")),
                new: Digest::of(b"new"),
                path: path.into(),
                name: name.into(),
            }],
        }
    }

    #[test]
    fn a_journal_reads_as_it_was_written() {
        for (path, name) in [
            ("a b/changelog", "a b/changelog"),
            (".attic/web/control", ".attic/web/control"),
            ("shared/web", "../images/web/changelog"),
        ] {
            let written = journal(path, name);
            assert_eq!(Journal::parse(&written.render()), Some(written));
        }
    }

    #[test]
    fn only_a_lock_may_be_made_anew() {
        for (name, is_fine) in [("a/image.lock.json", true), ("a/changelog", false)] {
            let mut written = journal(name, name);
            written.files[0].old = None;
            let expected = is_fine.then(|| written.clone());
            assert_eq!(Journal::parse(&written.render()), expected, "{name}");
        }
    }

    #[test]
    fn what_can_be_no_file_of_an_image_is_in_no_journal() {
        for (path, name) in [
            ("/etc/passwd", "a/changelog"),
            ("../changelog", "a/changelog"),
            ("a/../../changelog", "a/changelog"),
            ("", "a/changelog"),
            (".", "a/changelog"),
            (".git/config", "a/changelog"),
            ("sub/.GIT/refs/heads/changelog", "a/changelog"),
            (".pkg-changes/0.old", "a/changelog"),
            ("Makefile", "Makefile"),
            ("a/changelog", "/a/changelog"),
            ("a/changelog", "a/../changelog"),
            ("a/changelog", ".git/changelog"),
            ("a/changelog", ""),
        ] {
            let bytes = journal(path, name).render();
            assert_eq!(Journal::parse(&bytes), None, "{path} {name}");
        }
    }

    #[test]
    fn other_texts_are_no_journal() {
        for bytes in [
            &b""[..],
            b"\0",
            b"pkg changes 2\0a\x001\0/b\0",
            b"pkg changes 3\0a\x000\x000\0",
            b"pkg changes 3\0a\x001\x001\0.\0",
            b"pkg changes 3\0a\x000\x002\0.\0",
            b"pkg changes 3\0a\x000\x002\0.\0.\0",
            b"pkg changes 3\0a\x000\x001\0..\0",
            b"pkg changes 3\0a\x000\x002\0.\0/proc/self/cwd\0",
            b"pkg changes 3\0a\x000\x002\0.\0a/..\0",
            b"pkg changes 3\0a\x000\x001\0.\0c\0",
        ] {
            assert_eq!(Journal::parse(bytes), None);
        }
    }

    #[test]
    fn a_way_leads_where_it_was_made_for() {
        for (from, to, expected) in [
            ("/srv/images", "/srv/images", "."),
            ("/srv/images", "/srv/istio", "../istio"),
            ("/srv/images", "/srv/images/web", "web"),
            ("/srv/images/web", "/srv", "../.."),
            ("/a/b", "/c", "../../c"),
        ] {
            let (from, to) = (Path::new(from), Path::new(to));
            assert_eq!(way(from, to), Path::new(expected));
            assert_eq!(go(from, &way(from, to)), to);
        }
    }
}
