//! git: the program, and what it knows of directories.

mod history;
mod parents;
mod program;
#[cfg(test)]
mod samples;

pub use history::{
    Added, find_added_lines, find_cut_commits, find_uncommitted, find_work_tree, walk_commits,
};
#[cfg(any(test, feature = "fuzzing"))]
pub(super) use history::{AddedLines, Commits, path_of};
pub use program::{Git, GitError};
