//! What a program writes: all of it is read, the beginning is kept.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

/// Of what a program writes this much is kept, in bytes, of each of its two outputs.
const KEPT: usize = 64 << 10;

/// How long what a program has written is still read when it has ended: somebody else may hold its output open.
pub(crate) const LINGER: Duration = Duration::from_millis(100);

/// One of the two outputs.
pub(crate) struct Output {
    pipe: Receiver,
    pub(crate) kept: Vec<u8>,
}

impl Output {
    pub(crate) fn of(pipe: Receiver) -> Self {
        Self { pipe, kept: Vec::new() }
    }

    /// Reads to its end, and keeps the beginning.
    pub(crate) async fn drain(&mut self) {
        let mut buffer = vec![0; 8 << 10];
        while let Ok(read @ 1..) = self.pipe.read(&mut buffer).await {
            let room = KEPT - self.kept.len();
            self.kept.extend_from_slice(&buffer[..read.min(room)]);
        }
    }
}
