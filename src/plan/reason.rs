//! Why an image is worked on or passed over, with the values that decided it.

use super::InputChange;
use crate::catalog::ImageId;
use crate::oci::{Digest, Reference};

/// What is done with an image in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Built, tested and, where the step says so, published.
    Build(Reason),
    /// Fetched by the digest that the registry gave, for the images that are built on it.
    Pull(Digest),
    /// Built already, but its tests never passed: tested and, where the step says so, published.
    Verify,
    /// Built and tested already: published.
    Publish,
    /// Nothing.
    Skip(Skip),
}

/// Why an image is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Neither the registry nor the engine has this version.
    NotPublished,
    /// The engine does not have this version, and no registry is set.
    NotBuilt,
    /// The engine has an image with this label, and what it was built from is not known: this program did not build it.
    NotOurs,
    /// The engine has this version, made from other inputs than there are now; or the registry has it, and it is to be
    /// published over.
    InputsChanged(Vec<InputChange>),
    /// The engine has this version, and what there is now cannot be held against it: the build will tell.
    InputsUnreadable(String),
    /// The engine has this version, but an image that it is built on is built anew.
    ParentRebuilt {
        /// The image that it is built on.
        parent: ImageId,
    },
    /// The engine has this version, built on another image than the one it would be built on now.
    ParentMoved {
        /// The label of the image that it is built on.
        parent: Reference,
        /// The identity that was recorded when it was built.
        built_on: Digest,
        /// The identity that the engine has now.
        now: Digest,
    },
}

/// Why nothing is done with an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The registry has this version.
    Published(Digest),
    /// The registry has this version, which cannot change, but an image that it is built on is built anew.
    PublishedOnOldParent {
        /// The digest at the registry.
        digest: Digest,
        /// The image that is built anew.
        parent: ImageId,
    },
    /// The registry has this version, made from other inputs than there are now: refused, as a published version does not
    /// change.
    Drifted {
        /// The digest at the registry.
        digest: Digest,
        /// What differs.
        changes: Vec<InputChange>,
    },
    /// Somebody else published this version, while the engine has this program's own, tested image of it: the user decides.
    Taken(Digest),
    /// It is not published, and somebody else took the version of an image that it is built on.
    OnTaken {
        /// The image whose version was taken.
        parent: ImageId,
    },
    /// It is built, tested and kept by an engine, and there is none: what there is of it here is not known.
    NeedsEngine,
    /// The engine has this version, tested, and nothing is to be published.
    Built,
    /// Nothing that is built in this run needs it.
    NotNeeded,
    /// It is not built yet, and only what is built was asked for.
    NotBuiltYet,
}
