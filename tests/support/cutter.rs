//! Stands between the program and a registry, cuts connections while something is sent, or lets bytes through slowly.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What becomes of the bytes that are sent to the registry; answers come back as they are.
#[derive(Default)]
pub(crate) struct Manner {
    /// After so many bytes the connection that brought them ends; then after so many more, another one.
    pub(crate) cuts: Vec<usize>,
    /// How long each 64 KiB take.
    pub(crate) pause: Duration,
}

/// Gives the address (`127.0.0.1:PORT`) at which all connections are handed on to `host`, as long as the test runs.
pub(crate) fn start_cutter(host: &str, mut manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    manner.cuts.reverse();
    let (host, manner) = (host.to_owned(), Arc::new(Mutex::new(manner)));
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (host, manner) = (host.clone(), Arc::clone(&manner));
            std::thread::spawn(move || {
                // A connection that was cut ends with an error.
                let _ = hand_on(client, &host, &manner);
            });
        }
    });
    address
}

fn hand_on(mut client: TcpStream, host: &str, manner: &Mutex<Manner>) -> io::Result<()> {
    let mut server = TcpStream::connect(host)?;
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
        let (left, pause) = {
            let mut manner = manner.lock().expect("no test panics in it");
            let left = manner.cuts.last_mut().map(|cut| {
                let left = *cut;
                *cut = cut.saturating_sub(count);
                left
            });
            let left = left.filter(|left| *left <= count);
            if left.is_some() {
                manner.cuts.pop();
            }
            (left, manner.pause)
        };
        std::thread::sleep(pause);
        server.write_all(&buffer[..left.unwrap_or(count)])?;
        if left.is_some() {
            server.shutdown(Shutdown::Both)?;
            return client.shutdown(Shutdown::Both);
        }
    }
}
