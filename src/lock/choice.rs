//! What of a lock makes an image: whoever chooses the same makes the same, whatever else was listed when that was chosen.

use sha2::{Digest as _, Sha256};

use super::debian::DebianPins;
use super::kinds::Lock;
use crate::apk::LockContents;
use crate::oci::Digest;

impl Lock {
    /// Gives a digest of what is chosen: packages with their versions, architectures and sums, and the keys that get into the
    /// image. Where all of it lies, and which lists it was chosen from, has no part in it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut words = Words(Sha256::new());
        match self {
            Self::Debian(lock) => lock.contents.iter().for_each(|pins| words.add_debian(pins)),
            Self::Apk(lock) => words.add_apk(&lock.contents),
        }
        Digest::from_sha256(&words.0.finalize().into())
    }
}

/// A sum over words, none of which can run into the next one.
struct Words(Sha256);

impl Words {
    fn add(&mut self, words: &[&str]) {
        for word in words {
            self.0.update(format!("{} ", word.len()));
            self.0.update(word);
        }
    }

    fn add_debian(&mut self, pins: &DebianPins) {
        self.add(&["debian", &pins.architecture]);
        for pin in &pins.packages {
            self.add(&[&pin.name, &pin.version, &pin.architecture, &pin.sha256]);
        }
    }

    /// Packages are installed in their order; keys lie beside each other.
    fn add_apk(&mut self, contents: &LockContents) {
        self.add(&["apk"]);
        for package in &contents.packages {
            self.add(&[
                &package.name,
                &package.version,
                &package.architecture,
                &package.checksum,
                &package.data.checksum,
            ]);
        }
        let keys = contents.keyring.iter();
        let mut keys: Vec<_> = keys.map(|key| (&*key.name, key.content.trim())).collect();
        keys.sort_unstable();
        keys.dedup();
        for (name, content) in keys {
            self.add(&["key", name, content]);
        }
    }
}
