//! Pushing and pulling through the engine, and loading what was made here.

use std::io::Write;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ImportImageOptionsBuilder, PushImageOptionsBuilder,
};
use futures_util::{Stream, StreamExt as _};

use super::build::THREAD_DEADLINE;
use super::stream::body;
use super::{Engine, EngineError};
use crate::oci::{Digest, Reference};
use crate::settings::Secret;

/// An engine tells of each layer ten times a second at most, of five at once: hours of that are fewer words.
const MOST_ANSWERS: usize = 500_000;

/// What the engine needs to log in to a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryLogin {
    /// A name and its password.
    Password {
        /// The name.
        username: String,
        /// Its password.
        password: Secret,
    },
    /// A token that stands for both.
    IdentityToken(Secret),
}

impl RegistryLogin {
    /// Puts it into the words of the engine.
    pub(super) fn credentials(&self, registry: &str) -> DockerCredentials {
        let serveraddress = Some(registry.to_owned());
        match self {
            Self::Password { username, password } => DockerCredentials {
                username: Some(username.clone()),
                password: Some(password.reveal().to_owned()),
                serveraddress,
                ..DockerCredentials::default()
            },
            Self::IdentityToken(token) => DockerCredentials {
                identitytoken: Some(token.reveal().to_owned()),
                serveraddress,
                ..DockerCredentials::default()
            },
        }
    }
}

fn credentials(login: Option<&RegistryLogin>, reference: &Reference) -> Option<DockerCredentials> {
    let registry = reference
        .registry()
        .unwrap_or("https://index.docker.io/v1/");
    login.map(|login| login.credentials(registry))
}

impl Engine {
    /// Pushes a reference and gives the digest of the manifest that the registry took.
    ///
    /// Errors come inside an answer with status 200, so all of it is read; the digest is in its last words.
    /// Each part of it comes within the engine's patience; how long the whole may take is up to who asks.
    pub async fn push(
        &self,
        reference: &Reference,
        login: Option<&RegistryLogin>,
        mut on_line: impl FnMut(String),
    ) -> Result<Digest, EngineError> {
        let action = format!("push {reference}");
        let name = reference.name();
        let tag = reference.tag().map(ToString::to_string).unwrap_or_default();
        let options = PushImageOptionsBuilder::new().tag(&tag).build();
        let answers = self
            .docker
            .push_image(&name, Some(options), credentials(login, reference));
        let mut digest = None;
        follow(&action, self.patience(), answers, |info| {
            let Some(status) = info.status else { return };
            digest = find_digest(&status).or(digest.take());
            // How far each layer is would be told many times a second, and without the layer's name.
            if info.progress_detail.is_none() {
                on_line(status);
            }
        })
        .await?;
        digest.ok_or(EngineError::Incomplete {
            action,
            what: "digest",
        })
    }

    /// Pulls a reference, by tag or by digest.
    pub async fn pull(
        &self,
        reference: &Reference,
        login: Option<&RegistryLogin>,
        mut on_line: impl FnMut(String),
    ) -> Result<(), EngineError> {
        let action = format!("pull {reference}");
        let options = CreateImageOptionsBuilder::new()
            .from_image(&reference.to_string())
            .build();
        let answers = self
            .docker
            .create_image(Some(options), None, credentials(login, reference));
        follow(&action, self.patience(), answers, |info| {
            // Layers repeat their percentages; what is told once per layer is enough.
            if info
                .progress_detail
                .is_none_or(|detail| detail.current.is_none())
                && let Some(status) = info.status
            {
                on_line(match info.id {
                    Some(id) => format!("{id}: {status}"),
                    None => status,
                });
            }
        })
        .await
    }

    /// Loads an archive as `docker save` writes it; `write_archive` runs on a thread of its own.
    pub async fn load<E: Send + 'static>(
        &self,
        write_archive: impl FnOnce(&mut dyn Write) -> Result<(), E> + Send + 'static,
    ) -> Result<Result<(), E>, EngineError> {
        let (mut writer, stream) = body();
        let archive = tokio::task::spawn_blocking(move || match write_archive(&mut writer) {
            // When the engine breaks off, its answer says why.
            Ok(()) => writer.finish().map_or(Ok(()), Ok),
            Err(error) => {
                writer.abort();
                Err(error)
            }
        });
        let options = ImportImageOptionsBuilder::new().quiet(true).build();
        let loaded = follow(
            "load an image",
            self.patience(),
            self.docker.import_image_stream(options, stream, None),
            |_| (),
        )
        .await;
        let archive = tokio::time::timeout(THREAD_DEADLINE, archive)
            .await
            .ok()
            .and_then(Result::ok);
        match (archive, loaded) {
            (Some(Err(error)), _) => Ok(Err(error)),
            (_, Err(error)) => Err(error),
            (_, Ok(())) => Ok(Ok(())),
        }
    }
}

/// Reads an answer to its end, each part within the deadline.
async fn follow<T>(
    action: &str,
    patience: Duration,
    answers: impl Stream<Item = Result<T, bollard::errors::Error>>,
    mut on_answer: impl FnMut(T),
) -> Result<(), EngineError> {
    let mut answers = std::pin::pin!(answers);
    for _ in 0..MOST_ANSWERS {
        match tokio::time::timeout(patience, answers.next()).await {
            Ok(Some(Ok(answer))) => on_answer(answer),
            Ok(Some(Err(error))) => return Err(EngineError::from_client(action, error)),
            Ok(None) => return Ok(()),
            Err(_) => {
                return Err(EngineError::Silent {
                    action: action.to_owned(),
                    deadline: patience,
                });
            }
        }
    }
    Err(EngineError::Endless {
        action: action.to_owned(),
    })
}

/// `<tag>: digest: sha256:… size: N`, the same on all engines.
pub(super) fn find_digest(status: &str) -> Option<Digest> {
    let (_, rest) = status.split_once("digest: ")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_read_from_the_last_words_of_a_push() {
        let digest = Digest::of(b"manifest");
        assert_eq!(
            find_digest(&format!("1.0-1: digest: {digest} size: 528")),
            Some(digest)
        );
        assert_eq!(find_digest("Pushed"), None);
        assert_eq!(find_digest("1: digest: md5:1 size: 2"), None);
    }
}
