//! Public keys and signatures: RSA with PKCS#1 v1.5 over SHA-1 (`.SIGN.RSA.NAME`) or SHA-256 (`.SIGN.RSA256.NAME`).
//!
//! A signature names the file of its key, `alpine-devel@lists.alpinelinux.org-6165ee59.rsa.pub`; a key is the PEM of a
//! `SubjectPublicKeyInfo` (RFC 5280, 4.1; RFC 7468, 13). One good signature of a known key is enough, those of unknown keys are
//! passed over.

use std::io::Cursor;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
};

use crate::rootfs::{Change, Content, Entry, Kind, TarError, Volume, read_tar};

/// A public key under the name of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    file_name: String,
    pem: String,
    /// `RSAPublicKey` (RFC 8017, A.1.1) in DER.
    der: Vec<u8>,
}

/// Why a text is no key.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// Its name cannot be that of a file.
    #[error("`{0}` cannot be the name of a key")]
    Name(String),
    /// There is not exactly one PEM block of a public key.
    #[error("the key `{0}` is not one block `-----BEGIN PUBLIC KEY-----`")]
    Pem(String),
    /// It is a public key of another kind, or broken.
    #[error("the key `{0}` is no public key of RSA")]
    Rsa(String),
    /// It is too short to be trusted, or longer than any.
    #[error("the key `{name}` has {bits} bits; 2048 to 8192 are taken")]
    Bits {
        /// The key.
        name: String,
        /// What it has.
        bits: usize,
    },
}

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";
/// The object identifier `rsaEncryption`, and no parameters (RFC 8017, A.1).
const RSA_ENCRYPTION: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// Splits a value off DER: what it holds, and what is behind it.
fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            let add = |sum: usize, byte: &u8| sum << 8 | usize::from(*byte);
            (digits.iter().fold(0, add), rest)
        }
        _ => return None,
    };
    (found == tag).then(|| rest.split_at_checked(length))?
}

/// Finds the `RSAPublicKey` in a `SubjectPublicKeyInfo`, and the bits of its modulus.
fn unwrap_rsa(der: &[u8]) -> Option<(&[u8], usize)> {
    let (info, rest) = take(der, SEQUENCE)?;
    let (algorithm, key) = take(info, SEQUENCE)?;
    let (key, behind) = take(key, BIT_STRING)?;
    // The first byte of a bit string counts the bits that its last one does not use.
    let key = key.strip_prefix(b"\0")?;
    if !rest.is_empty() || !behind.is_empty() || algorithm != RSA_ENCRYPTION {
        return None;
    }
    let (numbers, rest) = take(key, SEQUENCE)?;
    let (modulus, _) = take(numbers, INTEGER)?;
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeros)?;
    let bits = 8 * (modulus.len() - zeros) - usize::try_from(first.leading_zeros()).ok()?;
    rest.is_empty().then_some((key, bits))
}

impl Key {
    /// Reads a key from the text of its file.
    pub fn parse(file_name: &str, pem: &str) -> Result<Self, KeyError> {
        let name = || file_name.to_owned();
        let is_plain = |c: char| c.is_ascii_graphic() && c != '/';
        if file_name.is_empty() || file_name.starts_with('.') || !file_name.chars().all(is_plain) {
            return Err(KeyError::Name(name()));
        }
        let body = pem.trim().strip_prefix(BEGIN);
        let body = body.and_then(|body| body.strip_suffix(END));
        let body = body.ok_or_else(|| KeyError::Pem(name()))?;
        let base64: String = body.split_ascii_whitespace().collect();
        let der = BASE64_STANDARD.decode(base64);
        let der = der.map_err(|_| KeyError::Pem(name()))?;
        let (key, bits) = unwrap_rsa(&der).ok_or_else(|| KeyError::Rsa(name()))?;
        if !(2048..=8192).contains(&bits) {
            let name = name();
            return Err(KeyError::Bits { name, bits });
        }
        Ok(Self {
            file_name: name(),
            pem: pem.to_owned(),
            der: key.to_owned(),
        })
    }

    /// Gives the name of its file, as it lies in `etc/apk/keys`.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Gives the text of its file.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

/// Signatures and keys are matched without the end of the file's name.
fn stem(name: &str) -> &str {
    name.strip_suffix(".rsa.pub").unwrap_or(name)
}

/// What has to have signed.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// One of these keys.
    Keys(&'a [Key]),
    /// One of these keys, where there is a signature: something else that was signed has the sum of what is checked.
    KeysIfSigned(&'a [Key]),
    /// Nobody: signatures are not looked at.
    Unsigned,
}

/// The algorithms of signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    RsaSha1,
    RsaSha256,
    /// Known names, but nobody uses them.
    Other,
}

/// A signature of an index or a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    algorithm: Algorithm,
    key: String,
    bytes: Vec<u8>,
}

/// Why something is not trusted.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TrustError {
    /// Nobody signed it.
    #[error("it is not signed")]
    Unsigned,
    /// Its signatures are all of keys that are not known.
    #[error("it is signed by `{}`, which no known key is", keys.join("`, `"))]
    Unknown {
        /// The names of the keys.
        keys: Vec<String>,
    },
    /// A known key signed it in a way that is not checked.
    #[error(
        "its signature by `{key}` is none of RSA with SHA-1 or SHA-256, which are the ones that are checked"
    )]
    Algorithm {
        /// The name of the key.
        key: String,
    },
    /// A signature of a known key is wrong.
    #[error("its signature by `{key}` is wrong: it was changed after it was signed")]
    Wrong {
        /// The name of the key.
        key: String,
    },
}

impl Signature {
    /// Takes one from the entry of a tar: `.SIGN.ALGORITHM.KEY`.
    fn parse(name: &str, bytes: &[u8]) -> Option<Self> {
        let (algorithm, key) = name.strip_prefix(".SIGN.")?.split_once('.')?;
        Some(Self {
            algorithm: match algorithm {
                "RSA" => Algorithm::RsaSha1,
                "RSA256" => Algorithm::RsaSha256,
                _ => Algorithm::Other,
            },
            key: key.to_owned(),
            bytes: bytes.to_owned(),
        })
    }

    fn is_good(&self, key: &Key, message: &[u8]) -> bool {
        let verified = match self.algorithm {
            Algorithm::RsaSha1 => {
                let algorithm = &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY;
                UnparsedPublicKey::new(algorithm, &key.der).verify(message, &self.bytes)
            }
            Algorithm::RsaSha256 => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.der)
                .verify(message, &self.bytes),
            Algorithm::Other => return false,
        };
        verified.is_ok()
    }
}

/// Checks that one of the signatures of a message is good.
pub(super) fn check(
    trust: Trust<'_>,
    signatures: &[Signature],
    message: &[u8],
) -> Result<(), TrustError> {
    let keys = match trust {
        Trust::Unsigned => return Ok(()),
        Trust::KeysIfSigned(_) if signatures.is_empty() => return Ok(()),
        Trust::Keys(keys) | Trust::KeysIfSigned(keys) => keys,
    };
    if signatures.is_empty() {
        return Err(TrustError::Unsigned);
    }
    let (mut wrong, mut other) = (None, None);
    for signature in signatures {
        let of_it = |key: &&Key| stem(&key.file_name) == stem(&signature.key);
        for key in keys.iter().filter(of_it) {
            if signature.is_good(key, message) {
                return Ok(());
            }
            let cause = match signature.algorithm {
                Algorithm::Other => &mut other,
                Algorithm::RsaSha1 | Algorithm::RsaSha256 => &mut wrong,
            };
            *cause = Some(key.file_name.clone());
        }
    }
    Err(match (wrong, other) {
        (Some(key), _) => TrustError::Wrong { key },
        (None, Some(key)) => TrustError::Algorithm { key },
        (None, None) => TrustError::Unknown {
            keys: signatures.iter().map(|one| one.key.clone()).collect(),
        },
    })
}

/// Reads the signatures from the tar of a first gzip member; there is none where it is that of something else.
pub(super) fn read_signatures(tar: &[u8]) -> Result<Option<Vec<Signature>>, TarError> {
    // The tar is cut: it may be the begin of a larger one.
    let entries = read_tar(&mut Cursor::new(tar), Volume(0))?;
    let mut signatures = Vec::new();
    for entry in &entries {
        let name = String::from_utf8_lossy(entry.path.as_bytes());
        match find_content(tar, entry).map(|bytes| Signature::parse(&name, bytes)) {
            Some(Some(signature)) => signatures.push(signature),
            _ => return Ok(None),
        }
    }
    Ok((!signatures.is_empty()).then_some(signatures))
}

/// Finds the bytes of a regular file in the tar that it was read from.
pub(super) fn find_content<'a>(tar: &'a [u8], entry: &Entry) -> Option<&'a [u8]> {
    let Change::Node(node) = &entry.change else {
        return None;
    };
    let Kind::File(Content::Stored(extent)) = &node.kind else {
        return None;
    };
    let start = usize::try_from(extent.offset).ok()?;
    let end = start.checked_add(usize::try_from(extent.size_bytes).ok()?)?;
    tar.get(start..end)
}
