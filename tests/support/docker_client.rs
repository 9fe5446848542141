//! What the real `docker build` sends: the program speaks to an engine that takes every context and builds nothing.
//!
//! The program decides alone what a `.dockerignore` leaves out, so its context is the measure for ours.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// The program `docker`, with an engine that only listens.
pub(crate) struct DockerClient {
    home: tempfile::TempDir,
    contexts: Receiver<Vec<u8>>,
}

impl DockerClient {
    /// Starts the engine.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let listener = UnixListener::bind(home.path().join("engine.sock")).expect("a socket");
        let (sender, contexts) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A client that goes away in the middle has said why to its user.
                let _ = answer(stream, &sender);
            }
        });
        Self { home, contexts }
    }

    /// Gives the names of all that is no directory in the context of a directory, or what the program says against it.
    pub(crate) fn context_of(&self, directory: &Path) -> Result<BTreeSet<PathBuf>, String> {
        let socket = self.home.path().join("engine.sock");
        let output = Command::new("docker")
            .args(["build", "--quiet", "."])
            .current_dir(directory)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("DOCKER_BUILDKIT", "0")
            .env("DOCKER_HOST", format!("unix://{}", socket.display()))
            .stdin(Stdio::null())
            .output()
            .expect("the program `docker`, which scripts/prepare installs");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let context = self.contexts.recv_timeout(Duration::from_secs(10));
        Ok(names_in(&context.expect("a context")))
    }
}

/// Gives the names of all entries of an archive that are no directories.
pub(crate) fn names_in(context: &[u8]) -> BTreeSet<PathBuf> {
    let mut archive = tar::Archive::new(context);
    let entries = archive.entries().expect("an archive");
    let entries = entries.map(|entry| entry.expect("an entry"));
    let files = entries.filter(|entry| !entry.header().entry_type().is_dir());
    files
        .map(|entry| entry.path().expect("a name").into_owned())
        .collect()
}

fn answer(mut stream: UnixStream, contexts: &Sender<Vec<u8>>) -> io::Result<()> {
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
        let body = read_chunks(&mut reader)?;
        if request.contains("/build?") {
            // The test may be over.
            let _ = contexts.send(body);
        }
    }
    let body = if request.contains("_ping") {
        "OK"
    } else {
        "{}"
    };
    let head = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nOstype: linux\r\nConnection: close\r\n";
    let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
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
