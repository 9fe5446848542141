//! A place in a file that the user wrote: what every error about such a file points at.

use std::fmt;
use std::path::{Path, PathBuf};

/// A file, and where it is known the line and column, both counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    path: PathBuf,
    line: Option<usize>,
    column: Option<usize>,
}

impl Place {
    /// Points at a whole file.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            line: None,
            column: None,
        }
    }

    /// Points at a line, counted from 1.
    #[must_use]
    pub fn line(path: &Path, line: usize) -> Self {
        Self {
            line: Some(line),
            ..Self::file(path)
        }
    }

    /// Points at a character of a line, both counted from 1.
    #[must_use]
    pub fn column(path: &Path, line: usize, column: usize) -> Self {
        Self {
            column: Some(column),
            ..Self::line(path, line)
        }
    }

    /// Gives the same line and column of another file.
    #[must_use]
    pub fn in_file(&self, path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            ..*self
        }
    }

    /// Gives the line, counted from 1, where it is known.
    #[must_use]
    pub fn line_number(&self) -> Option<usize> {
        self.line
    }

    /// Gives the column, counted from 1, where it is known.
    #[must_use]
    pub fn column_number(&self) -> Option<usize> {
        self.column
    }

    /// Gives the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for Place {
    /// Writes `path`, `path:line` or `path:line:column`, as editors and terminals link it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        Ok(())
    }
}
