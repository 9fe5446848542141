//! The bytes of a blob on their way from its file: read piece by piece, and hashed as they are read.
//!
//! The last piece goes out only where all that was read has the digest that it is sent under. So a file that somebody writes to
//! meanwhile ends in a request that is not whole, and nothing of it is kept.

use std::fs::File;
use std::io::{self, Sink, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use super::LocalBlob;
use crate::host::fs::FileError;
use crate::oci::{Digest, Hasher};

/// How much is read at once. Two pieces of a blob are in memory: one that is sent, and one that is read meanwhile.
const PIECE_BYTES: u64 = 128 * 1024;

/// Why there is nothing to send.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// The file cannot be read.
    File(Arc<FileError>),
    /// It does not hold what it is said to hold.
    Changed,
}

/// What is sent: a file, and how much of it was read.
#[derive(Debug)]
pub(super) struct Source {
    content: Arc<Content>,
    /// How many bytes from the start were sent and taken, or only read, and their hash.
    hashed: (u64, Hasher<Sink>),
    last: Option<Arc<Track>>,
}

#[derive(Debug)]
struct Content {
    file: File,
    path: Arc<Path>,
    digest: Digest,
    size_bytes: u64,
}

impl Source {
    /// Opens the file, which has to have the size that it is said to have.
    pub(super) fn open(blob: &LocalBlob<'_>) -> Result<Self, Fault> {
        let failed = |source| Fault::File(Arc::new(FileError::new("read", blob.path, source)));
        // A pipe or a device would be waited for.
        let metadata = std::fs::metadata(blob.path).map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::other("it is no regular file")));
        }
        let file = File::open(blob.path).map_err(failed)?;
        let size_bytes = file.metadata().map_err(failed)?.len();
        let is_empty = size_bytes == 0 && *blob.digest == Digest::of(b"");
        if size_bytes != blob.size_bytes || (size_bytes == 0 && !is_empty) {
            return Err(Fault::Changed);
        }
        Ok(Self {
            content: Arc::new(Content {
                file,
                path: blob.path.into(),
                digest: blob.digest.clone(),
                size_bytes,
            }),
            hashed: (0, Hasher::alone()),
            last: None,
        })
    }

    pub(super) fn path(&self) -> &Arc<Path> {
        &self.content.path
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.content.size_bytes
    }

    /// Goes to where the rest begins, and reads what stands before it where that is not known; at the end, the whole has to be
    /// what it is said to be.
    pub(super) async fn seek(&mut self, start: u64) -> Result<(), Fault> {
        if self.hashed.0 == start {
            return Ok(());
        }
        let (at, hasher) = if self.hashed.0 < start {
            self.hashed.clone()
        } else {
            (0, Hasher::alone())
        };
        let mut reading = Reading {
            content: Arc::clone(&self.content),
            range: at..start,
            hasher,
        };
        let read = spawn_blocking(move || {
            while !reading.range.is_empty() {
                reading.read()?;
            }
            Ok(reading.hasher)
        });
        let hasher = read
            .await
            .unwrap_or_else(|ended| Err(self.content.ended(ended)))?;
        self.hashed = (start, hasher);
        Ok(())
    }

    /// Reads the whole file once more.
    pub(super) async fn check(&mut self) -> Result<(), Fault> {
        self.hashed = (0, Hasher::alone());
        self.seek(self.size_bytes()).await
    }

    /// Gives a part as the body of a request; it begins where [`Source::seek`] went.
    pub(super) fn send(&mut self, range: Range<u64>) -> Outgoing {
        let track = Arc::new(Track {
            range: range.clone(),
            taken_bytes: AtomicU64::default(),
            outcome: Mutex::default(),
        });
        self.last = Some(Arc::clone(&track));
        let left_bytes = range.end - range.start;
        let reading = Reading {
            content: Arc::clone(&self.content),
            range,
            hasher: self.hashed.1.clone(),
        };
        Outgoing {
            next: (left_bytes > 0).then(|| reading.start()),
            content: Arc::clone(&self.content),
            left_bytes,
            track,
        }
    }

    /// Gives what went wrong with the part that was sent last, on this side.
    pub(super) fn find_fault(&self) -> Option<Fault> {
        match &*self.last.as_ref()?.outcome() {
            Some(Err(fault)) => Some(fault.clone()),
            Some(Ok(_)) | None => None,
        }
    }

    /// Notes that the part that was sent last was taken: it need not be read again.
    pub(super) fn note_taken(&mut self) {
        let Some(last) = self.last.take() else {
            return;
        };
        if let Some(Ok(hasher)) = last.outcome().take() {
            self.hashed = (last.range.end, hasher);
        }
    }
}

impl Content {
    fn ended(&self, fault: tokio::task::JoinError) -> Fault {
        let source = io::Error::other(fault);
        Fault::File(Arc::new(FileError::new("read", &self.path, source)))
    }
}

/// A part of the file that is read.
#[derive(Debug)]
struct Reading {
    content: Arc<Content>,
    /// What is left of it.
    range: Range<u64>,
    /// The hash of all that stands before that.
    hasher: Hasher<Sink>,
}

type Read = (Reading, Result<Bytes, Fault>);

impl Reading {
    /// Reads the next piece on a thread of its own.
    fn start(mut self) -> JoinHandle<Read> {
        spawn_blocking(move || {
            let piece = self.read();
            (self, piece)
        })
    }

    fn read(&mut self) -> Result<Bytes, Fault> {
        let content = &self.content;
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::UnexpectedEof => Fault::Changed,
            _ => Fault::File(Arc::new(FileError::new("read", &content.path, source))),
        };
        let count = PIECE_BYTES.min(self.range.end - self.range.start);
        let mut piece = vec![0; usize::try_from(count).unwrap_or(usize::MAX)];
        let file = &content.file;
        file.read_exact_at(&mut piece, self.range.start)
            .map_err(failed)?;
        self.hasher.write_all(&piece).map_err(failed)?;
        self.range.start += count;
        let is_whole = self.range.start == content.size_bytes;
        if is_whole && self.hasher.clone().finish().0 != content.digest {
            return Err(Fault::Changed);
        }
        Ok(piece.into())
    }
}

/// How far a part is.
#[derive(Debug)]
pub(in crate::registry) struct Track {
    range: Range<u64>,
    /// How much of it went out.
    taken_bytes: AtomicU64,
    /// How the reading ended: with the hash up to the end of the part.
    outcome: Mutex<Option<Result<Hasher<Sink>, Fault>>>,
}

impl Track {
    fn outcome(&self) -> std::sync::MutexGuard<'_, Option<Result<Hasher<Sink>, Fault>>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for what sends the part and gets its answer, as long as it moves: nothing where no byte goes out in the time of a
    /// request, or no answer comes in that of an answer.
    ///
    /// What went out may still stand in the machine's buffers: the slower it went, the longer the answer may take.
    pub(in crate::registry) async fn watch<T>(
        &self,
        request: Duration,
        answer: Duration,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> Option<T> {
        let began = Instant::now();
        let whole = self.range.end - self.range.start;
        let (mut until, mut mark) = (began + request, 0);
        loop {
            if let Ok(done) = timeout_at(until, work.as_mut()).await {
                return Some(done);
            }
            let taken = self.taken_bytes.load(Ordering::Relaxed);
            if taken == mark {
                return None;
            }
            mark = taken;
            let moment = if taken == whole {
                answer.max(began.elapsed())
            } else {
                request
            };
            until = Instant::now() + moment;
        }
    }
}

/// A part of a file as the body of a request.
#[derive(Debug)]
pub(in crate::registry) struct Outgoing {
    /// The piece that is read, unless all was.
    next: Option<JoinHandle<Read>>,
    content: Arc<Content>,
    left_bytes: u64,
    track: Arc<Track>,
}

impl Outgoing {
    /// Tells how far it is, from outside.
    pub(in crate::registry) fn track(&self) -> Arc<Track> {
        Arc::clone(&self.track)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        let Some(next) = &mut this.next else {
            return Poll::Ready(None);
        };
        let read = ready!(Pin::new(next).poll(context));
        this.next = None;
        let piece = match read {
            Ok((reading, Ok(piece))) => {
                this.left_bytes -= piece.len() as u64;
                if this.left_bytes == 0 {
                    *this.track.outcome() = Some(Ok(reading.hasher));
                } else {
                    this.next = Some(reading.start());
                }
                let count = piece.len() as u64;
                this.track.taken_bytes.fetch_add(count, Ordering::Relaxed);
                Ok(piece)
            }
            Ok((_, Err(fault))) => Err(fault),
            Err(ended) => Err(this.content.ended(ended)),
        };
        Poll::Ready(Some(piece.map(Frame::data).map_err(|fault| {
            *this.track.outcome() = Some(Err(fault));
            io::Error::other("there is nothing to send")
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.left_bytes == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left_bytes)
    }
}
