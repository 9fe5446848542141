//! All packages of all repositories, by the names that they have and provide.

use std::collections::HashMap;

use super::super::index::Index;
use super::super::record::Record;
use super::super::requirement::{Provide, Requirement};
use super::super::version::Version;

/// A repository with its index.
#[derive(Clone, Copy, Debug)]
pub struct Repository<'a> {
    /// Where its packages lie, with the architecture, without a slash at the end: `https://…/main/x86_64`.
    pub address: &'a str,
    /// Its tag: only what asks for the tag takes packages from it.
    pub tag: Option<&'a str>,
    /// What it has.
    pub index: &'a Index,
}

/// A package that was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen<'a> {
    /// What its index says.
    pub record: &'a Record,
    /// Where its repository is.
    pub address: &'a str,
}

impl Chosen<'_> {
    /// Gives where its file is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.address, self.record.file_name())
    }
}

/// Which candidate of a universe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(pub(super) usize);

/// A package that may be chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) record: &'a Record,
    pub(super) address: &'a str,
    pub(super) tag: Option<&'a str>,
}

/// Everything that may be chosen for one architecture.
#[derive(Debug, Default)]
pub struct Universe<'a> {
    candidates: Vec<Candidate<'a>>,
    names: HashMap<&'a str, Vec<Id>>,
    joining: Vec<Id>,
}

impl<'a> Universe<'a> {
    /// Takes the packages of repositories in their order.
    #[must_use]
    pub fn new(repositories: &[Repository<'a>]) -> Self {
        let mut universe = Self::default();
        for repository in repositories {
            for record in &repository.index.records {
                universe.add(Candidate {
                    record,
                    address: repository.address,
                    tag: repository.tag,
                });
            }
        }
        universe
    }

    fn add(&mut self, candidate: Candidate<'a>) {
        let id = Id(self.candidates.len());
        self.candidates.push(candidate);
        let record = candidate.record;
        let provided = record.provides.iter().map(Provide::name);
        for name in std::iter::once(&*record.name).chain(provided) {
            let ids = self.names.entry(name).or_default();
            if ids.last() != Some(&id) {
                ids.push(id);
            }
        }
        if !record.install_if.is_empty() {
            self.joining.push(id);
        }
    }

    pub(super) fn get(&self, id: Id) -> Candidate<'a> {
        self.candidates[id.0]
    }

    pub(super) fn record(&self, id: Id) -> &'a Record {
        self.candidates[id.0].record
    }

    /// Gives what has or provides a name.
    pub(super) fn named(&self, name: &str) -> &[Id] {
        self.names.get(name).map_or(&[], Vec::as_slice)
    }

    /// Gives all names, its own and provided.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.names.keys().copied()
    }

    /// Gives those with `install_if`.
    pub(super) fn joining(&self) -> &[Id] {
        &self.joining
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = Id> + use<> {
        (0..self.candidates.len()).map(Id)
    }

    pub(super) fn chosen(&self, id: Id) -> Chosen<'a> {
        let Candidate {
            record, address, ..
        } = self.get(id);
        Chosen { record, address }
    }
}

/// Finds the version in which a package has a name: its own, or the provided one.
pub(super) fn version_of<'a>(record: &'a Record, name: &str) -> Option<&'a Version> {
    if *record.name == *name {
        return Some(&record.version);
    }
    let provide = record.provides.iter().find(|one| one.name() == name);
    provide.and_then(Provide::version)
}

/// Tells whether a package satisfies a requirement by its own name or one that it provides. An unversioned name satisfies no
/// version by itself, but the package's own version may.
pub(super) fn satisfies(record: &Record, requirement: &Requirement) -> bool {
    let name = requirement.name();
    let provides = || record.provides.iter().filter(|one| one.name() == name);
    let has_name = *record.name == *name || provides().next().is_some();
    if !has_name {
        return false;
    }
    if requirement.bound().is_none() || requirement.allows(&record.version) {
        return true;
    }
    let mut versions = provides().filter_map(Provide::version);
    versions.any(|version| requirement.allows(version))
}
