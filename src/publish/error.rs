//! Why an image is not published.

use crate::build::Fault;
use crate::engine::EngineError;
use crate::host::fs::FileError;
use crate::oci::{Digest, Reference, ReferenceError};
use crate::registry::{Presence, RegistryError};

#[derive(Debug, thiserror::Error)]
pub(super) enum PublishError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Log(#[from] FileError),
    #[error("{label} is not the image any more that passed its tests")]
    Moved { label: Reference },
    #[error(
        "the registry got {label} as {digest} from somebody else meanwhile; a published version does not change"
    )]
    Overtaken { label: Reference, digest: Digest },
    #[error(
        "the registry does not confirm {reference}: it was pushed as {pushed}, and there is {}",
        found(there)
    )]
    Unconfirmed {
        reference: Reference,
        pushed: Digest,
        there: Presence,
    },
    #[error(
        "the registry does not confirm {reference}: the image there is {}, and {tested} passed its tests",
        there.as_ref().map_or("none", Digest::as_str)
    )]
    OtherImage {
        reference: Reference,
        tested: Digest,
        there: Option<Digest>,
    },
    #[error("{label} is published, and `latest` is not moved to it")]
    Latest {
        label: Reference,
        source: Box<PublishError>,
    },
    #[error("the registry does not have {0} any more")]
    Gone(Reference),
    #[error(transparent)]
    Place(#[from] ReferenceError),
    #[error("interrupted")]
    Interrupted,
}

fn found(there: &Presence) -> String {
    match there {
        Presence::Absent => "nothing".to_owned(),
        Presence::Present(digest) => digest.to_string(),
    }
}

impl From<&PublishError> for Fault {
    /// What a registry refuses is for people to settle; one in trouble, or one that is away, is the environment's.
    fn from(error: &PublishError) -> Self {
        match error {
            PublishError::Engine(error) => error.into(),
            PublishError::Log(error) => error.into(),
            PublishError::Latest { source, .. } => (&**source).into(),
            PublishError::Registry(
                RegistryError::Unreachable { .. }
                | RegistryError::Broken { .. }
                | RegistryError::Silent { .. }
                | RegistryError::Server { .. }
                | RegistryError::RateLimited { .. }
                | RegistryError::Tls { .. },
            ) => Self::Environment,
            _ => Self::Work,
        }
    }
}
