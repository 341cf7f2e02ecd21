//! A connection to a server: messages in both directions, bounded.

use bytes::BytesMut;
use postgres_protocol::message::backend::{Header, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::probes::database::{LONGEST_MESSAGE, MOST_BYTES};
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::stream::Stream;

/// See the module.
pub(super) struct Session {
    stream: Stream,
    input: BytesMut,
    /// What is to be sent next.
    pub(super) output: BytesMut,
    /// What may still be read.
    room: usize,
}

impl Session {
    /// Over a stream of which these bytes have been read already.
    pub(super) fn new(stream: Stream, read: &[u8]) -> Self {
        Self { stream, input: BytesMut::from(read), output: BytesMut::new(), room: MOST_BYTES }
    }

    /// Whether nobody on the way can read along.
    pub(super) fn is_private(&self) -> bool {
        !matches!(self.stream, Stream::Tcp(_))
    }

    /// Sends what is to be sent.
    pub(super) async fn send(&mut self, phase: Phase) -> Result<(), Failure> {
        let sent = async {
            self.stream.write_all_buf(&mut self.output).await?;
            self.stream.flush().await
        };
        sent.await.map_err(|error| Failure::of_io(phase, &error))
    }

    /// The next message that is not a notice or a notification.
    pub(super) async fn next(&mut self, phase: Phase) -> Result<Message, Failure> {
        loop {
            match parse(&mut self.input).map_err(|what| protocol(phase, what))? {
                Some(Message::NoticeResponse(_) | Message::NotificationResponse(_)) => {}
                Some(message) => return Ok(message),
                None => self.read(phase).await?,
            }
        }
    }

    async fn read(&mut self, phase: Phase) -> Result<(), Failure> {
        let read = self.stream.read_buf(&mut self.input).await;
        match read.map_err(|error| Failure::of_io(phase, &error))? {
            0 => Err(Failure::of_io(phase, &std::io::ErrorKind::UnexpectedEof.into())),
            read => {
                self.room = self.room.checked_sub(read).ok_or_else(|| {
                    Failure::new(Reason::PostgresTooLarge, phase, "the server sends more than 4 MiB")
                })?;
                Ok(())
            }
        }
    }
}

/// A message from the beginning of `input`, if it is whole.
fn parse(input: &mut BytesMut) -> Result<Option<Message>, String> {
    match Header::parse(input).map_err(|error| error.to_string())? {
        None => return Ok(None),
        Some(header) if header.len() as usize > LONGEST_MESSAGE => {
            return Err("a message of more than 256 KiB".to_owned());
        }
        Some(_) => {}
    }
    Message::parse(input).map_err(|error| error.to_string())
}

/// What came is not what the protocol has here.
pub(super) fn protocol(phase: Phase, what: impl std::fmt::Display) -> Failure {
    Failure::new(Reason::PostgresProtocol, phase, what)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::probes::postgres::error::ServerError;
    use fallible_iterator::FallibleIterator;
    use proptest::prelude::*;

    #[test]
    fn a_message_is_read_once_it_is_whole() {
        let mut input = BytesMut::from(&b"Z\0\0\0\x05"[..]);
        assert!(parse(&mut input).unwrap().is_none());
        input.extend_from_slice(b"IZ");
        assert!(matches!(parse(&mut input), Ok(Some(Message::ReadyForQuery(_)))));
        assert_eq!(&input[..], b"Z");
    }

    #[test]
    fn a_message_that_is_too_long_is_refused_before_it_has_come() {
        for length in [[0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff], [0, 5, 0, 0], [0, 0, 0, 3]] {
            let mut input = BytesMut::from(&[&b"D"[..], &length].concat()[..]);
            assert!(parse(&mut input).is_err(), "{length:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_messages_or_an_error(
            bytes in prop::collection::vec(any::<u8>(), 0..80),
            tag in prop::sample::select(b"RSKZEDTCINAt123nsG".to_vec()),
            body in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let length = (body.len() as u32 + 4).to_be_bytes();
            for bytes in [bytes, [&[tag], &length[..], &body[..]].concat()] {
                let mut input = BytesMut::from(&bytes[..]);
                while let Ok(Some(message)) = parse(&mut input) {
                    match message {
                        Message::ErrorResponse(body) => drop(ServerError::read(&body)),
                        Message::DataRow(row) => drop(row.ranges().next()),
                        Message::AuthenticationSasl(body) => drop(body.mechanisms().count()),
                        _ => {}
                    }
                }
            }
        }
    }
}
