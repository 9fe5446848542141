//! What differs between two locks of an image.

use std::collections::BTreeMap;

use super::debian::DebianLock;
use super::kinds::Lock;
use crate::apk::LockContents;
use crate::oci::Digest;

/// A package that another version, or another file, has taken the place of, that is new, or that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The package; with its architecture, where the lock is for several.
    pub package: String,
    /// The version that was there.
    pub old: Option<String>,
    /// The version that is there now; the same one where only its file is another.
    pub new: Option<String>,
}

/// Something else that a build from a lock needs, and that is another one where no package moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is: `the place of tool`.
    pub what: String,
    /// What it was.
    pub old: Option<String>,
    /// What it is now.
    pub new: Option<String>,
}

/// What makes a package another one: version, architecture, and the sums of its file.
type Exact<'a> = (&'a str, &'a str, [&'a str; 2]);

/// Lists what moved between two locks, by the names of the packages.
#[must_use]
pub fn list_moves(old: &Lock, new: &Lock) -> Vec<Move> {
    let (old, new) = (by_name(old), by_name(new));
    let compared = compare(&old, &new).into_iter();
    let moves = compared.map(|(name, old, new)| {
        let version = |exact: &Exact<'_>| exact.0.to_owned();
        Move {
            package: name.clone(),
            old: old.map(version),
            new: new.map(version),
        }
    });
    moves.collect()
}

/// Lists what else differs: where packages lie that did not move, who signed them, what the image trusts. A list that moved on
/// without any of the packages is no difference.
#[must_use]
pub fn list_differences(old: &Lock, new: &Lock) -> Vec<Difference> {
    match (old, new) {
        (Lock::Debian(one), Lock::Debian(other)) => differences_of_debian(one, other),
        (Lock::Apk(one), Lock::Apk(other)) => {
            let (one, other) = (&one.contents, &other.contents);
            let mut all = differences_of_apk(one, other);
            if names(one) != names(other) && list_moves(old, new).is_empty() {
                all.push(Difference {
                    what: "the order of installation".to_owned(),
                    old: None,
                    new: None,
                });
            }
            all
        }
        _ => Vec::new(),
    }
}

fn names(contents: &LockContents) -> Vec<(&str, &str)> {
    let packages = contents.packages.iter();
    packages
        .map(|one| (one.name.as_str(), one.architecture.as_str()))
        .collect()
}

/// What may differ: what it is, and which one exactly, where that is not shown.
type Facts<'a> = BTreeMap<(String, Vec<&'a str>), String>;

fn differences_of_debian(old: &DebianLock, new: &DebianLock) -> Vec<Difference> {
    fn facts(lock: &DebianLock) -> Facts<'_> {
        let places = lock.pins().map(|(pins, pin)| {
            let mut exact = vec![pin.version.as_str(), pin.sha256.as_str()];
            // In a lock of one architecture, that is a difference of its own.
            exact.extend((lock.contents.len() > 1).then_some(pins.architecture.as_str()));
            let place = format!("{} {}", pin.archive, pin.path);
            ((format!("the place of {}", pin.name), exact), place)
        });
        let architectures: Vec<&str> = lock.architectures().collect();
        let what = match architectures.as_slice() {
            [_] => "the architecture",
            _ => "the architectures",
        };
        let architectures = ((what.to_owned(), Vec::new()), architectures.join(", "));
        places.chain([architectures]).collect()
    }
    list_shifts(&facts(old), &facts(new))
}

fn differences_of_apk(old: &LockContents, new: &LockContents) -> Vec<Difference> {
    fn facts(contents: &LockContents) -> Facts<'_> {
        let packages = contents.packages.iter().flat_map(|one| {
            let exact = [&one.version, &one.architecture, &one.checksum];
            let exact: Vec<&str> = exact.map(String::as_str).to_vec();
            let what = |what: &str| (format!("the {what} of {}", one.name), exact.clone());
            [
                (what("place"), one.url.clone()),
                (what("signature"), one.signature.checksum.clone()),
            ]
        });
        packages.collect()
    }
    let mut all = list_shifts(&facts(old), &facts(new));
    let (old, new) = (keys(old), keys(new));
    let compared = compare(&old, &new).into_iter();
    all.extend(compared.filter_map(|(name, old, new)| {
        // Older locks name keys alone, and a build takes what stands there.
        let is_untold = |key: Option<&Option<String>>| key == Some(&None);
        (!is_untold(old) && !is_untold(new)).then(|| Difference {
            what: format!("the key {name}"),
            old: old.cloned().flatten(),
            new: new.cloned().flatten(),
        })
    }));
    all
}

/// Gives the keys by their names, each by the first digits of a digest, where the lock holds it.
fn keys(contents: &LockContents) -> BTreeMap<&str, Option<String>> {
    let keys = contents.keyring.iter().map(|key| {
        let text = key.content.trim();
        let digest = (!text.is_empty()).then(|| Digest::of(text.as_bytes()).short().to_owned());
        (key.name.as_str(), digest)
    });
    keys.collect()
}

/// Lists what is in both and differs.
fn list_shifts(old: &Facts<'_>, new: &Facts<'_>) -> Vec<Difference> {
    let compared = compare(old, new).into_iter();
    let shifts = compared.filter_map(|((what, _), old, new)| {
        Some(Difference {
            what: what.clone(),
            old: Some(old?.clone()),
            new: Some(new?.clone()),
        })
    });
    shifts.collect()
}

/// Lists what is in one of two maps and not the same in the other one, in the order of names.
fn compare<'a, K: Ord, T: PartialEq>(
    old: &'a BTreeMap<K, T>,
    new: &'a BTreeMap<K, T>,
) -> Vec<(&'a K, Option<&'a T>, Option<&'a T>)> {
    let mut names: Vec<&K> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let both = names
        .into_iter()
        .map(|name| (name, old.get(name), new.get(name)));
    both.filter(|(_, old, new)| old != new).collect()
}

fn by_name(lock: &Lock) -> BTreeMap<String, Exact<'_>> {
    match lock {
        Lock::Debian(lock) => {
            let is_one = lock.contents.len() == 1;
            let named = lock.pins().map(|(pins, pin)| {
                let name = if is_one {
                    pin.name.clone()
                } else {
                    format!("{} {}", pin.name, pins.architecture)
                };
                let sums = [pin.sha256.as_str(), ""];
                let exact = (pin.version.as_str(), pin.architecture.as_str(), sums);
                (name, exact)
            });
            named.collect()
        }
        Lock::Apk(lock) => {
            let packages = &lock.contents.packages;
            let first = packages.first().map(|one| one.architecture.as_str());
            let is_one = packages
                .iter()
                .all(|one| Some(one.architecture.as_str()) == first);
            let named = packages.iter().map(|one| {
                let name = if is_one {
                    one.name.clone()
                } else {
                    format!("{} {}", one.name, one.architecture)
                };
                let sums = [one.checksum.as_str(), one.data.checksum.as_str()];
                (
                    name,
                    (one.version.as_str(), one.architecture.as_str(), sums),
                )
            });
            named.collect()
        }
    }
}
