//! Files in Debian's formats: the changelog that names and versions an image, and the control file that says what it
//! needs.

mod bump;
mod changelog;
mod control;
mod sources;
mod stamp;
mod version;

pub use bump::{Bump, BumpError};
pub use changelog::{
    Author, Changelog, ChangelogError, Entry, EntryForm, NewEntry, TopEntry, insert_entry,
    parse_changelog, parse_readable_entries, parse_top_entry,
};
pub use control::{Control, ControlError, Dependency, DependencyField, Field, parse_control};
pub use sources::{
    Mirrors, Source, find_mirrors, parse_deb822_sources, parse_debian_codename,
    parse_one_line_sources,
};
pub use stamp::Stamp;
pub use version::{Version, VersionError};
