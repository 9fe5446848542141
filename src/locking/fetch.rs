//! Brings the packages of locks into the store, each file once however many images have it.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use super::resolve::Means;
use crate::assemble::{DebianFault, list_files};
use crate::lock::DebianPins;
use crate::mirror::{FetchedArchive, Location, Wanted, fetch_files};
use crate::oci::Digest;

/// Whether the files of what is chosen are brought into the store, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// They are only named. Those of Alpine come all the same: no index says what a lock has to know of them.
    Named,
    /// They are there when the lock is.
    Fetched,
}

/// The files that are there.
#[derive(Default)]
pub(super) struct Fetched(Mutex<HashSet<Digest>>);

impl Fetched {
    /// Fetches the files of what was chosen from some archives; `came` is told of each one.
    pub(super) async fn fetch(
        &self,
        pins: &DebianPins,
        archives: &[&FetchedArchive],
        means: &Means<'_>,
        came: &(dyn Fn(&str) + Sync),
    ) -> Result<(), DebianFault> {
        // The address that answered goes first for the files, too.
        let places = archives.iter().map(|archive| archive.bases.clone());
        let places: Vec<Vec<Location>> = places.collect();
        let mut wanted = list_files(pins, &places);
        let names = wanted.iter().zip(&pins.packages);
        let names: HashMap<Digest, String> = names
            .map(|(one, pin)| (one.digest.clone(), format!("{} {}", pin.name, pin.version)))
            .collect();
        wanted.retain(|one| !self.has(one));
        let told = |one: &Wanted| {
            if let Some(name) = names.get(&one.digest) {
                came(&format!("{name} is there"));
            }
        };
        let fetched = fetch_files(means.client, means.store, &wanted, told).await;
        drop(fetched.map_err(DebianFault::Fetch)?);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(wanted.into_iter().map(|one| one.digest));
        Ok(())
    }

    fn has(&self, wanted: &Wanted) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&wanted.digest)
    }
}
