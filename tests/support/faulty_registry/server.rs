//! The server: takes requests, records them, and lets a rule or the API answer.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::wire::{Control, Damage, Wire};
use super::{Behind, Fault, Operation, Recorded, Rule, Shared, distribution, login};

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer before it goes over the wire.
pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    /// How long the body is; the answer to a HEAD has none.
    length: usize,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(status: StatusCode, kind: &str, body: Vec<u8>) -> Self {
        let answer = Self {
            status,
            headers: HeaderMap::new(),
            length: body.len(),
            body,
        };
        answer.with(CONTENT_TYPE.as_str(), kind)
    }

    pub(super) fn json(status: StatusCode, json: &serde_json::Value) -> Self {
        Self::new(status, "application/json", json.to_string().into_bytes())
    }

    pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Self {
        let json = serde_json::json!({"errors": [{"code": code, "message": message}]});
        Self::json(status, &json)
    }

    pub(super) fn set_status(&mut self, status: StatusCode) {
        self.status = status;
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        let name: hyper::header::HeaderName = name.parse().expect("a header's name");
        self.headers
            .insert(name, value.parse().expect("a header's value"));
        self
    }

    /// Makes the response, of which all headers come and only `share` of the body.
    fn into_response(self, share: Share) -> Response<Body> {
        let length = self.body.len();
        let end = match share {
            Share::Whole => length,
            Share::Half => length / 2,
        };
        let told = self.length;
        let part = Bytes::copy_from_slice(&self.body[..end]);
        let frames = stream::iter([Ok(Frame::data(part))]);
        let missing = stream::iter((end < length).then(|| Err(io::ErrorKind::Other.into())));
        let mut response = Response::new(StreamBody::new(frames.chain(missing)).boxed_unsync());
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let length = response.headers_mut().entry(CONTENT_LENGTH);
        length.or_insert(told.into());
        response
    }
}

#[derive(Clone, Copy)]
enum Share {
    Whole,
    Half,
}

/// Serves until it is stopped.
pub(super) fn serve(listener: TcpListener, shared: &Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        listener.set_nonblocking(true).expect("a socket option");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        let host = listener.local_addr().expect("its address").to_string();
        let accept = async {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(connection(stream, Arc::clone(shared), host.clone()));
            }
        };
        tokio::select! {
            // Dropped by its owner means stopped as well.
            _ = stopped => {}
            () = accept => {}
        }
    });
    // What hangs on purpose would hang here too.
    runtime.shutdown_background();
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, host: String) {
    let control = Control::default();
    let wire = TokioIo::new(Wire::new(stream, control.clone()));
    let service = service_fn(|request| exchange(request, &shared, &host, &control));
    // A connection that is damaged on purpose ends with an error.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(wire, service)
        .await;
}

/// Counts itself as under way as long as it lives.
struct UnderWay<'a>(&'a Shared);

impl<'a> UnderWay<'a> {
    fn begin(shared: &'a Shared) -> Self {
        let mut state = shared.state();
        state.at_once += 1;
        state.most_at_once = state.most_at_once.max(state.at_once);
        Self(shared)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.state().at_once -= 1;
    }
}

async fn exchange(
    request: Request<Incoming>,
    shared: &Shared,
    host: &str,
    control: &Control,
) -> Result<Response<Body>, io::Error> {
    let _under_way = UnderWay::begin(shared);
    let (head, body) = request.into_parts();
    let (body, broken) = read(body).await;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Recorded {
        operation: distribution::operation(head.method.as_str(), path),
        method: head.method.to_string(),
        path: path.to_owned(),
        headers: head.headers,
        body,
        at: Instant::now(),
    };
    if let Some(broken) = broken {
        distribution::keep_part(&mut shared.state(), &request);
        return Err(io::Error::other(broken));
    }
    // A moment, so that requests that come together are seen to be under way together.
    tokio::time::sleep(Duration::from_millis(1)).await;
    if let Some(watcher) = &mut *shared.watcher() {
        watcher(&request);
    }
    let fault = record(shared, &request);
    if let Some(Fault::Silence) = fault {
        let never: Infallible = std::future::pending().await;
        match never {}
    }
    let answer = if fault.as_ref().is_none_or(Fault::comes_after_the_work) {
        Some(answer(shared, host, &request).await)
    } else {
        None
    };
    misbehave(fault, &request, control, || answer.expect("an answer"))
}

/// Reads a body as far as it comes.
async fn read(mut body: Incoming) -> (Vec<u8>, Option<hyper::Error>) {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
            Err(broken) => return (bytes, Some(broken)),
        }
    }
    (bytes, None)
}

/// Answers as a registry does that behaves.
async fn answer(shared: &Shared, host: &str, request: &Recorded) -> Answer {
    if request.operation == Operation::Token {
        return login::give_token(shared, request);
    }
    if let Some(refusal) = login::refuse(shared, host, request) {
        return refusal;
    }
    match &shared.behind {
        Some(behind) => forward(behind, host, request).await,
        None => distribution::answer(&mut shared.state(), host, request)
            .with("docker-distribution-api-version", "registry/2.0"),
    }
}

/// Hands a request on to the real registry behind this one, which takes itself to be at this one's address.
async fn forward(behind: &Behind, host: &str, request: &Recorded) -> Answer {
    let method = request.method.parse().expect("a method");
    let url = format!("http://{}{}", behind.host, request.path);
    let mut headers = request.headers.clone();
    for name in [
        "authorization",
        "connection",
        "content-length",
        "transfer-encoding",
    ] {
        headers.remove(name);
    }
    headers.insert("host", host.parse().expect("a header's value"));
    let sent = behind.http.request(method, url).headers(headers);
    let response = sent
        .body(request.body.clone())
        .send()
        .await
        .expect("an answer");
    let (status, mut headers) = (response.status(), response.headers().clone());
    let length = headers.remove(CONTENT_LENGTH);
    for name in ["connection", "transfer-encoding"] {
        headers.remove(name);
    }
    let body = response.bytes().await.expect("a whole answer").to_vec();
    let length = length.and_then(|it| it.to_str().ok()?.parse().ok());
    Answer {
        status,
        headers,
        length: length.unwrap_or(body.len()),
        body,
    }
}

/// Records a request and finds the rule for it.
fn record(shared: &Shared, request: &Recorded) -> Option<Fault> {
    let mut state = shared.state();
    state.requests.push(request.clone());
    let requests = &state.requests;
    let is_met = |rule: &Rule| {
        let of_its_kind = |it: &&Recorded| it.operation.is(rule.operation);
        let number = requests.iter().filter(of_its_kind).count();
        request.operation.is(rule.operation) && rule.requests.contains(&number)
    };
    let met = state.rules.iter().position(is_met)?;
    let rule = &mut state.rules[met];
    rule.hits += 1;
    Some(rule.fault.clone())
}

/// Answers with a status, in the words of a registry.
fn refusal(status: u16) -> Answer {
    let status = StatusCode::from_u16(status).expect("a status");
    let code = match status.as_u16() {
        401 => "UNAUTHORIZED",
        403 => "DENIED",
        404 => "NAME_UNKNOWN",
        413 => "SIZE_INVALID",
        429 => "TOOMANYREQUESTS",
        503 => "UNAVAILABLE",
        _ => "UNKNOWN",
    };
    Answer::error(status, code, "as the test wants it")
}

fn with_headers(answer: Answer, headers: &[(&'static str, String)]) -> Answer {
    let headers = headers.iter();
    headers.fold(answer, |it, (name, value)| it.with(name, value))
}

fn misbehave(
    fault: Option<Fault>,
    request: &Recorded,
    control: &Control,
    answer: impl FnOnce() -> Answer,
) -> Result<Response<Body>, io::Error> {
    let whole = |answer: Answer| Ok(answer.into_response(Share::Whole));
    match fault {
        None | Some(Fault::Silence) => whole(answer()),
        Some(Fault::Status(status, headers)) => whole(with_headers(refusal(status), &headers)),
        Some(Fault::Words(status, words)) => {
            let status = StatusCode::from_u16(status).expect("a status");
            whole(Answer::new(status, "text/plain", words.into_bytes()))
        }
        Some(Fault::Reset) => {
            control.set(Damage::Reset);
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Some(Fault::Drip(wait)) => {
            control.set(Damage::Drip(wait));
            whole(answer())
        }
        Some(Fault::Half) => {
            let answer = answer();
            // Of an answer without a body, half the head comes.
            if request.method == "HEAD" || answer.body.len() < 2 {
                control.set(Damage::Cut(20));
                return whole(answer);
            }
            Ok(answer.into_response(Share::Half))
        }
        Some(Fault::Digest(text)) => whole(answer().with("docker-content-digest", text)),
        Some(Fault::Headers(headers)) => whole(with_headers(answer(), &headers)),
        Some(Fault::Location(host)) => {
            let answer = answer();
            let location = answer.headers.get("location").expect("a location");
            let location = location.to_str().expect("an address");
            let (_, path) = location.split_once("/v2/").expect("a path");
            let moved = format!("http://{host}/v2/{path}");
            whole(answer.with("location", &moved))
        }
        Some(Fault::NoDigest) => {
            let mut answer = answer();
            answer.headers.remove("docker-content-digest");
            whole(answer)
        }
        Some(Fault::Html) => {
            let page = b"<!DOCTYPE html><html><body>Welcome</body></html>";
            whole(Answer::new(StatusCode::OK, "text/html", page.to_vec()))
        }
        Some(Fault::Huge) => {
            let body = vec![b' '; 5 * 1024 * 1024];
            whole(Answer::new(StatusCode::OK, "application/json", body))
        }
        Some(Fault::Redirect(host)) => {
            let location = format!("{host}{}", request.path);
            let answer = Answer::new(StatusCode::TEMPORARY_REDIRECT, "text/plain", Vec::new());
            whole(answer.with("location", &location))
        }
    }
}
