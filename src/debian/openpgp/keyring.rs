//! Keyrings: which keys are trusted, and whether one may sign at a time.
//!
//! A key may sign when its newest self-signature is valid and says so, nothing of it is expired, and it was not revoked, for
//! whatever reason (as `gpgv` decides). A subkey also needs a binding by the key, and one back by itself (RFC 9580, section
//! 5.2.1.8), without which anybody could adopt a foreign subkey. Bindings over SHA-1 count for nothing.

use chrono::{DateTime, Utc};
use pgp::composed::{Deserializable as _, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, Signature, SignatureConfig, SignatureType, SubpacketData};
use pgp::types::{KeyDetails, KeyVersion, Tag};

/// Keys that are trusted.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    keys: Vec<SignedPublicKey>,
}

/// Why a file is no keyring.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// It is of the kind that `gpg` keeps for itself.
    #[error(
        "it is a keybox of GnuPG's, which apt does not read either; `gpg --export` writes a keyring"
    )]
    Keybox,
    /// It holds secret keys.
    #[error("it holds a secret key, and no program that checks signatures needs one")]
    Secret,
    /// It holds no key that can be read.
    #[error("it holds no OpenPGP key that can be read")]
    Empty(#[source] Option<pgp::errors::Error>),
}

/// Why a key may not sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Its time is over.
    #[error("the key expired on {}", .0.format("%Y-%m-%d"))]
    Expired(DateTime<Utc>),
    /// Its owner took it back.
    #[error("the key was revoked")]
    Revoked,
    /// Its own signature on itself is missing, broken, over, or from the future.
    #[error("the key has no valid signature of its own on itself")]
    NotSelfSigned,
    /// Its own signature, or that of its binding, is over SHA-1 or weaker.
    #[error("the key is bound by a signature over a weak hash")]
    WeakBinding,
    /// The subkey does not belong to the key.
    #[error("the subkey and its key are not bound to each other")]
    NotBound,
    /// It is for something else, such as encryption.
    #[error("the key is not for signing")]
    NotForSigning,
    /// It is of the third version of `OpenPGP` or older.
    #[error("the key is of an outdated version")]
    Outdated,
}

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";
/// More than any distribution has.
const MOST_KEYS: usize = 4096;

impl Keyring {
    /// Reads a keyring, binary or armoured; an armoured one may have several blocks.
    ///
    /// Keys of unknown kinds are passed over, since keyrings hold old ones; nothing that they signed is trusted.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyringError> {
        if bytes.get(8..12) == Some(b"KBXf") {
            return Err(KeyringError::Keybox);
        }
        let mut keys = Vec::new();
        let mut fault = None;
        let mut take = |found: pgp::errors::Result<SignedPublicKey>| match found {
            Ok(key) => keys.push(key),
            Err(error) => fault = Some(error),
        };
        match std::str::from_utf8(bytes) {
            Ok(text) if text.contains("-----BEGIN PGP PRIVATE KEY BLOCK-----") => {
                return Err(KeyringError::Secret);
            }
            Ok(text) if text.contains(BEGIN) => {
                for block in text.split(BEGIN).skip(1).take(MOST_KEYS) {
                    let block = block.split(END).next().unwrap_or(block);
                    let block = format!("{BEGIN}{block}{END}\n");
                    match SignedPublicKey::from_armor_many_buf(block.as_bytes()) {
                        Ok((found, _)) => found.take(MOST_KEYS).for_each(&mut take),
                        Err(error) => take(Err(error)),
                    }
                }
            }
            _ => match SignedPublicKey::from_bytes_many(bytes) {
                Ok(found) => found.take(MOST_KEYS).for_each(&mut take),
                Err(error) => take(Err(error)),
            },
        }
        if keys.is_empty() {
            return Err(KeyringError::Empty(fault));
        }
        Ok(Self { keys })
    }

    /// Adds the keys of another one.
    pub fn extend(&mut self, other: Self) {
        self.keys.extend(other.keys);
    }

    /// Keeps the keys of these fingerprints, or with subkeys of them, in hex digits without blanks.
    pub fn retain(&mut self, fingerprints: &[String]) {
        // apt writes a `!` behind one that means exactly this subkey; here it means its key.
        let is_named = |shown: String| {
            let mut names = fingerprints.iter().map(|name| name.trim_end_matches('!'));
            names.any(|name| name.eq_ignore_ascii_case(&shown))
        };
        self.keys.retain(|key| {
            is_named(show_key(&key.primary_key))
                || key
                    .public_subkeys
                    .iter()
                    .any(|it| is_named(show_key(&it.key)))
        });
    }

    /// Tells whether it has no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Gives the fingerprints of its keys, in capital hex digits.
    pub fn fingerprints(&self) -> impl Iterator<Item = String> {
        self.keys.iter().map(|key| show_key(&key.primary_key))
    }

    /// Finds the keys, and subkeys, that a signature names.
    pub(super) fn candidates<'a>(
        &'a self,
        signature: &'a Signature,
    ) -> impl Iterator<Item = Candidate<'a>> {
        let all = self.keys.iter().flat_map(|key| {
            let subkeys = key.public_subkeys.iter().map(Some);
            std::iter::once(None)
                .chain(subkeys)
                .map(move |subkey| Candidate { key, subkey })
        });
        all.filter(|candidate| candidate.is_named_by(signature))
    }
}

/// A key that may have made a signature.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    key: &'a SignedPublicKey,
    subkey: Option<&'a SignedPublicSubKey>,
}

impl Candidate<'_> {
    fn is_named_by(self, signature: &Signature) -> bool {
        match self.subkey {
            None => is_named(&self.key.primary_key, signature),
            Some(subkey) => is_named(&subkey.key, signature),
        }
    }

    /// Gives the fingerprint of the key itself, or of the subkey.
    pub(super) fn show(self) -> String {
        match self.subkey {
            None => show_key(&self.key.primary_key),
            Some(subkey) => show_key(&subkey.key),
        }
    }

    /// Gives when it was made.
    pub(super) fn created(self) -> DateTime<Utc> {
        let created = match self.subkey {
            None => self.key.primary_key.created_at(),
            Some(subkey) => subkey.key.created_at(),
        };
        time(created.as_secs())
    }

    /// Checks the arithmetic of a signature over a text, and nothing else.
    pub(super) fn verify(self, signature: &Signature, text: &str) -> pgp::errors::Result<()> {
        match self.subkey {
            None => signature.verify(&self.key.primary_key, text.as_bytes()),
            Some(subkey) => signature.verify(&subkey.key, text.as_bytes()),
        }
    }

    /// Checks that it may sign at a time.
    pub(super) fn check(self, now: DateTime<Utc>) -> Result<(), KeyFault> {
        let primary = check_primary(self.key, now)?;
        match self.subkey {
            None if primary == Use::Signing => Ok(()),
            None => Err(KeyFault::NotForSigning),
            Some(subkey) => check_subkey(self.key, subkey, now),
        }
    }
}

/// Tells whether a signature names a key; one that names none may be of any.
fn is_named(key: &impl KeyDetails, signature: &Signature) -> bool {
    let (fingerprints, ids) = (signature.issuer_fingerprint(), signature.issuer_key_id());
    if !fingerprints.is_empty() {
        return fingerprints.contains(&&key.fingerprint());
    }
    ids.is_empty() || ids.contains(&&key.legacy_key_id())
}

pub(super) fn show_key(key: &impl KeyDetails) -> String {
    format!("{:X}", key.fingerprint())
}

pub(super) fn time(seconds: u32) -> DateTime<Utc> {
    DateTime::from_timestamp(i64::from(seconds), 0).unwrap_or_default()
}

/// Tells whether no two texts with the same hash are in reach.
pub(super) fn is_strong(signature: &Signature) -> bool {
    use HashAlgorithm::{Sha3_256, Sha3_512, Sha256, Sha384, Sha512};
    matches!(
        signature.hash_alg(),
        Some(Sha256 | Sha384 | Sha512 | Sha3_256 | Sha3_512)
    )
}

/// Tells whether a signature is made, and its own time is not over.
pub(super) fn is_current(signature: &Signature, now: DateTime<Utc>) -> bool {
    let Some(created) = signature.created() else {
        return false;
    };
    let ends = signature.signature_expiration_time();
    let ends = ends.filter(|ends| ends.as_secs() > 0);
    let is_over = ends.is_some_and(|ends| {
        time(created.as_secs()) + chrono::Duration::seconds(i64::from(ends.as_secs())) <= now
    });
    time(created.as_secs()) <= now && !is_over
}

/// Gives the newest one.
fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|signature| signature.created())
}

/// What a key says that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Signing,
    Other,
}

/// A key without flags may do all that its algorithm can.
fn may_sign(signature: &Signature) -> bool {
    let flags = |data: &SubpacketData| match data {
        SubpacketData::KeyFlags(flags) => Some(KeyFlags::sign(flags)),
        _ => None,
    };
    let hashed = signature.config().map(SignatureConfig::hashed_subpackets);
    let found = hashed.and_then(|mut packets| packets.find_map(|packet| flags(&packet.data)));
    found.unwrap_or(true)
}

fn check_expiry(
    key: &impl KeyDetails,
    binding: &Signature,
    now: DateTime<Utc>,
) -> Result<(), KeyFault> {
    let lasts = binding
        .key_expiration_time()
        .map_or(0, pgp::types::Duration::as_secs);
    let created = time(key.created_at().as_secs());
    let ends = created + chrono::Duration::seconds(i64::from(lasts));
    match lasts {
        0 => Ok(()),
        _ if ends <= now => Err(KeyFault::Expired(ends)),
        _ => Ok(()),
    }
}

/// Checks a key by its newest signature on itself, and by the newest one on any of its names, each of which has to allow it.
fn check_primary(key: &SignedPublicKey, now: DateTime<Utc>) -> Result<Use, KeyFault> {
    let primary = &key.primary_key;
    if !matches!(primary.version(), KeyVersion::V4 | KeyVersion::V6) {
        return Err(KeyFault::Outdated);
    }
    let details = &key.details;
    let is_revoked = |signature: &Signature| {
        signature.typ() == Some(SignatureType::KeyRevocation)
            && signature.verify_key(primary).is_ok()
    };
    if details.revocation_signatures.iter().any(is_revoked) {
        return Err(KeyFault::Revoked);
    }
    let direct = details.direct_signatures.iter().filter(|signature| {
        signature.typ() == Some(SignatureType::Key)
            && is_current(signature, now)
            && signature.verify_key(primary).is_ok()
    });
    let named = details.users.iter().filter_map(|user| {
        let own = user.signatures.iter().filter(|signature| {
            is_current(signature, now)
                && is_named(primary, signature)
                && signature
                    .verify_certification(primary, Tag::UserId, &user.id)
                    .is_ok()
        });
        newest(own).filter(|newest| newest.typ() != Some(SignatureType::CertRevocation))
    });
    let bindings: Vec<&Signature> = [newest(direct), newest(named)]
        .into_iter()
        .flatten()
        .collect();
    if bindings.is_empty() {
        return Err(KeyFault::NotSelfSigned);
    }
    if !bindings.iter().copied().all(is_strong) {
        return Err(KeyFault::WeakBinding);
    }
    for binding in &bindings {
        check_expiry(primary, binding, now)?;
    }
    let signs = bindings.iter().copied().all(may_sign);
    Ok(if signs { Use::Signing } else { Use::Other })
}

fn check_subkey(
    key: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
    now: DateTime<Utc>,
) -> Result<(), KeyFault> {
    let primary = &key.primary_key;
    let of = |kind: SignatureType| {
        subkey.signatures.iter().filter(move |signature| {
            signature.typ() == Some(kind)
                && signature
                    .verify_subkey_binding(primary, &subkey.key)
                    .is_ok()
        })
    };
    if of(SignatureType::SubkeyRevocation).next().is_some() {
        return Err(KeyFault::Revoked);
    }
    let bindings = of(SignatureType::SubkeyBinding).filter(|it| is_current(it, now));
    let binding = newest(bindings).ok_or(KeyFault::NotBound)?;
    check_expiry(&subkey.key, binding, now)?;
    if !may_sign(binding) {
        return Err(KeyFault::NotForSigning);
    }
    let back = binding.embedded_signature().ok_or(KeyFault::NotBound)?;
    let is_bound = back.typ() == Some(SignatureType::KeyBinding)
        && is_current(back, now)
        && back
            .verify_primary_key_binding(&subkey.key, primary)
            .is_ok();
    if !is_bound {
        return Err(KeyFault::NotBound);
    }
    if is_strong(binding) && is_strong(back) {
        Ok(())
    } else {
        Err(KeyFault::WeakBinding)
    }
}
