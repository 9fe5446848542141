//! An image is the same on all of its architectures: what it asks for has one version there.
//!
//! What only comes with it may differ. A package that was built once more without a change of its source (`1.2-3+b1`) is the
//! same version: how often that was done is a matter of each architecture (Debian Developer's Reference 5.10.2.1).

use std::fmt;

use super::fault::DebianFault;
use crate::debian::parse_request;
use crate::lock::DebianPins;

/// A package that is asked for, and would not be the same on all architectures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// The package.
    package: String,
    /// Each architecture with the version there.
    versions: Vec<(String, Option<String>)>,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let package = &self.package;
        let versions = self.versions.iter().map(|(architecture, version)| {
            let version = version.as_deref().unwrap_or("none");
            format!("{version} for {architecture}")
        });
        let versions = versions.collect::<Vec<_>>().join(", ");
        write!(
            f,
            "`{package}` would not be the same on all of `archs`: {versions}; `{package}=VERSION` in `contents.packages` takes one \
             that all have"
        )
    }
}

/// Fails where something that is asked for differs between the choices for several architectures.
pub fn check_agreement(requests: &[String], choices: &[&DebianPins]) -> Result<(), DebianFault> {
    let names = requests.iter();
    // What cannot be read was refused by who chose.
    let names = names.filter_map(|request| Some(parse_request(request).ok()?.name));
    let found = names.filter_map(|package| {
        let versions = choices.iter().map(|pins| {
            let mut packages = pins.packages.iter();
            let own = packages.find(|pin| pin.name == package);
            let version = own.map(|pin| pin.version.clone());
            (pins.architecture.clone(), version)
        });
        let mut versions: Vec<_> = versions.collect();
        versions.sort_unstable();
        let of_source = |version: &Option<String>| {
            let version = version.as_deref()?;
            Some(without_rebuild(version).to_owned())
        };
        let mut pairs = versions.windows(2);
        let differ = pairs.any(|pair| of_source(&pair[0].1) != of_source(&pair[1].1));
        differ.then(|| Disagreement {
            package: package.clone(),
            versions,
        })
    });
    let found: Vec<Disagreement> = found.collect();
    if found.is_empty() {
        Ok(())
    } else {
        Err(DebianFault::Disagreement(found))
    }
}

/// Takes from a version how often it was built once more.
fn without_rebuild(version: &str) -> &str {
    match version.rsplit_once("+b") {
        Some((source, number))
            if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            source
        }
        _ => version,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::Pin;

    /// Describes choices as `architecture: name version, …`.
    fn pins(text: &str) -> DebianPins {
        let (architecture, packages) = text.split_once(": ").expect("an architecture");
        let packages = packages.split(", ").map(|one| {
            let (name, version) = one.split_once(' ').expect("a version");
            Pin {
                name: name.to_owned(),
                version: version.to_owned(),
                architecture: architecture.to_owned(),
                path: String::new(),
                size: 0,
                sha256: String::new(),
                archive: String::new(),
            }
        });
        DebianPins {
            architecture: architecture.to_owned(),
            archives: Vec::new(),
            packages: packages.collect(),
        }
    }

    #[track_caller]
    fn case(requests: &[&str], choices: &[&str], expected: &[&str]) {
        let requests: Vec<String> = requests.iter().map(|&it| it.to_owned()).collect();
        let pins: Vec<DebianPins> = choices.iter().map(|text| pins(text)).collect();
        let found = match check_agreement(&requests, &pins.iter().collect::<Vec<_>>()) {
            Ok(()) => Vec::new(),
            Err(DebianFault::Disagreement(found)) => found,
            Err(fault) => panic!("{fault}"),
        };
        let told: Vec<String> = found.iter().map(ToString::to_string).collect();
        let told = told.iter().filter_map(|text| text.split_once(';'));
        assert_eq!(told.map(|(text, _)| text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_asked_for_has_one_version_and_rebuilds_are_no_other_ones() {
        let amd64 = "amd64: tool 1.0-1+b2, data 2";
        case(&["tool"], &[amd64, "arm64: tool 1.0-1, data 2"], &[]);
        case(
            &["tool (>= 1)"],
            &[amd64, "arm64: tool 1.0-1+b7, data 3"],
            &[],
        );
        case(&["tool"], &[amd64], &[]);
        case(
            &["tool", "data"],
            &[
                amd64,
                "arm64: tool 1.0-1+b2, data 3",
                "i386: tool 1.1-1, other 1",
            ],
            &[
                "`tool` would not be the same on all of `archs`: 1.0-1+b2 for amd64, 1.0-1+b2 for arm64, 1.1-1 for i386",
                "`data` would not be the same on all of `archs`: 2 for amd64, 3 for arm64, none for i386",
            ],
        );
        // A version of Debian's may have these letters otherwise.
        case(
            &["tool"],
            &["amd64: tool 1+beta", "arm64: tool 1+b"],
            &["`tool` would not be the same on all of `archs`: 1+beta for amd64, 1+b for arm64"],
        );
    }
}
