//! Chooses packages from what archives list.

use super::fault::{DebianFault, RequestFault};
use crate::debian::{Package, Relation, Universe, parse_request};
use crate::declared::DebianContents;
use crate::lock::{ArchivePin, DebianPins, Pin, name_archives};
use crate::mirror::FetchedArchive;

/// What some archives offer together; made once for all images that take their packages from there.
#[derive(Debug)]
pub struct Offer<'a> {
    archives: Vec<&'a FetchedArchive>,
    universe: Universe<'a>,
    architecture: String,
}

impl<'a> Offer<'a> {
    /// Reads what archives list, earlier ones preferred among equal versions.
    pub fn of(archives: &[&'a FetchedArchive], architecture: &str) -> Result<Self, DebianFault> {
        let mut packages = Vec::new();
        for archive in archives {
            packages.extend(archive.packages()?);
        }
        Ok(Self {
            archives: archives.to_vec(),
            universe: Universe::new(packages, architecture),
            architecture: architecture.to_owned(),
        })
    }

    /// Chooses what is asked for and what that needs.
    pub fn choose(&self, contents: &DebianContents) -> Result<DebianPins, DebianFault> {
        let relations = parse_requests(&contents.packages)?;
        let left_out = &contents.without_packages;
        if !contents.is_for_several {
            self.universe.check_left_out(left_out)?;
        }
        let chosen = self.universe.resolve_without(&relations, left_out)?;
        let names = name_archives(self.archives.iter().map(|archive| archive.suite.as_str()));
        let packages = chosen.iter().map(|one| self.pin(&one.package, &names));
        let packages = packages.collect();
        let archives = self.archives.iter().map(|archive| {
            let release = &archive.release;
            let listed = (&release.digest, release.release.date);
            ArchivePin::new(&archive.suite, &archive.components, listed)
        });
        Ok(DebianPins {
            architecture: self.architecture.clone(),
            archives: archives.collect(),
            packages,
        })
    }

    fn pin(&self, package: &Package<'_>, names: &[String]) -> Pin {
        // What is chosen is a part of the text of the index that lists it.
        let start = package.stanza.as_ptr();
        let lists = |archive: &&FetchedArchive| {
            let mut texts = archive.indexes.iter().map(|index| index.text.as_bytes());
            texts.any(|text| text.as_ptr_range().contains(&start))
        };
        let archive = self.archives.iter().position(lists);
        Pin {
            name: package.name.to_owned(),
            version: package.version.to_owned(),
            architecture: package.architecture.to_owned(),
            path: package.filename.to_owned(),
            size: package.size_bytes,
            sha256: package.sha256.to_owned(),
            archive: archive.map_or_else(String::new, |index| names[index].clone()),
        }
    }
}

/// Reads requests; all that cannot be read are told.
fn parse_requests(requests: &[String]) -> Result<Vec<Relation>, DebianFault> {
    let mut relations = Vec::new();
    let mut faults = Vec::new();
    for request in requests {
        match parse_request(request) {
            Ok(relation) => relations.push(relation),
            Err(source) => faults.push(RequestFault {
                request: request.clone(),
                source,
            }),
        }
    }
    if faults.is_empty() {
        Ok(relations)
    } else {
        Err(DebianFault::Requests(faults))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_requests_that_cannot_be_read_are_told() {
        let requests = ["a | b", "good", "c (>= 1"].map(str::to_owned);
        let error = parse_requests(&requests)
            .expect_err("two faults")
            .to_string();
        assert!(error.contains("cannot hold `a | b`: "), "{error}");
        assert!(
            error.contains("; `contents.packages` cannot hold `c (>= 1`: "),
            "{error}"
        );
        assert!(!error.contains("good"), "{error}");
    }
}
