//! Files with keys: those that a source names, or those that the machine's apt trusts.

use std::path::{Path, PathBuf};

use crate::debian::{Keyring, KeyringError, SignedBy};
use crate::host::fs::{FileError, read_bytes};

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyringsError {
    /// A keyring cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is no keyring.
    #[error("{place} is no keyring: {source}")]
    Keyring {
        /// The file, or where the key stands.
        place: String,
        /// Why.
        source: KeyringError,
    },
    /// A name is neither a path nor a fingerprint.
    #[error("`{0}` is neither the absolute path of a keyring nor the fingerprint of a key")]
    Name(String),
    /// None of the keyrings holds a key that was named.
    #[error("no keyring holds a key with one of these fingerprints: {}", .0.join(", "))]
    NoKey(Vec<String>),
}

/// Where apt looks for keys that count for all sources (apt-secure(8)).
const TRUSTED: [&str; 2] = ["/etc/apt/trusted.gpg", "/etc/apt/trusted.gpg.d"];

/// Reads what a source names; fingerprints are looked for in the keyrings beside them, or in the machine's.
pub fn read_keyring(signed_by: &SignedBy) -> Result<Keyring, KeyringsError> {
    let names = match signed_by {
        SignedBy::Key(key) => {
            return Keyring::parse(key.as_bytes()).map_err(|source| KeyringsError::Keyring {
                place: "what `Signed-By` holds".to_owned(),
                source,
            });
        }
        SignedBy::Named(names) => names,
    };
    let mut keyring = Keyring::default();
    let mut fingerprints = Vec::new();
    let mut paths = Vec::new();
    for name in names {
        let digits = name.trim_end_matches('!');
        if name.starts_with('/') {
            paths.push(PathBuf::from(name));
        } else if digits.len() >= 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            fingerprints.push(name.clone());
        } else {
            return Err(KeyringsError::Name(name.clone()));
        }
    }
    if paths.is_empty() {
        keyring = find_machine_keyring()?;
    }
    for path in &paths {
        keyring.extend(read(path)?);
    }
    if !fingerprints.is_empty() {
        keyring.retain(&fingerprints);
        if keyring.is_empty() {
            return Err(KeyringsError::NoKey(fingerprints));
        }
    }
    Ok(keyring)
}

/// Finds the keys that count for all sources of this machine; a machine without apt has none.
pub fn find_machine_keyring() -> Result<Keyring, KeyringsError> {
    let mut keyring = Keyring::default();
    let [file, directory] = TRUSTED.map(Path::new);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|it| it == "gpg" || it == "asc")
        })
        .collect();
    if file.is_file() {
        paths.push(file.to_owned());
    }
    paths.sort();
    for path in paths {
        keyring.extend(read(&path)?);
    }
    Ok(keyring)
}

fn read(path: &Path) -> Result<Keyring, KeyringsError> {
    Keyring::parse(&read_bytes(path)?).map_err(|source| KeyringsError::Keyring {
        place: path.display().to_string(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_keys_is_refused_by_name() {
        let named = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let error = read_keyring(&SignedBy::Named(names)).expect_err("no keys");
            error.to_string()
        };
        assert_eq!(named(&["/nowhere/a.gpg"]), "cannot read /nowhere/a.gpg");
        assert_eq!(
            named(&["AB12"]),
            "`AB12` is neither the absolute path of a keyring nor the fingerprint of a key"
        );
        assert!(named(&["/dev/null"]).starts_with("cannot read /dev/null"));
        let error = read_keyring(&SignedBy::Key("no key\n".to_owned())).expect_err("no key");
        assert!(matches!(error, KeyringsError::Keyring { .. }), "{error}");
    }
}
