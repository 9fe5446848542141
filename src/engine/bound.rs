//! How much of an answer is read at most: a whole document, or one line of an answer that goes on while work is done.
//!
//! ```text
//! HTTP/1.1 200 OK                          the head is bounded by the HTTP library
//! Transfer-Encoding: chunked
//!
//! 1f                                       sizes of chunks do not count
//! {"stream":"Step 1/2 : FROM a"}           counts, up to its end
//! ```

use std::io;

/// A list of 100,000 images is smaller.
const LONGEST_DOCUMENT: u64 = 128 << 20; // bytes
/// `BuildKit` sends what its steps printed in the last moment as one line.
const LONGEST_LINE: u64 = 2 << 20; // bytes

/// Counts the bytes of one answer as they come from the connection.
#[derive(Debug)]
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
    /// Another protocol, or nothing that this program reads.
    Open,
}

impl Bound {
    /// Gives the bound for the answer to a request for this path.
    pub(super) fn of_answer_to(path: &str) -> Self {
        let is_work =
            matches!(path, "/build" | "/images/create" | "/images/load") || path.ends_with("/push");
        Self {
            unit: if is_work { Unit::Line } else { Unit::Document },
            counted: 0,
            place: Place::Head,
            text: Vec::new(),
        }
    }

    /// Takes the next bytes; they are one too many where this fails.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            bytes = match self.place {
                Place::Open => return Ok(()),
                Place::Head => self.take_head(bytes),
                Place::ChunkSize => self.take_size(bytes),
                Place::Body => {
                    self.count(bytes)?;
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

    fn take_head<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let end = end.map_or(bytes.len(), |end| end + 1);
        self.text.extend_from_slice(&bytes[..end]);
        // It goes over as many reads as it likes; the HTTP library refuses it long before that counts.
        if self.text.ends_with(b"\r\n\r\n") || self.text.ends_with(b"\n\n") {
            let head = String::from_utf8_lossy(&self.text).to_ascii_lowercase();
            let mut lines = head.lines();
            let status = lines.next().unwrap_or_default();
            let is_chunked =
                |line: &str| line.starts_with("transfer-encoding:") && line.contains("chunked");
            self.place = match status.split(' ').nth(1).unwrap_or_default() {
                "101" => Place::Open,
                status if status.starts_with('1') => Place::Head,
                _ if lines.any(is_chunked) => Place::ChunkSize,
                _ => Place::Body,
            };
            self.text.clear();
        }
        &bytes[end..]
    }

    /// The line end behind a chunk counts as an empty line before the next size.
    fn take_size<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
            self.text.extend_from_slice(bytes);
            return &[];
        };
        self.text.extend_from_slice(&bytes[..end]);
        let line = String::from_utf8_lossy(&self.text);
        let size = line.split(';').next().unwrap_or_default().trim();
        if !size.is_empty() {
            self.place = match u64::from_str_radix(size, 16) {
                Ok(0) | Err(_) => Place::Open,
                Ok(left) => Place::Chunk { left },
            };
        }
        self.text.clear();
        &bytes[end + 1..]
    }

    fn count(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (longest, what) = match self.unit {
            Unit::Document => (LONGEST_DOCUMENT, "an answer"),
            Unit::Line => (LONGEST_LINE, "a line of its answer"),
        };
        let is_end = |byte: &u8| *byte == b'\n' && self.unit == Unit::Line;
        let first = bytes.iter().position(is_end).unwrap_or(bytes.len());
        self.counted += first as u64;
        let is_too_long = self.counted > longest;
        // What one read brings is shorter than any bound.
        if let Some(last) = bytes.iter().rposition(is_end) {
            self.counted = (bytes.len() - last - 1) as u64;
        }
        if is_too_long {
            let text = format!("{what} is longer than {} MiB", longest >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(())
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
        // Half of these bytes are sizes and line ends of chunks, which end no line of the answer.
        let endless = taken("/build", CHUNKED, b"5\r\nabc}}\r\n", most);
        assert!(endless.abs_diff(4 << 20) < 2000, "{endless}");
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
