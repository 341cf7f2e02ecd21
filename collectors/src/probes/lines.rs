//! What a peer says line by line, over a stream that is also written to.
//!
//! As much as one line and what was read along with it is held: 64 KiB, as upstream's reader of lines has it.

use std::io;

use memchr::memchr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stream::Stream;

/// The longest line, with its end, in bytes.
pub(super) const LONGEST: usize = 64 << 10;

/// As much is asked for at a time.
const PIECE: usize = 4 << 10;

/// Why no line came.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("a line is longer than {LONGEST} bytes")]
    TooLong,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Lines {
    stream: Stream,
    /// What was read and not yet given out.
    held: Vec<u8>,
}

impl Lines {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, held: Vec::new() }
    }

    /// The next line without its end, `\n` or `\r\n`; `None` where the peer has ended. A last line need not have an
    /// end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, LineError> {
        let mut searched = 0;
        loop {
            if let Some(at) = memchr(b'\n', &self.held[searched..]) {
                let rest = self.held.split_off(searched + at + 1);
                let mut line = std::mem::replace(&mut self.held, rest);
                line.pop();
                return Ok(Some(without_return(line)));
            }
            searched = self.held.len();
            if searched >= LONGEST {
                return Err(LineError::TooLong);
            }
            if self.fill(LONGEST - searched).await? == 0 {
                let last = std::mem::take(&mut self.held);
                return Ok((!last.is_empty()).then(|| without_return(last)));
            }
        }
    }

    /// At least one byte more than `known`, up to `wanted` of them all; fewer where the peer has ended. They stay
    /// until they are taken.
    pub(super) async fn peek(&mut self, known: usize, wanted: usize) -> io::Result<&[u8]> {
        if self.held.len() <= known {
            self.fill(wanted.saturating_sub(self.held.len())).await?;
        }
        Ok(&self.held[..self.held.len().min(wanted)])
    }

    /// Takes bytes that were seen.
    pub(super) fn take(&mut self, seen: usize) {
        self.held.drain(..seen.min(self.held.len()));
    }

    /// Reads once, at most so much: how much came.
    async fn fill(&mut self, room: usize) -> io::Result<usize> {
        let before = self.held.len();
        self.held.reserve(PIECE.min(room));
        (&mut self.stream).take(room as u64).read_buf(&mut self.held).await?;
        Ok(self.held.len() - before)
    }

    /// Sends all of it.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// The stream, to go on with in another way. What was read ahead is gone: in plain text it must not be taken as
    /// part of what is encrypted.
    pub(super) fn into_stream(self) -> Stream {
        self.stream
    }
}

fn without_return(mut line: Vec<u8>) -> Vec<u8> {
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    line
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use tokio::net::UnixStream;

    /// What a peer says that writes these pieces and ends.
    fn said(pieces: Vec<Vec<u8>>) -> (Vec<Vec<u8>>, Option<LineError>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let peer = async move {
                for piece in pieces {
                    // A reader that has seen enough is no trouble.
                    let _ = theirs.write_all(&piece).await;
                    tokio::task::yield_now().await;
                }
            };
            let read = async move {
                let mut lines = Lines::new(Stream::Unix(ours));
                let mut all = Vec::new();
                loop {
                    match lines.next().await {
                        Ok(Some(line)) => all.push(line),
                        Ok(None) => return (all, None),
                        Err(error) => return (all, Some(error)),
                    }
                }
            };
            tokio::join!(read, peer).0
        })
    }

    #[test]
    fn a_line_may_be_just_so_long() {
        let mut line = vec![b'x'; LONGEST - 1];
        line.push(b'\n');
        let (lines, error) = said(vec![line.clone(), b"next".to_vec()]);
        assert_eq!((lines.len(), lines[0].len(), error.is_none()), (2, LONGEST - 1, true));
        line.insert(0, b'x');
        let (lines, error) = said(vec![line]);
        assert!(lines.is_empty() && matches!(error, Some(LineError::TooLong)));
    }

    #[tokio::test]
    async fn bytes_can_be_seen_before_they_are_taken() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"first\nabcdef").await.unwrap();
        let mut lines = Lines::new(Stream::Unix(ours));
        assert_eq!(lines.next().await.unwrap().unwrap(), b"first");
        assert_eq!(lines.peek(0, 3).await.unwrap(), b"abc");
        lines.take(3);
        assert_eq!(lines.peek(0, 10).await.unwrap(), b"def");
        drop(theirs);
        assert_eq!(lines.peek(3, 10).await.unwrap(), b"def");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn lines_do_not_depend_on_how_they_come(
            text in "[ab\r\n]{0,40}", cuts in prop::collection::vec(1_usize..9, 0..12),
        ) {
            let mut pieces = Vec::new();
            let mut rest = text.as_bytes();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece.to_vec());
                rest = after;
            }
            pieces.push(rest.to_vec());
            let mut expected: Vec<&str> = text.split('\n').collect();
            if expected.last() == Some(&"") {
                expected.pop();
            }
            let expected: Vec<Vec<u8>> =
                expected.iter().map(|line| line.strip_suffix('\r').unwrap_or(line).into()).collect();
            prop_assert_eq!(said(pieces).0, expected);
        }
    }
}
