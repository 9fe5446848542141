//! The session beside a build that is given secrets: while BuildKit builds, it asks here for them, and for the logins at
//! registries.
//!
//! ```text
//! POST /session HTTP/1.1
//! Connection: Upgrade
//! Upgrade: h2c
//! X-Docker-Expose-Session-Uuid: …
//!
//! HTTP/1.1 101 UPGRADED
//! ```
//!
//! From then on the engine is the client on this connection, and calls by gRPC. The client library opens sessions of its
//! own, in which it can answer for logins only. A secret leaves this program nowhere else: neither in the request of the
//! build nor in its context.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use bollard_buildkit_proto::health::health_check_response::ServingStatus;
use bollard_buildkit_proto::health::health_server::{Health, HealthServer};
use bollard_buildkit_proto::health::{
    HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse,
};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::secrets_server::{Secrets, SecretsServer};
use bollard_buildkit_proto::moby::buildkit::secrets::v1::{GetSecretRequest, GetSecretResponse};
use bollard_buildkit_proto::moby::filesync::v1::auth_server::{Auth, AuthServer};
use bollard_buildkit_proto::moby::filesync::v1::{
    CredentialsRequest, CredentialsResponse, FetchTokenRequest, FetchTokenResponse,
    GetTokenAuthorityRequest, GetTokenAuthorityResponse, VerifyTokenAuthorityRequest,
    VerifyTokenAuthorityResponse,
};
use http::header::{CONNECTION, HOST, UPGRADE};
use http::{StatusCode, Uri};
use hyper::body::Incoming;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_util::task::AbortOnDropHandle;
use tonic::codegen::{BoxStream, Service as _};
use tonic::server::NamedService;
use tonic::{Request, Response, Status};

use super::connection::ANSWER_DEADLINE;
use super::{EngineAddress, EngineError, RegistryLogin};
use crate::host::unique_hex;
use crate::settings::SecretBytes;

/// What the engine may ask for during one build.
#[derive(Debug)]
pub(super) struct Answers {
    /// The secrets by their ids.
    pub(super) secrets: BTreeMap<String, SecretBytes>,
    /// The logins by the names that the builders ask by.
    pub(super) logins: BTreeMap<String, RegistryLogin>,
}

/// An open session; it ends with this value.
#[derive(Debug)]
pub(super) struct Session {
    id: String,
    _serving: AbortOnDropHandle<()>,
}

/// Why a session could not be opened.
type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Session {
    /// Opens a session at the engine.
    pub(super) async fn open(
        address: &EngineAddress,
        answers: Answers,
    ) -> Result<Self, EngineError> {
        let id = unique_hex();
        let opened = tokio::time::timeout(ANSWER_DEADLINE, upgrade(address, &id));
        let upgraded = match opened.await {
            Ok(upgraded) => upgraded.map_err(|source| EngineError::Session {
                address: address.clone(),
                source,
            })?,
            Err(_) => {
                return Err(EngineError::Silent {
                    action: "open a session".to_owned(),
                    deadline: ANSWER_DEADLINE,
                });
            }
        };
        let serving = tokio::spawn(serve(upgraded, Arc::new(answers)));
        Ok(Self {
            id,
            _serving: AbortOnDropHandle::new(serving),
        })
    }

    /// Gives the name by which the build finds it.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

/// A connection of either kind.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

async fn connect(address: &EngineAddress) -> Result<Box<dyn Wire>, Cause> {
    if let Some(path) = address.0.strip_prefix("unix://") {
        return Ok(Box::new(UnixStream::connect(path).await?));
    }
    let uri: Uri = address.0.parse()?;
    match (uri.scheme_str(), uri.host()) {
        (Some("tcp" | "http"), Some(host)) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let wire = TcpStream::connect((host, uri.port_u16().unwrap_or(80)));
            Ok(Box::new(wire.await?))
        }
        _ => Err("build secrets go to an engine at `unix://` or `tcp://` only".into()),
    }
}

async fn upgrade(address: &EngineAddress, id: &str) -> Result<Upgraded, Cause> {
    const METHODS: [&str; 3] = [
        "/grpc.health.v1.Health/Check",
        "/moby.buildkit.secrets.v1.Secrets/GetSecret",
        "/moby.filesync.v1.Auth/Credentials",
    ];
    let wire = TokioIo::new(connect(address).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(wire).await?;
    // It hands itself over to the session, or ends with it.
    tokio::spawn(connection.with_upgrades());
    let request = http::Request::post("/session")
        .header(HOST, "docker")
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "h2c")
        .header("X-Docker-Expose-Session-Uuid", id);
    let request = METHODS.iter().fold(request, |request, method| {
        request.header("X-Docker-Expose-Session-Grpc-Method", *method)
    });
    let answer = sender.send_request(request.body(String::new())?).await?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(format!("it answered with {}", answer.status()).into());
    }
    Ok(hyper::upgrade::on(answer).await?)
}

async fn serve(upgraded: Upgraded, answers: Arc<Answers>) {
    let service = hyper::service::service_fn(move |request| answer(Arc::clone(&answers), request));
    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    // The engine closes the connection when the build is over, and says in the build's own answer what it missed.
    let _ = server.serve_connection(upgraded, service).await;
}

async fn answer(
    answers: Arc<Answers>,
    request: http::Request<Incoming>,
) -> Result<http::Response<tonic::body::Body>, Infallible> {
    let mut parts = request.uri().path().split('/').skip(1);
    match parts.next() {
        Some(<SecretsServer<Answers> as NamedService>::NAME) => {
            SecretsServer::from_arc(answers).call(request).await
        }
        Some(<AuthServer<Answers> as NamedService>::NAME) => {
            AuthServer::from_arc(answers).call(request).await
        }
        Some(<HealthServer<Answers> as NamedService>::NAME) => {
            HealthServer::from_arc(answers).call(request).await
        }
        _ => Ok(Status::unimplemented("not in this session").into_http()),
    }
}

#[tonic::async_trait]
impl Secrets for Answers {
    async fn get_secret(
        &self,
        request: Request<GetSecretRequest>,
    ) -> Result<Response<GetSecretResponse>, Status> {
        let id = request.into_inner().id;
        match self.secrets.get(&id) {
            Some(secret) => Ok(Response::new(GetSecretResponse {
                data: secret.reveal().to_vec(),
            })),
            None => Err(Status::not_found(format!(
                "the settings give no secret `{id}`"
            ))),
        }
    }
}

#[tonic::async_trait]
impl Auth for Answers {
    async fn credentials(
        &self,
        request: Request<CredentialsRequest>,
    ) -> Result<Response<CredentialsResponse>, Status> {
        let host = request.into_inner().host;
        // An empty answer is that of somebody without a login.
        let (username, secret) = match self.logins.get(&host) {
            Some(RegistryLogin::Password { username, password }) => {
                (username.clone(), password.reveal().to_owned())
            }
            Some(RegistryLogin::IdentityToken(token)) => (String::new(), token.reveal().to_owned()),
            None => (String::new(), String::new()),
        };
        Ok(Response::new(CredentialsResponse { username, secret }))
    }

    // Who is refused here fetches tokens with the credentials above.
    async fn fetch_token(
        &self,
        _: Request<FetchTokenRequest>,
    ) -> Result<Response<FetchTokenResponse>, Status> {
        Err(Status::unimplemented("credentials only"))
    }

    async fn get_token_authority(
        &self,
        _: Request<GetTokenAuthorityRequest>,
    ) -> Result<Response<GetTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("credentials only"))
    }

    async fn verify_token_authority(
        &self,
        _: Request<VerifyTokenAuthorityRequest>,
    ) -> Result<Response<VerifyTokenAuthorityResponse>, Status> {
        Err(Status::unimplemented("credentials only"))
    }
}

#[tonic::async_trait]
impl Health for Answers {
    type WatchStream = BoxStream<HealthCheckResponse>;

    async fn check(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        Ok(Response::new(HealthCheckResponse {
            status: ServingStatus::Serving.into(),
        }))
    }

    async fn list(
        &self,
        _: Request<HealthListRequest>,
    ) -> Result<Response<HealthListResponse>, Status> {
        Err(Status::unimplemented("checks only"))
    }

    async fn watch(
        &self,
        _: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("checks only"))
    }
}
