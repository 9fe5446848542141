//! Files in Debian's formats: the changelog that names and versions an image, the control file that says what it needs, and
//! what an archive of packages consists of: signed lists, indexes, packages.

mod bump;
mod changelog;
mod control;
mod deb;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod openpgp;
mod packages;
mod relations;
mod release;
mod resolve;
mod sources;
mod stamp;
mod stanza;
mod version;

pub use bump::{Bump, BumpError};
pub use changelog::{
    Author, Changelog, ChangelogError, Entry, EntryForm, NewEntry, TopEntry, insert_entry,
    parse_changelog, parse_readable_entries, parse_top_entry,
};
pub use control::{Control, ControlError, Dependency, DependencyField, Field, parse_control};
pub use deb::{
    ConfigFile, Deb, DebControl, DebData, DebError, Md5Sum, SCRIPTS, open_data, read_data,
    read_deb, unpack_data,
};
pub use openpgp::{
    CleartextError, Fault, FaultReason, KeyFault, Keyring, KeyringError, SignatureError, Signer,
    Verified, verify_cleartext,
};
pub use packages::{MultiArch, Package, PackagesError, Priority, RelationField, parse_packages};
pub use relations::{
    Alternatives, Constraint, Relation, RelationError, is_package_name, parse_relations,
};
pub use release::{
    IndexFile, LARGEST_RELEASE_BYTES, Release, ReleaseError, SignedRelease, is_path_below,
    parse_in_release, parse_release,
};
pub use resolve::{Chosen, Conflict, ResolveError, Universe, parse_request};
pub use sources::{
    Mirrors, SignedBy, Source, SourceError, find_mirrors, parse_deb822_sources,
    parse_debian_codename, parse_one_line_sources, parse_source_line,
};
pub use stamp::Stamp;
pub use stanza::{StanzaError, StanzaField, Stanzas, find_field};
pub use version::{Version, VersionError};
