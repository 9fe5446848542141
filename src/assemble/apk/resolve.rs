//! From what an image asks for to a lock: which packages those are, in all their hashes.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::Came;
use super::fault::ApkFault;
use super::supply::ApkSupply;
use crate::address::{Address, without_login};
use crate::apk::{
    Index, Key, Lock, LockConfig, LockContents, LockKey, LockPackage, LockRepository, Record,
    Repository, Requirement, Skipped, SolveError, SolveErrors, Universe, solve, solve_all,
};
use crate::declared::{ApkContents, ApkRepository, Architecture};
use crate::mirror::{WantedApk, fetch_apk_index, fetch_apks};

/// The index of a repository.
struct Fetched {
    /// Where its packages lie, without a login: `https://…/main/x86_64`.
    address: String,
    tag: Option<String>,
    index: Index,
}

/// What was chosen for an architecture: what the indexes say of each package, and where it lies.
type Chosen = Vec<(Record, String)>;

/// Chooses the packages that an image takes now, and pins them, an architecture after the other; what is asked for has the same
/// version on all of them. The supply's own architecture has no part in it.
///
/// `config` says what the lock is made from. Each package is fetched, since an index does not say which bytes are which part of
/// it. `came` is told what is done.
pub async fn resolve_apk(
    supply: &ApkSupply<'_>,
    architectures: &[Architecture],
    config: LockConfig,
    came: Came<'_>,
) -> Result<Lock, ApkFault> {
    let requests = supply.requests()?;
    let keys = supply.keys().await?;
    let supplies = architectures.iter().map(|architecture| ApkSupply {
        architecture: architecture.apk,
        ..*supply
    });
    let supplies: Vec<ApkSupply<'_>> = supplies.collect();
    let indexes = supplies
        .iter()
        .map(|supply| fetch_indexes(supply, &keys, came));
    let mut all = BTreeMap::new();
    let mut errors = Vec::new();
    for (supply, fetched) in std::iter::zip(&supplies, join_all(indexes).await) {
        match fetched {
            Ok(indexes) => drop(all.insert(supply.architecture.to_owned(), indexes)),
            Err(ApkFault::Mirror(faults)) => errors.extend(faults),
            Err(fault) => return Err(fault),
        }
    }
    if !errors.is_empty() {
        return Err(ApkFault::Mirror(errors));
    }
    let solving = tokio::task::spawn_blocking(move || choose(&all, &requests)).await;
    let chosen = solving.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let mut packages = Vec::new();
    for supply in &supplies {
        let chosen = chosen
            .get(supply.architecture)
            .map_or(&[][..], Vec::as_slice);
        packages.extend(pin(supply, chosen, &keys, came).await?);
    }
    Ok(Lock::new(config, contents(&supplies, &keys, packages)))
}

/// Fetches what was chosen for an architecture, and pins it.
async fn pin(
    supply: &ApkSupply<'_>,
    chosen: &[(Record, String)],
    keys: &Arc<[Key]>,
    came: Came<'_>,
) -> Result<Vec<LockPackage>, ApkFault> {
    let wanted = want(supply, chosen, keys)?;
    let came = |one: &WantedApk| came(&format!("{} is there", one.id()));
    let fetched = fetch_apks(supply.client, supply.store, &wanted, came).await;
    let fetched = fetched.map_err(ApkFault::Mirror)?;
    let pins = chosen.iter().zip(&fetched);
    let pin = |url: &str, package| LockPackage::new(package, url, supply.architecture);
    Ok(pins.map(|((_, url), one)| pin(url, &one.package)).collect())
}

/// Wants the packages that were chosen; each that is for another architecture is told.
fn want(
    supply: &ApkSupply<'_>,
    chosen: &[(Record, String)],
    keys: &Arc<[Key]>,
) -> Result<Vec<WantedApk>, ApkFault> {
    let mut wanted = Vec::with_capacity(chosen.len());
    let mut errors = Vec::new();
    for (record, url) in chosen {
        match WantedApk::of_index(record, supply.locate(url)?, keys, supply.architecture) {
            Ok(one) => wanted.push(one),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(wanted)
    } else {
        Err(ApkFault::Mirror(errors))
    }
}

async fn fetch_indexes(
    supply: &ApkSupply<'_>,
    keys: &Arc<[Key]>,
    came: Came<'_>,
) -> Result<Vec<Fetched>, ApkFault> {
    let mut wanted = Vec::new();
    for repository in supply.repositories() {
        let address = address(repository, supply);
        let place = supply.locate(&format!("{address}/APKINDEX.tar.gz"))?;
        wanted.push((address, repository.tag.clone(), place));
    }
    let fetches = wanted.into_iter().map(|(address, tag, place)| async move {
        let index = fetch_apk_index(supply.client, &place, keys).await?;
        came(&format!("the index of {address} is there"));
        Ok(Fetched {
            address,
            tag,
            index,
        })
    });
    let mut fetched = Vec::new();
    let mut errors = Vec::new();
    for one in join_all(fetches).await {
        match one {
            Ok(one) => fetched.push(one),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(fetched)
    } else {
        Err(ApkFault::Mirror(errors))
    }
}

fn address(repository: &ApkRepository, supply: &ApkSupply<'_>) -> String {
    let address = without_login(&repository.address);
    format!("{address}/{}", supply.architecture)
}

/// Chooses packages for each architecture.
fn choose(
    indexes: &BTreeMap<String, Vec<Fetched>>,
    requests: &[Requirement],
) -> Result<BTreeMap<String, Chosen>, ApkFault> {
    let universes = indexes.iter().map(|(architecture, indexes)| {
        let repositories = indexes.iter().map(|one| Repository {
            address: &one.address,
            tag: one.tag.as_deref(),
            index: &one.index,
        });
        let universe = Universe::new(&repositories.collect::<Vec<_>>());
        (architecture.clone(), universe)
    });
    let universes: BTreeMap<String, Universe<'_>> = universes.collect();
    let skipped = || {
        let all = indexes.values().flatten();
        all.flat_map(|one| one.index.skipped.clone())
            .collect::<Vec<Skipped>>()
    };
    let of_one = |error: SolveError| ApkFault::Solve {
        error: Box::new(error),
        skipped: skipped(),
    };
    let of_all = |error: SolveErrors| ApkFault::SolveAll {
        error: Box::new(error),
        skipped: skipped(),
    };
    let chosen = match universes.first_key_value() {
        Some((architecture, universe)) if universes.len() == 1 => {
            let chosen = solve(universe, requests).map_err(of_one)?;
            BTreeMap::from([(architecture.clone(), chosen)])
        }
        _ => solve_all(&universes, requests).map_err(of_all)?,
    };
    let chosen = chosen.into_iter().map(|(architecture, chosen)| {
        let chosen = chosen.iter();
        let chosen = chosen.map(|one| (one.record.clone(), one.url()));
        (architecture, chosen.collect())
    });
    Ok(chosen.collect())
}

/// Makes the rest of a lock; there is no login in it.
fn contents(supplies: &[ApkSupply<'_>], keys: &[Key], packages: Vec<LockPackage>) -> LockContents {
    let repositories = |list: fn(&ApkContents) -> &[ApkRepository]| {
        let of = |supply: &ApkSupply<'_>, repository: &ApkRepository| {
            let address = address(repository, supply);
            LockRepository {
                name: without_scheme(&address),
                url: format!("{address}/APKINDEX.tar.gz"),
                architecture: supply.architecture.to_owned(),
            }
        };
        let of_each = supplies.iter().flat_map(|supply| {
            let list = list(supply.contents).iter();
            list.map(move |repository| of(supply, repository))
        });
        of_each.collect()
    };
    let declared = supplies.first().into_iter();
    let mut keyring: Vec<LockKey> = declared
        .flat_map(|supply| &supply.contents.keyring)
        .map(|address| {
            let url = without_login(address).into_owned();
            let name = crate::mirror::key_name(&url);
            let key = keys.iter().find(|key| key.file_name() == name);
            LockKey {
                name: without_scheme(&url),
                url,
                content: key.map(|key| key.pem().to_owned()).unwrap_or_default(),
            }
        })
        .collect();
    keyring.sort_by(|one, other| one.name.cmp(&other.name));
    LockContents {
        archs: None,
        keyring,
        build_repositories: repositories(|contents| &contents.build_repositories),
        runtime_repositories: repositories(|contents| &contents.runtime_repositories),
        repositories: repositories(|contents| &contents.repositories),
        packages,
    }
}

fn without_scheme(address: &str) -> String {
    Address::of(address).rest.to_owned()
}
