//! The way to an engine: a connection for each request, over which no answer comes that would fill the memory.
//!
//! The client library collects an answer, or a line of an answer, until it ends, however long that is.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bollard::{BollardRequest, Docker};
use http::Uri;
use http::header::{HOST, HeaderValue};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

use super::bound::Bound;
use super::connection::CLIENT_TIMEOUT;
use super::{EngineAddress, EngineError};

/// Where the engine listens.
#[derive(Clone, Debug)]
enum Place {
    Socket(PathBuf),
    /// `HOST:PORT`.
    Network(String),
}

/// Makes a client for the engine at an address; nothing is connected yet.
pub(super) fn client(address: &EngineAddress) -> Result<Docker, EngineError> {
    const ANY_HOST: &str = "http://engine";
    let place = find_place(&address.0).ok_or_else(|| EngineError::Address {
        address: address.clone(),
    })?;
    let transport = move |request| ask(place.clone(), request);
    let timeout = CLIENT_TIMEOUT.as_secs();
    let version = bollard::API_DEFAULT_VERSION;
    Docker::connect_with_custom_transport(transport, Some(ANY_HOST), timeout, version)
        .map_err(|error| EngineError::from_client("answer", error))
}

fn find_place(address: &str) -> Option<Place> {
    if let Some(path) = address.strip_prefix("unix://") {
        return Some(Place::Socket(path.into()));
    }
    let host = ["tcp://", "http://"]
        .iter()
        .find_map(|scheme| address.strip_prefix(scheme))?;
    Some(Place::Network(host.trim_end_matches('/').to_owned()))
}

async fn ask(
    place: Place,
    request: BollardRequest,
) -> Result<http::Response<Incoming>, bollard::errors::Error> {
    let bound = Bound::of_answer_to(request.uri().path());
    match place {
        Place::Socket(path) => {
            let stream = UnixStream::connect(&path)
                .await
                .map_err(|error| match error.kind() {
                    io::ErrorKind::NotFound => {
                        bollard::errors::Error::SocketNotFoundError(path.display().to_string())
                    }
                    _ => error.into(),
                })?;
            send(stream, bound, HeaderValue::from_static("docker"), request).await
        }
        Place::Network(host) => {
            let stream = TcpStream::connect(&host).await?;
            stream.set_nodelay(true)?;
            let host = HeaderValue::from_str(&host).map_err(http::Error::from)?;
            send(stream, bound, host, request).await
        }
    }
}

async fn send<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    bound: Bound,
    host: HeaderValue,
    mut request: BollardRequest,
) -> Result<http::Response<Incoming>, bollard::errors::Error> {
    let stream = TokioIo::new(Bounded { stream, bound });
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    // It ends with its one answer, or as soon as nobody wants that any more.
    tokio::spawn(connection.with_upgrades());
    let target = request.uri().path_and_query().cloned();
    *request.uri_mut() = target.map_or_else(Uri::default, Uri::from);
    request.headers_mut().insert(HOST, host);
    Ok(sender.send_request(request).await?)
}

/// Reads an answer as the client library does, out of bytes instead of a connection, and gives its body.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) async fn read_answer(path: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    use std::future::poll_fn;

    use hyper::body::Body as _;

    let stream = TokioIo::new(Bounded {
        stream: AfterQuestion::new(bytes),
        bound: Bound::of_answer_to(path),
    });
    let request = http::Request::get(path).header(HOST, "docker");
    let request = request.body(String::new()).ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.ok()?;
    let answer = async {
        let mut body = sender.send_request(request).await.ok()?.into_body();
        let mut read = Vec::new();
        while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
        {
            read.extend(frame.data_ref().into_iter().flatten());
        }
        Some(read)
    };
    let (read, _) = tokio::join!(answer, connection);
    read
}

/// Bytes that are there as soon as something was asked.
#[cfg(any(test, feature = "fuzzing"))]
struct AfterQuestion<'b> {
    rest: &'b [u8],
    is_asked: bool,
    waiting: Option<std::task::Waker>,
}

#[cfg(any(test, feature = "fuzzing"))]
impl<'b> AfterQuestion<'b> {
    fn new(rest: &'b [u8]) -> Self {
        Self {
            rest,
            is_asked: false,
            waiting: None,
        }
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl AsyncRead for AfterQuestion<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_asked {
            self.waiting = Some(context.waker().clone());
            return Poll::Pending;
        }
        Pin::new(&mut self.rest).poll_read(context, buffer)
    }
}

#[cfg(any(test, feature = "fuzzing"))]
impl AsyncWrite for AfterQuestion<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_asked = true;
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A connection of which no more is read than the bound allows.
struct Bounded<S> {
    stream: S,
    bound: Bound,
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        Poll::Ready(self.bound.take(&buffer.filled()[before..]))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
