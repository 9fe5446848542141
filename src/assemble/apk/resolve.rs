//! From what an image asks for to a lock: which packages those are, in all their hashes.

use std::sync::Arc;

use futures_util::future::join_all;

use super::Came;
use super::fault::ApkFault;
use super::supply::ApkSupply;
use crate::address::{Address, without_login};
use crate::apk::{
    Index, Key, Lock, LockConfig, LockContents, LockKey, LockPackage, LockRepository, Record,
    Repository, Requirement, Skipped, Universe, solve,
};
use crate::declared::ApkRepository;
use crate::mirror::{WantedApk, fetch_apk_index, fetch_apks};

/// The index of a repository.
struct Fetched {
    /// Where its packages lie, without a login: `https://…/main/x86_64`.
    address: String,
    tag: Option<String>,
    index: Index,
}

/// Chooses the packages that an image takes now, and pins them.
///
/// `config` says what the lock is made from. Each package is fetched, since an index does not say which bytes are which part of
/// it. `came` is told what is done.
pub async fn resolve_apk(
    supply: &ApkSupply<'_>,
    config: LockConfig,
    came: Came<'_>,
) -> Result<Lock, ApkFault> {
    let requests = supply.requests()?;
    let keys = supply.keys().await?;
    let indexes = fetch_indexes(supply, &keys, came).await?;
    let solving = tokio::task::spawn_blocking(move || choose(&indexes, &requests)).await;
    let chosen = solving.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let wanted = want(supply, &chosen, &keys)?;
    let came = |one: &WantedApk| came(&format!("{} is there", one.id()));
    let fetched = fetch_apks(supply.client, supply.store, &wanted, came).await;
    let fetched = fetched.map_err(ApkFault::Mirror)?;
    let pins = chosen.iter().zip(&fetched);
    let pin = |url: &str, package| LockPackage::new(package, url, supply.architecture);
    let packages = pins.map(|((_, url), one)| pin(url, &one.package)).collect();
    Ok(Lock::new(config, contents(supply, &keys, packages)))
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

/// Chooses packages, and gives what the indexes say of them, and where they lie.
fn choose(
    indexes: &[Fetched],
    requests: &[Requirement],
) -> Result<Vec<(Record, String)>, ApkFault> {
    let repositories = indexes.iter().map(|one| Repository {
        address: &one.address,
        tag: one.tag.as_deref(),
        index: &one.index,
    });
    let universe = Universe::new(&repositories.collect::<Vec<_>>());
    let chosen = solve(&universe, requests).map_err(|error| {
        let skipped = indexes.iter().flat_map(|one| one.index.skipped.clone());
        let skipped: Vec<Skipped> = skipped.collect();
        let error = Box::new(error);
        ApkFault::Solve { error, skipped }
    })?;
    let chosen = chosen.iter();
    Ok(chosen.map(|one| (one.record.clone(), one.url())).collect())
}

/// Makes the rest of a lock; there is no login in it.
fn contents(supply: &ApkSupply<'_>, keys: &[Key], packages: Vec<LockPackage>) -> LockContents {
    let declared = supply.contents;
    let repositories = |list: &[ApkRepository]| {
        let of = |repository: &ApkRepository| {
            let address = address(repository, supply);
            LockRepository {
                name: without_scheme(&address),
                url: format!("{address}/APKINDEX.tar.gz"),
                architecture: supply.architecture.to_owned(),
            }
        };
        list.iter().map(of).collect()
    };
    let mut keyring: Vec<LockKey> = declared
        .keyring
        .iter()
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
        build_repositories: repositories(&declared.build_repositories),
        runtime_repositories: repositories(&declared.runtime_repositories),
        repositories: repositories(&declared.repositories),
        packages,
    }
}

fn without_scheme(address: &str) -> String {
    Address::of(address).rest.to_owned()
}
