//! Relations between packages (Debian Policy, chapter 7; deb-control(5)).
//!
//! ```text
//! libc6 (>= 2.34), default-mta | mail-transport-agent, python3:any
//! ```
//!
//! The crate `debian-control` reads them; versions become ours, which are compared as dpkg does it.

use std::fmt;

use debian_control::lossy;
use debian_control::relations::VersionConstraint;

use super::{Version, VersionError};

/// One package that something is said about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// The name of a package, or one that packages provide.
    pub name: String,
    /// What stands behind a colon: `any`, or an architecture.
    pub qualifier: Option<String>,
    /// Which versions are meant; all where there is none.
    pub versions: Option<(Constraint, Version)>,
}

/// How a version is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// `<<`
    Earlier,
    /// `<=`
    NotLater,
    /// `=`
    Equal,
    /// `>=`
    NotEarlier,
    /// `>>`
    Later,
}

/// What one item of a list asks for: the first of some alternatives that can be had.
pub type Alternatives = Vec<Relation>;

/// Why a text is no list of relations.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RelationError {
    /// An item cannot be read.
    #[error("`{item}` is no relation such as `name (>= 1.2)`: {reason}")]
    Syntax {
        /// The item.
        item: String,
        /// Why.
        reason: String,
    },
    /// A name is none of a package's.
    #[error("`{0}` is no name of a package")]
    Name(String),
    /// A version is none.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// It is for sources: `[amd64]`, `<!nocheck>`.
    #[error("`{0}` has a list of architectures or build profiles, which only sources have")]
    OfSource(String),
    /// It is longer than any.
    #[error("a list of relations has {LONGEST} bytes at most, not {0}")]
    TooLong(usize),
}

/// Far over any in use.
const LONGEST: usize = 1 << 20;

/// Reads a list of relations; an empty one asks for nothing.
pub fn parse_relations(text: &str) -> Result<Vec<Alternatives>, RelationError> {
    if text.len() > LONGEST {
        return Err(RelationError::TooLong(text.len()));
    }
    let items = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    items.map(parse_item).collect()
}

fn parse_item(item: &str) -> Result<Alternatives, RelationError> {
    let parse = |text: &str| -> Result<Relation, RelationError> {
        let text = text.trim();
        let relation: lossy::Relation =
            text.parse()
                .map_err(|reason: String| RelationError::Syntax {
                    item: show(item),
                    reason: show(&reason),
                })?;
        if relation.architectures.is_some() || !relation.profiles.is_empty() {
            return Err(RelationError::OfSource(show(item)));
        }
        if !is_package_name(&relation.name) {
            return Err(RelationError::Name(show(&relation.name)));
        }
        let versions = relation.version.map(|(constraint, version)| {
            let version: Version = version.to_string().parse()?;
            Ok::<_, VersionError>((Constraint::from(constraint), version))
        });
        Ok(Relation {
            name: relation.name,
            qualifier: relation.archqual,
            versions: versions.transpose()?,
        })
    };
    item.split('|').map(parse).collect()
}

fn show(text: &str) -> String {
    text.chars()
        .take(120)
        .flat_map(char::escape_debug)
        .collect()
}

/// Tells whether dpkg takes a name (Policy 5.6.7, and what old packages have).
#[must_use]
pub fn is_package_name(name: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte);
    name.len() <= 255
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(is_part)
}

impl Relation {
    /// Asks for any version of a package.
    #[must_use]
    pub fn any_version(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            qualifier: None,
            versions: None,
        }
    }

    /// Tells whether a version is one that is meant.
    #[must_use]
    pub fn admits(&self, version: &Version) -> bool {
        let Some((constraint, wanted)) = &self.versions else {
            return true;
        };
        match constraint {
            Constraint::Earlier => version < wanted,
            Constraint::NotLater => version <= wanted,
            Constraint::Equal => version == wanted,
            Constraint::NotEarlier => version >= wanted,
            Constraint::Later => version > wanted,
        }
    }
}

impl From<VersionConstraint> for Constraint {
    fn from(constraint: VersionConstraint) -> Self {
        match constraint {
            VersionConstraint::LessThan => Self::Earlier,
            VersionConstraint::LessThanEqual => Self::NotLater,
            VersionConstraint::Equal => Self::Equal,
            VersionConstraint::GreaterThanEqual => Self::NotEarlier,
            VersionConstraint::GreaterThan => Self::Later,
        }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Earlier => "<<",
            Self::NotLater => "<=",
            Self::Equal => "=",
            Self::NotEarlier => ">=",
            Self::Later => ">>",
        })
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(qualifier) = &self.qualifier {
            write!(f, ":{qualifier}")?;
        }
        match &self.versions {
            Some((constraint, version)) => write!(f, " ({constraint} {version})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, shown: &[&[&str]]) {
        let relations = parse_relations(text).expect("relations");
        let found: Vec<Vec<String>> = relations
            .iter()
            .map(|one| one.iter().map(ToString::to_string).collect())
            .collect();
        assert_eq!(found, shown, "{text}");
    }

    #[test]
    fn relations_are_read_as_packages_write_them() {
        case("", &[]);
        case(
            "libc6 (>= 2.34), a|b (<<1:2~rc1-1) | c,\n python3:any",
            &[
                &["libc6 (>= 2.34)"],
                &["a", "b (<< 1:2~rc1-1)", "c"],
                &["python3:any"],
            ],
        );
        case("a(=1+b1),,", &[&["a (= 1+b1)"]]);
        case(
            "libstdc++6 (> 4), x (< 2)",
            &[&["libstdc++6 (>= 4)"], &["x (<= 2)"]],
        );
        case("cpp:amd64 (>= 4:12.2)", &[&["cpp:amd64 (>= 4:12.2)"]]);
    }

    #[test]
    fn what_is_no_relation_is_refused_by_name() {
        for text in [
            "a (1)",
            "a (>= )",
            "a b",
            "|a",
            "a |",
            "a (>= 1",
            "(>= 1)",
            "a (>= 1_2)",
            "${x}",
            "a [amd64]",
            "a <!nocheck>",
            "-a",
            "ä",
        ] {
            parse_relations(text).expect_err(text);
        }
    }

    #[test]
    fn versions_are_compared_as_the_sign_says() {
        let version = |text: &str| -> Version { text.parse().expect("a version") };
        for (text, admitted) in [
            ("a", [true, true, true]),
            ("a (<< 2)", [true, false, false]),
            ("a (<= 2)", [true, true, false]),
            ("a (= 2)", [false, true, false]),
            ("a (>= 2)", [false, true, true]),
            ("a (>> 2)", [false, false, true]),
        ] {
            let relation = &parse_relations(text).expect("a relation")[0][0];
            let found = ["1", "2", "3"].map(|one| relation.admits(&version(one)));
            assert_eq!(found, admitted, "{text}");
        }
    }
}
