//! Packages: what has to be right with each, and how they come into the store.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::super::client::Client;
use super::super::error::{FetchError, FetchFault};
use super::super::location::Location;
use super::super::store::{Incoming, Store, StoreError};
use super::error::ApkError;
use super::known;
use crate::apk::{
    Checksum, Expected, Key, Limits, LockError, LockPackage, Package, Record, Trust,
    check_architecture, read_package,
};
use crate::oci::Digest;

/// A package that is wanted, with all that has to be right with it.
#[derive(Clone, Debug)]
pub struct WantedApk {
    /// Where it lies.
    pub place: Location,
    name: String,
    version: String,
    architecture: String,
    checksum: Checksum,
    /// What it may have at most.
    limit_bytes: u64,
    /// What a lock pins of it.
    pin: Option<LockPackage>,
    /// Who has to have signed it, where it is signed; nothing where a lock without keys pins it.
    keys: Option<Arc<[Key]>>,
}

/// A package that is in the store; no file is open for it, since an image may have more packages than a process has files.
#[derive(Debug)]
pub struct FetchedApk {
    /// What it is.
    pub package: Package,
    digest: Digest,
    size_bytes: u64,
}

impl WantedApk {
    /// Wants what an index lists, which has to be for an architecture; where it is signed, one of the keys has to have done so.
    pub fn of_index(
        record: &Record,
        place: Location,
        keys: &Arc<[Key]>,
        architecture: &str,
    ) -> Result<Self, ApkError> {
        check_architecture(record, architecture)
            .map_err(|source| ApkError::of_package(place.to_string(), source, keys))?;
        let said = Some(record.size_bytes).filter(|bytes| *bytes > 0);
        let most = Limits::default().data_bytes;
        Ok(Self {
            place,
            name: record.name.to_string(),
            version: record.version.to_string(),
            architecture: architecture.to_owned(),
            checksum: record.checksum,
            limit_bytes: said.map_or(most, |bytes| with_room(bytes).min(most)),
            pin: None,
            keys: Some(Arc::clone(keys)),
        })
    }

    /// Wants what a lock pins; where there are keys and it is signed, one of them has to have done so.
    pub fn of_lock(
        package: &LockPackage,
        place: Location,
        keys: &Arc<[Key]>,
    ) -> Result<Self, LockError> {
        let expected = package.expected(Trust::Unsigned)?;
        // `bytes=1661-2960`: the last part ends with the file.
        let last = package
            .data
            .range
            .rsplit_once('-')
            .and_then(|(_, last)| last.parse::<u64>().ok());
        let most = expected.limits.data_bytes;
        Ok(Self {
            place,
            name: expected.name.to_owned(),
            version: expected.version.to_owned(),
            architecture: expected.architecture.to_owned(),
            checksum: expected.checksum,
            limit_bytes: last.map_or(most, |last| with_room(last).min(most)),
            pin: Some(package.clone()),
            keys: (!keys.is_empty()).then(|| Arc::clone(keys)),
        })
    }

    /// Gives name and version as messages have them: `zlib-1.3.1-r0`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Reads a package to its end, checks all that has to be right with it, and writes the tar of its files to `data`.
    pub fn read(&self, apk: impl Read, data: &mut dyn Write) -> Result<Package, ApkError> {
        let keys = self.keys.as_deref();
        let expected = Expected {
            name: &self.name,
            version: &self.version,
            architecture: &self.architecture,
            checksum: self.checksum,
            trust: keys.map_or(Trust::Unsigned, Trust::KeysIfSigned),
            limits: Limits::default(),
        };
        let place = || self.place.to_string();
        let package = read_package(apk, &expected, data)
            .map_err(|source| ApkError::of_package(place(), source, keys.unwrap_or_default()))?;
        match self.pin.as_ref().map(|pin| pin.check(&package)) {
            Some(Err(mismatch)) => Err(ApkError::Locked {
                place: place(),
                source: Box::new(mismatch),
            }),
            _ => Ok(package),
        }
    }

    fn lost(&self, fault: FetchFault) -> ApkError {
        let place = self.place.to_string();
        FetchError { place, fault }.into()
    }

    /// Takes the package out of the store; one that is not right counts as missing.
    fn find(&self, store: &Store) -> Result<Option<FetchedApk>, ApkError> {
        let broken = |error: StoreError| self.lost(FetchFault::Store(error));
        let found = known::find(store, &self.checksum).map_err(broken)?;
        let Some((file, digest, size_bytes)) = found else {
            return Ok(None);
        };
        let read = self.read(file, &mut io::sink());
        Ok(read.ok().map(|package| FetchedApk {
            package,
            digest,
            size_bytes,
        }))
    }

    /// Opens the file of a package that came, or was there; whoever reads it checks it again.
    pub fn open(&self, store: &Store, fetched: &FetchedApk) -> Result<File, ApkError> {
        let file = store.find(&fetched.digest, fetched.size_bytes);
        let file = file.map_err(|error| self.lost(FetchFault::Store(error)))?;
        file.ok_or_else(|| self.lost(FetchFault::Absent))
    }

    /// Keeps a package that came, once it was read.
    fn keep(&self, store: &Store, incoming: Incoming) -> Result<FetchedApk, ApkError> {
        let broken = |error: StoreError| self.lost(FetchFault::Store(error));
        let came = incoming.look().map_err(|error| broken(error.into()))?;
        let package = self.read(came, &mut io::sink())?;
        let (digest, size_bytes, _) = incoming.keep().map_err(|fault| self.lost(fault))?;
        known::note(store, &self.checksum, (&digest, size_bytes)).map_err(broken)?;
        Ok(FetchedApk {
            package,
            digest,
            size_bytes,
        })
    }
}

/// Gives how much is fetched of a package of this size: a little more, so that of another one it can be told what it is.
fn with_room(size_bytes: u64) -> u64 {
    size_bytes.saturating_add(64 << 10)
}

/// Brings packages into the store, as many at once as the client has requests, and gives them in the order asked for.
///
/// What is there already is read again and not fetched. `came` is told each package once it is there. What is wrong with each
/// that cannot be had is told, after all others were tried.
pub async fn fetch_apks(
    client: &Client,
    store: &Store,
    wanted: &[WantedApk],
    came: impl Fn(&WantedApk) + Sync,
) -> Result<Vec<FetchedApk>, Vec<ApkError>> {
    if let (Err(error), Some(first)) = (store.sweep(), wanted.first()) {
        return Err(vec![first.lost(FetchFault::Store(error))]);
    }
    let fetches = wanted.iter().map(|one| async {
        let fetched = fetch(client, store, one).await?;
        came(one);
        Ok(fetched)
    });
    let all: Vec<Result<FetchedApk, ApkError>> = stream::iter(fetches)
        .buffered(client.concurrency())
        .collect()
        .await;
    let mut fetched = Vec::with_capacity(all.len());
    let mut errors = Vec::new();
    for one in all {
        match one {
            Ok(one) => fetched.push(one),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(fetched)
    } else {
        Err(errors)
    }
}

async fn fetch(client: &Client, store: &Store, wanted: &WantedApk) -> Result<FetchedApk, ApkError> {
    let (kept_in, one) = (store.clone(), wanted.clone());
    let found = in_background(move || one.find(&kept_in)).await?;
    if let Some(found) = found {
        return Ok(found);
    }
    let begin = || store.receive().map_err(FetchFault::Store);
    let incoming = client.fetch_into(&wanted.place, wanted.limit_bytes, begin);
    let incoming = incoming.await?;
    let (kept_in, one) = (store.clone(), wanted.clone());
    in_background(move || one.keep(&kept_in, incoming)).await
}

/// Reading a package is work for a thread that may be busy.
async fn in_background<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}
