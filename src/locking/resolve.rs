//! Chooses the packages of declared images: every archive is asked once, whoever takes packages from there.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};

use super::fault::{Cause, LockingFaults};
use super::fetch::{Fetched, Files};
use super::gathering::Faults;
use super::standing::{find_file, read_own_keys};
use super::supply::find_mirrors;
use super::told::{Tell, Told};
use crate::address::without_login;
use crate::apk::LockConfig;
use crate::assemble::{ApkFault, ApkSupply, Offer, Origin, list_origins, resolve_apk};
use crate::catalog::ImageId;
use crate::declared::{DebianContents, ImageFile, Making};
use crate::lock::{DebianLock, DebianPins, Lock, OwnKeys, checksum_of};
use crate::mirror::{Client, FetchedArchive, MirrorError, Store, fetch_archive};
use crate::scan::Loaded;
use crate::settings::Settings;

/// What is needed to choose packages.
#[derive(Debug)]
pub struct Means<'a> {
    /// Fetches.
    pub client: &'a Client,
    /// Keeps.
    pub store: &'a Store,
    /// The settings.
    pub settings: &'a Settings,
    /// The architecture in Debian's words: `amd64`.
    pub architecture: &'a str,
    /// The architecture in Alpine's words: `x86_64`.
    pub alpine_architecture: &'a str,
    /// A directory for what is decompressed.
    pub scratch: &'a Path,
    /// Whether the packages are fetched, too.
    pub files: Files,
    /// The machine's time, by which signatures and indexes are still good.
    pub now: DateTime<Utc>,
}

/// How many images choose packages of APK at once: each holds the indexes of its repositories, and files that come.
const IMAGES_AT_ONCE: usize = 4;

/// The name of a declaration, as its lock has it.
const DECLARATION: &str = "image.yaml";

/// An image that takes its packages from some of all archives.
struct Taker<'a> {
    image: ImageId,
    file: &'a ImageFile,
    contents: &'a DebianContents,
    /// The keys of the image's directory, as they were before an archive was asked.
    keys: OwnKeys,
    /// The archives, by their numbers.
    origins: Vec<usize>,
}

/// What was chosen, and what could not be.
#[derive(Debug)]
pub struct Resolved {
    /// The locks of the images whose packages are chosen.
    pub locks: BTreeMap<ImageId, Lock>,
    /// Why others have none.
    pub faults: LockingFaults,
}

/// What is shared while packages are chosen.
struct Work<'a> {
    means: &'a Means<'a>,
    tell: Tell<'a>,
    fetched: Fetched,
}

/// Chooses the packages of images that are made of some; `tell` is told what happens.
///
/// Each image has a lock then, or there is a reason why not.
pub async fn resolve(
    loaded: &Loaded,
    images: &[ImageId],
    means: &Means<'_>,
    tell: Tell<'_>,
) -> Resolved {
    let work = Work {
        means,
        tell,
        fetched: Fetched::default(),
    };
    let mut faults = Faults::default();
    let mut origins: Vec<Origin> = Vec::new();
    let mut takers = Vec::new();
    for &image in images {
        match find_taker(loaded, image, means.settings, &mut origins) {
            Ok(taker) => takers.extend(taker),
            Err(cause) => faults.add([image], cause),
        }
    }
    for taker in &takers {
        tell(Told::Began(taker.image));
    }
    let of_apk = stream::iter(images)
        .map(|image| work.choose_apk(loaded, *image))
        .buffered(IMAGES_AT_ONCE)
        .collect::<Vec<_>>();
    let (fetched, of_apk) = tokio::join!(work.fetch_all(&origins, &takers), of_apk);
    let mut present = Vec::with_capacity(fetched.len());
    for (number, one) in fetched.into_iter().enumerate() {
        let hit = takers.iter().filter(|taker| taker.takes_from(number));
        let kept = one.map_err(|error| faults.add(hit.map(|taker| taker.image), error));
        present.push(kept.ok());
    }
    let mut locks = BTreeMap::new();
    for (image, chosen) in of_apk.into_iter().flatten() {
        match chosen {
            Ok(lock) => drop(locks.insert(image, lock)),
            Err(fault) => faults.add([image], fault),
        }
    }
    let mut groups: BTreeMap<&[usize], Vec<&Taker<'_>>> = BTreeMap::new();
    for taker in &takers {
        groups.entry(&taker.origins).or_default().push(taker);
    }
    for (numbers, takers) in groups {
        let archives = numbers.iter().map(|number| {
            let archive = present[*number].as_ref()?;
            Some((&origins[*number], archive))
        });
        // Of an archive that is not there it was told already.
        if let Some(archives) = archives.collect::<Option<Vec<_>>>() {
            locks.extend(work.choose(&archives, &takers, &mut faults).await);
        }
    }
    let faults = faults.finish(loaded);
    Resolved { locks, faults }
}

impl Taker<'_> {
    fn takes_from(&self, number: usize) -> bool {
        self.origins.contains(&number)
    }

    /// Makes the lock of what was chosen from some archives.
    fn lock(&self, mut pins: DebianPins, archives: &[(&Origin, &FetchedArchive)]) -> Lock {
        let keys = self.keys.hashes(&self.contents.archive).into_iter();
        let keys = keys.chain(std::iter::repeat(None));
        let all = std::iter::zip(&mut pins.archives, archives).zip(keys);
        for ((pin, (origin, _)), keys) in all {
            pin.uris = declared_uris(origin);
            pin.keys = keys;
        }
        let lock = DebianLock::new(DECLARATION, &self.file.texts, pins);
        Lock::Debian(Box::new(lock))
    }
}

impl Work<'_> {
    /// Chooses the packages of an image that takes them from repositories of APK; nothing for another one.
    async fn choose_apk(
        &self,
        loaded: &Loaded,
        image: ImageId,
    ) -> Option<(ImageId, Result<Lock, Box<ApkFault>>)> {
        let means = self.means;
        let described = loaded.catalog.image(image);
        let file = find_file(described)?;
        let Making::Apk(contents) = &file.making else {
            return None;
        };
        (self.tell)(Told::Began(image));
        let own = [means.alpine_architecture.to_owned()];
        if !file.architectures.is_empty() && file.architectures != own {
            return Some((image, Err(Box::new(ApkFault::Architectures))));
        }
        let supply = ApkSupply {
            client: means.client,
            store: means.store,
            contents,
            runtime: &file.runtime,
            directory: &described.directory,
            architecture: means.alpine_architecture,
            scratch: means.scratch,
        };
        let config = LockConfig {
            name: DECLARATION.to_owned(),
            checksum: checksum_of(&file.texts),
        };
        let came = |line: &str| (self.tell)(Told::Step(image, line));
        let chosen = resolve_apk(&supply, config, &came).await;
        if chosen.is_ok() {
            (self.tell)(Told::Done(image));
        }
        let chosen = chosen.map(|lock| Lock::Apk(Box::new(lock)));
        Some((image, chosen.map_err(Box::new)))
    }

    /// Fetches what archives list; whoever takes packages from one is told that it is there.
    async fn fetch_all(
        &self,
        origins: &[Origin],
        takers: &[Taker<'_>],
    ) -> Vec<Result<FetchedArchive, MirrorError>> {
        let fetches = origins.iter().enumerate();
        let fetches = fetches.map(|(number, origin)| async move {
            let fetched = fetch(origin, self.means).await?;
            let line = format!("the index of {} is there", origin.suite);
            for taker in takers.iter().filter(|taker| taker.takes_from(number)) {
                (self.tell)(Told::Step(taker.image, &line));
            }
            Ok(fetched)
        });
        join_all(fetches).await
    }

    /// Chooses the packages of images that take them from the same archives.
    async fn choose(
        &self,
        archives: &[(&Origin, &FetchedArchive)],
        takers: &[&Taker<'_>],
        faults: &mut Faults,
    ) -> Vec<(ImageId, Lock)> {
        let listed: Vec<&FetchedArchive> = archives.iter().map(|(_, listed)| *listed).collect();
        let offer = match Offer::of(&listed, self.means.architecture) {
            Ok(offer) => offer,
            Err(fault) => {
                faults.add(takers.iter().map(|taker| taker.image), fault);
                return Vec::new();
            }
        };
        let mut locks = Vec::new();
        for taker in takers {
            let came = |line: &str| (self.tell)(Told::Step(taker.image, line));
            let chosen = match (offer.choose(taker.contents), self.means.files) {
                (Ok(pins), Files::Fetched) => {
                    let fetched = self.fetched.fetch(&pins, &listed, self.means, &came);
                    fetched.await.map(|()| pins)
                }
                (chosen, _) => chosen,
            };
            match chosen {
                Err(fault) => faults.add([taker.image], fault),
                Ok(pins) => {
                    (self.tell)(Told::Done(taker.image));
                    locks.push((taker.image, taker.lock(pins, archives)));
                }
            }
        }
        locks
    }
}

/// Finds the archives of an image among those that are known, and adds the others.
fn find_taker<'a>(
    loaded: &'a Loaded,
    image: ImageId,
    settings: &Settings,
    origins: &mut Vec<Origin>,
) -> Result<Option<Taker<'a>>, Cause> {
    let described = loaded.catalog.image(image);
    let Some(file) = find_file(described) else {
        return Ok(None);
    };
    let contents = match &file.making {
        Making::Debian(contents) => contents,
        Making::Apk(_) | Making::Bootstrap(_) | Making::Base(_) | Making::Scratch => {
            return Ok(None);
        }
    };
    let mirrors = |suite: &str| find_mirrors(settings, suite);
    let own = list_origins(&contents.archive, &described.directory, mirrors)?;
    let numbers = own.into_iter().map(|origin| {
        let known = origins.iter().position(|one| *one == origin);
        known.unwrap_or_else(|| {
            origins.push(origin);
            origins.len() - 1
        })
    });
    Ok(Some(Taker {
        image,
        file,
        contents,
        keys: read_own_keys(described, file),
        origins: numbers.collect(),
    }))
}

async fn fetch(origin: &Origin, means: &Means<'_>) -> Result<FetchedArchive, MirrorError> {
    let archive = origin.archive()?;
    let (client, store) = (means.client, means.store);
    fetch_archive(client, store, &archive, means.architecture, means.now).await
}

fn declared_uris(origin: &Origin) -> Vec<String> {
    let uris = origin.uris.iter().filter(|_| origin.is_declared);
    uris.map(|uri| without_login(uri).into_owned()).collect()
}
