//! Bytes that a blocking writer makes, as the body of a request: bounded, so that memory stays flat whatever the size.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::sync::mpsc;

const CHUNK_BYTES: usize = 64 * 1024;
const CHUNKS_AHEAD: usize = 8;

/// The writing end; blocking, for a thread of its own.
#[derive(Debug)]
pub(super) struct BodyWriter {
    buffer: BytesMut,
    chunks: mpsc::Sender<io::Result<Bytes>>,
}

/// Gives both ends of a body.
pub(super) fn body() -> (
    BodyWriter,
    impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) {
    let (sender, mut receiver) = mpsc::channel(CHUNKS_AHEAD);
    let writer = BodyWriter {
        buffer: BytesMut::with_capacity(CHUNK_BYTES),
        chunks: sender,
    };
    (
        writer,
        futures_util::stream::poll_fn(move |context| receiver.poll_recv(context)),
    )
}

impl BodyWriter {
    /// Ends the body well.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()
    }

    /// Ends the body as broken, so that the other side cannot take what came for the whole.
    pub(super) fn abort(self) {
        // When nobody listens any more the request is broken already.
        let _ = self
            .chunks
            .blocking_send(Err(io::ErrorKind::UnexpectedEof.into()));
    }
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == CHUNK_BYTES {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = self.buffer.split().freeze();
        self.buffer.reserve(CHUNK_BYTES);
        self.chunks
            .blocking_send(Ok(chunk))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn what_is_written_comes_out_whole_and_in_order() {
        let (mut writer, stream) = body();
        let bytes: Vec<u8> = (0..1_000_003_u32).map(|i| i.to_le_bytes()[0]).collect();
        let expected = bytes.clone();
        std::thread::spawn(move || {
            writer.write_all(&bytes).unwrap();
            writer.finish().unwrap();
        });
        let chunks: Vec<_> = stream.map(Result::unwrap).collect().await;
        assert_eq!(chunks.concat(), expected);
    }

    #[tokio::test]
    async fn an_aborted_body_ends_with_an_error_and_an_unread_one_stops_its_writer() {
        let (mut writer, stream) = body();
        std::thread::spawn(move || {
            writer.write_all(b"half").unwrap();
            writer.abort();
        });
        assert!(matches!(
            stream.collect::<Vec<_>>().await.as_slice(),
            [Err(_)]
        ));
        let (mut writer, stream) = body();
        drop(stream);
        let written = std::thread::spawn(move || writer.write_all(&vec![0; 10 * CHUNK_BYTES]));
        let error = written.join().unwrap().expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
