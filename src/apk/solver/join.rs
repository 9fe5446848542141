//! Packages that come by themselves when others are there: `install_if`.

use std::collections::BTreeMap;

use super::super::requirement::{Requirement, Sense};
use super::choose::best;
use super::solve::{Solver, Trail};
use super::universe::{Id, satisfies};

impl Solver<'_, '_> {
    /// Adds packages until all are there whose conditions are met, in the order of their names.
    pub(super) fn join(&mut self) -> Result<(), Trail> {
        loop {
            let mut ready: BTreeMap<&str, Vec<Id>> = BTreeMap::new();
            for id in self.universe.joining() {
                if self.is_ready(*id) {
                    let name = &*self.universe.record(*id).name;
                    ready.entry(name).or_default().push(*id);
                }
            }
            let Some((name, candidates)) = ready.into_iter().next() else {
                return Ok(());
            };
            let found = best(self.universe, &self.taken, (name, None), &candidates);
            let Some(found) = found else { return Ok(()) };
            self.walk(found, None, 0)?;
        }
    }

    /// Tells whether a package has to come now. One that something excludes stays away, since nobody asked for it.
    fn is_ready(&self, id: Id) -> bool {
        let candidate = self.universe.get(id);
        let record = candidate.record;
        let is_free = candidate.tag.is_none()
            && !self.rejected.contains_key(&id)
            && !self.taken.packages.contains_key(&*record.name);
        is_free
            && record.install_if.iter().all(|one| match one.sense() {
                Sense::Needs => self.has(one),
                Sense::Excludes => !self.has(one),
            })
            && !self.is_excluded(id)
    }

    fn has(&self, requirement: &Requirement) -> bool {
        let named = self.universe.named(requirement.name()).iter();
        let mut taken = named.map(|id| (id, self.universe.record(*id)));
        taken.any(|(id, record)| {
            self.taken.packages.get(&*record.name) == Some(id) && satisfies(record, requirement)
        })
    }

    fn is_excluded(&self, id: Id) -> bool {
        let record = self.universe.record(id);
        let excludes = |one: &&Requirement| one.sense() == Sense::Excludes;
        let own = record.depends.iter().filter(excludes);
        let others = self.taken.packages.values();
        let others = others.flat_map(|other| &self.universe.record(*other).depends);
        own.into_iter().any(|one| self.has(one))
            || others.filter(excludes).any(|one| satisfies(record, one))
    }
}
