//! Building one image from a streamed context.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::time::Duration;

use bollard::BollardRequest;
use bollard::auth::DockerCredentials;
use bollard::models::{BuildInfo, BuildInfoAux, ImageId};
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder, BuilderVersion};
use futures_util::StreamExt as _;

use super::connection::{Store, use_url_safe_credentials};
use super::images::parse_id;
use super::progress::{BuildKitFollower, ClassicFollower, FailedStep};
use super::session::{Answers, Session};
use super::step::explain_failed_step;
use super::stream::{BodyWriter, body};
use super::{BuildProgress, Builder, Engine, EngineError, RegistryLogin};
use crate::host::unique_hex;
use crate::oci::{Digest, Reference};
use crate::settings::{ContainerLimits, SecretBytes};

/// What the engine is asked to build; the context comes beside it.
#[derive(Clone, Debug)]
pub struct BuildRequest {
    /// The reference of the image that comes out.
    pub label: Reference,
    /// Build arguments.
    pub arguments: BTreeMap<String, String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Who the engine is at the registries from which the build fetches images.
    pub logins: BTreeMap<String, RegistryLogin>,
    /// What `RUN --mount=type=secret,id=…` gets, by the ids; only BuildKit can.
    pub secrets: BTreeMap<String, SecretBytes>,
    /// Whether steps may come from the engine's cache.
    pub use_cache: bool,
    /// Which builder does it.
    pub builder: Builder,
    /// Limits for the classic builder.
    pub limits: ContainerLimits,
    /// How long it may take at most.
    pub deadline: Duration,
}

/// Why no image came out.
#[derive(Debug, thiserror::Error)]
pub enum BuildFault<C> {
    /// A step failed, or the Dockerfile is wrong.
    #[error("{0}")]
    Step(String),
    /// The context could not be made.
    #[error(transparent)]
    Context(C),
    /// It took longer than allowed.
    #[error("the build took longer than {}s", .0.as_secs())]
    Deadline(Duration),
    /// The engine, or the way to it.
    #[error(transparent)]
    Engine(EngineError),
}

impl Engine {
    /// Builds an image and gives its identity.
    ///
    /// `write_context` runs on a thread of its own and writes the context as a tar. Dropping the future cancels the build
    /// on Docker within half a second.
    pub async fn build<C: Send + 'static>(
        &self,
        request: &BuildRequest,
        write_context: impl FnOnce(&mut dyn Write) -> Result<(), C> + Send + 'static,
        mut on_progress: impl FnMut(BuildProgress),
    ) -> Result<Digest, BuildFault<C>> {
        let session = self.open_session(request).await;
        let session = session.map_err(BuildFault::Engine)?;
        let (writer, stream) = body();
        let context = tokio::task::spawn_blocking(move || send(writer, write_context));
        let options = options(request, session.as_ref());
        let credentials = credentials(&request.logins);
        let body = bollard::body_try_stream(stream);
        let docker = self
            .docker
            .clone()
            .with_request_modifier(complete(&request.limits, session.is_some()));
        let mut answers = Box::pin(docker.build_image(options, credentials, Some(body)));
        let mut follower = Follower::new(request.builder);
        let reading = tokio::time::timeout(request.deadline, async {
            while let Some(answer) = answers.next().await {
                match answer {
                    Ok(info) => follower.follow(info, &mut on_progress),
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        });
        let engine_error =
            |error| BuildFault::Engine(EngineError::from_client("build an image", error));
        match reading.await {
            Err(_) => Err(BuildFault::Deadline(request.deadline)),
            Ok(Ok(())) => {
                follower.finish(None, &mut on_progress);
                Self::built_id(&follower, request)
            }
            Ok(Err(error)) => {
                // The thread may wait for an engine that reads no more; without the request nobody listens to it.
                drop(answers);
                let context = tokio::time::timeout(THREAD_DEADLINE, context).await;
                // A context that could not be made breaks the request off; its own error says why.
                if let Ok(Ok(Err(ContextFault::Content(fault)))) = context {
                    return Err(BuildFault::Context(fault));
                }
                let text = step_error(&error);
                follower.finish(text.as_deref(), &mut on_progress);
                Err(match text {
                    Some(text) => BuildFault::Step(match follower.failed() {
                        Some(FailedStep { name, error }) => explain_failed_step(name, error),
                        None => explain_failed_step("", &text),
                    }),
                    None => engine_error(error),
                })
            }
        }
    }

    /// A build with secrets has a session of ours, any other one that of the client library.
    async fn open_session(&self, request: &BuildRequest) -> Result<Option<Session>, EngineError> {
        if request.builder == Builder::Classic || request.secrets.is_empty() {
            return Ok(None);
        }
        let logins = request.logins.iter().flat_map(|(registry, login)| {
            let names = names_of_registry(registry).into_iter();
            names.map(|name| (name.to_owned(), login.clone()))
        });
        let answers = Answers {
            secrets: request.secrets.clone(),
            logins: logins.collect(),
        };
        Session::open(self.address(), answers).await.map(Some)
    }

    /// The label may have been moved by somebody else since, so the identity has to come from the build itself.
    fn built_id<C>(follower: &Follower, request: &BuildRequest) -> Result<Digest, BuildFault<C>> {
        let incomplete = || {
            BuildFault::Engine(EngineError::Incomplete {
                action: format!("build {}", request.label),
                what: "image id",
            })
        };
        let id = follower.id.as_deref().and_then(parse_id);
        id.ok_or_else(incomplete)
    }

    /// Gives the text with which a FROM line gets exactly this image, whatever its label points to by then, and without
    /// ever asking a registry.
    ///
    /// On a graph driver neither `FROM sha256:…` nor `FROM name@sha256:…` finds a local image with BuildKit, so the image
    /// gets a reference of its own, at a registry address where nobody can listen. On the containerd store the
    /// identity is a manifest that can be named.
    pub async fn pin(
        &self,
        id: &Digest,
        label: &Reference,
        run: &str,
    ) -> Result<String, EngineError> {
        match self.store() {
            Store::Containerd => Ok(match label.digest() {
                None => format!("{label}@{id}"),
                Some(_) => label.with_digest(id.clone()).to_string(),
            }),
            Store::GraphDriver => {
                let name = format!("{PIN_REPOSITORY}:{}.{run}", id.hex());
                let reference = name.parse().map_err(|_| EngineError::Incomplete {
                    action: format!("pin {label}"),
                    what: "usable reference",
                })?;
                self.tag(id, &reference).await?;
                Ok(name)
            }
        }
    }

    /// Removes the references that [`Engine::pin`] gave in the runs that are chosen by their names.
    pub async fn remove_pins(&self, is_chosen: impl Fn(&str) -> bool) -> Result<(), EngineError> {
        let images = self.images().await?;
        let mut result = Ok(());
        for reference in images.references() {
            let pinned = reference.strip_prefix(PIN_REPOSITORY);
            let Some((_, by)) = pinned.and_then(|pinned| pinned.split_once('.')) else {
                continue;
            };
            if is_chosen(by) {
                let removed = self.remove_tag(reference).await;
                // One that cannot be removed does not keep the others.
                result = result.and(removed.map(drop));
            }
        }
        result
    }
}

/// How long a thread that nobody listens to any more may take to notice.
pub(super) const THREAD_DEADLINE: Duration = Duration::from_secs(10);

/// Port 1 of the loopback: no registry is there, so a pin that is gone makes a build fail rather than pull.
const PIN_REPOSITORY: &str = "127.0.0.1:1/pkg/parent";

enum ContextFault<C> {
    Content(C),
    Sending(#[expect(dead_code, reason = "told by the answer of the engine")] io::Error),
}

fn send<C>(
    mut writer: BodyWriter,
    write_context: impl FnOnce(&mut dyn Write) -> Result<(), C>,
) -> Result<(), ContextFault<C>> {
    match write_context(&mut writer) {
        Ok(()) => writer.finish().map_err(ContextFault::Sending),
        Err(fault) => {
            writer.abort();
            Err(ContextFault::Content(fault))
        }
    }
}

fn options(request: &BuildRequest, session: Option<&Session>) -> BuildImageOptions {
    let arguments: HashMap<_, _> = request.arguments.clone().into_iter().collect();
    let labels: HashMap<_, _> = request.labels.clone().into_iter().collect();
    let options = BuildImageOptionsBuilder::new()
        .dockerfile("Dockerfile")
        .t(&request.label.to_string())
        .nocache(!request.use_cache)
        .rm(true)
        .forcerm(true)
        .buildargs(&arguments)
        .labels(&labels);
    let options = match (request.builder, session) {
        // Two builds with one session would get each other's answers.
        (Builder::BuildKit, None) => options
            .version(BuilderVersion::BuilderBuildKit)
            .session(&unique_hex()),
        // The client library opens a session for each build that it knows to be BuildKit's.
        (Builder::BuildKit, Some(session)) => options
            .version(BuilderVersion::BuilderV1)
            .session(session.id()),
        (Builder::Classic, _) => options,
    };
    options.build()
}

/// The builders ask by other names of Docker Hub than references have.
fn names_of_registry(registry: &str) -> Vec<&str> {
    match registry {
        "docker.io" => vec![
            "https://index.docker.io/v1/",
            "registry-1.docker.io",
            "docker.io",
        ],
        other => vec![other],
    }
}

fn credentials(
    logins: &BTreeMap<String, RegistryLogin>,
) -> Option<HashMap<String, DockerCredentials>> {
    let mut credentials = HashMap::new();
    for (registry, login) in logins {
        for name in names_of_registry(registry) {
            credentials.insert(name.to_owned(), login.credentials(name));
        }
    }
    (!credentials.is_empty()).then_some(credentials)
}

/// Puts limits into the request: the client's own parameters for them have 32 bits, which hold no more than 2 GiB. A build
/// with a session of ours gets its builder here.
fn complete(
    limits: &ContainerLimits,
    has_session: bool,
) -> impl Fn(BollardRequest) -> BollardRequest + Send + Sync + 'static {
    let parameters = [
        ("memory", limits.memory_bytes.map(|bytes| bytes.to_string())),
        (
            "memswap",
            limits.memory_and_swap_bytes.map(|bytes| bytes.to_string()),
        ),
        (
            "cpushares",
            limits.cpu_shares.map(|shares| shares.to_string()),
        ),
        ("cpusetcpus", limits.cpus.clone()),
    ];
    let query: String = parameters
        .iter()
        .filter_map(|(name, value)| Some(format!("&{name}={}", value.as_ref()?)))
        .collect();
    move |request| {
        let mut request = use_url_safe_credentials(request);
        let mut uri = format!("{}{query}", request.uri());
        if has_session {
            uri = with_buildkit(&uri);
        }
        if let Ok(uri) = uri.parse() {
            *request.uri_mut() = uri;
        }
        request
    }
}

fn with_buildkit(uri: &str) -> String {
    let parameters = uri.split_inclusive(['?', '&']).map(|part| {
        let value = part.trim_end_matches('&');
        if value == "version=1" {
            part.replace('1', "2")
        } else {
            part.to_owned()
        }
    });
    parameters.collect()
}

/// What the engine says of a failing step comes inside the stream; a refused Dockerfile is a 400 before it.
fn step_error(error: &bollard::errors::Error) -> Option<String> {
    use bollard::errors::Error;
    match error {
        Error::DockerStreamError { error } => Some(super::error::one_line(error)),
        Error::DockerResponseServerError {
            status_code: 400,
            message,
        } => Some(super::error::one_line(message)),
        _ => None,
    }
}

/// Follows either builder.
pub(super) struct Follower {
    kind: FollowerKind,
    id: Option<String>,
}

enum FollowerKind {
    BuildKit(BuildKitFollower),
    Classic(ClassicFollower),
}

impl Follower {
    pub(super) fn new(builder: Builder) -> Self {
        let kind = match builder {
            Builder::BuildKit => FollowerKind::BuildKit(BuildKitFollower::default()),
            Builder::Classic => FollowerKind::Classic(ClassicFollower::default()),
        };
        Self { kind, id: None }
    }

    pub(super) fn follow(&mut self, info: BuildInfo, on_progress: &mut impl FnMut(BuildProgress)) {
        let told = match (info.aux, &mut self.kind) {
            // The classic builder gives one for each stage; the last counts.
            (Some(BuildInfoAux::Default(ImageId { id })), _) => {
                self.id = id.or_else(|| self.id.take());
                Vec::new()
            }
            (Some(BuildInfoAux::BuildKit(report)), FollowerKind::BuildKit(follower)) => {
                follower.follow(report)
            }
            (_, FollowerKind::Classic(follower)) => {
                follower.follow(info.stream.as_deref().unwrap_or_default())
            }
            (_, FollowerKind::BuildKit(_)) => Vec::new(),
        };
        told.into_iter().for_each(on_progress);
    }

    pub(super) fn finish(
        &mut self,
        error: Option<&str>,
        on_progress: &mut impl FnMut(BuildProgress),
    ) {
        if let FollowerKind::Classic(follower) = &mut self.kind {
            follower.finish(error).into_iter().for_each(on_progress);
        }
    }

    pub(super) fn failed(&self) -> Option<&FailedStep> {
        match &self.kind {
            FollowerKind::BuildKit(follower) => follower.failed(),
            FollowerKind::Classic(_) => None,
        }
    }
}
