//! Fetches exactly the packages that are chosen, and unpacks them into one tree.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::BufReader;
use std::sync::{Mutex, PoisonError};

use super::super::filling::Filling;
use super::super::installed::Packed;
use super::fault::{DebianFault, PinFault};
use super::placing::{Named, place};
use super::{ChosenBy, Locked, Supply, database, describe, scripts, stand_ins};
use crate::debian::{Deb, DebError, open_data, read_data, read_deb};
use crate::declared::DebianContents;
use crate::host::{Scratch, ScratchError, Store as ScratchStore, Watch, Window, in_parallel};
use crate::lock::{DebianPins, Pin};
use crate::mirror::{FetchError, FetchFault, Location, Wanted, fetch_files};
use crate::rootfs::RootPath;

/// Makes a tree of the packages that are chosen.
pub(super) async fn install(
    supply: &Supply<'_>,
    chosen: Locked<'_>,
    (contents, modified): (&DebianContents, i64),
    came: &(dyn Fn(&str) + Sync),
) -> Result<(Filling, Packed), DebianFault> {
    let files = fetch(supply, chosen).await?;
    let pins = chosen.pins.packages.clone();
    came(&format!("unpacking {} packages", pins.len()));
    // Whoever gives up waiting lets the threads end, too.
    let given_up = EndWhenDropped(Watch::default());
    let scratch = Scratch::new(supply.scratch, &given_up.0);
    let contents = contents.clone();
    let fill = move || fill(&pins, files, &contents, (&scratch, modified));
    let filled = tokio::task::spawn_blocking(fill).await;
    filled.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// Names the files of packages; `places` are the addresses of each archive, as far as they are known.
#[must_use]
pub fn list_files(pins: &DebianPins, places: &[Vec<Location>]) -> Vec<Wanted> {
    let names = pins.archive_names();
    let places: HashMap<&str, &Vec<Location>> =
        names.iter().map(String::as_str).zip(places).collect();
    let wanted = pins.packages.iter().map(|pin| {
        let bases = places.get(pin.archive.as_str()).copied();
        let bases = bases.into_iter().flatten();
        Wanted {
            places: bases.map(|base| base.join(&pin.path)).collect(),
            size_bytes: pin.size,
            digest: pin.digest(),
        }
    });
    wanted.collect()
}

/// Brings the files into the store, those that are not there yet.
async fn fetch(supply: &Supply<'_>, chosen: Locked<'_>) -> Result<Vec<File>, DebianFault> {
    let wanted = list_files(chosen.pins, chosen.places);
    let fetched = fetch_files(supply.client, supply.store, &wanted, |_| ()).await;
    fetched.map_err(|errors| match chosen.by {
        ChosenBy::Indexes => DebianFault::Fetch(errors),
        ChosenBy::Lock => tell_pins(&chosen.pins.packages, &wanted, errors),
    })
}

/// Tells which packages of a lock cannot be had, and what else went wrong.
pub(super) fn tell_pins(pins: &[Pin], wanted: &[Wanted], errors: Vec<FetchError>) -> DebianFault {
    let mut by_place: HashMap<String, usize> = HashMap::new();
    for (index, one) in wanted.iter().enumerate() {
        let places = one.places.iter().map(ToString::to_string);
        for place in places.chain([one.digest.to_string()]) {
            by_place.entry(place).or_insert(index);
        }
    }
    let mut faults = Vec::new();
    let mut others = Vec::new();
    for error in errors {
        let Some(&index) = by_place.get(&error.place) else {
            others.push(error);
            continue;
        };
        let pin = &pins[index];
        // Without an address nothing is there; what else is wrong is no matter of addresses.
        let is_unknown =
            wanted[index].places.is_empty() && matches!(error.fault, FetchFault::Absent);
        faults.push(PinFault {
            package: pin.name.clone(),
            version: pin.version.clone(),
            path: pin.path.clone(),
            archive: pin.archive.clone(),
            source: (!is_unknown).then_some(error),
        });
    }
    if faults.is_empty() {
        DebianFault::Fetch(others)
    } else {
        DebianFault::Pinned { faults, others }
    }
}

/// Ends what is watched with itself.
pub(in crate::assemble) struct EndWhenDropped(pub(in crate::assemble) Watch);

impl Drop for EndWhenDropped {
    fn drop(&mut self) {
        self.0.end();
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
    pins: &[Pin],
    files: Vec<File>,
    contents: &DebianContents,
    (scratch, modified): (&Scratch, i64),
) -> Result<(Filling, Packed), DebianFault> {
    let unpacked = unpack_all(pins, files, scratch)?;
    let names = std::iter::zip(pins, &unpacked).map(|(pin, one)| Named::of(pin, &one.deb));
    let names: Vec<Named> = names.collect::<Result<_, _>>()?;
    check_scripts(&unpacked, &contents.without_scripts)?;
    let mut filling = Filling::new(modified);
    stand_ins::begin(&mut filling)?;
    let mut owners: HashMap<RootPath, usize> = HashMap::new();
    let mut directories: HashSet<RootPath> = HashSet::new();
    let mut files_of = Vec::new();
    for (index, (pin, one)) in pins.iter().zip(&unpacked).enumerate() {
        let volume = filling.volumes.add(one.window.clone());
        let mut window = one.window.clone();
        let entries = read_data(&mut window, volume).map_err(|source| deb_fault(pin, source))?;
        let mut paths = Vec::new();
        for entry in entries {
            if entry.path.is_root() {
                continue;
            }
            let written = entry.path.clone();
            let owned = (&mut owners, &mut directories);
            let place = place(&mut filling, entry, (&names, index), owned)?;
            paths.push((written, place));
        }
        files_of.push(paths);
    }
    let packages: Vec<(&Deb, Vec<RootPath>)> = unpacked
        .iter()
        .zip(files_of)
        .enumerate()
        .map(|(index, (one, paths))| {
            // A file that another package replaced is that one's alone.
            let own = paths
                .into_iter()
                .filter(|(_, place)| owners.get(place).is_none_or(|owner| *owner == index));
            (&one.deb, own.map(|(written, _)| written).collect())
        })
        .collect();
    stand_ins::finish(&mut filling)?;
    owners.extend(database::write_database(&mut filling, &packages)?);
    let places = describe::list_declared(&contents.archive);
    let installed = pins.iter().zip(&unpacked).enumerate();
    let installed = installed.map(|(index, (pin, one))| {
        let replaces = find_replaced(&names, index);
        describe::describe((pin, &one.deb), replaces, &places)
    });
    let packed = Packed::new(&filling.tree, installed.collect(), owners);
    Ok((filling, packed))
}

/// Gives the places of the packages whose files one replaces.
fn find_replaced(names: &[Named], index: usize) -> Vec<usize> {
    let named = &names[index];
    let others = names.iter().enumerate();
    let others = others.filter(|(other, it)| *other != index && named.replaces(it));
    others.map(|(other, _)| other).collect()
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
    pins: &[Pin],
    files: Vec<File>,
    scratch: &Scratch,
) -> Result<Vec<Unpacked>, DebianFault> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = pins.len().div_ceil(threads).max(1);
    let mut files = pins.iter().zip(files);
    let shares = pins.chunks(share).map(|share| {
        let files: Vec<(&Pin, File)> = files.by_ref().take(share.len()).collect();
        Mutex::new(files)
    });
    let shares: Vec<Mutex<Vec<(&Pin, File)>>> = shares.collect();
    let unpacked = in_parallel(&shares, 1, |share| {
        let files = std::mem::take(&mut *share.lock().unwrap_or_else(PoisonError::into_inner));
        let mut store = scratch.store();
        let unpacked = files.into_iter();
        let unpacked = unpacked.map(|(pin, file)| unpack(pin, file, &mut store));
        unpacked.collect::<Result<Vec<Unpacked>, DebianFault>>()
    });
    let unpacked: Vec<Vec<Unpacked>> = unpacked.into_iter().collect::<Result<_, _>>()?;
    Ok(unpacked.into_iter().flatten().collect())
}

pub(super) fn deb_fault(pin: &Pin, source: DebError) -> DebianFault {
    DebianFault::Deb {
        package: pin.name.clone(),
        source,
    }
}

fn unpack(pin: &Pin, file: File, store: &mut ScratchStore) -> Result<Unpacked, DebianFault> {
    let fault = |source| deb_fault(pin, source);
    let broken = |source| fault(DebError::Broken(source));
    let mut whole = BufReader::new(Window::of_file(file).map_err(broken)?);
    let deb = read_deb(&mut whole).map_err(fault)?;
    let mut data = open_data(&mut whole, &deb.data).map_err(fault)?;
    let window = store.append(&mut data, LARGEST_BYTES);
    drop(data);
    let window = window.map_err(|source| match source {
        ScratchError::Read(source) => broken(source),
        source => DebianFault::Scratch(source),
    })?;
    Ok(Unpacked { deb, window })
}
