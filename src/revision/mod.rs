//! The catalog of a git revision, and what changed since.
//!
//! git is asked for the tree of the revision, and the files that the catalog is read from are laid out in a directory for
//! temporary files, which goes when the value does; the working tree is not touched. Links are laid out as links, with what
//! they point at; a link that leads out of the repository and a submodule are left out and told.

mod compare;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod past;
mod repository;
mod tree;

pub use compare::{Fate, FileChange, ImageChange, RecipeChange, Sides, compare};
pub use past::{LeftOut, Past, PastFaults, Request, Root, open};
pub use repository::{ChangeKind, ChangedFile, RevisionError};
