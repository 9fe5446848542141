//! A server of files that can misbehave.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A way to misbehave.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This status, with this header.
    Status(u16, &'static str),
    /// Half of the file comes, then the connection ends.
    Half,
    /// Nothing comes.
    Silence,
    /// Each byte takes a while.
    Drip,
    /// One byte is another one.
    Changed,
    /// One more byte comes than there should, without a length being told.
    Longer,
}

#[derive(Default)]
struct State {
    /// For a part of a path: what goes wrong, and how many times still.
    faults: HashMap<String, (Fault, usize)>,
    asked: Vec<String>,
}

/// Serves a directory at an address of this machine's.
pub(crate) struct Server {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    pub(crate) fn start(directory: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, directory) = (Arc::clone(&state), directory.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, directory) = (Arc::clone(&shared), directory.clone());
                // Who hangs up in the middle of an answer has reasons.
                thread::spawn(move || drop(serve(stream, &directory, &state)));
            }
        });
        Self { address, state }
    }

    /// Misbehaves so many times at files whose paths hold this.
    pub(crate) fn misbehave(&self, path: &str, fault: Fault, times: usize) {
        self.state
            .lock()
            .unwrap()
            .faults
            .insert(path.to_owned(), (fault, times));
    }

    /// Gives the paths that were asked for since this was called last.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().asked)
    }
}

fn serve(stream: TcpStream, directory: &Path, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            if header.trim().is_empty() {
                break;
            }
        }
        let path = first
            .split(' ')
            .nth(1)
            .unwrap_or("/")
            .trim_start_matches('/')
            .to_owned();
        let fault = {
            let mut state = state.lock().unwrap();
            state.asked.push(path.clone());
            let found = state
                .faults
                .iter_mut()
                .find(|(part, _)| path.contains(part.as_str()));
            found.and_then(|(_, (fault, times))| {
                *times = times.checked_sub(1)?;
                Some(fault.clone())
            })
        };
        let Ok(bytes) = std::fs::read(directory.join(&path)) else {
            stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")?;
            continue;
        };
        answer(&mut stream, fault.as_ref(), bytes)?;
    }
}

fn answer(
    stream: &mut TcpStream,
    fault: Option<&Fault>,
    mut bytes: Vec<u8>,
) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", bytes.len());
    match fault {
        None => (),
        Some(Fault::Status(status, header)) => {
            let text = format!("HTTP/1.1 {status} No\r\n{header}content-length: 0\r\n\r\n");
            return stream.write_all(text.as_bytes());
        }
        Some(Fault::Half) => {
            stream.write_all(head.as_bytes())?;
            stream.write_all(&bytes[..bytes.len() / 2])?;
            return stream.shutdown(Shutdown::Both);
        }
        Some(Fault::Silence) => {
            thread::sleep(Duration::from_secs(30));
            return stream.shutdown(Shutdown::Both);
        }
        Some(Fault::Drip) => {
            stream.write_all(head.as_bytes())?;
            for byte in bytes {
                stream.write_all(&[byte])?;
                thread::sleep(Duration::from_millis(50));
            }
            return Ok(());
        }
        Some(Fault::Changed) => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        Some(Fault::Longer) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
            stream.write_all(&bytes)?;
            stream.write_all(b"x")?;
            return stream.shutdown(Shutdown::Both);
        }
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(&bytes)
}
