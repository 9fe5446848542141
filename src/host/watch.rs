//! Work of a thread that the user may end: it looks at its watch wherever it takes long.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Says to a thread that works that it is to end.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<AtomicBool>);

impl Watch {
    /// Ends the work under this watch.
    pub fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Tells whether it was ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Ends the work when who waits for it gives up, and drops this.
    #[must_use]
    pub fn end_when_dropped(&self) -> Waiting {
        Waiting(self.clone())
    }

    /// Fails once it was ended.
    pub fn check(&self) -> io::Result<()> {
        if self.is_ended() {
            // `Interrupted` would be tried again.
            return Err(io::Error::other("it was interrupted"));
        }
        Ok(())
    }

    /// Gives a reader or a writer that fails with the next bytes after the work was ended.
    #[must_use]
    pub fn watch<T>(&self, inner: T) -> Watched<T> {
        Watched {
            inner,
            watch: self.clone(),
        }
    }
}

/// Stands for who waits for the work of a thread.
#[derive(Debug)]
pub struct Waiting(Watch);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Fails with the next bytes after the watch was ended.
#[derive(Debug)]
pub struct Watched<T> {
    inner: T,
    watch: Watch,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.watch.check()?;
        self.inner.read(buffer)
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.watch.check()?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
