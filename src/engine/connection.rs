//! The connection to one engine, and what kind of engine it is.

use std::time::Duration;

use bollard::Docker;
use bollard::models::SystemVersion;

use super::{EngineAddress, EngineError};

/// How long the engine may take at most for an answer that is no work.
pub(super) const ANSWER_DEADLINE: Duration = Duration::from_secs(60);
/// The first version of the API that knows several stages: Docker 17.06.
const OLDEST_API: (u32, u32) = (1, 30);
/// Above every deadline of ours: the client's own limit would also cover uploads.
pub(super) const CLIENT_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 3600);

/// The builder that an engine offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builder {
    /// BuildKit, through `/build?version=2`.
    BuildKit,
    /// The builder that every engine had before, and that podman imitates.
    Classic,
}

/// Whose engine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// Docker's: it ends the step that runs as soon as nobody waits for the build any more.
    Docker,
    /// podman's: it ends a build between two steps only.
    Podman,
}

/// A connected engine.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(super) docker: Docker,
    address: EngineAddress,
    make: Make,
    version: String,
    builder: Builder,
    store: Store,
    patience: Duration,
}

/// Where the engine keeps images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    /// A graph driver: local tags win in FROM lines.
    GraphDriver,
    /// containerd: FROM is looked up at the registry first, unless the manifest is named.
    Containerd,
}

impl Engine {
    /// Connects, agrees on the version of the API, and finds out which builder there is; `patience` is how long the engine
    /// may be silent from then on.
    pub async fn connect(address: EngineAddress, patience: Duration) -> Result<Self, EngineError> {
        let docker =
            super::transport::client(&address)?.with_request_modifier(use_url_safe_credentials);
        let silent = || EngineError::Silent {
            action: "answer".to_owned(),
            deadline: ANSWER_DEADLINE.min(patience),
        };
        let asked = tokio::time::timeout(ANSWER_DEADLINE.min(patience), async {
            let docker = docker.negotiate_version().await?;
            let version = docker.version().await?;
            let info = docker.info().await?;
            Ok((docker, version, info))
        });
        let (docker, version, info) = asked
            .await
            .map_err(|_| silent())?
            .map_err(|error| unreachable(&address, error))?;
        let api = version.api_version.as_deref().unwrap_or_default();
        if !is_at_least(api, OLDEST_API) {
            return Err(EngineError::TooOld {
                address,
                api: super::error::one_line(api),
                needed: format!("{}.{}", OLDEST_API.0, OLDEST_API.1),
            });
        }
        let make = find_make(&version);
        // Engines before 23.0 do not announce BuildKit, but have it from API 1.39 on.
        let has_buildkit = is_at_least(api, (1, 39));
        let is_containerd = info
            .driver_status
            .iter()
            .flatten()
            .flatten()
            .any(|value| value == "io.containerd.snapshotter.v1");
        Ok(Self {
            docker,
            address,
            make,
            version: super::error::one_line(version.version.as_deref().unwrap_or_default()),
            builder: if has_buildkit && make == Make::Docker {
                Builder::BuildKit
            } else {
                Builder::Classic
            },
            store: if is_containerd {
                Store::Containerd
            } else {
                Store::GraphDriver
            },
            patience,
        })
    }

    /// Gives the address.
    #[must_use]
    pub fn address(&self) -> &EngineAddress {
        &self.address
    }

    /// Tells whose it is.
    #[must_use]
    pub fn make(&self) -> Make {
        self.make
    }

    /// Refuses an engine whose BuildKit cannot be sent a context: with the containerd store, all before 27.5 look for it in
    /// the network.
    pub fn check_takes_contexts(&self) -> Result<(), EngineError> {
        const FIRST: (u32, u32) = (27, 5);
        // An engine of somebody's own making may have no number.
        let is_numbered = self.version.starts_with(|c| matches!(c, '1'..='9'));
        let looks_elsewhere = self.store == Store::Containerd
            && self.builder == Builder::BuildKit
            && is_numbered
            && !is_at_least(&self.version, FIRST);
        if looks_elsewhere {
            return Err(EngineError::NoContext {
                version: self.version.clone(),
            });
        }
        Ok(())
    }

    /// Gives the builder that is used where nothing else is asked for.
    #[must_use]
    pub fn builder(&self) -> Builder {
        self.builder
    }

    /// Gives the builder that keeps limits: the classic one, since `BuildKit` ignores them. On the containerd store that
    /// one takes other parents than it is given, so there is none.
    #[must_use]
    pub fn builder_with_limits(&self) -> Option<Builder> {
        (self.store == Store::GraphDriver || self.builder == Builder::Classic)
            .then_some(Builder::Classic)
    }

    /// Tells whether the identity of an image is the digest of its configuration.
    #[must_use]
    pub fn identifies_by_config(&self) -> bool {
        self.store == Store::GraphDriver
    }

    /// Gives how long the engine may be silent in the middle of work.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn store(&self) -> Store {
        self.store
    }

    /// Waits for an answer that is no work.
    pub(super) async fn answer<T>(
        &self,
        action: &str,
        request: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T, EngineError> {
        self.answer_within(ANSWER_DEADLINE.min(self.patience), action, request)
            .await
    }

    /// Waits for an answer that takes the engine some work.
    pub(super) async fn answer_within<T>(
        &self,
        deadline: Duration,
        action: &str,
        request: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Result<T, EngineError> {
        match tokio::time::timeout(deadline, request).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(EngineError::from_client(action, error).of_question()),
            Err(_) => Err(EngineError::Silent {
                action: action.to_owned(),
                deadline,
            }),
        }
    }
}

fn find_make(version: &SystemVersion) -> Make {
    let mut components = version.components.iter().flatten();
    if components.any(|component| component.name.starts_with("Podman")) {
        Make::Podman
    } else {
        Make::Docker
    }
}

fn unreachable(address: &EngineAddress, error: bollard::errors::Error) -> EngineError {
    let address = address.clone();
    match error {
        bollard::errors::Error::DockerResponseServerError {
            status_code,
            message,
        } => EngineError::Refused {
            action: "tell its version".to_owned(),
            status: status_code,
            message: super::error::one_line(&message),
        },
        other if is_forbidden(&other) => EngineError::Forbidden { address },
        other => EngineError::Unreachable {
            address,
            source: Box::new(other),
        },
    }
}

/// The kind of the fault is at the bottom of the client's errors.
fn is_forbidden(error: &bollard::errors::Error) -> bool {
    let mut causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| {
        error.source()
    });
    causes.any(|cause| {
        let io = cause.downcast_ref::<std::io::Error>();
        io.is_some_and(|io| io.kind() == std::io::ErrorKind::PermissionDenied)
    })
}

fn is_at_least(version: &str, minimum: (u32, u32)) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= minimum
}

/// Docker reads these headers as URL-safe base64 and silently drops credentials in the standard alphabet, which the
/// client library writes.
pub(super) fn use_url_safe_credentials(
    mut request: bollard::BollardRequest,
) -> bollard::BollardRequest {
    for name in ["x-registry-auth", "x-registry-config"] {
        let Some(value) = request.headers().get(name) else {
            continue;
        };
        let url_safe: Vec<u8> = value
            .as_bytes()
            .iter()
            .map(|&byte| match byte {
                b'+' => b'-',
                b'/' => b'_',
                other => other,
            })
            .collect();
        if let Ok(mut value) = http::HeaderValue::from_bytes(&url_safe) {
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(is_at_least("1.41", (1, 39)));
        assert!(is_at_least("1.100", (1, 39)));
        assert!(!is_at_least("1.9", (1, 39)));
        assert!(!is_at_least("", (1, 39)));
        assert!(is_at_least("28.5.2+dfsg4", (27, 5)));
        assert!(!is_at_least("26.1.5+dfsg1", (27, 5)));
    }
}
