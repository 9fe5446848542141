//! gzip (RFC 1952) on several threads, with bytes that do not depend on how many there are.
//!
//! The plain bytes are cut into blocks of one size, and each block is compressed by itself, with the end of the one before it
//! as what it may point back to. All but the last end at a byte (RFC 1951, 3.2.4, an empty block), so that they are one
//! stream when they stand behind each other: one member, as any reader of gzip takes it.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, scope};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Large enough that the borders cost nothing, and small enough that all threads are at work soon.
const BLOCK_BYTES: usize = 512 << 10;
/// How far a stream points back (RFC 1951, 3.2.5).
const WINDOW_BYTES: usize = 32 << 10;
/// No name, no time, no system (RFC 1952, 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Compresses what `write` writes; the same bytes give the same bytes for any number of threads, which may be 0.
pub(super) fn write_gzip(
    level: u32,
    threads: usize,
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    out.write_all(&HEADER)?;
    let (jobs, queue) = channel::<Job>();
    let queue = Mutex::new(queue);
    scope(|scope| {
        let work = || while work_on_next(&queue) {};
        let started = (0..threads).filter(|_| Builder::new().spawn_scoped(scope, work).is_ok());
        let started = started.count();
        // Its end is what ends the threads.
        let mut blocks = Blocks::new(level, out, (jobs, started));
        write(&mut blocks)?;
        blocks.finish()
    })
}

/// A block that is to be compressed.
struct Job {
    level: u32,
    /// The end of what comes before it.
    before: Arc<[u8]>,
    plain: Vec<u8>,
    is_last: bool,
    done: SyncSender<io::Result<Vec<u8>>>,
}

impl Job {
    fn work(&self) {
        let compressed = compress(self.level, &self.before, (&self.plain, self.is_last));
        // Nobody waits where writing failed.
        let _ = self.done.send(compressed);
    }
}

fn work_on_next(queue: &Mutex<Receiver<Job>>) -> bool {
    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
    next.inspect(Job::work).is_ok()
}

fn compress(level: u32, before: &[u8], (plain, is_last): (&[u8], bool)) -> io::Result<Vec<u8>> {
    let mut compress = Compress::new(Compression::new(level), false);
    if !before.is_empty() {
        compress.set_dictionary(before).map_err(io::Error::other)?;
    }
    let flush = if is_last {
        FlushCompress::Finish
    } else {
        FlushCompress::Sync
    };
    let mut compressed = Vec::with_capacity(plain.len() / 2 + 1024);
    let mut taken = 0;
    loop {
        let status = compress.compress_vec(&plain[taken..], &mut compressed, flush);
        let status = status.map_err(io::Error::other)?;
        taken = usize::try_from(compress.total_in()).map_err(io::Error::other)?;
        let has_room = compressed.len() < compressed.capacity();
        if status == Status::StreamEnd || (!is_last && taken == plain.len() && has_room) {
            return Ok(compressed);
        }
        compressed.reserve(plain.len() / 2 + 1024);
    }
}

/// Cuts what is written into blocks, and writes them in their order when they are compressed.
struct Blocks<'a> {
    level: u32,
    out: &'a mut dyn Write,
    jobs: std::sync::mpsc::Sender<Job>,
    threads: usize,
    waiting: VecDeque<Receiver<io::Result<Vec<u8>>>>,
    before: Arc<[u8]>,
    plain: Vec<u8>,
    sum: Crc,
}

impl<'a> Blocks<'a> {
    fn new(
        level: u32,
        out: &'a mut dyn Write,
        (jobs, threads): (std::sync::mpsc::Sender<Job>, usize),
    ) -> Self {
        Self {
            level,
            out,
            jobs,
            threads,
            waiting: VecDeque::new(),
            before: Arc::from([]),
            plain: Vec::with_capacity(BLOCK_BYTES),
            sum: Crc::new(),
        }
    }

    fn send(&mut self, is_last: bool) -> io::Result<()> {
        let plain = std::mem::replace(&mut self.plain, Vec::with_capacity(BLOCK_BYTES));
        let before = Arc::from(&plain[plain.len().saturating_sub(WINDOW_BYTES)..]);
        let (done, receiver) = sync_channel(1);
        let job = Job {
            level: self.level,
            before: std::mem::replace(&mut self.before, before),
            plain,
            is_last,
            done,
        };
        self.waiting.push_back(receiver);
        if self.threads == 0 {
            job.work();
        } else {
            self.jobs.send(job).map_err(io::Error::other)?;
        }
        // So many are held in memory.
        while self.waiting.len() > 2 * self.threads {
            self.write_first()?;
        }
        Ok(())
    }

    fn write_first(&mut self) -> io::Result<()> {
        let Some(first) = self.waiting.pop_front() else {
            return Ok(());
        };
        let compressed = first.recv().map_err(io::Error::other)??;
        self.out.write_all(&compressed)
    }

    fn finish(mut self) -> io::Result<()> {
        self.send(true)?;
        while !self.waiting.is_empty() {
            self.write_first()?;
        }
        self.out.write_all(&self.sum.sum().to_le_bytes())?;
        self.out.write_all(&self.sum.amount().to_le_bytes())
    }
}

impl Write for Blocks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full block goes when more comes, so that the last one is never empty unless all is.
        if self.plain.len() == BLOCK_BYTES && !bytes.is_empty() {
            self.send(false)?;
        }
        let taken = &bytes[..bytes.len().min(BLOCK_BYTES - self.plain.len())];
        self.plain.extend_from_slice(taken);
        self.sum.update(taken);
        Ok(taken.len())
    }

    /// Where blocks end is not the writer's to say.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
