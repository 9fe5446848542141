//! From a lock to a root file system: the packages that it pins, and nothing else.

use std::collections::{HashMap, HashSet};

use super::super::debian::EndWhenDropped;
use super::super::filling::Filling;
use super::super::installed::Installed;
use super::Came;
use super::fault::ApkFault;
use super::supply::ApkSupply;
use super::unpack::{Unpacked, unpack};
use crate::apk::{InstallError, Installation, Key, Lock, Record, Setup};
use crate::host::{Scratch, Volumes, Watch};
use crate::mirror::{WantedApk, fetch_apks};
use crate::rootfs::{Extent, Kind, RootPath, Tree};

/// What packages make of an image, and what is still to be done with it.
#[derive(Debug)]
pub struct ApkFilling {
    /// The root file system.
    pub filling: Filling,
    /// The packages, in the order of installation.
    pub installed: Vec<Installed>,
    /// What the packages say of themselves, in that order.
    pub(super) records: Vec<Record>,
    /// The package of each file, by its place in that order.
    pub(super) owners: HashMap<RootPath, usize>,
    /// Certificates, each with the place of its package in that order.
    pub(super) certificates: Vec<(RootPath, usize)>,
    /// The package that is busybox, whose names are linked after everything else.
    pub(super) busybox: Option<String>,
}

/// What an image is given beside its packages.
struct Given {
    architecture: String,
    world: Vec<String>,
    repositories: Vec<String>,
    keys: Vec<Key>,
    modified: i64,
}

/// Installs the packages that a lock pins, all of whose hashes have to be right; no index is looked at, and what is in the store
/// is not fetched.
///
/// What is made here has the time `modified`, in seconds since 1970. `came` is told what is done.
pub async fn install_apk(
    supply: &ApkSupply<'_>,
    lock: &Lock,
    modified: i64,
    came: Came<'_>,
) -> Result<ApkFilling, ApkFault> {
    let keys = supply.keys_of(lock).await?;
    let mut wanted = Vec::new();
    for package in lock.packages(supply.architecture)? {
        let place = supply.locate_package(&package.url)?;
        wanted.push(WantedApk::of_lock(package, place, &keys)?);
    }
    let given = Given {
        architecture: supply.architecture.to_owned(),
        world: supply.requested(),
        repositories: supply.lines(),
        keys: unite(&keys, &supply.contents.runtime_keyring)?,
        modified,
    };
    let fetched = fetch_apks(supply.client, supply.store, &wanted, |_| ()).await;
    let fetched = fetched.map_err(ApkFault::Mirror)?;
    came(&format!("unpacking {} packages", fetched.len()));
    // Whoever gives up waiting lets the threads end, too.
    let given_up = EndWhenDropped(Watch::default());
    let scratch = Scratch::new(supply.scratch, &given_up.0);
    let store = supply.store.clone();
    let places = locate_packages(lock, supply.architecture)?;
    let fill = move || {
        let packed: Vec<_> = std::iter::zip(wanted, fetched).collect();
        let unpacked = unpack(&packed, &store, &scratch)?;
        fill(unpacked, &given, &places)
    };
    let filled = tokio::task::spawn_blocking(fill).await;
    filled.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// Gives the keys that the image trusts: those that sign its packages, and those that only it gets.
fn unite(keys: &[Key], more: &[(String, String)]) -> Result<Vec<Key>, ApkFault> {
    let mut all = keys.to_vec();
    for (name, pem) in more {
        let key = Key::parse(name, pem)?;
        if all.iter().any(|known| known.file_name() == name) {
            return Err(ApkFault::TwoKeys(name.clone()));
        }
        all.push(key);
    }
    Ok(all)
}

/// Gives where the packages of a lock lie on the web, in their order.
fn locate_packages(lock: &Lock, architecture: &str) -> Result<Vec<Option<String>>, ApkFault> {
    let is_web = |url: &&String| url.starts_with("http://") || url.starts_with("https://");
    let packages = lock.packages(architecture)?.into_iter();
    Ok(packages
        .map(|package| Some(&package.url).filter(is_web).cloned())
        .collect())
}

fn fill(
    unpacked: Vec<Unpacked>,
    given: &Given,
    places: &[Option<String>],
) -> Result<ApkFilling, ApkFault> {
    let mut root = Installation::new()?;
    let mut volumes = Volumes::default();
    for one in unpacked {
        // The volumes were given out in this order.
        volumes.add(one.tar);
        root.add(&one.package, one.files)?;
    }
    let records: Vec<Record> = root.records().cloned().collect();
    let certificates = find_certificates(&root);
    let owned = root.tree().iter();
    let owned = owned.filter_map(|(path, _)| Some((path.clone(), root.owner(path)?)));
    let owners = owned.collect();
    let busybox = root.busybox().map(str::to_owned);
    let tree = finish(root, &volumes, given)?;
    let installed = std::iter::zip(&records, places);
    let installed = installed.map(|(record, place)| describe(record, &records, place.clone()));
    Ok(ApkFilling {
        installed: installed.collect(),
        owners,
        filling: Filling {
            tree,
            volumes,
            modified: given.modified,
            ..Filling::default()
        },
        records,
        certificates,
        busybox,
    })
}

fn describe(record: &Record, all: &[Record], download: Option<String>) -> Installed {
    let others = all.iter().enumerate();
    let replaced = others.filter(|(_, other)| other.name != record.name && record.replaces(other));
    let origin = match &*record.origin {
        "" => &record.name,
        _ => &record.origin,
    };
    Installed {
        name: record.name.to_string(),
        version: record.version.to_string(),
        architecture: record.architecture.to_string(),
        origin: origin.to_string(),
        installed_bytes: record.installed_bytes,
        replaces: replaced.map(|(place, _)| place).collect(),
        // A lock has the sums of its parts.
        sha256: None,
        download,
    }
}

/// Writes apk's own files; all that no package brought has the time of what is made here.
fn finish(root: Installation, volumes: &Volumes, given: &Given) -> Result<Tree, InstallError> {
    let theirs = root.tree().iter().map(|(path, _)| path);
    let theirs: HashSet<RootPath> = theirs
        .filter(|path| root.is_of_package(path))
        .cloned()
        .collect();
    let setup = Setup {
        architecture: &given.architecture,
        world: &given.world,
        repositories: &given.repositories,
        keys: &given.keys,
        epoch: given.modified,
    };
    let fetch = |extent: &Extent, out: &mut dyn std::io::Write| volumes.copy(extent, out);
    let mut tree = root.finish(&setup, &fetch)?;
    tree.edit_all(&RootPath::root(), |path, _, attributes| {
        if !theirs.contains(path) {
            attributes.modified = given.modified;
        }
    });
    Ok(tree)
}

/// Finds what packages brought below a directory `ca-certificates` that is named like a certificate, in the order of the paths.
fn find_certificates(root: &Installation) -> Vec<(RootPath, usize)> {
    let is_named = |path: &RootPath| {
        let ends = [&b".crt"[..], b".pem"];
        let is_below = path.names().any(|name| name == b"ca-certificates");
        is_below && ends.iter().any(|end| path.as_bytes().ends_with(end))
    };
    let files = root.tree().iter();
    let files = files.filter(|(path, node)| matches!(node.kind, Kind::File(_)) && is_named(path));
    let owned = files.filter_map(|(path, _)| Some((path.clone(), root.owner(path)?)));
    owned.collect()
}
