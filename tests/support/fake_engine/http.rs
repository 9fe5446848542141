//! HTTP over blocking connections, one request each: every byte of an answer is ours to spoil.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::Fault;

/// What comes behind is read and dropped: nobody fills the memory of the tests.
const MOST_KEPT: usize = 32 << 20; // bytes

/// A request, read whole.
pub(super) struct Request {
    pub(super) method: String,
    /// The path, decoded.
    pub(super) path: String,
    query: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn read(stream: &UnixStream) -> io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let (first, headers) = read_head(&mut reader)?;
        let mut words = first.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        Ok(Self {
            method,
            path: decode(path),
            query: pairs
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
            body: read_body(&mut reader, &headers)?,
        })
    }

    /// Tells whether the request is about something.
    pub(super) fn names(&self, subject: &str) -> bool {
        let mut query = self.query.iter();
        self.path.contains(subject) || query.any(|(_, value)| value.contains(subject))
    }

    /// Gives the value of a parameter, empty where it is not there.
    pub(super) fn parameter(&self, name: &str) -> &str {
        let mut query = self.query.iter();
        query
            .find(|(it, _)| it == name)
            .map_or("", |(_, value)| value)
    }
}

fn read_head(reader: &mut impl BufRead) -> io::Result<(String, Vec<(String, String)>)> {
    let line = |reader: &mut dyn BufRead| {
        let mut line = String::new();
        match reader.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok::<_, io::Error>(line.trim_end().to_owned()),
        }
    };
    let first = line(reader)?;
    let mut headers = Vec::new();
    loop {
        let header = line(reader)?;
        let Some((name, value)) = header.split_once(':') else {
            return Ok((first, headers));
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn read_body(reader: &mut impl BufRead, headers: &[(String, String)]) -> io::Result<Vec<u8>> {
    let find = |name: &str| {
        headers
            .iter()
            .find(|(it, _)| it == name)
            .map(|(_, value)| value)
    };
    let mut body = Vec::new();
    if find("transfer-encoding").is_some() {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            let mut chunk = reader.by_ref().take(size);
            let kept = match body.len() {
                0..MOST_KEPT => chunk.read_to_end(&mut body)? as u64,
                _ => io::copy(&mut chunk, &mut io::sink())?,
            };
            if kept != size {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            reader.read_line(&mut String::new())?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    let length = find("content-length").map_or(Ok(0), |text| text.parse());
    reader
        .take(length.map_err(io::Error::other)?)
        .read_to_end(&mut body)?;
    Ok(body)
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let code = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let (decoded, left) = match (byte, code) {
            (b'%', Some(code)) => (code, &after[2..]),
            (b'+', _) => (b' ', after),
            (&byte, _) => (byte, after),
        };
        bytes.push(decoded);
        rest = left;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An answer that is being given.
pub(super) struct Answer {
    stream: UnixStream,
    fault: Option<Fault>,
    api: &'static str,
}

impl Answer {
    pub(super) fn new(stream: UnixStream, fault: Option<Fault>, api: &'static str) -> Self {
        Self { stream, fault, api }
    }

    /// Answers with a document.
    pub(super) fn json(&mut self, status: u16, json: &serde_json::Value) -> io::Result<()> {
        self.whole(status, json.to_string().as_bytes())
    }

    /// Answers with bytes.
    pub(super) fn whole(&mut self, status: u16, body: &[u8]) -> io::Result<()> {
        let length = format!("Content-Length: {}", body.len());
        let head = self.head(status, &length);
        self.send(head.as_bytes())?;
        match self.fault {
            Some(Fault::Truncated | Fault::GoneInTheMiddle) => self.send(&body[..body.len() / 2]),
            _ => self.send(body),
        }
    }

    fn head(&self, status: u16, more: &str) -> String {
        format!(
            "HTTP/1.1 {status} -\r\nApi-Version: {}\r\nOstype: linux\r\nServer: Docker/20.10.24 (linux)\r\n\
             Content-Type: application/json\r\nConnection: close\r\n{more}\r\n\r\n",
            self.api
        )
    }

    /// Begins an answer of many lines.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        let head = self.head(200, "Transfer-Encoding: chunked");
        self.send(head.as_bytes())
    }

    /// Sends a line of an answer that was begun; it fails when the client is gone, as the engine sees it at its next word.
    pub(super) fn line(&mut self, json: &serde_json::Value) -> io::Result<()> {
        let line = format!("{json}\r\n");
        self.send(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes())
    }

    /// Tells whether the answer is to stop here, half way.
    pub(super) fn stops_half_way(&mut self) -> io::Result<bool> {
        let stops = matches!(self.fault, Some(Fault::Truncated | Fault::GoneInTheMiddle));
        if stops {
            self.send(b"40\r\n{\"stream\":\"half of a li")?;
        }
        Ok(stops)
    }

    /// Ends an answer of many lines.
    pub(super) fn end(&mut self) -> io::Result<()> {
        self.send(b"0\r\n\r\n")
    }

    /// Changes to another protocol, of which nothing is said.
    pub(super) fn upgrade(&mut self) -> io::Result<()> {
        self.send(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")?;
        self.wait_for_end()
    }

    /// Says nothing until the client goes.
    pub(super) fn wait_for_end(&mut self) -> io::Result<()> {
        io::copy(&mut self.stream, &mut io::sink()).map(drop)
    }

    /// Tells whether the client is gone, without waiting.
    pub(super) fn is_left(&mut self) -> bool {
        let asked = self.stream.set_nonblocking(true);
        let read = asked.and_then(|()| self.stream.read(&mut [0]));
        let is_left = matches!(read, Ok(0));
        self.stream.set_nonblocking(false).is_err() || is_left
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.shutdown(Shutdown::Write)?;
        self.wait_for_end()
    }

    pub(super) fn endless(&mut self, head: &str, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(head.as_bytes())?;
        let many = bytes.repeat((1 << 16) / bytes.len().max(1) + 1);
        loop {
            self.stream.write_all(&many)?;
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(Fault::Drip(wait)) = self.fault else {
            return self.stream.write_all(bytes);
        };
        for byte in bytes {
            std::thread::sleep(wait);
            self.stream.write_all(&[*byte])?;
        }
        Ok(())
    }
}

/// What a registry answered.
pub(super) struct Reply {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(it, _)| it == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Sends one plain request to `HOST:PORT`.
pub(super) fn send(
    host: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Reply> {
    const DEADLINE: Duration = Duration::from_secs(20);
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    let length = body.len();
    write!(
        stream,
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
    )?;
    for (name, value) in headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    write!(stream, "Content-Length: {length}\r\n\r\n")?;
    stream.write_all(body)?;
    let mut reader = BufReader::new(stream);
    let (first, headers) = read_head(&mut reader)?;
    let status = first
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let body = match method {
        "HEAD" => Vec::new(),
        _ => read_body(&mut reader, &headers)?,
    };
    Ok(Reply {
        status: status.ok_or(io::ErrorKind::InvalidData)?,
        headers,
        body,
    })
}
