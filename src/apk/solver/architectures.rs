//! The solver for several architectures: an image is the same on all of them.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use super::super::requirement::{Requirement, Sense};
use super::super::version::Version;
use super::error::{Reason, SolveError};
use super::solve::Solver;
use super::universe::{Chosen, Universe, satisfies};

/// What was chosen, by architecture, in the order of installation.
pub type Resolved<'a> = BTreeMap<String, Vec<Chosen<'a>>>;

/// Why the architectures have no common answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SolveErrors {
    /// Some have none of their own.
    Each(Vec<(String, SolveError)>),
    /// A wish has different versions.
    Differs {
        /// The wish.
        wish: Requirement,
        /// The packages by architecture.
        chosen: Vec<(String, String)>,
    },
}

impl std::error::Error for SolveErrors {}

impl fmt::Display for SolveErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Each(errors) => {
                for (i, (architecture, error)) in errors.iter().enumerate() {
                    let line = if i == 0 { "" } else { "\n" };
                    write!(f, "{line}{architecture}: {error}")?;
                }
                Ok(())
            }
            Self::Differs { wish, chosen } => {
                write!(f, "`{wish}` would not be the same on all architectures")?;
                for (architecture, id) in chosen {
                    write!(f, "\n  {architecture}: {id}")?;
                }
                Ok(())
            }
        }
    }
}

/// Chooses packages for each architecture. A version that one of them lacks is taken on none.
pub fn solve_all<'a>(
    universes: &BTreeMap<String, Universe<'a>>,
    wishes: &[Requirement],
) -> Result<Resolved<'a>, SolveErrors> {
    let mut resolved = BTreeMap::new();
    let mut errors = Vec::new();
    for (architecture, universe) in universes {
        let mut solver = Solver::new(universe);
        for (other, present) in universes {
            if other != architecture {
                reject_absent(&mut solver, other, present);
            }
        }
        match solver.run(wishes) {
            Ok(ids) => {
                let chosen = ids.into_iter().map(|id| universe.chosen(id));
                resolved.insert(architecture.clone(), chosen.collect());
            }
            Err(error) => errors.push((architecture.clone(), error)),
        }
    }
    if !errors.is_empty() {
        return Err(SolveErrors::Each(errors));
    }
    unify(&resolved, wishes)?;
    Ok(resolved)
}

fn reject_absent(solver: &mut Solver<'_, '_>, architecture: &str, present: &Universe<'_>) {
    let records = present.ids().map(|id| present.record(id));
    let known: HashSet<(&str, &str)> = records
        .map(|record| (&*record.name, record.version.as_str()))
        .collect();
    for id in solver.universe.ids() {
        let record = solver.universe.record(id);
        if !known.contains(&(&*record.name, record.version.as_str())) {
            let architecture = architecture.to_owned();
            let reason = Reason::Absent { architecture };
            solver.rejected.entry(id).or_insert(reason);
        }
    }
}

/// Checks that what was wished for has one version everywhere; what only came with it may differ.
fn unify(resolved: &Resolved<'_>, wishes: &[Requirement]) -> Result<(), SolveErrors> {
    for wish in wishes.iter().filter(|wish| wish.sense() == Sense::Needs) {
        let mut chosen: Vec<(String, String)> = Vec::new();
        let mut versions: Vec<Option<(&str, &Version)>> = Vec::new();
        for (architecture, packages) in resolved {
            let own = packages.iter().find(|one| *one.record.name == *wish.name());
            let provider = || packages.iter().find(|one| satisfies(one.record, wish));
            let found = own.or_else(provider);
            let id = found.map_or_else(|| "nothing".to_owned(), |one| one.record.id());
            chosen.push((architecture.clone(), id));
            versions.push(found.map(|one| (&*one.record.name, &one.record.version)));
        }
        if versions.windows(2).any(|pair| pair[0] != pair[1]) {
            let wish = wish.clone();
            return Err(SolveErrors::Differs { wish, chosen });
        }
    }
    Ok(())
}
