//! Packets in both directions, and what stands in them; bounded.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use crate::probes::database::{LONGEST_MESSAGE, MOST_BYTES};
use crate::probes::failure::{Failure, Phase, Reason};

/// Nothing longer is sent in one packet, but for what stands around it.
pub(super) const LONGEST_SENT: usize = 64 << 10;

/// A connection to a server.
pub(super) struct Session<S> {
    stream: BufReader<S>,
    /// The number of the next packet, in either direction.
    number: u8,
    /// What may still be read.
    room: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream), number: 0, room: MOST_BYTES }
    }

    /// The stream, so that it can be encrypted; `wrap` makes another of it. What has come already would not be
    /// protected, and is refused.
    pub(super) fn into_plain(self, phase: Phase) -> Result<(S, u8), Failure> {
        if !self.stream.buffer().is_empty() {
            return Err(protocol(phase, "the server goes on before TLS has begun"));
        }
        Ok((self.stream.into_inner(), self.number))
    }

    /// Goes on at this packet.
    pub(super) fn resumed(stream: S, number: u8) -> Self {
        Self { number, ..Self::new(stream) }
    }

    /// A command begins.
    pub(super) fn restart(&mut self) {
        self.number = 0;
    }

    /// Sends a packet.
    pub(super) async fn send(&mut self, payload: &[u8], phase: Phase) -> Result<(), Failure> {
        let length = u32::try_from(payload.len()).ok().filter(|length| *length < 0xff_ffff);
        let length = length.ok_or_else(|| protocol(phase, "too long to be sent"))?.to_le_bytes();
        let header = [length[0], length[1], length[2], self.number];
        self.number = self.number.wrapping_add(1);
        let packet = [&header, payload].concat();
        let sent = async {
            self.stream.write_all(&packet).await?;
            self.stream.flush().await
        };
        sent.await.map_err(|error| Failure::of_io(phase, &error))
    }

    /// The next packet, which is not empty.
    pub(super) async fn next(&mut self, phase: Phase) -> Result<Vec<u8>, Failure> {
        let failed = |error: io::Error| Failure::of_io(phase, &error);
        let mut header = [0; 4];
        self.stream.read_exact(&mut header).await.map_err(failed)?;
        let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
        if header[3] != self.number {
            return Err(protocol(phase, "what came is not the protocol of MySQL"));
        }
        if length == 0 || length > LONGEST_MESSAGE {
            return Err(protocol(phase, "an empty packet, or one of more than 256 KiB"));
        }
        self.number = self.number.wrapping_add(1);
        self.room = self
            .room
            .checked_sub(length + header.len())
            .ok_or_else(|| Failure::new(Reason::MysqlTooLarge, phase, "the server sends more than 4 MiB"))?;
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload).await.map_err(failed)?;
        Ok(payload)
    }
}

/// What came is not what the protocol has here.
pub(super) fn protocol(phase: Phase, what: impl std::fmt::Display) -> Failure {
    Failure::new(Reason::MysqlProtocol, phase, what)
}

/// Takes fields off the front of a payload; `None` where they are not there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(front)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    /// A text that ends with a zero byte; without one, all that is left.
    pub(super) fn text(&mut self) -> &'a [u8] {
        let end = memchr::memchr(0, self.0);
        let (text, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or_default();
        text
    }

    /// A number of one to nine bytes.
    pub(super) fn number(&mut self) -> Option<u64> {
        let length = match self.byte()? {
            small @ 0..=0xfa => return Some(u64::from(small)),
            0xfc => 2,
            0xfd => 3,
            0xfe => 8,
            _ => return None,
        };
        let bytes = self.take(length)?;
        let mut whole = [0; 8];
        whole[..length].copy_from_slice(bytes);
        Some(u64::from_le_bytes(whole))
    }

    /// A column of a row: `Some(None)` is NULL.
    pub(super) fn column(&mut self) -> Option<Option<&'a [u8]>> {
        if self.0.first() == Some(&0xfb) {
            self.0 = &self.0[1..];
            return Some(None);
        }
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_to_nine_bytes() {
        let number = |bytes: &[u8]| Fields(bytes).number();
        assert_eq!(number(&[7]), Some(7));
        assert_eq!(number(&[0xfc, 1, 2]), Some(0x201));
        assert_eq!(number(&[0xfd, 1, 2, 3]), Some(0x3_0201));
        assert_eq!(number(&[0xfe, 0, 0, 0, 0, 0, 0, 0, 1]), Some(1 << 56));
        for wrong in [&[][..], &[0xfb], &[0xff], &[0xfc, 1], &[0xfe, 1, 2, 3]] {
            assert_eq!(number(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_column_is_a_text_or_null() {
        assert_eq!(Fields(b"\x02ab").column(), Some(Some(&b"ab"[..])));
        assert_eq!(Fields(b"\xfb").column(), Some(None));
        assert_eq!(Fields(b"\x05ab").column(), None);
    }
}
