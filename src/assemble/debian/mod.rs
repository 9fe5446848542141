//! An image of Debian packages without their maintainer scripts: chosen from signed indexes, fetched, unpacked into one tree.

mod database;
mod scripts;
mod stand_ins;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::filling::{FillError, Filling};
use crate::debian::{
    Alternatives, Deb, DebError, Package, RelationError, RelationField, ResolveError, Universe,
    Version, open_data, parse_request, read_data, read_deb,
};
use crate::host::{Scratch, ScratchError, Store as ScratchStore, Watch, Window, in_parallel};
use crate::mirror::{
    Archive, Client, FetchError, FetchedArchive, MirrorError, Store, Wanted, fetch_archive,
    fetch_files, package_file,
};
use crate::rootfs::{Entry, Kind, Node, Outcome, RootPath};

/// Where packages come from, and where they are kept.
#[derive(Debug)]
pub struct Supply<'a> {
    /// Fetches.
    pub client: &'a Client,
    /// Keeps.
    pub store: &'a Store,
    /// The archives, earlier ones preferred among equal versions.
    pub archives: &'a [Archive],
    /// The architecture in Debian's words: `amd64`.
    pub architecture: &'a str,
    /// The machine's time, by which signatures and indexes are still good.
    pub now: DateTime<Utc>,
    /// A directory for what is decompressed.
    pub scratch: &'a Path,
}

/// Why packages could not be made an image.
#[derive(Debug, thiserror::Error)]
pub enum DebianFault {
    /// The indexes could not be had.
    #[error(transparent)]
    Mirror(#[from] MirrorError),
    /// A request cannot be read.
    #[error("`contents.packages` cannot hold `{request}`: {source}")]
    Request {
        /// The request.
        request: String,
        /// Why.
        source: RelationError,
    },
    /// The packages do not go together.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// Files could not be fetched.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Fetch(Vec<FetchError>),
    /// A file is no package.
    #[error("the package `{package}` cannot be used: {source}")]
    Deb {
        /// The package.
        package: String,
        /// Why.
        source: DebError,
    },
    /// What is decompressed cannot be kept.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// Packages have scripts that would have to run.
    #[error(
        "{}: no script is run here; leave {} out, or name {} in `contents.without-scripts` where the image needs nothing of what \
         the scripts do, or take `bootstrap: mmdebstrap`", list_scripts(.0), them(.0), them(.0)
    )]
    Scripts(Vec<(String, String)>),
    /// Two packages have the same file.
    #[error("`{one}` and `{other}` both have {path}")]
    SameFile {
        /// The path.
        path: RootPath,
        /// The one that was first.
        one: String,
        /// The other one.
        other: String,
    },
    /// A package cannot be put into the tree.
    #[error("`{package}` cannot be unpacked: {source}")]
    Fill {
        /// The package.
        package: String,
        /// Why.
        source: FillError,
    },
    /// What scripts would have written cannot be written.
    #[error(transparent)]
    StandIn(#[from] FillError),
}

fn list_scripts(scripts: &[(String, String)]) -> String {
    let each = scripts
        .iter()
        .map(|(package, script)| format!("`{package}` has a `{script}` that does something"));
    each.collect::<Vec<_>>().join(", ")
}

fn them(scripts: &[(String, String)]) -> &'static str {
    match scripts {
        [_] => "it",
        _ => "them",
    }
}

/// What an image holds of packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The architecture, or `all`.
    pub architecture: String,
}

/// Makes a tree of the packages that are asked for and those that they need; `came` is told of each file as it is there.
pub(super) async fn install_debian(
    supply: &Supply<'_>,
    (requests, without_scripts): (&[String], &[String]),
    modified: i64,
    came: &(dyn Fn(&str) + Sync),
) -> Result<(Filling, Vec<Installed>), DebianFault> {
    let fetched = fetch_indexes(supply, came).await?;
    let (wanted, names) = choose(supply, &fetched, requests)?;
    let files = fetch_files(supply.client, supply.store, &wanted, |_| ())
        .await
        .map_err(DebianFault::Fetch)?;
    came(&format!("unpacking {} packages", names.len()));
    // Whoever gives up waiting lets the threads end, too.
    let given_up = EndWhenDropped(Watch::default());
    let scratch = Scratch::new(supply.scratch, &given_up.0);
    let without_scripts = without_scripts.to_vec();
    let fill = move || fill(&names, files, &without_scripts, (&scratch, modified));
    let filled = tokio::task::spawn_blocking(fill).await;
    filled.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// Ends what is watched with itself.
struct EndWhenDropped(Watch);

impl Drop for EndWhenDropped {
    fn drop(&mut self) {
        self.0.end();
    }
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

/// Chooses packages, and gives where their files are, with their names.
fn choose(
    supply: &Supply<'_>,
    fetched: &[FetchedArchive],
    requests: &[String],
) -> Result<(Vec<Wanted>, Vec<Named>), DebianFault> {
    let mut packages = Vec::new();
    let mut origins = Vec::new();
    for archive in fetched {
        let of_archive = archive.packages()?;
        origins.extend(std::iter::repeat_n(archive, of_archive.len()));
        packages.extend(of_archive);
    }
    let origin_of = |chosen: &Package<'_>| {
        let same = |package: &Package<'_>| std::ptr::eq(package.stanza, chosen.stanza);
        let index = packages.iter().position(same)?;
        origins.get(index)
    };
    let universe = Universe::new(packages.iter().copied(), supply.architecture);
    let relations = requests.iter().map(|request| {
        parse_request(request).map_err(|source| DebianFault::Request {
            request: request.clone(),
            source,
        })
    });
    let relations: Vec<_> = relations.collect::<Result<_, _>>()?;
    let chosen = universe.resolve(&relations)?;
    let mut wanted = Vec::new();
    let mut names = Vec::new();
    for one in &chosen {
        let bases = origin_of(&one.package).map_or(&[][..], |archive| &archive.bases);
        wanted.push(package_file(&one.package, bases));
        names.push(Named {
            name: one.package.name.to_owned(),
            version: version(&one.package)?,
            stanza: one.package.stanza.to_owned(),
            replaces: replaced(&one.package)?,
        });
    }
    Ok((wanted, names))
}

fn version(package: &Package<'_>) -> Result<Version, ResolveError> {
    package.version().map_err(|source| ResolveError::Version {
        package: package.name.to_owned(),
        source,
    })
}

fn replaced(package: &Package<'_>) -> Result<Vec<Alternatives>, ResolveError> {
    let field = RelationField::Replaces;
    let relations = package.relations(field);
    relations.map_err(|source| ResolveError::Relation {
        package: package.name.to_owned(),
        field: field.as_str(),
        source,
    })
}

/// A chosen package, as far as it matters once its file is there.
struct Named {
    name: String,
    version: Version,
    stanza: String,
    replaces: Vec<Alternatives>,
}

impl Named {
    /// Tells whether it may overwrite the files of another package (Debian Policy 7.6.1).
    fn replaces(&self, other: &Self) -> bool {
        let mut relations = self.replaces.iter().flatten();
        relations.any(|relation| relation.name == other.name && relation.admits(&other.version))
    }
}

/// A package, unpacked.
struct Unpacked {
    deb: Deb,
    window: Window,
}

/// No package of any release comes near it.
const LARGEST_BYTES: u64 = 16 << 30;

fn fill(
    names: &[Named],
    files: Vec<File>,
    without_scripts: &[String],
    (scratch, modified): (&Scratch, i64),
) -> Result<(Filling, Vec<Installed>), DebianFault> {
    let unpacked = unpack_all(names, files, scratch)?;
    check_scripts(&unpacked, without_scripts)?;
    let mut filling = Filling::new(modified);
    stand_ins::begin(&mut filling)?;
    let mut owners: std::collections::HashMap<RootPath, usize> = std::collections::HashMap::new();
    let mut files_of = Vec::new();
    for (index, (named, one)) in names.iter().zip(&unpacked).enumerate() {
        let volume = filling.volumes.add(one.window.clone());
        let mut window = one.window.clone();
        let entries = read_data(&mut window, volume).map_err(|source| deb_fault(named, source))?;
        let mut paths = Vec::new();
        for entry in entries {
            if entry.path.is_root() {
                continue;
            }
            let shown = entry.path.to_string();
            let place = place(&mut filling, entry, (names, index), &mut owners)?;
            paths.push((shown, place));
        }
        files_of.push(paths);
    }
    let packages: Vec<(&Deb, Vec<String>)> = unpacked
        .iter()
        .zip(files_of)
        .enumerate()
        .map(|(index, (one, paths))| {
            // A file that another package replaced is that one's alone.
            let own = paths
                .into_iter()
                .filter(|(_, place)| owners.get(place).is_none_or(|owner| *owner == index));
            (&one.deb, own.map(|(shown, _)| shown).collect())
        })
        .collect();
    stand_ins::finish(&mut filling)?;
    database::write_database(&mut filling, &packages)?;
    let installed = unpacked.iter().map(|one| Installed {
        name: one.deb.control.name().to_owned(),
        version: one.deb.control.version().to_owned(),
        architecture: one.deb.control.architecture().to_owned(),
    });
    let installed = installed.collect();
    Ok((filling, installed))
}

/// Refuses scripts that would have to run; all of them are told.
fn check_scripts(unpacked: &[Unpacked], without_scripts: &[String]) -> Result<(), DebianFault> {
    let needed = unpacked.iter().filter_map(|one| {
        let control = &one.deb.control;
        let script = scripts::find_needed(control.name(), control.scripts())?;
        let is_told = without_scripts.iter().any(|name| name == control.name());
        (!is_told).then(|| (control.name().to_owned(), script.to_owned()))
    });
    let needed: Vec<_> = needed.collect();
    if needed.is_empty() {
        Ok(())
    } else {
        Err(DebianFault::Scripts(needed))
    }
}

/// Unpacks packages on several threads, each of which keeps what it unpacks in one file.
fn unpack_all(
    names: &[Named],
    files: Vec<File>,
    scratch: &Scratch,
) -> Result<Vec<Unpacked>, DebianFault> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = names.len().div_ceil(threads).max(1);
    let mut files = names.iter().zip(files);
    let shares = names.chunks(share).map(|share| {
        let files: Vec<(&Named, File)> = files.by_ref().take(share.len()).collect();
        Mutex::new(files)
    });
    let shares: Vec<Mutex<Vec<(&Named, File)>>> = shares.collect();
    let unpacked = in_parallel(&shares, 1, |share| {
        let files = std::mem::take(&mut *share.lock().unwrap_or_else(PoisonError::into_inner));
        let mut store = scratch.store();
        let unpacked = files.into_iter();
        let unpacked = unpacked.map(|(named, file)| unpack(named, file, &mut store));
        unpacked.collect::<Result<Vec<Unpacked>, DebianFault>>()
    });
    let unpacked: Vec<Vec<Unpacked>> = unpacked.into_iter().collect::<Result<_, _>>()?;
    Ok(unpacked.into_iter().flatten().collect())
}

fn deb_fault(named: &Named, source: DebError) -> DebianFault {
    DebianFault::Deb {
        package: named.name.clone(),
        source,
    }
}

fn unpack(named: &Named, file: File, store: &mut ScratchStore) -> Result<Unpacked, DebianFault> {
    let fault = |source| deb_fault(named, source);
    let broken = |source| fault(DebError::Broken(source));
    let mut whole = BufReader::new(Window::of_file(file).map_err(broken)?);
    let deb = read_deb(&mut whole).map_err(fault)?;
    if let Ok(listed) = crate::debian::parse_packages(&named.stanza)
        && let Some(package) = listed.first()
    {
        deb.control.check_is(package).map_err(fault)?;
    }
    let mut data = open_data(&mut whole, &deb.data).map_err(fault)?;
    let window = store.append(&mut data, LARGEST_BYTES);
    drop(data);
    let window = window.map_err(|source| match source {
        ScratchError::Read(source) => broken(source),
        source => DebianFault::Scratch(source),
    })?;
    Ok(Unpacked { deb, window })
}

/// Puts one file of a package into the tree; of two packages the one that replaces the other has it.
fn place(
    filling: &mut Filling,
    entry: Entry,
    (names, index): (&[Named], usize),
    owners: &mut std::collections::HashMap<RootPath, usize>,
) -> Result<RootPath, DebianFault> {
    let named = &names[index];
    let path = entry.path.clone();
    let owner = std::cell::Cell::new(None);
    let may_replace = |path: &RootPath, old: &Node, new: &Node| {
        let before = owners.get(path).copied();
        owner.set(before);
        match before {
            // What was made here gives way.
            None => true,
            Some(before) => named.replaces(&names[before]) || is_same_link(old, new),
        }
    };
    let placed = filling.tree.place(entry, may_replace);
    let placed = placed.map_err(|source| DebianFault::Fill {
        package: named.name.clone(),
        source: source.into(),
    })?;
    let before = owner.get().map(|before| &names[before]);
    match (&placed.outcome, before) {
        // Of a package that replaces this one the file stays.
        (Outcome::Conflict, Some(before)) if before.replaces(named) => Ok(placed.path),
        (Outcome::Conflict, before) => Err(DebianFault::SameFile {
            path,
            one: before
                .map_or("another package", |it| it.name.as_str())
                .to_owned(),
            other: named.name.clone(),
        }),
        (Outcome::Kept | Outcome::Same, _) => Ok(placed.path),
        (Outcome::New | Outcome::Replaced(_), _) => {
            // A directory is everybody's.
            let is_file = filling
                .tree
                .find(&placed.path)
                .is_some_and(|node| !node.is_directory());
            if is_file {
                owners.insert(placed.path.clone(), index);
            }
            Ok(placed.path)
        }
    }
}

fn is_same_link(old: &Node, new: &Node) -> bool {
    matches!((&old.kind, &new.kind), (Kind::Link(one), Kind::Link(other)) if one == other)
}
