//! Whether a text is signed by a trusted key.

use chrono::{DateTime, Duration, Utc};
use pgp::composed::{Deserializable as _, DetachedSignature};
use pgp::packet::{Signature, SignatureType};

use super::cleartext::{CleartextError, parse_cleartext};
use super::keyring::{KeyFault, Keyring, is_current, is_strong, time};

/// A text that a trusted key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Exactly what is signed, with a line feed behind each line.
    pub text: String,
    /// Who signed it; one at least.
    pub signers: Vec<Signer>,
}

/// A key that signed a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The fingerprint of the key or subkey, in capital hex digits.
    pub fingerprint: String,
    /// When it signed.
    pub signed: DateTime<Utc>,
}

/// Why a text is not to be trusted.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// It is no signed text.
    #[error("it is no clear-signed text: {0}")]
    Form(#[from] CleartextError),
    /// The block of signatures is broken.
    #[error("its signature cannot be read")]
    Unreadable(#[source] pgp::errors::Error),
    /// The block is empty.
    #[error("it has no signature")]
    None,
    /// There are more than anybody needs.
    #[error("it has more than {MOST_SIGNATURES} signatures")]
    TooMany,
    /// A signature is not of this text: it was changed after it was signed.
    #[error("the signature by {key} is wrong: the text was changed after it was signed")]
    Bad {
        /// The fingerprint of the key.
        key: String,
    },
    /// No signature is by a key that is trusted and may sign.
    #[error("none of its signatures counts: {}", join(.0))]
    Untrusted(Vec<Fault>),
}

/// Why one signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct Fault {
    /// The fingerprint of the key, or its id where the signature says no more.
    pub key: String,
    /// Why.
    pub reason: FaultReason,
}

/// The reasons.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultReason {
    /// The keyring has no such key.
    #[error("the key is not in the keyring")]
    UnknownKey,
    /// The hash is SHA-1 or weaker.
    #[error("the signature is over a weak hash, {0}")]
    WeakHash(String),
    /// It is a signature of another kind.
    #[error("the signature is of another kind than one over text")]
    Kind,
    /// It is over, or not yet made.
    #[error("the signature is not of this time")]
    Time,
    /// The program cannot check it.
    #[error("the signature is of a kind that is not supported")]
    Unsupported,
    /// The key may not sign.
    #[error(transparent)]
    Key(#[from] KeyFault),
}

fn join(faults: &[Fault]) -> String {
    let faults: Vec<String> = faults.iter().map(Fault::to_string).collect();
    faults.join("; ")
}

/// An archive signs with two or three keys.
const MOST_SIGNATURES: usize = 16;
/// So far clocks may be apart.
const CLOCKS_APART: Duration = Duration::hours(1);

/// Checks a clear-signed text: one signature at least by a key of the keyring that may sign now, and none that is wrong.
///
/// Signatures by keys that the keyring lacks, or that may no longer sign, do not count; archives sign with old and new keys.
pub fn verify_cleartext(
    bytes: &[u8],
    keyring: &Keyring,
    now: DateTime<Utc>,
) -> Result<Verified, SignatureError> {
    let cleartext = parse_cleartext(bytes)?;
    let (found, _) = DetachedSignature::from_armor_many_buf(cleartext.armour.as_bytes())
        .map_err(SignatureError::Unreadable)?;
    let mut signers = Vec::new();
    let mut faults = Vec::new();
    for (index, signature) in found.enumerate() {
        if index == MOST_SIGNATURES {
            return Err(SignatureError::TooMany);
        }
        let signature = signature.map_err(SignatureError::Unreadable)?.signature;
        match check(&signature, &cleartext.text, keyring, now)? {
            Ok(signer) => signers.push(signer),
            Err(fault) => faults.push(fault),
        }
    }
    if signers.is_empty() {
        return Err(if faults.is_empty() {
            SignatureError::None
        } else {
            SignatureError::Untrusted(faults)
        });
    }
    let text = cleartext.text + "\n";
    Ok(Verified { text, signers })
}

fn check(
    signature: &Signature,
    text: &str,
    keyring: &Keyring,
    now: DateTime<Utc>,
) -> Result<Result<Signer, Fault>, SignatureError> {
    let fault = |key: String, reason| Ok(Err(Fault { key, reason }));
    let named = name_issuer(signature);
    if signature.typ() != Some(SignatureType::Text) {
        return fault(named, FaultReason::Kind);
    }
    if !is_strong(signature) {
        let hash = signature.hash_alg().map(|hash| hash.to_string());
        return fault(named, FaultReason::WeakHash(hash.unwrap_or_default()));
    }
    let signed = time(
        signature
            .created()
            .map_or(0, pgp::types::Timestamp::as_secs),
    );
    let mut wrong = None;
    let mut standing: Option<(String, Result<(), FaultReason>)> = None;
    for candidate in keyring.candidates(signature) {
        if let Err(error) = candidate.verify(signature, text) {
            wrong = Some((candidate.show(), error));
            continue;
        }
        let is_timely = is_current(signature, now + CLOCKS_APART) && signed >= candidate.created();
        let found = match candidate.check(now) {
            _ if !is_timely => Err(FaultReason::Time),
            checked => checked.map_err(FaultReason::Key),
        };
        // Keyrings may hold a key twice, once with a longer life; a revocation in one of them counts for all.
        let is_revoked = found == Err(FaultReason::Key(KeyFault::Revoked));
        if standing.is_none() || is_revoked || found.is_ok() {
            standing = Some((candidate.show(), found));
        }
        if is_revoked {
            break;
        }
    }
    match (standing, wrong) {
        (Some((fingerprint, Ok(()))), _) => Ok(Ok(Signer {
            fingerprint,
            signed,
        })),
        (Some((key, Err(reason))), _) => fault(key, reason),
        (None, None) => fault(named, FaultReason::UnknownKey),
        (None, Some((key, pgp::errors::Error::Unsupported { .. }))) => {
            fault(key, FaultReason::Unsupported)
        }
        (None, Some((key, _))) => Err(SignatureError::Bad { key }),
    }
}

fn name_issuer(signature: &Signature) -> String {
    if let Some(fingerprint) = signature.issuer_fingerprint().first() {
        return format!("{fingerprint:X}");
    }
    match signature.issuer_key_id().first() {
        Some(id) => id.to_string().to_uppercase(),
        None => "an unnamed key".to_owned(),
    }
}
