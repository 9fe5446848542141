//! How much of an answer is read at most: a whole document, or one line of an answer that goes on while work is done.
//!
//! ```text
//! HTTP/1.1 200 OK                          the head is bounded by the HTTP library
//! Transfer-Encoding: chunked
//!
//! 1f                                       counts, and its end is no end of a line of the answer
//! {"stream":"Step 1/2 : FROM a"}           counts, up to its end
//! ```
//!
//! The HTTP library may read an answer otherwise than this. So every byte counts, and what is in doubt ends no line.

use std::io;

/// A list of 100,000 images is smaller.
const LONGEST_DOCUMENT: u64 = 128 << 20; // bytes
/// `BuildKit` sends what its steps printed in the last moment as one line.
const LONGEST_LINE: u64 = 2 << 20; // bytes

/// Counts the bytes of one answer as they come from the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bound {
    unit: Unit,
    counted: u64,
    place: Place,
    /// What of a head or of a chunk's size has come so far.
    text: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Document,
    Line,
}

/// Which part of the answer comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Head,
    /// To the end of the connection or of the length that the head tells.
    Body,
    ChunkSize,
    Chunk {
        left: u64,
    },
    /// What follows the last chunk, or what is not clear.
    Rest,
    /// Another protocol.
    Open,
}

impl Bound {
    /// Gives the bound for the answer to a request for this path.
    pub(super) fn of_answer_to(path: &str) -> Self {
        let is_work =
            matches!(path, "/build" | "/images/create" | "/images/load") || path.ends_with("/push");
        // An archive of an image goes to a file as it comes.
        let is_archive = path.starts_with("/images/") && path.ends_with("/get");
        Self {
            unit: if is_work { Unit::Line } else { Unit::Document },
            counted: 0,
            place: if is_archive { Place::Open } else { Place::Head },
            text: Vec::new(),
        }
    }

    /// Takes the next bytes; they are one too many where this fails.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            bytes = match self.place {
                Place::Open => return Ok(()),
                Place::Head => self.take_head(bytes)?,
                Place::ChunkSize => self.take_size(bytes)?,
                Place::Body => {
                    self.count(bytes)?;
                    &[]
                }
                Place::Rest => {
                    self.count_on(bytes)?;
                    &[]
                }
                Place::Chunk { left } => {
                    let end = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    self.count(&bytes[..end])?;
                    let left = left - end as u64;
                    self.place = match left {
                        0 => Place::ChunkSize,
                        left => Place::Chunk { left },
                    };
                    &bytes[end..]
                }
            };
        }
        Ok(())
    }

    /// Gives how many bytes of a document have come.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn counted(&self) -> u64 {
        self.counted
    }

    fn take_head<'b>(&mut self, bytes: &'b [u8]) -> io::Result<&'b [u8]> {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let end = end.map_or(bytes.len(), |end| end + 1);
        self.count_on(&bytes[..end])?;
        self.text.extend_from_slice(&bytes[..end]);
        // It goes over as many reads as it likes; the HTTP library refuses it long before that counts.
        if self.text.ends_with(b"\n\r\n") || self.text.ends_with(b"\n\n") {
            self.place = body_of(&String::from_utf8_lossy(&self.text));
            self.text.clear();
        }
        Ok(&bytes[end..])
    }

    /// The line end behind a chunk counts as an empty line before the next size.
    fn take_size<'b>(&mut self, bytes: &'b [u8]) -> io::Result<&'b [u8]> {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        self.count_on(end.map_or(bytes, |end| &bytes[..=end]))?;
        let Some(end) = end else {
            self.text.extend_from_slice(bytes);
            return Ok(&[]);
        };
        self.text.extend_from_slice(&bytes[..end]);
        let line = String::from_utf8_lossy(&self.text);
        let size = line.split(';').next().unwrap_or_default().trim();
        if !size.is_empty() {
            self.place = match u64::from_str_radix(size, 16) {
                Ok(0) | Err(_) => Place::Rest,
                Ok(left) => Place::Chunk { left },
            };
        }
        self.text.clear();
        Ok(&bytes[end + 1..])
    }

    /// Counts bytes in which no line ends.
    fn count_on(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.counted += bytes.len() as u64;
        self.check()
    }

    /// Counts bytes of the body.
    fn count(&mut self, bytes: &[u8]) -> io::Result<()> {
        let unit = self.unit;
        let is_end = |byte: &u8| *byte == b'\n' && unit == Unit::Line;
        let Some(first) = bytes.iter().position(is_end) else {
            return self.count_on(bytes);
        };
        self.count_on(&bytes[..first])?;
        // What one read brings is shorter than any bound.
        let last = bytes.iter().rposition(is_end).unwrap_or(first);
        self.counted = (bytes.len() - last - 1) as u64;
        Ok(())
    }

    fn check(&self) -> io::Result<()> {
        let (longest, what) = match self.unit {
            Unit::Document => (LONGEST_DOCUMENT, "an answer"),
            Unit::Line => (LONGEST_LINE, "a line of its answer"),
        };
        if self.counted > longest {
            let text = format!("{what} is longer than {} MiB", longest >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(())
    }
}

/// Tells what follows a head.
fn body_of(head: &str) -> Place {
    let head = head.to_ascii_lowercase();
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    match status.split(' ').nth(1).unwrap_or_default() {
        "101" => return Place::Open,
        status if status.starts_with('1') => return Place::Head,
        _ => {}
    }
    let mut codings = lines.filter_map(|line| line.strip_prefix("transfer-encoding"));
    // The last one counts (RFC 9112, section 6.3).
    match (codings.next(), codings.next()) {
        (None, _) => Place::Body,
        (Some(coding), None) if coding.trim_start_matches(':').trim() == "chunked" => {
            Place::ChunkSize
        }
        _ => Place::Rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const PLAIN: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";

    /// Takes a head and then the same bytes again and again, in pieces of an odd size, and gives how many were taken.
    fn taken(path: &str, head: &str, again: &[u8], most: usize) -> usize {
        let mut bound = Bound::of_answer_to(path);
        bound.take(head.as_bytes()).unwrap();
        let many = again.repeat(10_000 / again.len() + 1);
        let mut count = 0;
        while count < most {
            for piece in many.chunks(997) {
                if bound.take(piece).is_err() {
                    return count;
                }
                count += piece.len();
            }
        }
        count
    }

    #[test]
    fn lines_may_go_on_for_ever_and_one_line_may_not() {
        let most = 40 << 20;
        assert!(taken("/build", CHUNKED, b"5\r\nabc}\n\r\n", most) >= most);
        assert!(taken("/build", PLAIN, b"abc}\n", most) >= most);
        let endless = taken("/images/a/push", PLAIN, b"abc}", most);
        assert!(endless.abs_diff(2 << 20) < 1000, "{endless}");
        // The line ends of chunks end no line of the answer.
        let endless = taken("/build", CHUNKED, b"5\r\nabc}}\r\n", most);
        assert!(endless.abs_diff(2 << 20) < 2000, "{endless}");
    }

    #[test]
    fn what_the_http_library_may_read_otherwise_is_bounded_too() {
        let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        for head in [
            head("Transfer-Encoding: gzip# chunked\r\n"),
            head("Transfer-Encoding: chunked, gzip\r\n"),
            head("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n"),
            head("A: b\n"),
            "HTTP/1.1 200 OK\nA: b\n\r\n".to_owned(),
            format!("{CHUNKED}0\r\n"),
            format!("{CHUNKED}no size\r\n"),
            format!("{CHUNKED}1;"),
            CHUNKED.to_owned(),
            "HTTP/1.1 200 OK\r\nEndless: ".to_owned(),
        ] {
            let endless = taken("/build", &head, b"abc}", 40 << 20);
            assert!(endless.abs_diff(2 << 20) < 2000, "{head}: {endless}");
        }
    }

    #[test]
    fn a_document_is_bounded_whatever_its_lines() {
        let most = 200 << 20;
        let endless = taken("/images/json", PLAIN, b"[{},\n", most);
        assert!(endless.abs_diff(128 << 20) < 1000, "{endless}");
    }

    #[test]
    fn another_protocol_is_not_counted() {
        let head = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
        let most = 150 << 20;
        assert!(taken("/session", head, b"x", most) >= most);
    }
}
