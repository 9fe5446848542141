//! How the lock of an image stands to its declaration; nobody is asked for that but the two files.

use std::path::PathBuf;

use super::fault::LockFault;
use crate::catalog::{Image, ImageId, Recipe};
use crate::declared::ImageFile;
use crate::host::fs::{FileError, find_text, read_bytes};
use crate::lock::{
    Freshness, LOCK_FILE, Lock, LockError, OwnKeys, Staleness, is_locked, list_own_keys, parse_lock,
};
use crate::scan::Loaded;

/// The lock of an image, as it is found.
#[derive(Debug)]
pub struct Standing {
    /// The image.
    pub image: ImageId,
    /// The file, whether it is there or not.
    pub path: PathBuf,
    /// Its text, where it is there.
    pub text: Option<String>,
    /// How it stands.
    pub state: State,
}

/// How a lock stands to its declaration.
#[derive(Debug)]
pub enum State {
    /// There is none.
    Missing,
    /// It is no lock, or an old one.
    Unreadable(LockError),
    /// It was made from something else.
    Stale(Lock, Staleness),
    /// It is that of the declaration.
    Fresh(Lock),
}

impl State {
    /// Gives the word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unreadable(_) => "unreadable",
            Self::Stale(..) => "stale",
            Self::Fresh(_) => "fresh",
        }
    }

    /// Gives the lock, where one could be read.
    #[must_use]
    pub fn lock(&self) -> Option<&Lock> {
        match self {
            Self::Stale(lock, _) | Self::Fresh(lock) => Some(lock),
            Self::Missing | Self::Unreadable(_) => None,
        }
    }
}

/// Finds the lock of an image; nothing where it is not made of packages that a lock can pin.
fn find_standing(image: &Image) -> Result<Option<(PathBuf, Option<String>, State)>, FileError> {
    let Some(file) = find_file(image) else {
        return Ok(None);
    };
    let path = image.directory.join(LOCK_FILE);
    let text = find_text(&path)?;
    let state = match &text {
        None => State::Missing,
        Some(text) => match parse_lock(text) {
            Err(error) => State::Unreadable(error),
            Ok(lock) => match lock.freshness(file, &read_own_keys(image, file)) {
                Freshness::Fresh => State::Fresh(lock),
                Freshness::Stale(why) => State::Stale(lock, why),
            },
        },
    };
    Ok(Some((path, text, state)))
}

/// Gives the declaration of an image that is made of packages.
pub(super) fn find_file(image: &Image) -> Option<&ImageFile> {
    match &image.recipe {
        Recipe::Declared { file, .. } => Some(&**file).filter(|file| is_locked(file)),
        Recipe::Template { .. } => None,
    }
}

/// Reads the files with keys of an image's directory, as far as they can be read: who needs one tells what is wrong with it.
pub(super) fn read_own_keys(image: &Image, file: &ImageFile) -> OwnKeys {
    let names = list_own_keys(file).into_iter();
    let read = names.filter_map(|name| {
        let bytes = read_bytes(&image.directory.join(name)).ok()?;
        Some((name.to_owned(), bytes))
    });
    OwnKeys(read.collect())
}

/// Finds the locks of those of some images that are made of packages, in their order.
pub fn find_standings(
    loaded: &Loaded,
    images: impl IntoIterator<Item = ImageId>,
) -> Result<Vec<Standing>, FileError> {
    let mut standings = Vec::new();
    for image in images {
        if let Some((path, text, state)) = find_standing(loaded.catalog.image(image))? {
            standings.push(Standing {
                image,
                path,
                text,
                state,
            });
        }
    }
    Ok(standings)
}

impl Standing {
    /// Tells why the lock cannot be built from; nothing where it can.
    #[must_use]
    pub fn fault(&self, loaded: &Loaded) -> Option<LockFault> {
        LockFault::of(loaded.catalog.image(self.image), &self.path, &self.state)
    }
}
