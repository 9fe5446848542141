//! Files with keys that a declaration names in the image's own directory: a lock was made with what stood in these, too.
//!
//! Keys of the machine and those at addresses are no part of it: one machine has others than the next one.

use std::collections::BTreeMap;

use crate::declared::{DebianArchive, ImageFile, Making};
use crate::oci::Digest;

/// What stands in the files with keys of an image's directory, by the names that the declaration has for them; what is not there
/// says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnKeys(pub BTreeMap<String, Vec<u8>>);

/// Lists the names of those files, as the declaration has them.
#[must_use]
pub fn list_own_keys(file: &ImageFile) -> Vec<&str> {
    match &file.making {
        Making::Debian(contents) => list_signers(&contents.archive)
            .into_iter()
            .flatten()
            .collect(),
        Making::Apk(contents) => {
            let keys = contents.keyring.iter().map(String::as_str);
            keys.filter(|key| !key.contains(':') && !key.starts_with('/'))
                .collect()
        }
        Making::Bootstrap(_) | Making::Base(_) | Making::Scratch => Vec::new(),
    }
}

/// Lists, for each suite of a declaration, the file of the image's directory that holds its keys.
pub(super) fn list_signers(archive: &DebianArchive) -> Vec<Option<&str>> {
    let DebianArchive::Sources(sources) = archive else {
        return Vec::new();
    };
    let each = sources.iter().flat_map(|source| {
        let own = source.signed_by.as_deref();
        let own = own.filter(|keys| !keys.starts_with('/'));
        source.suites.iter().map(move |_| own)
    });
    each.collect()
}

impl OwnKeys {
    /// Gives the hash of the file that signs each suite of a declaration, in 64 lower-case hex digits.
    #[must_use]
    pub fn hashes(&self, archive: &DebianArchive) -> Vec<Option<String>> {
        let signers = list_signers(archive).into_iter();
        signers.map(|name| self.hash(name?)).collect()
    }

    pub(super) fn hash(&self, name: &str) -> Option<String> {
        Some(Digest::of(self.0.get(name)?).hex().to_owned())
    }

    /// Tells whether a file holds this text; nothing where it is not there.
    pub(super) fn holds(&self, name: &str, text: &str) -> Option<bool> {
        let bytes = self.0.get(name)?;
        Some(bytes.trim_ascii() == text.as_bytes().trim_ascii())
    }
}
