//! Why a text is no changelog.

use crate::debian::VersionError;

/// Why a text is no changelog; [`ChangelogError::line`] tells where.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ChangelogError {
    /// The text has no entry.
    #[error("a changelog needs an entry, which begins with {HEADER_FORM}")]
    Empty,
    /// A line stands where an entry has to begin.
    #[error("expected an entry, which begins with {HEADER_FORM}, not `{text}`")]
    Header {
        /// The line, counted from 1.
        line: usize,
        /// The line's text, clipped.
        text: String,
    },
    /// The name in the header cannot be one.
    #[error(
        "`{package}` cannot be the name of an image: it holds `{}`, and a name has only letters, digits, `.` and `-`",
        character.escape_debug()
    )]
    Package {
        /// The line, counted from 1.
        line: usize,
        /// The name as written.
        package: String,
        /// The first character at fault.
        character: char,
    },
    /// The text in parentheses is no version.
    #[error("the version of `{package}` cannot be read")]
    Version {
        /// The line, counted from 1.
        line: usize,
        /// The name before it.
        package: String,
        /// What is wrong with it.
        source: VersionError,
    },
    /// A line inside an entry is neither a change nor the trailer.
    #[error(
        "expected a change, indented by two blanks, or ` -- author <mail>  date`, not `{text}`"
    )]
    Body {
        /// The line, counted from 1.
        line: usize,
        /// The line's text, clipped.
        text: String,
    },
    /// The entry reads differently than its header line.
    #[error("the entry of `{package}` cannot be read: it has to begin with {HEADER_FORM}")]
    Unreadable {
        /// The line of the header, counted from 1.
        line: usize,
        /// The name in the header line.
        package: String,
    },
}

const HEADER_FORM: &str = "`name (version) distribution; urgency=…`";

impl ChangelogError {
    /// Gives the line at fault, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        match self {
            Self::Empty => 1,
            Self::Header { line, .. }
            | Self::Package { line, .. }
            | Self::Version { line, .. }
            | Self::Body { line, .. }
            | Self::Unreadable { line, .. } => *line,
        }
    }
}
