//! Which packages an image takes: greedy, without going back, and the same each time.
//!
//! 1. What breaks a wish of the image, or is missing for another architecture, is rejected.
//! 2. Of the image's wishes, the one with the fewest candidates is met first, with the best of them; what provides the same
//!    names is rejected then.
//! 3. From each of these, in the order of the wishes' names, the dependencies are walked: again the one with the fewest
//!    candidates first. A package comes after what it depends on; a circle is cut where it closes.
//! 4. Packages with `install_if` come when all of that is there.
//!
//! The rules are apko's, since a lock has to come out as apko's does; where apko goes on with two packages that exclude each
//! other, this is an error.

mod architectures;
mod choose;
mod error;
mod join;
mod solve;
mod universe;

pub use architectures::{Resolved, SolveErrors, solve_all};
pub use error::{Link, Problem, Reason, Rejected, SolveError};
pub use solve::solve;
pub use universe::{Chosen, Repository, Universe};

#[cfg(test)]
mod table;
