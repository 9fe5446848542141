//! Which of several candidates is the best.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use super::super::version::Version;
use super::universe::{Id, Universe, version_of};

/// What was chosen so far: it is preferred.
#[derive(Default)]
pub(super) struct Taken<'a> {
    /// By their own names.
    pub(super) packages: BTreeMap<&'a str, Id>,
    /// The source packages, with the version that was last taken of them.
    pub(super) origins: BTreeMap<&'a str, &'a Version>,
}

impl<'a> Taken<'a> {
    pub(super) fn add(&mut self, universe: &Universe<'a>, id: Id) {
        let record = universe.record(id);
        self.packages.insert(&record.name, id);
        if !record.origin.is_empty() {
            self.origins.insert(&record.origin, &record.version);
        }
    }
}

/// Compares two candidates for a name; the better one is smaller.
pub(super) fn compare(
    universe: &Universe<'_>,
    taken: &Taken<'_>,
    (name, tag): (&str, Option<&str>),
    one: Id,
    other: Id,
) -> Ordering {
    let is_taken = |id: Id| {
        let record = universe.record(id);
        let found = taken.packages.get(&*record.name);
        found.is_some_and(|found| universe.record(*found).version == record.version)
    };
    let has_origin = |id: Id| {
        let record = universe.record(id);
        taken.origins.get(&*record.origin) == Some(&&record.version)
    };
    let has_tag = |id: Id| universe.get(id).tag == tag;
    let better = |is: &dyn Fn(Id) -> bool| is(other).cmp(&is(one));
    let (a, b) = (universe.record(one), universe.record(other));
    let by_asked = match (version_of(a, name), version_of(b, name)) {
        (Some(a), Some(b)) => b.cmp(a),
        // A name without a version is as good as one with any.
        _ => Ordering::Equal,
    };
    let by_own = || {
        if a.name == b.name {
            b.version.cmp(&a.version)
        } else {
            Ordering::Equal
        }
    };
    better(&is_taken)
        .then_with(|| better(&has_origin))
        .then_with(|| better(&has_tag))
        .then(by_asked)
        .then_with(by_own)
        .then_with(|| Reverse(a.provider_priority).cmp(&Reverse(b.provider_priority)))
        .then_with(|| b.version.cmp(&a.version))
        .then_with(|| a.name.cmp(&b.name))
        .then_with(|| one.cmp(&other))
}

/// Gives the best of several candidates.
///
/// Comparing is no order where some candidates have a version for the name and some have none; so each of them is held
/// against the best before it, in their order.
pub(super) fn best(
    universe: &Universe<'_>,
    taken: &Taken<'_>,
    wanted: (&str, Option<&str>),
    candidates: &[Id],
) -> Option<Id> {
    let better = |best: Id, next: Id| {
        let order = compare(universe, taken, wanted, next, best);
        if order.is_lt() { next } else { best }
    };
    candidates.iter().copied().reduce(better)
}
