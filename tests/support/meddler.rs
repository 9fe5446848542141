//! Stands between the program and the real engine, and meddles with the removal of images.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What becomes of a request.
pub(crate) enum Meddling {
    /// The engine gets it.
    Pass,
    /// The engine does not get it, and the program gets this status and message.
    Answer(u16, &'static str),
    /// This connection ends, and no other one is taken.
    Cut,
}

type Meddle = dyn FnMut(usize, &str) -> Meddling + Send;

/// Hands everything on to the engine; before each removal of an image it asks what to do, with the number of removals
/// before it and the path of the request.
pub(crate) fn start_meddler(
    socket: &Path,
    meddle: impl FnMut(usize, &str) -> Meddling + Send + 'static,
) {
    let listener = UnixListener::bind(socket).expect("a socket");
    let meddle: Arc<Mutex<(usize, bool, Box<Meddle>)>> =
        Arc::new(Mutex::new((0, false, Box::new(meddle))));
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let meddle = Arc::clone(&meddle);
            std::thread::spawn(move || {
                // A connection that was cut ends with an error.
                let _ = hand_on(client, &meddle);
            });
        }
    });
}

fn hand_on(mut client: UnixStream, meddle: &Mutex<(usize, bool, Box<Meddle>)>) -> io::Result<()> {
    if meddle.lock().expect("no test panics in it").1 {
        return client.shutdown(Shutdown::Both);
    }
    let mut server = UnixStream::connect("/var/run/docker.sock")?;
    let (mut answers, mut to_client) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut answers, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return server.shutdown(Shutdown::Write);
        }
        // The head of a request without a body comes whole.
        let request = String::from_utf8_lossy(&buffer[..count]);
        let mut words = request.split(' ');
        let meddling = match (words.next(), words.next()) {
            (Some("DELETE"), Some(path)) => {
                let mut state = meddle.lock().expect("no test panics in it");
                state.0 += 1;
                let before = state.0 - 1;
                let meddling = (state.2)(before, path);
                state.1 |= matches!(meddling, Meddling::Cut);
                meddling
            }
            _ => Meddling::Pass,
        };
        match meddling {
            Meddling::Pass => server.write_all(&buffer[..count])?,
            Meddling::Answer(status, message) => {
                let body = format!("{{\"message\":\"{message}\"}}");
                let head = format!(
                    "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                client.write_all((head + &body).as_bytes())?;
            }
            Meddling::Cut => {
                server.shutdown(Shutdown::Both)?;
                return client.shutdown(Shutdown::Both);
            }
        }
    }
}
