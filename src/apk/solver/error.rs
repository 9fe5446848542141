//! Why an image's wishes cannot be met: the way from the wish to what is missing, and why each candidate was rejected.

use std::fmt;

use super::super::requirement::Requirement;

/// Why a candidate was not taken.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Reason {
    /// Its version is not one that is asked for.
    #[error("`{by}` asks for another version")]
    Version {
        /// The requirement.
        by: Requirement,
    },
    /// It is excluded.
    #[error("`{by}` excludes it")]
    Excluded {
        /// The requirement.
        by: Requirement,
    },
    /// Another package has the same name, or another version of it was chosen.
    #[error("`{id}` was chosen, which has or provides `{name}`")]
    Rival {
        /// The package that was chosen.
        id: String,
        /// The name that both have.
        name: String,
    },
    /// Its repository has a tag that was not asked for.
    #[error("it is in a repository that is taken only with `@{tag}`")]
    Tag {
        /// The tag.
        tag: String,
    },
    /// Another architecture does not have it.
    #[error("the architecture {architecture} does not have it")]
    Absent {
        /// The architecture.
        architecture: String,
    },
}

/// A candidate that was rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its name and version.
    pub id: String,
    /// Why.
    pub reason: Reason,
}

/// A step from a wish towards what is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The package.
    pub id: String,
    /// What it needs.
    pub needs: Requirement,
}

/// What is wrong at the end of the way.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Problem {
    /// No repository has the name.
    #[error("no repository has a package `{name}`, or one that provides it")]
    Unknown {
        /// The name.
        name: String,
        /// Names that may have been meant.
        near: Vec<String>,
    },
    /// All that have the name were rejected.
    #[error("none of the packages that have or provide `{name}` can be taken")]
    AllRejected {
        /// The name.
        name: String,
        /// Each with the reason.
        rejected: Vec<Rejected>,
    },
    /// What was chosen before has another version.
    #[error("`{id}` was chosen before, which is not what `{requirement}` asks for")]
    Taken {
        /// The package that was chosen.
        id: String,
        /// What is asked for now.
        requirement: Requirement,
    },
    /// Two packages that were chosen exclude each other.
    #[error("`{id}` cannot be there with `{with}`: it has `{requirement}`")]
    Conflict {
        /// The package that excludes.
        id: String,
        /// Its requirement.
        requirement: Requirement,
        /// The package that is excluded.
        with: String,
    },
    /// A chain of dependencies that is longer than any.
    #[error("its dependencies go deeper than {most} packages")]
    Deep {
        /// How deep they may go.
        most: usize,
    },
    /// The indexes are such that it takes too long.
    #[error("the repositories are too large to be solved")]
    Large,
}

/// Why a wish of the image cannot be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SolveError {
    /// The wish; a conflict between packages has none.
    pub wish: Option<Requirement>,
    /// The packages on the way, from the one that the wish chose.
    pub chain: Vec<Link>,
    /// What is wrong there.
    pub problem: Box<Problem>,
}

impl std::error::Error for SolveError {}

/// The first line says what is wrong, the next ones why.
///
/// ```text
/// `web` cannot be installed: none of the packages that have or provide `ssl` can be taken
///   web-1-r0 needs `ssl>3`
///   ssl-2-r0: `ssl>3` asks for another version
/// ```
impl fmt::Display for SolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(wish) = &self.wish {
            write!(f, "`{wish}` cannot be installed: ")?;
        }
        write!(f, "{}", self.problem)?;
        for Link { id, needs } in &self.chain {
            write!(f, "\n  {id} needs `{needs}`")?;
        }
        if let Problem::AllRejected { rejected, .. } = &*self.problem {
            for Rejected { id, reason } in rejected {
                write!(f, "\n  {id}: {reason}")?;
            }
        }
        Ok(())
    }
}

impl SolveError {
    /// Gives names that may have been meant, for a hint.
    #[must_use]
    pub fn near(&self) -> &[String] {
        match &*self.problem {
            Problem::Unknown { near, .. } => near,
            _ => &[],
        }
    }
}
