//! Brings files into the store, many at once.

use std::fs::File;

use futures_util::{StreamExt as _, stream};

use super::client::Client;
use super::error::{FetchError, FetchFault};
use super::location::Location;
use super::store::Store;
use crate::debian::Package;
use crate::oci::Digest;

/// A file that is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Where it may be; the places are tried one after another.
    pub places: Vec<Location>,
    /// The size that was signed for.
    pub size_bytes: u64,
    /// The hash that was signed for.
    pub digest: Digest,
}

/// Names the file of a package; `bases` are the addresses of the archive that lists it.
#[must_use]
pub fn package_file(package: &Package<'_>, bases: &[Location]) -> Wanted {
    Wanted {
        places: bases
            .iter()
            .map(|base| base.join(package.filename))
            .collect(),
        size_bytes: package.size_bytes,
        digest: package.digest(),
    }
}

/// Brings files into the store, as many at once as the client has requests, and opens them in the order asked for.
///
/// What is there already is hashed again and not fetched. `came` is told the size of each file once it is there. The first
/// fault of each file that cannot be had is given, after all others were tried.
pub async fn fetch_files(
    client: &Client,
    store: &Store,
    wanted: &[Wanted],
    came: impl Fn(&Wanted) + Sync,
) -> Result<Vec<File>, Vec<FetchError>> {
    let sweep = store.sweep();
    sweep.map_err(|error| vec![lost("the store", FetchFault::Store(error))])?;
    let fetches = wanted.iter().map(|one| async {
        let file = fetch_file(client, store, one).await?;
        came(one);
        Ok(file)
    });
    let fetched: Vec<Result<File, FetchError>> = stream::iter(fetches)
        .buffered(client.concurrency())
        .collect()
        .await;
    let mut files = Vec::with_capacity(fetched.len());
    let mut errors = Vec::new();
    for one in fetched {
        match one {
            Ok(file) => files.push(file),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(files)
    } else {
        Err(errors)
    }
}

fn lost(place: &str, fault: FetchFault) -> FetchError {
    FetchError {
        place: place.to_owned(),
        fault,
    }
}

/// Gives a file out of the store, where it is put first if it is not there.
pub(super) async fn fetch_file(
    client: &Client,
    store: &Store,
    wanted: &Wanted,
) -> Result<File, FetchError> {
    let shown = wanted.places.first().map(ToString::to_string);
    let shown = shown.unwrap_or_else(|| wanted.digest.to_string());
    if let Some(file) = find_stored(store, wanted, &shown).await? {
        return Ok(file);
    }
    let mut first = None;
    for place in &wanted.places {
        match fetch_from(client, store, place, wanted).await {
            Ok(file) => return Ok(file),
            Err(error) => {
                first.get_or_insert(error);
            }
        }
    }
    Err(first.unwrap_or_else(|| lost(&shown, FetchFault::Absent)))
}

/// Hashing is work for a thread that may be busy.
async fn find_stored(
    store: &Store,
    wanted: &Wanted,
    shown: &str,
) -> Result<Option<File>, FetchError> {
    let (store, digest, size_bytes) = (store.clone(), wanted.digest.clone(), wanted.size_bytes);
    let found = tokio::task::spawn_blocking(move || store.find(&digest, size_bytes)).await;
    match found {
        Ok(found) => found.map_err(|error| lost(shown, FetchFault::Store(error))),
        // The runtime is being shut down, and nothing is wanted any more.
        Err(_) => Ok(None),
    }
}

async fn fetch_from(
    client: &Client,
    store: &Store,
    place: &Location,
    wanted: &Wanted,
) -> Result<File, FetchError> {
    let begin = || store.receive().map_err(FetchFault::Store);
    let incoming = client.fetch_into(place, wanted.size_bytes, begin).await?;
    let finished = incoming.finish(&wanted.digest, wanted.size_bytes);
    finished.map_err(|fault| lost(&place.to_string(), fault))
}
