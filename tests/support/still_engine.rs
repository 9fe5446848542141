//! An engine that answers as it is told and does nothing: for kinds of engines that this machine has not, and for
//! programs whose requests are to be seen.

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Gives the status and the body for the first line of a request.
pub(crate) type Answers = fn(&str) -> (u16, &'static str);

/// A socket at which answers are given.
pub(crate) struct StillEngine {
    home: tempfile::TempDir,
    bodies: Receiver<Vec<u8>>,
}

impl StillEngine {
    /// Starts it.
    pub(crate) fn start(answers: Answers) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let listener = UnixListener::bind(home.path().join("engine.sock")).expect("a socket");
        let (sender, bodies) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A client that goes away in the middle has said why to its user.
                let _ = answer(stream, answers, &sender);
            }
        });
        Self { home, bodies }
    }

    /// Gives its address, for `DOCKER_HOST`.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.home.path().join("engine.sock").display())
    }

    /// Gives the next body that was sent to it.
    pub(crate) fn body(&self) -> Vec<u8> {
        let body = self.bodies.recv_timeout(Duration::from_secs(10));
        body.expect("a request with a body")
    }
}

fn answer(mut stream: UnixStream, answers: Answers, bodies: &Sender<Vec<u8>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut is_chunked = false;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        is_chunked |= line.to_ascii_lowercase().starts_with("transfer-encoding:");
        if line.trim().is_empty() {
            break;
        }
    }
    if is_chunked {
        // The test may be over.
        let _ = bodies.send(read_chunks(&mut reader)?);
    }
    let (status, body) = answers(&request);
    let head = format!(
        "HTTP/1.1 {status} -\r\nApi-Version: 1.41\r\nOstype: linux\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    if request.starts_with("HEAD") {
        return Ok(());
    }
    stream.write_all(body.as_bytes())
}

fn read_chunks(reader: &mut BufReader<UnixStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        reader.by_ref().take(size).read_to_end(&mut body)?;
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(body);
        }
    }
}
