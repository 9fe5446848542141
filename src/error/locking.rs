//! What is told of locks that cannot be built from, and of packages that could not be chosen.

use super::diagnose::at;
use super::{Diagnostic, Kind, Severity};
use crate::locking::{Demand, LockFaults, LockingFault, LockingFaults};
use crate::place::Place;

/// Who asked for locks that are fresh asked for findings; a lock that is none is a file of the user's.
pub(super) fn kind_of_locks(faults: &LockFaults) -> Kind {
    match faults.demand {
        Demand::Fresh => Kind::Findings,
        Demand::Readable => Kind::Work,
    }
}

pub(super) fn of_locks(faults: &LockFaults) -> Vec<Diagnostic> {
    let each = faults.faults.iter().map(|fault| {
        let told = at(Severity::Error, fault.message.clone(), [&fault.place]);
        told.hint(fault.hint.clone())
    });
    each.collect()
}

pub(super) fn kind_of_locking(faults: &LockingFaults) -> Kind {
    if faults.is_environments() {
        Kind::Environment
    } else {
        Kind::Work
    }
}

pub(super) fn of_locking(faults: &LockingFaults) -> Vec<Diagnostic> {
    let tell = |fault: &LockingFault| {
        let places: Vec<Place> = fault
            .declarations
            .iter()
            .map(|it| Place::file(it))
            .collect();
        at(Severity::Error, fault.to_string(), &places)
    };
    faults.0.iter().map(tell).collect()
}
