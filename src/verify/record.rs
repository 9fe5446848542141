//! Which images passed their tests, on which tests: one small file for each, below the state directory.
//!
//! The file is written after the tests passed and not before, so a run that was cut leaves an image untested and never
//! the other way round. Deleting the directory costs the time of testing again, nothing else.

use std::path::Path;

use crate::host::Record;
use crate::host::fs::FileError;
use crate::oci::Digest;

/// The record of passed tests.
#[derive(Clone, Debug)]
pub struct VerifiedRecord(Record);

impl VerifiedRecord {
    /// Opens the record below a state directory; `verified-1` is the version of its layout.
    #[must_use]
    pub fn new(state: &Path) -> Self {
        Self(Record::new(state, "verified-1"))
    }

    /// Tells whether these tests passed on this image. A record that cannot be read counts as none: then they run again.
    #[must_use]
    pub fn holds(&self, image: &Digest, test: &Digest) -> bool {
        self.0.find(image).is_some_and(|text| says(&text, test))
    }

    /// Notes that these tests passed on this image.
    pub fn note(&self, image: &Digest, test: &Digest) -> Result<(), FileError> {
        self.0.note(image, test.as_str())
    }

    /// Forgets what is oldest, where there is more than any run needs.
    pub fn bound(&self) {
        self.0.bound();
    }
}

/// Tells whether a file of the record names these tests.
pub(super) fn says(text: &str, test: &Digest) -> bool {
    text.trim_end() == test.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fs;

    #[test]
    fn only_the_same_tests_on_the_same_image_count() {
        let state = tempfile::tempdir().unwrap();
        let record = VerifiedRecord::new(state.path());
        let (image, test) = (Digest::of(b"image"), Digest::of(b"test"));
        assert!(!record.holds(&image, &test));
        record.note(&image, &test).unwrap();
        assert!(record.holds(&image, &test));
        assert!(!record.holds(&image, &Digest::of(b"other test")));
        assert!(!record.holds(&Digest::of(b"other image"), &test));
    }

    #[test]
    fn what_cannot_be_read_counts_as_not_passed() {
        let state = tempfile::tempdir().unwrap();
        let record = VerifiedRecord::new(state.path());
        let (image, test) = (Digest::of(b"image"), Digest::of(b"test"));
        let file = state.path().join("verified-1").join(image.hex());
        for text in ["", "\n", "sha256:", &test.as_str()[..20]] {
            fs::create_directory(file.parent().unwrap()).unwrap();
            fs::write_atomically(&file, text.as_bytes()).unwrap();
            assert!(!record.holds(&image, &test), "{text:?}");
        }
        std::fs::remove_file(&file).unwrap();
        fs::create_directory(&file).unwrap();
        assert!(!record.holds(&image, &test));
        record
            .note(&image, &test)
            .expect_err("a directory is in the way");
    }

    #[test]
    fn the_last_tests_that_passed_count() {
        let state = tempfile::tempdir().unwrap();
        let record = VerifiedRecord::new(state.path());
        let (image, old, new) = (Digest::of(b"image"), Digest::of(b"old"), Digest::of(b"new"));
        record.note(&image, &old).unwrap();
        record.note(&image, &new).unwrap();
        assert!(record.holds(&image, &new));
        assert!(!record.holds(&image, &old));
    }
}
