//! Replies in RESP2, read as they come.
//!
//! Arrays are flattened: what is asked of a reply is its first value, or the value after a name, and without nesting
//! nothing that a peer sends can make the reader deep.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// Of one reply this much is read, in bytes.
pub(super) const LONGEST: usize = 256 << 10;
/// As many values of one reply are kept.
const KEPT: usize = 64;

/// A value that is not an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(Vec<u8>),
    Integer(i64),
    Nil,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// What the server says is wrong, its code first: `WRONGPASS invalid …`.
    Error(String),
    /// The first values.
    Values(Vec<Value>),
}

/// Why there is no reply.
#[derive(Debug)]
pub(super) enum ReplyError {
    Io(io::Error),
    /// What came is no reply.
    Malformed(Vec<u8>),
    TooLong,
}

impl From<io::Error> for ReplyError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Value {
    /// It as a text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Nil => "(nil)".to_owned(),
        }
    }
}

impl Reply {
    /// The text after `name`, in a list of names and values.
    pub(super) fn named(&self, name: &str) -> Option<String> {
        let Self::Values(values) = self else { return None };
        let at = values.iter().position(|value| *value == Value::Text(name.as_bytes().to_vec()))?;
        values.get(at + 1).map(Value::text)
    }

    /// Reads one.
    pub(super) async fn read<R: AsyncBufRead + Unpin>(peer: &mut R) -> Result<Self, ReplyError> {
        let mut room = LONGEST;
        let mut values = Vec::new();
        let mut missing = 1_usize;
        let mut top = true;
        while missing > 0 {
            missing -= 1;
            let line = read_line(peer, &mut room).await?;
            let Some((kind, rest)) = line.split_first() else { return Err(ReplyError::Malformed(line)) };
            let value = match kind {
                b'-' if top => return Ok(Self::Error(String::from_utf8_lossy(rest).into_owned())),
                b'+' | b'-' => Value::Text(rest.to_vec()),
                b':' | b'$' | b'*' => {
                    let number = std::str::from_utf8(rest).ok().and_then(|text| text.parse::<i64>().ok());
                    match (kind, number) {
                        (b':', Some(number)) => Value::Integer(number),
                        (b'$' | b'*', Some(-1)) => Value::Nil,
                        (b'$', Some(length @ 0..)) => Value::Text(read_bulk(peer, length, &mut room).await?),
                        (b'*', Some(length @ 0..)) => {
                            // Each takes more than one byte.
                            let length = usize::try_from(length).ok().filter(|length| *length <= room);
                            missing += length.ok_or(ReplyError::TooLong)?;
                            top = false;
                            continue;
                        }
                        _ => return Err(ReplyError::Malformed(line)),
                    }
                }
                _ => return Err(ReplyError::Malformed(line)),
            };
            top = false;
            if values.len() < KEPT {
                values.push(value);
            }
        }
        Ok(Self::Values(values))
    }
}

/// A line without its end.
async fn read_line<R: AsyncBufRead + Unpin>(peer: &mut R, room: &mut usize) -> Result<Vec<u8>, ReplyError> {
    let mut line = Vec::new();
    peer.take(*room as u64).read_until(b'\n', &mut line).await?;
    *room -= line.len();
    match line.strip_suffix(b"\r\n") {
        Some(text) => Ok(text.to_vec()),
        None if line.ends_with(b"\n") => Err(ReplyError::Malformed(line)),
        None if *room == 0 => Err(ReplyError::TooLong),
        None if line.is_empty() => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        None => Err(ReplyError::Malformed(line)),
    }
}

/// So many bytes, and the end of the line after them.
async fn read_bulk<R: AsyncBufRead + Unpin>(
    peer: &mut R,
    length: i64,
    room: &mut usize,
) -> Result<Vec<u8>, ReplyError> {
    let length = usize::try_from(length).ok().and_then(|length| length.checked_add(2));
    let length = length.filter(|length| *length <= *room).ok_or(ReplyError::TooLong)?;
    *room -= length;
    let mut bytes = vec![0; length];
    peer.read_exact(&mut bytes).await?;
    match bytes.strip_suffix(b"\r\n") {
        Some(text) => Ok(text.to_vec()),
        None => Err(ReplyError::Malformed(bytes)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use futures_util::FutureExt;
    use proptest::prelude::*;

    /// What the reply is, and what is left after it.
    fn read(mut bytes: &[u8]) -> (Result<Reply, ReplyError>, usize) {
        let reply = Reply::read(&mut bytes).now_or_never().expect("bytes in memory are there");
        (reply, bytes.len())
    }

    fn values(bytes: &[u8]) -> Vec<String> {
        match read(bytes) {
            (Ok(Reply::Values(values)), 0) => values.iter().map(Value::text).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn replies_of_each_kind_are_read() {
        assert_eq!(values(b"+PONG\r\n"), ["PONG"]);
        assert_eq!(values(b":-7\r\n"), ["-7"]);
        assert_eq!(values(b"$4\r\na\r\nb\r\n"), ["a\r\nb"]);
        assert_eq!(values(b"$-1\r\n"), ["(nil)"]);
        assert_eq!(values(b"*2\r\n*1\r\n:1\r\n$1\r\nx\r\n"), ["1", "x"]);
        assert_eq!(values(b"*0\r\n"), [""; 0]);
        let (reply, left) = read(b"-NOAUTH Authentication required.\r\n+more\r\n");
        assert_eq!(reply.unwrap(), Reply::Error("NOAUTH Authentication required.".into()));
        assert_eq!(left, 7);
    }

    #[test]
    fn a_name_leads_to_its_value() {
        let (reply, _) = read(b"*4\r\n$5\r\nproto\r\n:2\r\n$4\r\nrole\r\n$6\r\nmaster\r\n");
        let reply = reply.unwrap();
        assert_eq!(
            (reply.named("role").as_deref(), reply.named("proto").as_deref()),
            (Some("master"), Some("2"))
        );
        assert_eq!(reply.named("mode"), None);
    }

    #[test]
    fn what_is_no_reply_is_told_from_an_end_and_from_too_much() {
        for bytes in [&b"HTTP/1.1 400\r\n"[..], b"\r\n", b"+x\n", b"$x\r\n", b"*-2\r\n", b"$1\r\nabc", b"+x"]
        {
            assert!(matches!(read(bytes).0, Err(ReplyError::Malformed(_))), "{bytes:?}");
        }
        for bytes in [&b""[..], b"$4\r\nab", b"*1\r\n"] {
            assert!(matches!(read(bytes).0, Err(ReplyError::Io(_))), "{bytes:?}");
        }
        let endless = [b"+".as_slice(), &[b'x'; LONGEST + 9]].concat();
        for bytes in [b"$999999999999\r\n".as_slice(), b"*9999999999\r\n", &endless] {
            assert!(matches!(read(bytes).0, Err(ReplyError::TooLong)));
        }
        // Lists of lists without end.
        assert!(matches!(read(&b"*1\r\n".repeat(LONGEST)).0, Err(ReplyError::TooLong)));
    }

    #[test]
    fn of_a_long_reply_the_beginning_is_kept() {
        let reply = [b"*1000\r\n".as_slice(), &b":1\r\n".repeat(1_000)].concat();
        assert_eq!(values(&reply).len(), KEPT);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_reply_or_an_error(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            like in "([-+:$*](-?[0-9]{1,3}|[a-z]{0,4})\r\n){0,8}",
        ) {
            for bytes in [bytes.as_slice(), like.as_bytes()] {
                let (reply, left) = read(bytes);
                prop_assert!(left <= bytes.len());
                if let Ok(Reply::Values(values)) = reply {
                    prop_assert!(values.len() <= KEPT);
                }
            }
        }
    }
}
