//! The shelf: images that this program made without an engine, each as an OCI layout that other programs read, too.
//!
//! ```text
//! ~/.cache/pkg/images-1/nginx_1.22-1-2c26b46b68ff/current     the digest of the manifest, or index, that counts
//!                                                /9f86d0…/    its layout: oci-layout, index.json, blobs/; referrers.json
//!                                                /.coming-…/  one that is still written
//! ```
//!
//! An image gets its name after its last byte was written, in one step, and what it was before goes as soon as nobody reads
//! it. Layers are hashed by whoever reads them; what is plainly not whole counts as missing. Deleting the shelf costs time:
//! what was published is at the registry, from where an engine fetches it, and the rest is made again. Machines of another
//! architecture that share the directory have places of their own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::SecondsFormat;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::sbom::{Bill, write_sboms};
use super::shelved::Shelved;
use super::sweeping::{COMING, CURRENT, clear, hold_alone, now, sweep};
use super::write::{LayoutError, Parts, write_layout};
use crate::host::fs::{FileError, create_directory, find_text, rename_directory, write_atomically};
use crate::host::{Environment, Watch, platform, unique_hex};
use crate::oci::{Digest, ImageConfig, ImageIndex, Reference, annotation};

/// The shelf of a user.
#[derive(Clone, Debug)]
pub struct Shelf {
    /// Nothing where nobody knows where it would be: there is no image then, and none can be put there.
    root: Option<PathBuf>,
}

/// Why the shelf does not work.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// An image cannot be put there.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Nobody knows where it is.
    #[error("there is no place for images: set XDG_CACHE_HOME or HOME")]
    NoHome,
    /// Two images of an index would be for one kind of machine.
    #[error("two images of {image} are for {platform}: an index has one for each kind of machine")]
    Twice {
        /// The whole.
        image: Box<Reference>,
        /// What both are for.
        platform: String,
    },
}

impl From<FileError> for ShelfError {
    fn from(error: FileError) -> Self {
        Self::Layout(error.into())
    }
}

/// What the labels begin with that only this program reads.
const OWN_LABELS: &str = "pkg.";
/// After so long another version of an image is not published any more.
const OLD: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Shelf {
    /// Takes a directory, which need not be there yet.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        let root = Some(root.to_owned());
        Self { root }
    }

    /// Takes the user's own.
    #[must_use]
    pub fn of_environment(environment: &Environment) -> Self {
        let root = environment.cache_home().map(|home| home.join("images-1"));
        Self { root }
    }

    pub(super) fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// Waits until nobody else puts an image into its place, which takes a moment; the lock goes with the file.
    fn lock(root: &Path) -> Result<File, FileError> {
        let path = root.join(".lock");
        let failed = |source| FileError::new("lock", &path, source);
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(file)
    }

    /// Gives the place of an image: its name and tag, to be read by people, and what no other reference and no other
    /// machine's architecture has.
    pub(super) fn place(root: &Path, reference: &Reference) -> PathBuf {
        let platform = platform();
        let whole = format!("{reference} {}/{}", platform.os, platform.architecture);
        let whole = Digest::of(whole.as_bytes());
        let tag = reference.tag().map_or("", |tag| tag.as_str());
        let name = format!("{}_{tag}-{}", reference.short_name(), &whole.hex()[..12]);
        root.join(name)
    }

    /// Finds an image by its reference; what is not whole counts as missing.
    pub fn find(&self, reference: &Reference) -> Result<Option<Shelved>, ShelfError> {
        let Some(root) = &self.root else {
            return Ok(None);
        };
        let place = Self::place(root, reference);
        let mut before: Option<Digest> = None;
        loop {
            let digest = find_current(&place)?;
            // What was swept away after its name was read made room for another one.
            let Some(digest) = digest.filter(|digest| before.as_ref() != Some(digest)) else {
                return Ok(None);
            };
            match Shelved::read(place.join(digest.hex()), digest.clone()) {
                Ok(Some(shelved)) => return Ok(Some(shelved)),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
            before = Some(digest);
        }
    }

    /// Puts an image in the place of what the reference meant before.
    ///
    /// Several images are one that is for as many kinds of machines, each of them once; the same images make the same index in
    /// whatever order they come.
    pub fn put(
        &self,
        reference: &Reference,
        images: &[(Parts<'_>, Bill<'_>)],
        watch: &Watch,
    ) -> Result<Shelved, ShelfError> {
        let mut images = images.to_vec();
        images.sort_by(|(one, _), (other, _)| one.platform.cmp(&other.platform));
        let mut pairs = images.windows(2);
        if let Some(pair) = pairs.find(|pair| pair[0].0.platform == pair[1].0.platform) {
            return Err(ShelfError::Twice {
                image: Box::new(reference.clone()),
                platform: pair[0].0.platform.to_string(),
            });
        }
        let root = self.root.as_deref().ok_or(ShelfError::NoHome)?;
        let place = Self::place(root, reference);
        create_directory(&place)?;
        let coming = Coming(place.join(format!("{COMING}{}", unique_hex())));
        create_directory(&coming.0)?;
        let parts: Vec<Parts<'_>> = images.iter().map(|(parts, _)| parts.clone()).collect();
        let annotations = annotate(&images);
        let written = write_layout(&parts, &annotations, reference, (&coming.0, watch))?;
        write_sboms(&images, reference, &written, &coming.0)?;
        let descriptor = written.whole;
        let whole = place.join(descriptor.digest.hex());
        let _alone = Self::lock(root)?;
        replace(&coming, &whole, &descriptor.digest)?;
        let current = format!("{}\n", descriptor.digest.hex());
        write_atomically(&place.join(CURRENT), current.as_bytes())?;
        // The image is there; what cannot be tidied up is tried again the next time.
        let _ = sweep(&place, descriptor.digest.hex());
        let _ = forget_old(root, reference);
        let read = Shelved::read(whole.clone(), descriptor.digest)?;
        let lost = || FileError::new("read", &whole, io::ErrorKind::InvalidData.into());
        Ok(read.ok_or_else(lost)?)
    }

    /// Takes an image away; tells whether there was one.
    pub fn remove(&self, reference: &Reference) -> Result<bool, ShelfError> {
        let Some(root) = &self.root else {
            return Ok(false);
        };
        let place = Self::place(root, reference);
        if !place.exists() {
            return Ok(false);
        }
        let _alone = Self::lock(root)?;
        Ok(clear(&place)?)
    }
}

/// Gives what an index says of itself: what all of its images say, but for what only this program reads, and when the newest was
/// made.
fn annotate(images: &[(Parts<'_>, Bill<'_>)]) -> BTreeMap<String, String> {
    let labels = images.iter().map(|(parts, _)| {
        let config = serde_json::from_slice::<ImageConfig>(parts.config).ok();
        let config = config.and_then(|config| config.config);
        config.and_then(|config| config.labels).unwrap_or_default()
    });
    let labels: Vec<BTreeMap<String, String>> = labels.collect();
    let first = labels.first().into_iter().flatten();
    let shared = first.filter(|(key, value)| {
        let mut others = labels.iter();
        !key.starts_with(OWN_LABELS) && others.all(|other| other.get(*key) == Some(value))
    });
    let newest = images.iter().map(|(_, bill)| bill.created).max();
    let created = newest.map(|newest| {
        let newest = newest.to_rfc3339_opts(SecondsFormat::Secs, true);
        (annotation::CREATED.to_owned(), newest)
    });
    let shared = shared.map(|(key, value)| (key.clone(), value.clone()));
    shared.chain(created).collect()
}

/// Takes away other versions of an image that were made long ago: what is still to be published is seldom that old.
fn forget_old(root: &Path, reference: &Reference) -> Result<(), FileError> {
    let (own, now) = (Shelf::place(root, reference), now());
    let beginning = format!("{}_", reference.short_name());
    let failed = |source| FileError::new("read", root, source);
    for entry in std::fs::read_dir(root).map_err(failed)? {
        let place = entry.map_err(failed)?.path();
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        if place == own || !name.starts_with(&beginning) || !is_old(&place, now) {
            continue;
        }
        let other = find_reference(&place)?;
        let is_left = other.is_none() && !place.join(CURRENT).exists();
        if is_left || other.is_some_and(|other| other.name() == reference.name()) {
            clear(&place)?;
        }
    }
    Ok(())
}

/// Tells whether nothing was written to a place for long, neither its image nor one that comes.
fn is_old(place: &Path, now: SystemTime) -> bool {
    let times = [place.to_owned(), place.join(CURRENT)].map(|path| {
        let modified = std::fs::metadata(path).and_then(|it| it.modified());
        modified.ok()
    });
    let newest = times.into_iter().flatten().max();
    let age = newest.and_then(|newest| now.duration_since(newest).ok());
    age.is_some_and(|age| age > OLD)
}

/// Finds the digest of the layout that counts in a place.
pub(super) fn find_current(place: &Path) -> Result<Option<Digest>, FileError> {
    let current = find_text(&place.join(CURRENT))?;
    Ok(current.and_then(|text| format!("sha256:{}", text.trim_end()).parse().ok()))
}

/// Finds the name that the layout in a place gives its image.
pub(super) fn find_reference(place: &Path) -> Result<Option<Reference>, FileError> {
    let Some(current) = find_current(place)? else {
        return Ok(None);
    };
    let index = find_text(&place.join(current.hex()).join("index.json"))?;
    let index: Option<ImageIndex> = index.and_then(|text| serde_json::from_str(&text).ok());
    let image = index.and_then(|index| index.manifests.into_iter().next());
    let name = image.and_then(|mut image| image.annotations.remove(annotation::CONTAINERD_NAME));
    Ok(name.and_then(|name| name.parse().ok()))
}

/// A directory that goes with this value, unless it got another name.
struct Coming(PathBuf);

impl Drop for Coming {
    fn drop(&mut self) {
        // What is left is swept away by a later run.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Gives a layout its name. The same image may be there, whole or spoiled, and somebody may read it.
fn replace(coming: &Coming, whole: &Path, digest: &Digest) -> Result<(), FileError> {
    if !whole.exists() {
        return rename_directory(&coming.0, whole);
    }
    let unread = hold_alone(whole);
    if unread.is_none() && Shelved::read(whole.to_owned(), digest.clone())?.is_some() {
        return Ok(());
    }
    match renameat_with(CWD, &coming.0, CWD, whole, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        // Not every file system can.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            let before = Coming(coming.0.with_extension("before"));
            rename_directory(whole, &before.0)?;
            rename_directory(&coming.0, whole)
        }
        Err(source) => Err(FileError::new("replace", whole, source.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use chrono::DateTime;

    use super::*;
    use crate::host::Window;
    use crate::layout::{PartLayer, ShelvedImage};
    use crate::oci::{Compression, Platform, media};
    use crate::spdx::Software;

    fn reference(text: &str) -> Reference {
        text.parse().expect("a reference")
    }

    fn put(shelf: &Shelf, text: &str, layer: &[u8]) -> Shelved {
        put_for(shelf, text, layer, &[("amd64", 1_700_000_000)])
    }

    /// Puts an image for some architectures, each of which was made at a time.
    fn put_for(shelf: &Shelf, text: &str, layer: &[u8], architectures: &[(&str, i64)]) -> Shelved {
        try_put_for(shelf, text, layer, architectures).expect("a place")
    }

    fn try_put_for(
        shelf: &Shelf,
        text: &str,
        layer: &[u8],
        architectures: &[(&str, i64)],
    ) -> Result<Shelved, ShelfError> {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(layer).expect("a layer");
        let layers = [PartLayer::Plain(Window::of_file(file).expect("a window"))];
        let configs = architectures.iter().map(|(architecture, _)| {
            format!(
                r#"{{"architecture":"{architecture}","os":"linux","config":{{"Labels":{{"a":"b","of":"{architecture}","pkg.inputs":"x"}}}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
                Digest::of(layer)
            )
        });
        let configs: Vec<String> = configs.collect();
        let software = Software::default();
        let images = configs.iter().zip(architectures);
        let images = images.map(|(config, (architecture, created))| {
            let parts = Parts {
                config: config.as_bytes(),
                platform: Platform {
                    architecture: (*architecture).to_owned(),
                    os: "linux".to_owned(),
                    variant: None,
                },
                layers: &layers,
                compression: Compression::Gzip,
            };
            let bill = Bill {
                software: &software,
                created: DateTime::from_timestamp(*created, 0).expect("a time"),
            };
            (parts, bill)
        });
        let images: Vec<_> = images.collect();
        shelf.put(&reference(text), &images, &Watch::default())
    }

    #[test]
    fn an_index_has_no_two_images_for_one_kind_of_machine() {
        let root = tempfile::tempdir().expect("a directory");
        let shelf = Shelf::new(root.path());
        let twice = [("amd64", 1), ("arm64", 1), ("amd64", 2)];
        let refused = try_put_for(&shelf, "one:1", b"bytes", &twice).expect_err("two of a kind");
        assert_eq!(
            refused.to_string(),
            "two images of one:1 are for linux/amd64: an index has one for each kind of machine"
        );
        assert_eq!(std::fs::read_dir(root.path()).expect("a shelf").count(), 0);
    }

    #[test]
    fn an_index_names_an_image_for_each_kind_of_machine_and_is_the_same_in_any_order() {
        let root = tempfile::tempdir().expect("a directory");
        let shelf = Shelf::new(root.path());
        let both = [("arm64", 1_700_000_000), ("amd64", 1_600_000_000)];
        let one = put_for(&shelf, "one:1", b"bytes", &both);
        let turned: Vec<_> = both.iter().rev().copied().collect();
        let other = put_for(&shelf, "one:1", b"bytes", &turned);
        assert_eq!(one.digest(), other.digest());
        assert_eq!((one.id(), one.media_type()), (one.digest(), media::INDEX));
        let found = shelf.find(&reference("one:1")).expect("the shelf");
        let found = found.expect("an image");
        let names = found
            .images()
            .iter()
            .map(|image| image.platform().to_string());
        assert_eq!(names.collect::<Vec<_>>(), ["linux/amd64", "linux/arm64"]);
        let annotations: Vec<_> = found.annotations().iter().collect();
        let created = annotation::CREATED.to_owned();
        let expected = [("a", "b"), (&created, "2023-11-14T22:13:20Z")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(
            annotations,
            expected.each_ref().map(|(key, value)| (key, value))
        );
        let index: ImageIndex = serde_json::from_slice(found.manifest()).expect("an index");
        let listed = index.manifests.iter().map(|one| &one.digest);
        let images = found.images().iter().map(ShelvedImage::digest);
        assert!(listed.eq(images));
        // Each has a document of its own, and the index one that says whose variants they are.
        let document = |artifact: &crate::layout::Artifact| {
            let document = artifact.document().expect("a document");
            crate::host::fs::read_text(&found.path(document)).expect("its bytes")
        };
        let whole = document(found.sbom());
        assert_eq!(whole.matches("\"VARIANT_OF\"").count(), 2);
        for image in found.images() {
            assert!(whole.contains(image.digest().hex()));
            assert!(document(image.sbom()).contains(image.digest().hex()));
        }
        // One that lacks a part of any of them is none.
        let layer = found.images()[1].parts().next().expect("a layer").clone();
        File::create(found.path(&layer)).expect("emptied");
        assert!(shelf.find(&reference("one:1")).expect("nothing").is_none());
    }

    #[test]
    fn what_was_put_is_found_until_something_else_takes_its_name() {
        let root = tempfile::tempdir().expect("a directory");
        let shelf = Shelf::new(&root.path().join("images-1"));
        let (one, other) = ("r.example.org/base/one:1", "r.example.org/other/one:1");
        assert!(shelf.find(&reference(one)).expect("nothing").is_none());
        let first = put(&shelf, one, b"first");
        put(&shelf, other, b"other");
        let found = shelf.find(&reference(one)).expect("it").expect("it");
        assert_eq!(found.digest(), first.digest());
        assert_eq!(found.labels()["a"], "b");
        drop(found);
        let second = put(&shelf, one, b"second");
        let found = shelf.find(&reference(one)).expect("it").expect("it");
        assert_eq!(found.digest(), second.digest());
        assert!(first.directory().exists(), "somebody has it in hand");
        let before = first.directory().to_owned();
        drop(first);
        let third = put(&shelf, one, b"third");
        assert!(!before.exists(), "what it was before is gone");
        // The same again takes nothing from who reads it.
        put(&shelf, one, b"third");
        for part in third.images()[0].parts() {
            assert!(third.path(part).exists());
        }
        assert!(shelf.remove(&reference(one)).expect("removed"));
        assert!(!shelf.remove(&reference(one)).expect("removed"));
        assert!(shelf.find(&reference(one)).expect("nothing").is_none());
        assert!(shelf.find(&reference(other)).expect("it").is_some());
    }

    #[test]
    fn all_that_lies_there_is_known_with_its_size_whole_or_not() {
        let root = tempfile::tempdir().expect("a directory");
        let shelf = Shelf::new(&root.path().join("images-1"));
        assert_eq!(shelf.stock().expect("nothing"), []);
        let (one, other) = ("r.example.org/base/one:1", "r.example.org/base/one:2");
        let broken = put(&shelf, other, b"2");
        let layer = broken.images()[0].parts().next().expect("a layer").clone();
        std::fs::remove_file(broken.path(&layer)).expect("removed");
        let put = put(&shelf, one, b"1");
        std::fs::create_dir(root.path().join("images-1/mine")).expect("a directory");
        let stock = shelf.stock().expect("both");
        let known: Vec<_> = stock.iter().map(|it| it.reference.to_string()).collect();
        assert_eq!(known, [one, other]);
        assert_eq!(stock[0].digest, *put.digest());
        let blobs: u64 = put.images()[0].parts().map(|part| part.size).sum();
        assert!(stock[0].size_bytes > blobs + put.manifest().len() as u64);
        assert!(stock[1].size_bytes < stock[0].size_bytes);
    }

    #[test]
    fn the_same_image_has_the_same_digest_anywhere() {
        let roots = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
        let digests = roots.each_ref().map(|root| {
            let shelved = put(&Shelf::new(root.path()), "one:1", b"bytes");
            shelved.digest().clone()
        });
        assert_eq!(digests[0], digests[1]);
    }

    #[test]
    fn versions_of_long_ago_go_when_a_new_one_comes_and_others_stay() {
        let root = tempfile::tempdir().expect("a directory");
        let shelf = Shelf::new(root.path());
        let age = |shelved: &Shelved, days: u64| {
            let current = shelved.directory().with_file_name(CURRENT);
            let place = shelved.directory().parent().expect("a place");
            let then = now() - Duration::from_secs(days * 24 * 60 * 60);
            for path in [&current, place] {
                let file = File::open(path).expect("a file");
                file.set_modified(then).expect("a time");
            }
        };
        age(&put(&shelf, "r.example.org/base/one:1", b"1"), 31);
        age(&put(&shelf, "r.example.org/base/one:2", b"2"), 29);
        age(&put(&shelf, "r.example.org/other/one:1", b"3"), 31);
        age(&put(&shelf, "r.example.org/base/one_2:1", b"4"), 31);
        put(&shelf, "r.example.org/base/one:3", b"5");
        let is_there = |text: &str| {
            let found = shelf.find(&reference(text)).expect("the shelf");
            found.is_some()
        };
        assert!(!is_there("r.example.org/base/one:1"));
        for stays in ["base/one:2", "base/one:3", "other/one:1", "base/one_2:1"] {
            assert!(is_there(&format!("r.example.org/{stays}")), "{stays}");
        }
    }

    #[test]
    fn what_is_not_whole_counts_as_missing_and_is_put_anew() {
        let root = tempfile::tempdir().expect("a directory");
        let shelf = Shelf::new(root.path());
        let spoil: [fn(&Shelved); 4] = [
            |it| std::fs::remove_dir_all(it.directory()).expect("removed"),
            |it| {
                let layer = it.images()[0].parts().next().expect("a layer").clone();
                File::create(it.path(&layer)).expect("emptied");
            },
            |it| {
                let config = it.images()[0]
                    .parts()
                    .last()
                    .expect("a configuration")
                    .clone();
                write_atomically(&it.path(&config), b"{}").expect("changed");
            },
            |it| {
                let place = it.directory().parent().expect("a place");
                write_atomically(&place.join(CURRENT), b"../..").expect("changed");
            },
        ];
        for spoil in spoil {
            spoil(&put(&shelf, "one:1", b"bytes"));
            assert!(shelf.find(&reference("one:1")).expect("nothing").is_none());
            put(&shelf, "one:1", b"bytes");
            assert!(shelf.find(&reference("one:1")).expect("it").is_some());
        }
    }
}
