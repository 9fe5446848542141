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
use crate::assemble::{
    ApkFault, ApkSupply, DebianFault, Offer, Origin, check_agreement, list_origins, resolve_apk,
};
use crate::catalog::ImageId;
use crate::declared::{Architecture, DebianContents, ImageFile, Making};
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
    /// The architecture of images that name none.
    pub architecture: Architecture,
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
    /// The lists of archives for each architecture, by their numbers.
    lists: BTreeMap<Architecture, Vec<usize>>,
}

/// What an archive lists for an architecture.
#[derive(PartialEq)]
struct List {
    origin: Origin,
    architecture: Architecture,
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
    let mut lists: Vec<List> = Vec::new();
    let mut takers = Vec::new();
    for &image in images {
        match find_taker(loaded, image, means, &mut lists) {
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
    let (fetched, of_apk) = tokio::join!(work.fetch_all(&lists, &takers), of_apk);
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
    let listed = (lists.as_slice(), present.as_slice());
    for (image, lock) in work.choose_debian(&takers, listed, &mut faults).await {
        tell(Told::Done(image));
        locks.insert(image, lock);
    }
    let faults = faults.finish(loaded);
    Resolved { locks, faults }
}

impl Taker<'_> {
    fn takes_from(&self, number: usize) -> bool {
        self.lists.values().flatten().any(|one| *one == number)
    }

    /// Says in what was chosen from some archives where these are declared, and with which keys.
    fn describe(
        &self,
        mut pins: DebianPins,
        archives: &[(&Origin, &FetchedArchive)],
    ) -> DebianPins {
        let keys = self.keys.hashes(&self.contents.archive).into_iter();
        let keys = keys.chain(std::iter::repeat(None));
        let all = std::iter::zip(&mut pins.archives, archives).zip(keys);
        for ((pin, (origin, _)), keys) in all {
            pin.uris = declared_uris(origin);
            pin.keys = keys;
        }
        pins
    }

    /// Makes the lock of what was chosen for each architecture.
    fn lock(&self, chosen: Vec<DebianPins>) -> Result<Lock, DebianFault> {
        let all: Vec<&DebianPins> = chosen.iter().collect();
        check_agreement(&self.contents.packages, &all)?;
        let lock = DebianLock::new(DECLARATION, &self.file.texts, chosen);
        Ok(Lock::Debian(Box::new(lock)))
    }

    /// Names the architecture of a fault, where there are several.
    fn place_fault(&self, fault: DebianFault, architecture: Architecture) -> DebianFault {
        if self.lists.len() == 1 {
            return fault;
        }
        DebianFault::Of {
            architecture: architecture.debian.to_owned(),
            fault: Box::new(fault),
        }
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
        let supply = ApkSupply {
            client: means.client,
            store: means.store,
            contents,
            runtime: &file.runtime,
            directory: &described.directory,
            architecture: means.architecture.apk,
            scratch: means.scratch,
        };
        let config = LockConfig {
            name: DECLARATION.to_owned(),
            checksum: checksum_of(&file.texts),
        };
        let came = |line: &str| (self.tell)(Told::Step(image, line));
        let architectures = file.architectures_or(means.architecture);
        let chosen = resolve_apk(&supply, &architectures, config, &came).await;
        if chosen.is_ok() {
            (self.tell)(Told::Done(image));
        }
        let chosen = chosen.map(|lock| Lock::Apk(Box::new(lock)));
        Some((image, chosen.map_err(Box::new)))
    }

    /// Fetches what archives list; whoever takes packages from one is told that it is there.
    async fn fetch_all(
        &self,
        lists: &[List],
        takers: &[Taker<'_>],
    ) -> Vec<Result<FetchedArchive, MirrorError>> {
        let fetches = lists.iter().enumerate();
        let fetches = fetches.map(|(number, list)| async move {
            let fetched = fetch(list, self.means).await?;
            let line = format!("the index of {} is there", list.origin.suite);
            for taker in takers.iter().filter(|taker| taker.takes_from(number)) {
                (self.tell)(Told::Step(taker.image, &line));
            }
            Ok(fetched)
        });
        join_all(fetches).await
    }

    /// Chooses the packages of images that take them from archives of Debian's, for each architecture.
    async fn choose_debian(
        &self,
        takers: &[Taker<'_>],
        (lists, present): (&[List], &[Option<FetchedArchive>]),
        faults: &mut Faults,
    ) -> Vec<(ImageId, Lock)> {
        let mut groups: BTreeMap<(Architecture, &[usize]), Vec<&Taker<'_>>> = BTreeMap::new();
        for taker in takers {
            for (architecture, numbers) in &taker.lists {
                let group = groups
                    .entry((*architecture, numbers.as_slice()))
                    .or_default();
                group.push(taker);
            }
        }
        let mut chosen: BTreeMap<ImageId, Vec<DebianPins>> = BTreeMap::new();
        for ((architecture, numbers), takers) in groups {
            let archives = numbers.iter().map(|number| {
                let archive = present[*number].as_ref()?;
                Some((&lists[*number].origin, archive))
            });
            // Of an archive that is not there it was told already.
            let Some(archives) = archives.collect::<Option<Vec<_>>>() else {
                continue;
            };
            let archives = (architecture, archives.as_slice());
            for (image, pins) in self.choose(archives, &takers, faults).await {
                chosen.entry(image).or_default().push(pins);
            }
        }
        let mut locks = Vec::new();
        for taker in takers {
            // Of what could not be chosen it was told already.
            let all = chosen.remove(&taker.image);
            let Some(pins) = all.filter(|all| all.len() == taker.lists.len()) else {
                continue;
            };
            match taker.lock(pins) {
                Ok(lock) => locks.push((taker.image, lock)),
                Err(fault) => faults.add([taker.image], fault),
            }
        }
        locks
    }

    /// Chooses the packages of images that take them from the same archives.
    async fn choose(
        &self,
        (architecture, archives): (Architecture, &[(&Origin, &FetchedArchive)]),
        takers: &[&Taker<'_>],
        faults: &mut Faults,
    ) -> Vec<(ImageId, DebianPins)> {
        let listed: Vec<&FetchedArchive> = archives.iter().map(|(_, listed)| *listed).collect();
        let offer = match Offer::of(&listed, architecture.debian) {
            Ok(offer) => offer,
            Err(fault) => {
                faults.add(takers.iter().map(|taker| taker.image), fault);
                return Vec::new();
            }
        };
        let mut chosen_for = Vec::new();
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
                Err(fault) => {
                    let fault = taker.place_fault(fault, architecture);
                    faults.add([taker.image], fault);
                }
                Ok(pins) => chosen_for.push((taker.image, taker.describe(pins, archives))),
            }
        }
        chosen_for
    }
}

/// Finds the archives of an image among those that are known, and adds the others.
fn find_taker<'a>(
    loaded: &'a Loaded,
    image: ImageId,
    means: &Means<'_>,
    lists: &mut Vec<List>,
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
    let mirrors = |suite: &str| find_mirrors(means.settings, suite);
    let own = list_origins(&contents.archive, &described.directory, mirrors)?;
    let mut number = |origin: &Origin, architecture| {
        let list = List {
            origin: origin.clone(),
            architecture,
        };
        let known = lists.iter().position(|one| *one == list);
        known.unwrap_or_else(|| {
            lists.push(list);
            lists.len() - 1
        })
    };
    let architectures = file.architectures_or(means.architecture).into_iter();
    let numbers = architectures.map(|architecture| {
        let numbers = own.iter().map(|origin| number(origin, architecture));
        (architecture, numbers.collect())
    });
    Ok(Some(Taker {
        image,
        file,
        contents,
        keys: read_own_keys(described, file),
        lists: numbers.collect(),
    }))
}

async fn fetch(list: &List, means: &Means<'_>) -> Result<FetchedArchive, MirrorError> {
    let archive = list.origin.archive()?;
    let (client, store) = (means.client, means.store);
    let architecture = list.architecture.debian;
    fetch_archive(client, store, &archive, architecture, means.now).await
}

fn declared_uris(origin: &Origin) -> Vec<String> {
    let uris = origin.uris.iter().filter(|_| origin.is_declared);
    uris.map(|uri| without_login(uri).into_owned()).collect()
}
