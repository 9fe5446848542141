//! A registry of our own that speaks the distribution API well enough for an engine to push to it, and misbehaves by rule;
//! or one that stands in front of a real registry and misbehaves at some of what passes through.
//!
//! ```ignore
//! let registry = FaultyRegistry::start();
//! let digest = registry.put_manifest("base/nginx", "1", MANIFEST);
//! registry.misbehave(Operation::HeadManifest, 1..=2, Fault::status(503));
//! // … two requests get a 503, the third one its answer …
//! assert_eq!(registry.requests_of(Operation::HeadManifest).len(), 3);
//! ```

mod distribution;
mod login;
mod server;
mod wire;

use std::net::TcpListener;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::HeaderMap;
use pkg::oci::Digest;
use tokio::sync::oneshot;

use distribution::Storage;
pub(crate) use login::Login;

/// Every request of an operation.
pub(crate) const ALWAYS: RangeInclusive<usize> = 1..=usize::MAX;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Ping,
    HeadManifest,
    /// By its tag.
    GetManifest,
    /// By its digest.
    ReadBack,
    /// Under the tag with which an image comes.
    PutIncoming,
    /// Under its digest alone.
    PutByDigest,
    /// Under the tag that lists what is attached to an image.
    PutReferrers,
    /// Under a version, or the tag of a candidate.
    PutManifest,
    /// Under `latest`.
    PutLatest,
    ListTags,
    HeadBlob,
    GetBlob,
    /// Also one that is to mount.
    StartUpload,
    /// From another repository.
    Mount,
    AskUpload,
    WriteUpload,
    FinishUpload,
    Token,
    Other,
}

impl Operation {
    /// Tells whether it is one, or a kind of it.
    fn is(self, operation: Self) -> bool {
        self == operation || (self, operation) == (Self::Mount, Self::StartUpload)
    }
}

/// A way to misbehave.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This status, with these headers and a JSON error body.
    Status(u16, Vec<(&'static str, String)>),
    /// This status with this body, as plain text.
    Words(u16, String),
    /// The connection is reset before an answer.
    Reset,
    /// The answer comes, one byte at a time with this wait before each.
    Drip(Duration),
    /// Half an answer comes, then the connection ends.
    Half,
    /// The answer comes with this text as its digest.
    Digest(&'static str),
    /// The answer comes with these headers.
    Headers(Vec<(&'static str, String)>),
    /// The answer comes with its `Location` at another host (`127.0.0.1:PORT`).
    Location(String),
    /// The answer comes without a digest.
    NoDigest,
    /// A page for browsers, with status 200.
    Html,
    /// A manifest larger than any may be.
    Huge,
    /// No answer comes at all.
    Silence,
    /// A redirect to the same path at another host (`http://127.0.0.1:PORT`).
    Redirect(String),
}

impl Fault {
    /// Tells whether the request is carried out before something goes wrong with the answer.
    fn comes_after_the_work(&self) -> bool {
        matches!(
            self,
            Self::Drip(_)
                | Self::Half
                | Self::Digest(_)
                | Self::Headers(_)
                | Self::Location(_)
                | Self::NoDigest
        )
    }

    /// Answers with a status and nothing more.
    pub(crate) fn status(status: u16) -> Self {
        Self::Status(status, Vec::new())
    }

    /// Answers with a status and a header.
    pub(crate) fn header(status: u16, name: &'static str, value: &str) -> Self {
        Self::Status(status, vec![(name, value.to_owned())])
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) operation: Operation,
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) at: Instant,
}

impl Recorded {
    /// Gives a header's value, or nothing.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A registry that runs as long as this value lives, in a thread of its own.
pub(crate) struct FaultyRegistry {
    host: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    login: Option<Login>,
    watcher: Mutex<Option<Watcher>>,
    behind: Option<Behind>,
}

/// A real registry that does the work.
struct Behind {
    host: String,
    http: reqwest::Client,
}

type Watcher = Box<dyn FnMut(&Recorded) + Send>;

#[derive(Default)]
struct State {
    token_prefix: String,
    token_service: Option<String>,
    takes_no_tokens: bool,
    storage: Storage,
    rules: Vec<Rule>,
    requests: Vec<Recorded>,
    tokens: Vec<String>,
    at_once: usize,
    most_at_once: usize,
}

/// When to misbehave, how, and how often that was.
struct Rule {
    operation: Operation,
    requests: RangeInclusive<usize>,
    fault: Fault,
    hits: usize,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watcher(&self) -> MutexGuard<'_, Option<Watcher>> {
        self.watcher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FaultyRegistry {
    /// Starts one that asks nobody for a name.
    pub(crate) fn start() -> Self {
        Self::start_with(None, None)
    }

    /// Starts one that hands on what it does not misbehave at to a real registry, which asks nobody for a name.
    pub(crate) fn start_in_front_of(host: &str, login: Option<Login>) -> Self {
        // The client under test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build();
        let behind = Behind {
            host: host.to_owned(),
            http: http.expect("a client"),
        };
        Self::start_with(login, Some(behind))
    }

    /// Starts one that wants a login.
    pub(crate) fn start_for(login: Login) -> Self {
        Self::start_with(Some(login), None)
    }

    fn start_with(login: Option<Login>, behind: Option<Behind>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            login,
            behind,
            ..Shared::default()
        });
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let thread = std::thread::spawn(move || server::serve(listener, &served, stopped));
        Self {
            host: address.to_string(),
            shared,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Gives `127.0.0.1:PORT`, as it stands in references.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Begins all tokens that it gives with a text.
    pub(crate) fn give_tokens_beginning_with(&self, prefix: &str) {
        prefix.clone_into(&mut self.shared.state().token_prefix);
    }

    /// Names another registry's token service, and that registry, to who is to log in.
    pub(crate) fn name_token_service_of(&self, host: &str) {
        self.shared.state().token_service = Some(host.to_owned());
    }

    /// Gives tokens and takes none of them.
    pub(crate) fn take_no_tokens(&self) {
        self.shared.state().takes_no_tokens = true;
    }

    /// Misbehaves at requests of an operation, counted from 1; of several rules the first one that fits counts.
    pub(crate) fn misbehave(
        &self,
        operation: Operation,
        requests: RangeInclusive<usize>,
        fault: Fault,
    ) -> &Self {
        let mut state = self.shared.state();
        state.rules.push(Rule {
            operation,
            requests,
            fault,
            hits: 0,
        });
        drop(state);
        self
    }

    /// Gives how many requests met a fault.
    pub(crate) fn hits(&self) -> usize {
        let state = self.shared.state();
        state.rules.iter().map(|rule| rule.hits).sum()
    }

    /// Stores a manifest and gives its digest.
    pub(crate) fn put_manifest(&self, repository: &str, tag: &str, body: &str) -> Digest {
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let mut state = self.shared.state();
        state
            .storage
            .put_manifest(repository, tag, kind, body.as_bytes())
    }

    /// Finds a manifest by tag or digest.
    pub(crate) fn find_manifest(&self, repository: &str, tag: &str) -> Option<Vec<u8>> {
        let state = self.shared.state();
        state
            .storage
            .find_manifest(repository, tag)
            .map(|(_, body)| body)
    }

    /// Finds what is stored in a repository under a digest; others have it as well, unless it is strict.
    pub(crate) fn find_blob(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        self.shared
            .state()
            .storage
            .find_blob(repository, digest)
            .cloned()
    }

    /// Has in each repository only the blobs that came there, and forgets uploads that ended, as registries do.
    pub(crate) fn be_strict(&self) {
        self.shared.state().storage.is_strict = true;
    }

    /// Calls this before each request is answered.
    pub(crate) fn watch(&self, watcher: impl FnMut(&Recorded) + Send + 'static) {
        *self.shared.watcher() = Some(Box::new(watcher));
    }

    /// Forgets all tokens, as a registry does that was started again.
    pub(crate) fn forget_tokens(&self) {
        self.shared.state().tokens.clear();
    }

    /// Gives all requests in the order in which they came.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.shared.state().requests.clone()
    }

    /// Gives the requests of one operation.
    pub(crate) fn requests_of(&self, operation: Operation) -> Vec<Recorded> {
        let mut requests = self.requests();
        requests.retain(|request| request.operation.is(operation));
        requests
    }

    /// Gives the largest number of requests that were answered at the same time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.shared.state().most_at_once
    }
}

impl Drop for FaultyRegistry {
    fn drop(&mut self) {
        // The thread is gone already where nobody receives; its panic was printed by itself.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}
