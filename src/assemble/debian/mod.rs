//! An image of Debian packages without their maintainer scripts: chosen from signed indexes or by a lock, fetched by their
//! hashes, unpacked into one tree.
//!
//! ```text
//! declaration ── list_origins ──→ Archive ── fetch_archive ──→ Offer ── choose ──→ DebianPins ─┐
//! lock ────────────────────────────────────────────────────────────────────────→ DebianPins ─┴─ install ──→ Filling
//! ```
//!
//! Both ways meet in the pins, so that what a lock makes is what was made when it was written.

mod agreeing;
mod choosing;
mod database;
mod describe;
mod fault;
mod install;
mod placing;
mod scripts;
mod sources;
mod stand_ins;
#[cfg(test)]
mod tests;

use std::path::Path;

use chrono::{DateTime, Utc};

use self::install::install;
use super::filling::Filling;
use super::installed::Packed;
use crate::declared::DebianContents;
use crate::lock::DebianPins;
use crate::mirror::{Archive, Client, FetchedArchive, Location, Store, fetch_archive};

pub(super) use install::EndWhenDropped;

pub use agreeing::check_agreement;
pub use choosing::Offer;
pub use fault::{DebianFault, PinFault, RequestFault};
pub use install::list_files;
pub use sources::{Origin, find_places, list_origins};

/// Where packages come from, and where they are kept.
#[derive(Debug)]
pub struct Supply<'a> {
    /// Fetches.
    pub client: &'a Client,
    /// Keeps.
    pub store: &'a Store,
    /// The archives, earlier ones preferred among equal versions.
    pub archives: &'a [Archive],
    /// The packages of a lock: no archive is looked at then.
    pub lock: Option<Locked<'a>>,
    /// The architecture in Debian's words: `amd64`.
    pub architecture: &'a str,
    /// The machine's time, by which signatures and indexes are still good.
    pub now: DateTime<Utc>,
    /// A directory for what is decompressed.
    pub scratch: &'a Path,
}

/// What a lock takes the place of.
#[derive(Clone, Copy, Debug)]
pub struct Locked<'a> {
    /// The packages.
    pub pins: &'a DebianPins,
    /// Where the files of each archive of the lock lie, as far as that is known.
    pub places: &'a [Vec<Location>],
    /// Who says so.
    pub by: ChosenBy,
}

/// Who chose packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChosenBy {
    /// A lock, which may be old.
    Lock,
    /// The indexes of this moment.
    Indexes,
}

/// Packages that were chosen from the indexes of this moment.
#[derive(Debug)]
pub struct Chosen {
    pins: DebianPins,
    places: Vec<Vec<Location>>,
}

impl Chosen {
    /// Gives the packages.
    #[must_use]
    pub fn pins(&self) -> &DebianPins {
        &self.pins
    }

    /// Gives what an image is made of.
    #[must_use]
    pub fn locked(&self) -> Locked<'_> {
        Locked {
            pins: &self.pins,
            places: &self.places,
            by: ChosenBy::Indexes,
        }
    }
}

/// Makes a tree of the packages that are asked for and those that they need; `came` is told of each file as it is there.
pub(super) async fn install_debian(
    supply: &Supply<'_>,
    contents: &DebianContents,
    modified: i64,
    came: &(dyn Fn(&str) + Sync),
) -> Result<(Filling, Packed), DebianFault> {
    if let Some(locked) = &supply.lock {
        return install(supply, *locked, (contents, modified), came).await;
    }
    let chosen = choose_debian(supply, contents, came).await?;
    install(supply, chosen.locked(), (contents, modified), came).await
}

/// Chooses packages from what the archives list now.
pub async fn choose_debian(
    supply: &Supply<'_>,
    contents: &DebianContents,
    came: &(dyn Fn(&str) + Sync),
) -> Result<Chosen, DebianFault> {
    let fetched = fetch_indexes(supply, came).await?;
    let pins = {
        let each: Vec<&FetchedArchive> = fetched.iter().collect();
        Offer::of(&each, supply.architecture)?.choose(contents)?
    };
    // The address that answered goes first for the files, too.
    let places = fetched.into_iter().map(|archive| archive.bases).collect();
    Ok(Chosen { pins, places })
}

async fn fetch_indexes(
    supply: &Supply<'_>,
    came: &(dyn Fn(&str) + Sync),
) -> Result<Vec<FetchedArchive>, DebianFault> {
    let asked = supply.archives.iter().map(|archive| async move {
        let fetched = fetch_archive(
            supply.client,
            supply.store,
            archive,
            supply.architecture,
            supply.now,
        );
        let fetched = fetched.await?;
        came(&format!("the index of {} is there", archive.suite));
        Ok(fetched)
    });
    futures_util::future::try_join_all(asked).await
}
