//! A connection that can be made slow, cut or reset while it is in use.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// What goes wrong on the connection from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Damage {
    #[default]
    None,
    /// One byte at a time, with this wait before each.
    Drip(Duration),
    /// It ends after so many more bytes.
    Cut(usize),
    /// It is reset when it is closed.
    Reset,
}

/// The handle by which a connection is damaged.
#[derive(Clone, Default)]
pub(super) struct Control(Arc<Mutex<Damage>>);

impl Control {
    pub(super) fn set(&self, damage: Damage) {
        *self.lock() = damage;
    }

    fn lock(&self) -> MutexGuard<'_, Damage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Wire {
    stream: TcpStream,
    control: Control,
    pause: Pin<Box<Sleep>>,
    paused: bool,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, control: Control) -> Self {
        Self {
            stream,
            control,
            pause: Box::pin(tokio::time::sleep(Duration::ZERO)),
            paused: false,
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if *self.control.lock() == Damage::Reset {
            self.stream.set_zero_linger().expect("a socket option");
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let damage = *self.control.lock();
        match damage {
            Damage::None | Damage::Reset => Pin::new(&mut self.stream).poll_write(context, bytes),
            Damage::Drip(wait) => {
                if !self.paused {
                    self.pause.as_mut().reset(Instant::now() + wait);
                    self.paused = true;
                }
                ready!(self.pause.as_mut().poll(context));
                self.paused = false;
                let one = &bytes[..bytes.len().min(1)];
                Pin::new(&mut self.stream).poll_write(context, one)
            }
            Damage::Cut(0) => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            Damage::Cut(left) => {
                let some = &bytes[..bytes.len().min(left)];
                let written = ready!(Pin::new(&mut self.stream).poll_write(context, some))?;
                self.control.set(Damage::Cut(left - written));
                Poll::Ready(Ok(written))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
