//! The stream below a connection. It notes when the first byte came, and reads to its end what came before a failure.
//!
//! Who resets a connection may have answered before. A write is often the first to meet the reset: HTTP/2 then gives up
//! at once, with the answer unread, and what waits for it hears of a broken pipe alone. So a write that fails is taken
//! for done, as is what follows it, and its error is that of the read which finds nothing more. That never waits: the
//! system has ended the connection.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use vigie_pipeline::clock::Clock;

use crate::probes::stream::Stream;

/// See the module.
pub(super) struct Wire {
    stream: Stream,
    first_byte: Arc<OnceLock<Instant>>,
    clock: Clock,
    /// What the first write that failed met.
    failed: Option<io::Error>,
}

impl Wire {
    pub(super) fn new(stream: Stream, first_byte: &Arc<OnceLock<Instant>>, clock: &Clock) -> Self {
        Self { stream, first_byte: Arc::clone(first_byte), clock: clock.clone(), failed: None }
    }

    /// Writes by `write`, as long as none has failed; `done` is what it says when all is written.
    fn write<T>(
        mut self: Pin<&mut Self>,
        done: T,
        write: impl FnOnce(Pin<&mut Stream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.failed.is_some() {
            return Poll::Ready(Ok(done));
        }
        match write(Pin::new(&mut self.stream)) {
            // Only what the system says has ended the connection.
            Poll::Ready(Err(error)) if error.raw_os_error().is_some() => {
                self.failed = Some(error);
                Poll::Ready(Ok(done))
            }
            polled => polled,
        }
    }

    /// What the failed write met, if that is why nothing more comes.
    fn cause(&self) -> Option<io::Error> {
        // A broken pipe is no cause: a write meets it after the end of what comes.
        let error = self.failed.as_ref().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)?;
        error.raw_os_error().map(io::Error::from_raw_os_error)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, room) = (buf.filled().len(), buf.remaining());
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.first_byte.get_or_init(|| self.clock.monotonic());
        } else if polled.is_ready()
            && room > 0
            && let Some(cause) = self.cause()
        {
            return Poll::Ready(Err(cause));
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write(buf.len(), |stream| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = bufs.iter().map(|buf| buf.len()).sum();
        self.write(len, |stream| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write((), |stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write((), |stream| stream.poll_shutdown(cx))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn pair() -> (Wire, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let far = listener.accept().await.unwrap().0;
        (Wire::new(Stream::Tcp(near), &Arc::default(), &Clock::system()), far)
    }

    #[tokio::test]
    async fn an_answer_before_a_reset_that_a_write_meets_is_read_and_then_the_reset() {
        let (mut wire, mut far) = pair().await;
        far.write_all(b"answer").await.unwrap();
        far.set_zero_linger().unwrap();
        drop(far);
        wire.write_all(b"ask").await.unwrap();
        assert_eq!(wire.failed.as_ref().unwrap().kind(), io::ErrorKind::ConnectionReset);
        wire.write_all(b"and more").await.unwrap();
        wire.shutdown().await.unwrap();
        let mut answer = [0; 6];
        wire.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer");
        let error = wire.read(&mut answer).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn an_end_in_order_stays_one_though_writes_then_fail() {
        let (mut wire, mut far) = pair().await;
        far.shutdown().await.unwrap();
        drop(far);
        while wire.failed.is_none() {
            wire.write_all(b"ask").await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(wire.read(&mut [0; 8]).await.unwrap(), 0);
    }
}
