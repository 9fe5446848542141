//! What a lock was made from, as one sum.

use crate::apk::LockConfig;

/// Joins the texts of a declaration in the order in which they were read.
///
/// Of one that includes nothing it is the file itself, as apko takes it. Between several stands a byte that no YAML has, so
/// that what is moved from one file to the next is noticed.
#[must_use]
pub fn join_texts(texts: &[String]) -> Vec<u8> {
    texts.join("\0").into_bytes()
}

/// Gives the `checksum` of a declaration: `sha256-` and base64.
#[must_use]
pub fn checksum_of(texts: &[String]) -> String {
    LockConfig::checksum_of(&join_texts(texts))
}
