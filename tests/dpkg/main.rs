//! Versions and changelogs beside Debian's own programs: the order of `dpkg --compare-versions`, the entries of
//! dpkg-parsechangelog(1).
//!
//! `scripts/compare-dpkg [TREE…]` runs the same over a hundred thousand pairs and over any trees.

#![allow(
    clippy::disallowed_methods,
    reason = "a test reads files and asks programs; the program never does"
)]

mod changelogs;
mod versions;

/// Gives a variable that the script sets, or what the test suite is content with.
fn wanted(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}
