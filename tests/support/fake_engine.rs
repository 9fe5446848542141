//! An engine of our own on a Unix socket: it speaks as much of the Docker API as the program asks for, keeps images in
//! memory, really pushes to and pulls from registries, and misbehaves by rule.
//!
//! ```ignore
//! let engine = FakeEngine::start();
//! engine.misbehave((Operation::Build, "nginx"), 1..=2, Fault::Silence);
//! // … two builds of nginx get no answer, the third one is done …
//! assert_eq!(engine.count(Operation::Build), 3);
//! ```
//!
//! A build runs no program. `RUN exit 3` and `RUN false` fail, `RUN sleep 0.2` takes its time, `RUN echo WORDS` prints,
//! and each instruction becomes a line of a file in the layer of the image. What the real engine does with the same
//! catalog is compared in `tests/engine`.

mod api;
mod build;
mod http;
mod registry;
mod store;

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use store::Store;
pub(crate) use store::Stored;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Ping,
    Version,
    Info,
    Images,
    Inspect,
    Tag,
    Remove,
    Build,
    Push,
    Pull,
    Load,
    Containers,
    /// The connections besides a build of `BuildKit`.
    Session,
    Other,
}

/// A way to misbehave.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The engine ends before the answer, and its socket with it.
    Gone,
    /// The engine ends in the middle of the answer, and its socket with it.
    GoneInTheMiddle,
    /// This status with this message.
    Status(u16, &'static str),
    /// No answer comes at all.
    Silence,
    /// Half an answer comes, then the connection ends.
    Truncated,
    /// The work fails with these words inside an answer with status 200.
    Words(&'static str),
    /// The answer comes, and names another image than the one it is about.
    WrongId,
    /// The answer comes one byte at a time, with this wait before each.
    Drip(Duration),
    /// These bytes come as the whole answer, head and all.
    Raw(Vec<u8>),
    /// This head comes, and then these bytes again and again.
    Endless(&'static str, Vec<u8>),
}

/// A dialect that engines have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// The version of the API that it says it has.
    pub(crate) api: &'static str,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { api: "1.41" }
    }
}

/// An engine that runs as long as this value lives.
pub(crate) struct FakeEngine {
    home: tempfile::TempDir,
    shared: Arc<Shared>,
}

struct Shared {
    socket: PathBuf,
    dialect: Dialect,
    state: Mutex<State>,
    watcher: Mutex<Option<Watcher>>,
}

type Watcher = Box<dyn FnMut(Operation) + Send>;

/// At which requests the engine misbehaves, and how.
struct Rule {
    operation: Operation,
    /// Stands in the path or in the query of the requests that are meant.
    subject: String,
    numbers: RangeInclusive<usize>,
    fault: Fault,
    count: usize,
}

#[derive(Default)]
struct State {
    store: Store,
    rules: Vec<Rule>,
    counts: HashMap<Operation, usize>,
    contexts: Vec<Vec<u8>>,
    hub: Option<String>,
    forgets_tags: bool,
    given_away: Option<String>,
    is_gone: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request and finds the rule for it.
    fn record(&self, operation: Operation, request: &http::Request) -> Option<Fault> {
        if let Some(watcher) = &mut *self.watcher.lock().unwrap_or_else(PoisonError::into_inner) {
            watcher(operation);
        }
        let mut state = self.state();
        *state.counts.entry(operation).or_default() += 1;
        let mut rules = state.rules.iter_mut();
        let rule =
            rules.find(|rule| rule.operation == operation && request.names(&rule.subject))?;
        rule.count += 1;
        rule.numbers
            .contains(&rule.count)
            .then(|| rule.fault.clone())
    }

    /// Ends the engine: nobody listens at its socket any more.
    fn end(&self) {
        self.state().is_gone = true;
        // The thread that listens sees it at the next connection. There is none where two answers end it.
        let _ = UnixStream::connect(&self.socket);
        // It is gone already where two answers end it.
        let _ = std::fs::remove_file(&self.socket);
    }
}

impl FakeEngine {
    /// Starts one that speaks as Docker 20.10 does.
    pub(crate) fn start() -> Self {
        Self::start_with(Dialect::default())
    }

    /// Starts one that speaks another dialect.
    pub(crate) fn start_with(dialect: Dialect) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let socket = home.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let shared = Arc::new(Shared {
            socket,
            dialect,
            state: Mutex::default(),
            watcher: Mutex::default(),
        });
        let served = Arc::clone(&shared);
        std::thread::spawn(move || serve(&listener, &served));
        Self { home, shared }
    }

    /// Gives its address, for `DOCKER_HOST`.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.home.path().join("engine.sock").display())
    }

    /// Misbehaves at requests of an operation that name a subject, counted from 1; of several rules the first one for them
    /// counts.
    pub(crate) fn misbehave(
        &self,
        (operation, subject): (Operation, &str),
        numbers: RangeInclusive<usize>,
        fault: Fault,
    ) -> &Self {
        self.shared.state().rules.push(Rule {
            operation,
            subject: subject.to_owned(),
            numbers,
            fault,
            count: 0,
        });
        self
    }

    /// Behaves from now on.
    pub(crate) fn behave(&self) -> &Self {
        self.shared.state().rules.clear();
        self
    }

    /// Ends it: nobody listens at its socket any more.
    pub(crate) fn end(&self) {
        self.shared.end();
    }

    /// Calls this before each request is answered.
    pub(crate) fn watch(&self, watcher: impl FnMut(Operation) + Send + 'static) {
        let mut slot = self.shared.watcher.lock();
        **slot.as_mut().expect("no watcher panics") = Some(Box::new(watcher));
    }

    /// Gives the number of requests of an operation so far.
    pub(crate) fn count(&self, operation: Operation) -> usize {
        let state = self.shared.state();
        state.counts.get(&operation).copied().unwrap_or_default()
    }

    /// Gives the contexts of all builds; of a large one only the beginning.
    pub(crate) fn contexts(&self) -> Vec<Vec<u8>> {
        self.shared.state().contexts.clone()
    }

    /// Says yes to every further name of an image, and forgets it.
    pub(crate) fn forget_tags(&self) {
        self.shared.state().forgets_tags = true;
    }

    /// Gives a name of an image to another one, the next time that any image is given a further name.
    pub(crate) fn give_away(&self, name: &str) {
        self.shared.state().given_away = Some(name.to_owned());
    }

    /// Takes the registry at `HOST:PORT` for Docker Hub.
    pub(crate) fn take_for_hub(&self, host: &str) {
        self.shared.state().hub = Some(host.to_owned());
    }

    /// Stores an image without a parent under a name, and gives its identity.
    pub(crate) fn put_image(&self, name: &str) -> String {
        self.shared.state().store.put_base(name)
    }

    /// Finds an image by any of its names.
    pub(crate) fn find(&self, name: &str) -> Option<Stored> {
        self.shared.state().store.find(name).cloned()
    }

    /// Gives an image a further name.
    pub(crate) fn tag(&self, image: &str, name: &str) {
        let mut state = self.shared.state();
        let id = state.store.find(image).expect("an image").id.clone();
        state.store.tag(&id, name);
    }

    /// Gives all names of all images, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.shared.state().store.names()
    }
}

impl Drop for FakeEngine {
    fn drop(&mut self) {
        self.shared.end();
    }
}

fn serve(listener: &UnixListener, shared: &Arc<Shared>) {
    for stream in listener.incoming().map_while(Result::ok) {
        if shared.state().is_gone {
            return;
        }
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            // A client that goes away in the middle has said why to its user.
            let _ = converse(stream, &shared);
        });
    }
}

fn converse(stream: UnixStream, shared: &Shared) -> std::io::Result<()> {
    let request = http::Request::read(&stream)?;
    let operation = api::operation(&request.method, &request.path);
    let fault = shared.record(operation, &request);
    let mut answer = http::Answer::new(stream, fault.clone(), shared.dialect.api);
    match fault {
        Some(Fault::Gone) => {
            shared.end();
            return Ok(());
        }
        Some(Fault::Silence) => return answer.wait_for_end(),
        Some(Fault::Status(status, message)) => {
            return answer.json(status, &serde_json::json!({ "message": message }));
        }
        Some(Fault::Raw(bytes)) => return answer.raw(&bytes),
        Some(Fault::Endless(head, bytes)) => return answer.endless(head, &bytes),
        _ => (),
    }
    let answered = api::answer(shared, operation, &request, fault.as_ref(), &mut answer);
    if matches!(fault, Some(Fault::GoneInTheMiddle)) {
        shared.end();
    }
    answered
}
