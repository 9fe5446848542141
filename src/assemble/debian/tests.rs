//! What is told of files that a lock names and that cannot be had.

use super::DebianFault;
use super::install::tell_pins;
use crate::lock::Pin;
use crate::mirror::{FetchError, FetchFault, Location, Wanted};

fn pin(name: &str) -> Pin {
    Pin {
        name: name.to_owned(),
        version: "1".to_owned(),
        architecture: "all".to_owned(),
        path: format!("pool/{name}.deb"),
        size: 3,
        sha256: "ab".repeat(32),
        archive: "stable".to_owned(),
    }
}

/// What is wanted of a pin: from the archive, or from nowhere.
fn wanted(pin: &Pin, base: Option<&str>) -> Wanted {
    let bases = base.map(|base| Location::parse(base).expect("an address"));
    Wanted {
        places: bases.iter().map(|base| base.join(&pin.path)).collect(),
        size_bytes: pin.size,
        digest: pin.digest(),
    }
}

fn error(place: &str, fault: FetchFault) -> FetchError {
    FetchError {
        place: place.to_owned(),
        fault,
    }
}

#[test]
fn what_is_of_no_package_is_told_beside_those_that_are_missing() {
    let pins = [pin("a")];
    let all = [wanted(&pins[0], Some("file:/srv/debian"))];
    let status = FetchFault::Status {
        status: 507,
        times: 1,
    };
    let errors = vec![
        error("/srv/debian/pool/a.deb", FetchFault::Absent),
        error("the store", status),
    ];
    let fault = tell_pins(&pins, &all, errors);
    let DebianFault::Pinned { faults, others } = &fault else {
        panic!("{fault:?}");
    };
    assert_eq!((faults.len(), others.len()), (1, 1));
    let told = fault.to_string();
    assert!(
        told.contains("`a` 1 is in the lock") && told.contains("507"),
        "{told}"
    );
    let only = vec![error("the store", FetchFault::Absent)];
    assert!(
        matches!(tell_pins(&pins, &all, only), DebianFault::Fetch(errors) if errors.len() == 1)
    );
}

#[test]
fn a_mirror_is_blamed_only_where_none_is_known_and_nothing_else_is_wrong() {
    let pins = [pin("a")];
    let all = [wanted(&pins[0], None)];
    let place = pins[0].digest().to_string();
    let told = |fault| tell_pins(&pins, &all, vec![error(&place, fault)]).to_string();
    let absent = told(FetchFault::Absent);
    assert!(absent.contains("no mirror is known"), "{absent}");
    let status = FetchFault::Status {
        status: 507,
        times: 1,
    };
    let other = told(status);
    assert!(
        !other.contains("mirror") && other.contains("507"),
        "{other}"
    );
}
