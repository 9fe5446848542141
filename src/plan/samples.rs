//! What engine and registry hold, for tests.

use super::{Drift, LocalImage};
use crate::oci::{Digest, Reference};

/// The digest at the registry.
pub(super) fn manifest() -> Digest {
    Digest::of(b"manifest")
}

/// The identity that an image has on the engine, unless a row says otherwise.
pub(super) fn identity(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// The label that images of the sample catalog have.
pub(super) fn label(name: &str) -> Reference {
    format!("r.example.org/base/{name}:1")
        .parse()
        .expect("a label")
}

/// An image that was built here and passed its tests.
pub(super) fn built(name: &str) -> LocalImage {
    LocalImage {
        id: identity(name),
        manifests: Vec::new(),
        parents: Some(Vec::new()),
        inputs: None,
        drift: Drift::None,
        moved_base: None,
        verified: true,
    }
}
