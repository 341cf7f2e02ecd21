//! The two messages of the health protocol, `grpc/health/v1/health.proto`, and the frame around each.
//!
//! ```proto
//! message HealthCheckRequest { string service = 1; }
//! message HealthCheckResponse { ServingStatus status = 1; }
//! ```

use std::borrow::Cow;

/// The values of `ServingStatus`, from 0 on.
pub(super) const STATUSES: [&str; 4] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
/// The one that is good.
pub(super) const SERVING: u64 = 1;

/// The name of a `ServingStatus`; the number of one that has none.
pub(super) fn status_name(status: u64) -> Cow<'static, str> {
    match usize::try_from(status).ok().and_then(|index| STATUSES.get(index)) {
        Some(name) => Cow::Borrowed(name),
        // An enumeration is of 32 bits, with a sign.
        None => Cow::Owned((status as i32).to_string()),
    }
}

/// A frame with the request.
pub(super) fn request(service: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if !service.is_empty() {
        message.push(0x0a);
        put_varint(&mut message, service.len() as u64);
        message.extend(service.as_bytes());
    }
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    frame
}

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("no message")]
    Empty,
    #[error("a compressed message, which was not asked for")]
    Compressed,
    #[error("a message that is cut off")]
    Short,
    #[error("more than one message")]
    Long,
    #[error("a message that is no HealthCheckResponse")]
    Message,
}

/// The `ServingStatus` in a frame with the response.
pub(super) fn response(frame: &[u8]) -> Result<u64, FrameError> {
    let (compressed, rest) = frame.split_first().ok_or(FrameError::Empty)?;
    let (len, message) = rest.split_first_chunk::<4>().ok_or(FrameError::Short)?;
    if *compressed != 0 {
        return Err(FrameError::Compressed);
    }
    match message.len().cmp(&(u32::from_be_bytes(*len) as usize)) {
        std::cmp::Ordering::Less => Err(FrameError::Short),
        std::cmp::Ordering::Greater => Err(FrameError::Long),
        std::cmp::Ordering::Equal => status(message).ok_or(FrameError::Message),
    }
}

/// Field 1 of a message, the last if there are several, 0 if there is none; fields that are not known are passed over.
fn status(mut message: &[u8]) -> Option<u64> {
    let mut status = 0;
    while !message.is_empty() {
        let tag = take_varint(&mut message)?;
        match (tag >> 3, tag & 7) {
            (0, _) => return None,
            (1, 0) => status = take_varint(&mut message)?,
            (_, 0) => drop(take_varint(&mut message)?),
            (_, 1) => message = message.get(8..)?,
            (_, 2) => {
                let len = usize::try_from(take_varint(&mut message)?).ok()?;
                message = message.get(len..)?;
            }
            (_, 5) => message = message.get(4..)?,
            _ => return None,
        }
    }
    Some(status)
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use prost::Message;

    /// The messages as their definition has them.
    #[derive(Clone, PartialEq, Message)]
    struct HealthCheckRequest {
        #[prost(string, tag = "1")]
        service: String,
    }

    #[derive(Clone, PartialEq, Message)]
    struct HealthCheckResponse {
        #[prost(int32, tag = "1")]
        status: i32,
        #[prost(string, optional, tag = "2")]
        later: Option<String>,
        #[prost(fixed64, optional, tag = "3")]
        fixed: Option<u64>,
        #[prost(fixed32, optional, tag = "4")]
        short: Option<u32>,
        #[prost(uint64, optional, tag = "5")]
        number: Option<u64>,
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat()
    }

    #[test]
    fn an_answer_is_one_whole_message() {
        assert_eq!(response(&framed(&[8, 1])), Ok(SERVING));
        assert_eq!(response(&framed(&[])), Ok(0));
        assert_eq!(response(&[]), Err(FrameError::Empty));
        assert_eq!(response(&[0, 0, 0]), Err(FrameError::Short));
        assert_eq!(response(&[0, 0, 0, 0, 3, 8, 1]), Err(FrameError::Short));
        assert_eq!(response(&[0, 0, 0, 0, 0, 0]), Err(FrameError::Long));
        assert_eq!(response(&[1, 0, 0, 0, 0]), Err(FrameError::Compressed));
        for message in [&[8][..], &[8, 0x80], &[0, 1], &[0x12, 9, 1], &[0x0b], &[0x19, 1]] {
            assert_eq!(response(&framed(message)), Err(FrameError::Message), "{message:?}");
        }
    }

    #[test]
    fn statuses_have_names() {
        assert_eq!(status_name(SERVING), "SERVING");
        assert_eq!(status_name(3), "SERVICE_UNKNOWN");
        assert_eq!(status_name(7), "7");
        assert_eq!(status_name(u64::MAX), "-1");
    }

    proptest! {
        #[test]
        fn a_request_is_what_its_definition_says(service in "\\PC{0,200}") {
            let frame = request(&service);
            prop_assert_eq!(&frame[..5], &framed(&frame[5..])[..5]);
            prop_assert_eq!(HealthCheckRequest::decode(&frame[5..]).unwrap().service, service);
        }

        #[test]
        fn a_response_is_read_with_all_that_may_be_added(
            status in prop_oneof![0..4_i32, any::<i32>()],
            later in proptest::option::of("\\PC{0,20}"),
            fixed: Option<u64>,
            short: Option<u32>,
            number: Option<u64>,
        ) {
            let message = HealthCheckResponse { status, later, fixed, short, number }.encode_to_vec();
            prop_assert_eq!(response(&framed(&message)).map(|found| found as i32), Ok(status));
        }

        #[test]
        fn any_bytes_are_a_response_or_an_error(message in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = response(&message);
            let read = response(&framed(&message)).map(|status| status as i32).ok();
            // What it takes is what the definition takes, as far as that goes.
            if let (Some(read), Ok(decoded)) = (read, HealthCheckResponse::decode(&message[..])) {
                prop_assert_eq!(read, decoded.status);
            }
        }
    }
}
