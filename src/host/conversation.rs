//! What goes on between us and a program that runs: its input, its lines, and its end with all that it started.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdin};
use tokio::time::Instant;

use super::lines::{LineSplitter, LongLines};
use super::process::{Output, Stream};
use crate::settings::Mask;

type Pipe = Pin<Box<dyn AsyncRead + Send>>;

/// Gives the command its outputs, and us the ends from which to read them.
pub(super) fn connect(
    command: &mut tokio::process::Command,
    output: Output,
    mask: &Mask,
) -> io::Result<Vec<Feed>> {
    let feed = |stream, pipe| Feed {
        stream,
        pipe,
        splitter: LineSplitter::default().hiding(mask.clone()),
    };
    let receiver = |reader: io::PipeReader| -> io::Result<Pipe> {
        let receiver = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
        Ok(Box::pin(receiver))
    };
    let (error_reader, error_writer) = io::pipe()?;
    let streams = match output {
        Output::Merged => {
            command.stdout(error_writer.try_clone()?);
            vec![feed(Stream::Output, receiver(error_reader)?)]
        }
        Output::Separate => {
            let (reader, writer) = io::pipe()?;
            command.stdout(writer);
            // Only what is data is kept apart from what is said.
            let data = Feed {
                splitter: LineSplitter::with(LongLines::Cut),
                ..feed(Stream::Output, receiver(reader)?)
            };
            vec![data, feed(Stream::Error, receiver(error_reader)?)]
        }
        Output::File(file) => {
            command.stdout(file);
            vec![feed(Stream::Error, receiver(error_reader)?)]
        }
    };
    command.stderr(error_writer);
    Ok(streams)
}

/// How long lines may still come after the end: only a process that left the group can keep a pipe open.
const DRAIN: Duration = Duration::from_secs(1);

/// A program that runs; every step can be dropped and taken again without losing a byte.
pub(super) struct Conversation<F> {
    // Before the child: its drop signals the group while the child still holds the number.
    group: Group,
    child: Child,
    status: Option<ExitStatus>,
    input: Option<(ChildStdin, Vec<u8>, usize)>,
    feeds: Vec<Feed>,
    on_line: F,
}

/// A stream of a program, and its lines.
pub(super) struct Feed {
    stream: Stream,
    pipe: Pipe,
    splitter: LineSplitter,
}

impl<F: FnMut(Stream, &str)> Conversation<F> {
    pub(super) fn new(mut child: Child, input: Vec<u8>, feeds: Vec<Feed>, on_line: F) -> Self {
        Self {
            group: Group::of(&child),
            input: child.stdin.take().map(|pipe| (pipe, input, 0)),
            child,
            status: None,
            feeds,
            on_line,
        }
    }

    /// Goes on until the program has ended and its last line came.
    pub(super) async fn go_on(&mut self) -> io::Result<ExitStatus> {
        let status = loop {
            if let Some(status) = self.status {
                break status;
            }
            tokio::select! {
                status = self.child.wait() => self.status = Some(status?),
                (index, read) = read_any(&mut self.feeds) => take(&mut self.feeds, index, read, &mut self.on_line)?,
                () = write_some(&mut self.input) => {}
            }
        };
        self.group.kill();
        let until = Instant::now() + DRAIN;
        while !self.feeds.is_empty() {
            let Ok((index, read)) = tokio::time::timeout_at(until, read_any(&mut self.feeds)).await
            else {
                break;
            };
            take(&mut self.feeds, index, read, &mut self.on_line)?;
        }
        for mut feed in self.feeds.drain(..) {
            feed.splitter
                .finish(|line| (self.on_line)(feed.stream, line));
        }
        Ok(status)
    }

    /// Asks the group to end, and after `grace` makes it; its lines are taken meanwhile.
    pub(super) async fn end(&mut self, grace: Duration) {
        self.group.terminate();
        // Why it ends is known already; what goes wrong on the way adds nothing to that.
        if tokio::time::timeout(grace, self.go_on()).await.is_err() {
            self.group.kill();
            let _ = tokio::time::timeout(DRAIN * 2, self.go_on()).await;
        }
    }
}

/// Reads from the stream that has something, or waits forever when none is left.
async fn read_any(feeds: &mut [Feed]) -> (usize, io::Result<Vec<u8>>) {
    if feeds.is_empty() {
        return std::future::pending().await;
    }
    let reads = feeds.iter_mut().map(|feed| {
        Box::pin(async {
            let mut bytes = Vec::with_capacity(8 * 1024);
            feed.pipe.read_buf(&mut bytes).await?;
            Ok(bytes)
        })
    });
    let (read, index, _) = futures_util::future::select_all(reads).await;
    (index, read)
}

fn take(
    feeds: &mut Vec<Feed>,
    index: usize,
    read: io::Result<Vec<u8>>,
    on_line: &mut impl FnMut(Stream, &str),
) -> io::Result<()> {
    let bytes = read?;
    let feed = &mut feeds[index];
    let stream = feed.stream;
    if bytes.is_empty() {
        feed.splitter.finish(|line| on_line(stream, line));
        feeds.remove(index);
    } else {
        feed.splitter.push(&bytes, |line| on_line(stream, line));
    }
    Ok(())
}

/// Writes a part of the input, or waits forever when all is written.
async fn write_some(input: &mut Option<(ChildStdin, Vec<u8>, usize)>) {
    let Some((pipe, bytes, written)) = input else {
        return std::future::pending().await;
    };
    match pipe.write(&bytes[*written..]).await {
        Ok(count) if *written + count < bytes.len() => *written += count,
        // All is written, or the program reads no more, which is its own affair.
        Ok(_) | Err(_) => *input = None,
    }
}

/// The process group of a child; what is left of it when this is dropped is killed.
struct Group {
    leader: Option<Pid>,
}

impl Group {
    fn of(child: &Child) -> Self {
        let number = child.id().and_then(|id| i32::try_from(id).ok());
        Self {
            leader: number.and_then(Pid::from_raw),
        }
    }

    fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Kills what is left of the group. Its number is not used again: without a member it is free for another.
    fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.leader = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.leader {
            // The only failure is that nobody is left to be signalled.
            let _ = rustix::process::kill_process_group(leader, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
