//! Packages against what a lock pins of them.

use super::super::checksum::Checksum;
use super::super::gzip::Part;
use super::super::key::Trust;
use super::super::package::{Expected, Limits, Package};
use super::shape::{LockError, LockPackage, LockPart};

/// A part of a package that is not the one that the lock pins.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the {part} of `{name}` is {found}, and the lock pins {expected}")]
pub struct LockMismatch {
    /// The package.
    pub name: String,
    /// Which of its parts.
    pub part: &'static str,
    /// What the lock has.
    pub expected: String,
    /// What came.
    pub found: String,
}

impl LockPart {
    fn new<S>(part: &Part<S>, checksum: String) -> Self {
        // The last byte counts; no part of a package is without one.
        let last = part.end.saturating_sub(1);
        Self {
            range: format!("bytes={}-{last}", part.start),
            checksum,
        }
    }

    fn of_sha1(part: &Part<Checksum>) -> Self {
        Self::new(part, format!("sha1-{}", part.sum.base64()))
    }
}

impl LockPackage {
    /// Pins a package that was read; `architecture` is that of the repository, since a package may be for all.
    #[must_use]
    pub fn new(package: &Package, url: &str, architecture: &str) -> Self {
        let record = &package.info.record;
        let signature = package.signature.as_ref();
        Self {
            name: record.name.to_string(),
            url: url.to_owned(),
            version: record.version.to_string(),
            architecture: architecture.to_owned(),
            signature: signature.map(LockPart::of_sha1).unwrap_or_default(),
            control: LockPart::of_sha1(&package.control),
            data: LockPart::new(
                &package.data,
                format!("sha256-{}", package.data.sum.base64()),
            ),
            checksum: package.control.sum.to_string(),
        }
    }

    /// Gives what [`read_package`](crate::apk::read_package) has to expect.
    pub fn expected<'a>(&'a self, trust: Trust<'a>) -> Result<Expected<'a>, LockError> {
        let checksum = Checksum::parse(&self.checksum);
        Ok(Expected {
            name: &self.name,
            version: &self.version,
            architecture: &self.architecture,
            checksum: checksum.map_err(|source| LockError::Checksum {
                name: self.name.clone(),
                source,
            })?,
            trust,
            limits: Limits::default(),
        })
    }

    /// Checks that a package which was read is the one that is pinned, in all its parts.
    pub fn check(&self, package: &Package) -> Result<(), LockMismatch> {
        let found = Self::new(package, &self.url, &self.architecture);
        let parts = [
            ("signature", &self.signature, &found.signature),
            ("control part", &self.control, &found.control),
            ("data", &self.data, &found.data),
        ];
        let show = |part: &LockPart| match part.range.as_str() {
            "" => "none".to_owned(),
            range => format!("{} at {range}", part.checksum),
        };
        for (part, expected, found) in parts {
            if expected != found {
                return Err(LockMismatch {
                    name: self.name.clone(),
                    part,
                    expected: show(expected),
                    found: show(found),
                });
            }
        }
        Ok(())
    }
}
