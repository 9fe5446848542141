//! Why an image is not published.

use std::path::PathBuf;
use std::time::Duration;

use crate::build::Fault;
use crate::engine::EngineError;
use crate::host::fs::FileError;
use crate::layout::ShelfError;
use crate::oci::{Digest, Reference, ReferenceError, Tag};
use crate::registry::{Presence, RegistryError};

#[derive(Debug, thiserror::Error)]
pub(super) enum PublishError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("an engine is needed, and none answers")]
    NoEngine,
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    #[error("the image in {} was spoiled: remove that directory, and it is made anew", .0.display())]
    Spoiled(PathBuf),
    #[error("what the shelf has as the manifest of {0} is none")]
    NoManifest(Reference),
    #[error(
        "{0} is for several architectures, and what is here is the image of one: build it again"
    )]
    Piece(Reference),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Log(#[from] FileError),
    #[error(
        "the push took longer than {}s, the time of the image's build (`build_timeout`)",
        allowed.as_secs()
    )]
    Slow { allowed: Duration },
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
    #[error("the engine gave the name {0} to another image meanwhile: another run publishes there")]
    Crossed(Reference),
    #[error("the image has come to its repository, and does not get the tag `{tag}`")]
    Untagged { tag: Tag, source: RegistryError },
    #[error(
        "`{registry}` takes no images (405): it may be a mirror or a cache, which is only read from"
    )]
    ReadOnly { registry: String },
    #[error("{label} is published, and `latest` is not moved to it")]
    Latest {
        label: Reference,
        source: Box<PublishError>,
    },
    #[error(
        "{label} was published twice in one moment: as {published}, and as {latest} by somebody else, which is `latest` now"
    )]
    Contested {
        label: Reference,
        latest: Digest,
        published: Digest,
    },
    #[error(
        "{0} is a published version, which does not change: take a tag for the candidate that is none"
    )]
    IsVersion(Reference),
    #[error(
        "the registry keeps the tag `{tag}` from moving: exempt `{}` and `{}` there from the rule that makes tags immutable: {said}",
        Tag::incoming(),
        Tag::latest()
    )]
    Immutable { tag: Tag, said: String },
    #[error("the registry does not have {0} any more")]
    Gone(Reference),
    #[error(transparent)]
    Place(#[from] ReferenceError),
    #[error("interrupted")]
    Interrupted,
}

impl PublishError {
    /// Sorts what an engine says of a push that failed for good: it hands on the registry's answer as text only.
    pub(super) fn of_push(error: EngineError, reference: &Reference) -> Self {
        // The code of a registry that only fetches from elsewhere, or a status without one.
        let is_read_only = |message: &str| {
            message.starts_with("unsupported")
                || ["HTTP 405 ", "status: 405"]
                    .iter()
                    .any(|it| message.contains(it))
        };
        match &error {
            EngineError::Refused { message, .. } if is_read_only(message) => {
                let registry = reference.registry().unwrap_or("docker.io").to_owned();
                Self::ReadOnly { registry }
            }
            EngineError::Refused { message, .. } if error.is_refusal_to_move() => Self::Immutable {
                tag: reference.tag().cloned().unwrap_or_else(Tag::latest),
                said: message.clone(),
            },
            _ => error.into(),
        }
    }

    /// Sorts what a registry says of a tag that is to move.
    pub(super) fn of_tag(reference: &Reference, source: RegistryError) -> Self {
        match &source {
            RegistryError::Refused { .. } if source.is_refusal_to_move() => Self::Immutable {
                tag: reference.tag().cloned().unwrap_or_else(Tag::latest),
                said: source.to_string(),
            },
            _ => source.into(),
        }
    }

    /// Tells of an error at `latest`, behind a version that is published.
    pub(super) fn of_latest(self, label: &Reference) -> Self {
        match self {
            contested @ Self::Contested { .. } => contested,
            source => Self::Latest {
                label: label.clone(),
                source: Box::new(source),
            },
        }
    }

    pub(super) fn untagged(reference: &Reference, source: RegistryError) -> Self {
        let tag = reference.tag().cloned().unwrap_or_else(Tag::latest);
        Self::Untagged { tag, source }
    }

    /// Tells whether the registry could not say what is wrong.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Engine(error) if error.is_unknown())
    }

    /// Tells whether the same push may pass a moment later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Engine(error) => error.may_pass(),
            Self::Crossed(_) => true,
            _ => false,
        }
    }
}

fn found(there: &Presence) -> String {
    match there {
        Presence::Absent => "nothing".to_owned(),
        Presence::Present(digest) => digest.to_string(),
    }
}

impl From<&PublishError> for Fault {
    /// What a registry refuses is for people to settle; one in trouble, or one that is away or is none, is the
    /// environment's, and so are credentials that cannot be had.
    fn from(error: &PublishError) -> Self {
        match error {
            PublishError::Engine(error) => error.into(),
            PublishError::Log(error) => error.into(),
            PublishError::Latest { source, .. } => (&**source).into(),
            PublishError::Registry(source) | PublishError::Untagged { source, .. }
                if source.may_pass()
                    || matches!(
                        source,
                        RegistryError::Tls { .. }
                            | RegistryError::Garbage { .. }
                            | RegistryError::Unreadable { .. }
                            | RegistryError::Credentials { .. }
                    ) =>
            {
                Self::Environment
            }
            PublishError::Slow { .. }
            | PublishError::NoEngine
            | PublishError::Shelf(_)
            | PublishError::Spoiled(_) => Self::Environment,
            _ => Self::Work,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Asked, CredentialsError, Garbage, Identity, Said};

    #[track_caller]
    fn case(source: &RegistryError, expected: Fault) {
        let label: Reference = "r.example.org/nginx:1".parse().expect("a reference");
        let wrapped = |source: RegistryError| PublishError::from(source).of_latest(&label);
        for error in [
            PublishError::from(source.clone()),
            PublishError::untagged(&label, source.clone()),
            wrapped(source.clone()),
        ] {
            assert_eq!(Fault::from(&error), expected, "{error}");
        }
    }

    #[test]
    fn a_refusal_is_for_people_to_settle_and_what_is_no_answer_is_not() {
        let asked = Asked {
            registry: "r.example.org".into(),
            host: "r.example.org".into(),
            subject: "`nginx:1`".into(),
            times: 1,
        };
        let (said, status) = (Said::default(), 403);
        let denied = RegistryError::Denied {
            asked: asked.clone(),
            status,
            identity: Identity::LoggedIn,
            said: said.clone(),
        };
        case(&denied, Fault::Work);
        let refused = RegistryError::Refused {
            asked: asked.clone(),
            status: 413,
            said: said.clone(),
        };
        case(&refused, Fault::Work);
        let read_only = RegistryError::ReadOnly {
            asked: asked.clone(),
            said,
        };
        case(&read_only, Fault::Work);
        let garbage = RegistryError::Garbage {
            asked: asked.clone(),
            garbage: Garbage::OtherDigest,
        };
        case(&garbage, Fault::Environment);
        let source = Box::new(CredentialsError::Malformed {
            host: "r.example.org".to_owned(),
            path: "/home/ann/.docker/config.json".into(),
        });
        let credentials = RegistryError::Credentials { asked, source };
        case(&credentials, Fault::Environment);
    }
}
