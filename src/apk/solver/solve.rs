//! The solver for one architecture.

use std::collections::{HashMap, HashSet};

use super::super::requirement::{Provide, Requirement, Sense};
use super::choose::{Taken, best};
use super::error::{Link, Problem, Reason, Rejected, SolveError};
use super::universe::{Chosen, Id, Universe, satisfies, version_of};
use crate::near::find_near;

/// Chains of dependencies have some tens of packages; each takes a frame of the stack.
const MOST_DEEP: usize = 512;
/// So many candidates are looked at; a large image takes some hundred thousand.
const MOST_STEPS: u64 = 200_000_000;
/// So many rejected candidates are told.
const MOST_TOLD: usize = 20;

/// Chooses the packages for what an image wishes, in the order in which they are installed.
pub fn solve<'a>(
    universe: &Universe<'a>,
    wishes: &[Requirement],
) -> Result<Vec<Chosen<'a>>, SolveError> {
    let ids = Solver::new(universe).run(wishes)?;
    Ok(ids.into_iter().map(|id| universe.chosen(id)).collect())
}

/// A problem, and the packages on the way to it, the last one first.
pub(super) struct Trail {
    chain: Vec<Link>,
    problem: Box<Problem>,
}

impl From<Problem> for Trail {
    fn from(problem: Problem) -> Self {
        Self {
            chain: Vec::new(),
            problem: Box::new(problem),
        }
    }
}

impl Trail {
    pub(super) fn end(mut self, wish: Option<&Requirement>) -> SolveError {
        self.chain.reverse();
        SolveError {
            wish: wish.cloned(),
            chain: self.chain,
            problem: self.problem,
        }
    }
}

pub(super) struct Solver<'u, 'a> {
    pub(super) universe: &'u Universe<'a>,
    pub(super) rejected: HashMap<Id, Reason>,
    pub(super) taken: Taken<'a>,
    /// What has each name for good: a package its own, and those that it provides with a version.
    holders: HashMap<&'a str, Id>,
    /// Whose dependencies were walked, or are.
    walked: HashSet<Id>,
    /// The order of installation.
    pub(super) order: Vec<Id>,
    steps: u64,
}

impl<'u, 'a> Solver<'u, 'a> {
    pub(super) fn new(universe: &'u Universe<'a>) -> Self {
        Self {
            universe,
            rejected: HashMap::new(),
            taken: Taken::default(),
            holders: HashMap::new(),
            walked: HashSet::new(),
            order: Vec::new(),
            steps: 0,
        }
    }

    pub(super) fn run(mut self, wishes: &[Requirement]) -> Result<Vec<Id>, SolveError> {
        let mut sorted: Vec<&Requirement> = wishes.iter().collect();
        sorted.sort_by_key(|wish| wish.as_str());
        sorted.dedup();
        self.constrain(&sorted);
        for wish in sorted.iter().filter(|wish| wish.sense() == Sense::Excludes) {
            self.exclude(wish);
        }
        sorted.retain(|wish| wish.sense() == Sense::Needs);
        let chosen = self.choose_wishes(&sorted)?;
        for (wish, id) in sorted.iter().zip(chosen) {
            let walked = self.walk(id, wish.tag(), 0);
            walked.map_err(|trail| trail.end(Some(wish)))?;
        }
        self.join().map_err(|trail| trail.end(None))?;
        self.check_conflicts()?;
        Ok(self.order)
    }

    /// Chooses for each wish, the one with the fewest candidates first.
    fn choose_wishes(&mut self, wishes: &[&Requirement]) -> Result<Vec<Id>, SolveError> {
        let mut chosen: Vec<Option<Id>> = vec![None; wishes.len()];
        for _ in wishes {
            let mut fewest: Option<(usize, Vec<Id>)> = None;
            for (i, wish) in wishes.iter().enumerate() {
                if chosen[i].is_some() {
                    continue;
                }
                let candidates = self.candidates(wish, wish.tag());
                let candidates = candidates.map_err(|trail| trail.end(Some(wish)))?;
                if fewest
                    .as_ref()
                    .is_none_or(|(_, least)| candidates.len() < least.len())
                {
                    fewest = Some((i, candidates));
                }
            }
            let Some((i, candidates)) = fewest else { break };
            let wish = wishes[i];
            let wanted = (wish.name(), wish.tag());
            chosen[i] = best(self.universe, &self.taken, wanted, &candidates);
            if let Some(id) = chosen[i] {
                self.taken
                    .packages
                    .insert(&self.universe.record(id).name, id);
                self.reject_rivals(id);
            }
        }
        Ok(chosen.into_iter().flatten().collect())
    }

    /// Rejects what has a name in a version that some requirement does not take.
    fn constrain(&mut self, requirements: &[&Requirement]) {
        for requirement in requirements {
            if requirement.sense() == Sense::Excludes || requirement.bound().is_none() {
                continue;
            }
            for id in self.universe.named(requirement.name()) {
                let record = self.universe.record(*id);
                let version = version_of(record, requirement.name());
                // One that provides the name without a version is not what is asked for, but may be there.
                if version.is_some_and(|version| !requirement.allows(version)) {
                    let by = (*requirement).clone();
                    self.rejected.entry(*id).or_insert(Reason::Version { by });
                }
            }
        }
    }

    fn exclude(&mut self, requirement: &Requirement) {
        for id in self.universe.named(requirement.name()) {
            if satisfies(self.universe.record(*id), requirement) {
                let by = requirement.clone();
                self.rejected.entry(*id).or_insert(Reason::Excluded { by });
            }
        }
    }

    /// Rejects what cannot be there with a package: what has one of its names too, unless both provide it without a version.
    fn reject_rivals(&mut self, id: Id) {
        let record = self.universe.record(id);
        let provided = record.provides.iter();
        let provided = provided.map(|one| (one.name(), one.version().is_some()));
        for (name, is_versioned) in std::iter::once((&*record.name, true)).chain(provided) {
            for rival in self.universe.named(name) {
                let has_version = || version_of(self.universe.record(*rival), name).is_some();
                if *rival != id && (is_versioned || has_version()) {
                    self.rejected
                        .entry(*rival)
                        .or_insert_with(|| Reason::Rival {
                            id: record.id(),
                            name: name.to_owned(),
                        });
                }
            }
        }
    }

    /// Gives what may be taken for a requirement.
    fn candidates(
        &mut self,
        requirement: &Requirement,
        tag: Option<&str>,
    ) -> Result<Vec<Id>, Trail> {
        let name = requirement.name();
        let named = self.universe.named(name);
        self.steps += named.len() as u64;
        if self.steps > MOST_STEPS {
            return Err(Problem::Large.into());
        }
        let fits = |id: &&Id| {
            let candidate = self.universe.get(**id);
            let is_taken = || self.taken.packages.get(&*candidate.record.name) == Some(*id);
            !self.rejected.contains_key(id)
                && (candidate.tag.is_none() || candidate.tag == tag || is_taken())
                && satisfies(candidate.record, requirement)
        };
        let found: Vec<Id> = named.iter().filter(fits).copied().collect();
        if found.is_empty() {
            return Err(self.none(requirement, named).into());
        }
        Ok(found)
    }

    /// Tells why there is no candidate.
    fn none(&self, requirement: &Requirement, named: &[Id]) -> Problem {
        let name = requirement.name().to_owned();
        if named.is_empty() {
            let near = find_near(&name, self.universe.names());
            let near = near.into_iter().map(str::to_owned).collect();
            return Problem::Unknown { name, near };
        }
        let reason = |id: &Id| {
            let by = || requirement.clone();
            let known = self.rejected.get(id).cloned();
            known.unwrap_or_else(|| match self.universe.get(*id).tag {
                Some(tag) if satisfies(self.universe.record(*id), requirement) => Reason::Tag {
                    tag: tag.to_owned(),
                },
                _ => Reason::Version { by: by() },
            })
        };
        let rejected = named.iter().take(MOST_TOLD).map(|id| Rejected {
            id: self.universe.record(*id).id(),
            reason: reason(id),
        });
        Problem::AllRejected {
            name,
            rejected: rejected.collect(),
        }
    }

    /// Takes a package, after all that it depends on.
    pub(super) fn walk(&mut self, id: Id, tag: Option<&str>, depth: usize) -> Result<(), Trail> {
        if !self.walked.insert(id) {
            return Ok(());
        }
        if depth == MOST_DEEP {
            return Err(Problem::Deep { most: MOST_DEEP }.into());
        }
        self.hold(id)?;
        let record = self.universe.record(id);
        let mut open: Vec<&'a Requirement> = record.depends.iter().collect();
        open.retain(|one| one.sense() == Sense::Needs);
        self.constrain(&open);
        while let Some((at, candidates)) = self.fewest(id, &mut open, tag)? {
            let next = open.remove(at);
            let wanted = (next.name(), None);
            let Some(found) = best(self.universe, &self.taken, wanted, &candidates) else {
                continue;
            };
            self.reject_rivals(found);
            self.walk(found, tag, depth + 1).map_err(|mut trail| {
                trail.chain.push(Link {
                    id: record.id(),
                    needs: next.clone(),
                });
                trail
            })?;
        }
        self.order.push(id);
        self.taken.add(self.universe, id);
        Ok(())
    }

    /// Gives a package its names for good.
    fn hold(&mut self, id: Id) -> Result<(), Trail> {
        let record = self.universe.record(id);
        let provided = record.provides.iter().filter(|one| one.version().is_some());
        let provided = provided.map(Provide::name);
        for name in std::iter::once(&*record.name).chain(provided) {
            let holder = *self.holders.entry(name).or_insert(id);
            if holder != id {
                let reason = Reason::Rival {
                    id: self.universe.record(holder).id(),
                    name: name.to_owned(),
                };
                let id = record.id();
                return Err(Problem::AllRejected {
                    name: name.to_owned(),
                    rejected: vec![Rejected { id, reason }],
                }
                .into());
            }
        }
        Ok(())
    }

    /// Finds the open dependency with the fewest candidates; those that are met already are dropped.
    fn fewest(
        &mut self,
        id: Id,
        open: &mut Vec<&'a Requirement>,
        tag: Option<&str>,
    ) -> Result<Option<(usize, Vec<Id>)>, Trail> {
        let mut left: Vec<&'a Requirement> = Vec::new();
        let mut fewest: Option<(usize, Vec<Id>)> = None;
        for requirement in std::mem::take(open) {
            let found = self.open_candidates(id, requirement, tag);
            let found = found.map_err(|mut trail| {
                trail.chain.push(Link {
                    id: self.universe.record(id).id(),
                    needs: requirement.clone(),
                });
                trail
            })?;
            let Some(candidates) = found else { continue };
            let is_better = fewest.as_ref().is_none_or(|(at, least)| {
                let before: &Requirement = left[*at];
                (candidates.len(), requirement.as_str()) < (least.len(), before.as_str())
            });
            if is_better {
                fewest = Some((left.len(), candidates));
            }
            left.push(requirement);
        }
        *open = left;
        Ok(fewest)
    }

    /// Gives the candidates of a dependency that nothing meets yet.
    fn open_candidates(
        &mut self,
        id: Id,
        requirement: &Requirement,
        tag: Option<&str>,
    ) -> Result<Option<Vec<Id>>, Trail> {
        let record = self.universe.record(id);
        let provides = |one: &Provide| one.name() == requirement.name();
        if record.provides.iter().any(provides) || satisfies(record, requirement) {
            return Ok(None);
        }
        if let Some(holder) = self.holders.get(requirement.name()) {
            let holder = self.universe.record(*holder);
            if satisfies(holder, requirement) {
                return Ok(None);
            }
            let (id, requirement) = (holder.id(), requirement.clone());
            return Err(Problem::Taken { id, requirement }.into());
        }
        self.candidates(requirement, tag).map(Some)
    }

    /// Looks for packages that were chosen and exclude each other.
    fn check_conflicts(&self) -> Result<(), SolveError> {
        let chosen: HashSet<Id> = self.order.iter().copied().collect();
        for id in &self.order {
            let record = self.universe.record(*id);
            let excluding = record.depends.iter();
            for requirement in excluding.filter(|one| one.sense() == Sense::Excludes) {
                let named = self.universe.named(requirement.name()).iter();
                let mut others = named.filter(|other| *other != id && chosen.contains(*other));
                let found =
                    others.find(|other| satisfies(self.universe.record(**other), requirement));
                if let Some(found) = found {
                    let problem = Problem::Conflict {
                        id: record.id(),
                        requirement: requirement.clone(),
                        with: self.universe.record(*found).id(),
                    };
                    return Err(Trail::from(problem).end(None));
                }
            }
        }
        Ok(())
    }
}
