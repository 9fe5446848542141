//! Signatures of `OpenPGP`, as far as the lists of an archive are signed with them (RFC 9580).
//!
//! ```text
//! -----BEGIN PGP SIGNED MESSAGE-----
//! Hash: SHA256
//!
//! Suite: stable
//! -----BEGIN PGP SIGNATURE-----
//! …
//! -----END PGP SIGNATURE-----
//! ```
//!
//! The crate `pgp` reads packets and does the arithmetic. Which keys may sign is decided here ([`keyring`]), since it leaves that
//! open, and what is signed is cut out here ([`cleartext`]), so that the text that was checked is the text that is read.

mod cleartext;
mod keyring;
mod verify;

pub use cleartext::CleartextError;
pub use keyring::{KeyFault, Keyring, KeyringError};
pub use verify::{Fault, FaultReason, SignatureError, Signer, Verified, verify_cleartext};
