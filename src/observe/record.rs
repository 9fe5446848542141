//! The inputs of published images, as their labels tell them: one small file for each manifest, below the state directory.
//!
//! What a digest names never changes, so the registry is asked once. Deleting the directory costs these questions, nothing
//! else.

use std::path::Path;

use crate::host::Record;
use crate::host::fs::FileError;
use crate::oci::Digest;
use crate::plan::Inputs;

/// The record of published inputs.
#[derive(Clone, Debug)]
pub struct PublishedRecord(Record);

impl PublishedRecord {
    /// Opens the record below a state directory; `published-1` is the version of its layout.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self(Record::new(state, "published-1"))
    }

    /// Finds what is known of a manifest: its inputs, or that it has none. What cannot be read counts as not known.
    #[must_use]
    pub fn find(&self, manifest: &Digest) -> Option<Option<Inputs>> {
        match self.0.find(manifest)?.strip_suffix('\n')? {
            "none" => Some(None),
            inputs => Some(Some(inputs.parse().ok()?)),
        }
    }

    /// Notes what a manifest says.
    pub fn note(&self, manifest: &Digest, inputs: Option<&Inputs>) -> Result<(), FileError> {
        let text = inputs.map_or_else(|| "none".to_owned(), Inputs::to_string);
        self.0.note(manifest, &text)
    }

    /// Forgets what is oldest, where there is more than any run needs.
    pub fn bound(&self) {
        self.0.bound();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs;

    #[test]
    fn what_was_noted_is_found_and_nothing_else() {
        let state = tempfile::tempdir().unwrap();
        let record = PublishedRecord::new(state.path());
        let (one, other) = (Digest::of(b"1"), Digest::of(b"2"));
        let inputs = Inputs::new([("Dockerfile".to_owned(), Digest::of(b"a"))]);
        assert_eq!(record.find(&one), None);
        record.note(&one, Some(&inputs)).unwrap();
        record.note(&other, None).unwrap();
        assert_eq!(record.find(&one), Some(Some(inputs)));
        assert_eq!(record.find(&other), Some(None));
        for text in ["", "none", "x\n", "sha256:0\n"] {
            let path = state.path().join("published-1").join(one.hex());
            fs::write_atomically(&path, text.as_bytes()).unwrap();
            assert_eq!(record.find(&one), None, "{text:?}");
        }
    }
}
