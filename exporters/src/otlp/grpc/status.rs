//! The status that a call ends with, and what it means by the OTLP specification.

use std::time::Duration;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use prost::Message;

use crate::otlp::answer::{self, Answer, Fault};
use vigie_pipeline::{grpc, percent};

/// The status codes that mean something here.
mod code {
    pub(super) const OK: u32 = 0;
    pub(super) const CANCELLED: u32 = 1;
    pub(super) const UNKNOWN: u32 = 2;
    pub(super) const DEADLINE_EXCEEDED: u32 = 4;
    pub(super) const NOT_FOUND: u32 = 5;
    pub(super) const PERMISSION_DENIED: u32 = 7;
    pub(super) const RESOURCE_EXHAUSTED: u32 = 8;
    pub(super) const ABORTED: u32 = 10;
    pub(super) const OUT_OF_RANGE: u32 = 11;
    pub(super) const UNIMPLEMENTED: u32 = 12;
    pub(super) const INTERNAL: u32 = 13;
    pub(super) const UNAVAILABLE: u32 = 14;
    pub(super) const DATA_LOSS: u32 = 15;
    pub(super) const UNAUTHENTICATED: u32 = 16;
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    code: u32,
    message: String,
    /// `google.rpc.RetryInfo.retry_delay`
    retry_delay: Option<Duration>,
}

/// `google.rpc.Status`, of which only the details are not told elsewhere.
#[derive(Clone, PartialEq, prost::Message)]
struct Details {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`
#[derive(Clone, PartialEq, prost::Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`
#[derive(Clone, PartialEq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<RetryDelay>,
}

/// `google.protobuf.Duration`
#[derive(Clone, PartialEq, prost::Message)]
struct RetryDelay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// With and without padding: both are seen.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Status {
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let code = text("grpc-status")?.parse().unwrap_or(code::UNKNOWN);
        let details = headers.get("grpc-status-details-bin").and_then(|value| BASE64.decode(value).ok());
        Some(Self {
            code,
            message: text("grpc-message").map(unescaped).unwrap_or_default(),
            retry_delay: details.and_then(|details| retry_delay(&details)),
        })
    }

    /// What stands for a status where a proxy answered that knows no gRPC.
    pub(super) fn instead(status: http::StatusCode) -> Self {
        let code = match status.as_u16() {
            400 => code::INTERNAL,
            401 => code::UNAUTHENTICATED,
            403 => code::PERMISSION_DENIED,
            404 => code::UNIMPLEMENTED,
            429 | 502 | 503 | 504 => code::UNAVAILABLE,
            _ => code::UNKNOWN,
        };
        Self { code, message: format!("answered without a gRPC status, HTTP {status}"), retry_delay: None }
    }

    /// What it means by the OTLP specification.
    pub(super) fn answer(self, message: &[u8]) -> Answer {
        let why = || {
            let name = grpc::status_name(self.code);
            match answer::shown(&self.message) {
                message if message.is_empty() => name.to_owned(),
                message => format!("{name}: {message}"),
            }
        };
        match self.code {
            // Behind its prefix; no compression was offered for it.
            code::OK => answer::accepted(message.get(5..).unwrap_or_default()),
            code::CANCELLED
            | code::DEADLINE_EXCEEDED
            | code::ABORTED
            | code::OUT_OF_RANGE
            | code::UNAVAILABLE
            | code::DATA_LOSS => Answer::Later { after: self.retry_delay, why: why() },
            code::RESOURCE_EXHAUSTED if self.retry_delay.is_some() => {
                Answer::Later { after: self.retry_delay, why: why() }
            }
            // These speak of who asks, and of the method. Everything else may be about the content:
            // RESOURCE_EXHAUSTED without a delay is also what a message that is too large is answered with.
            code::NOT_FOUND | code::PERMISSION_DENIED | code::UNIMPLEMENTED | code::UNAUTHENTICATED => {
                Answer::Refused { why: why(), fault: Fault::Request }
            }
            _ => Answer::Refused { why: why(), fault: Fault::Records },
        }
    }
}

fn retry_delay(details: &[u8]) -> Option<Duration> {
    let details = Details::decode(details).ok()?.details;
    let info = details.iter().find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&*info.value).ok()?.retry_delay.unwrap_or_default();
    let nanos = u32::try_from(delay.nanos).ok()?.min(999_999_999);
    Some(Duration::new(u64::try_from(delay.seconds).ok()?, nanos))
}

/// `grpc-message` writes what is not ASCII as `%XX`.
fn unescaped(text: &str) -> String {
    String::from_utf8_lossy(&percent::decode(text)).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn answer(code: u32, message: &str, details: &[u8]) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-status", code.into());
        headers.insert("grpc-message", message.parse().unwrap());
        headers.insert("grpc-status-details-bin", BASE64.encode(details).parse().unwrap());
        Status::read(&headers).unwrap().answer(&[])
    }

    fn retry_info(seconds: i64, nanos: i32) -> Vec<u8> {
        let info = RetryInfo { retry_delay: Some(RetryDelay { seconds, nanos }) };
        let type_url = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
        Details { details: vec![Detail { type_url, value: info.encode_to_vec() }] }.encode_to_vec()
    }

    #[test]
    fn only_what_the_specification_calls_retryable_is_sent_again() {
        let later: Vec<u32> =
            (1..20).filter(|code| matches!(answer(*code, "", b""), Answer::Later { .. })).collect();
        assert_eq!(later, [1, 4, 10, 11, 14, 15]);
    }

    #[test]
    fn an_exhausted_destination_is_asked_again_if_it_says_when() {
        let after = Some(Duration::from_millis(1500));
        let why = "RESOURCE_EXHAUSTED: quota".to_owned();
        assert_eq!(
            answer(8, "quota", &retry_info(1, 500_000_000)),
            Answer::Later { after, why: why.clone() }
        );
        assert_eq!(answer(8, "quota", b""), Answer::Refused { why, fault: Fault::Records });
        let why = "UNAVAILABLE".to_owned();
        assert_eq!(answer(14, "", &retry_info(1, 500_000_000)), Answer::Later { after, why });
        assert_eq!(
            answer(8, "", &retry_info(-1, 0)),
            Answer::Refused { why: "RESOURCE_EXHAUSTED".to_owned(), fault: Fault::Records }
        );
    }

    #[test]
    fn a_refusal_that_says_nothing_of_the_records_is_told_from_one_that_may() {
        let fault = |code| match answer(code, "", b"") {
            Answer::Refused { fault, .. } => Some(fault),
            _ => None,
        };
        let request: Vec<u32> = (1..20).filter(|code| fault(*code) == Some(Fault::Request)).collect();
        assert_eq!(request, [5, 7, 12, 16]);
        assert_eq!(fault(3), Some(Fault::Records));
    }

    #[test]
    fn messages_are_unescaped() {
        assert_eq!(
            answer(3, "caf%C3%A9 100% %zz", b""),
            Answer::Refused { why: "INVALID_ARGUMENT: caf\u{e9} 100% %zz".to_owned(), fault: Fault::Records }
        );
    }

    #[test]
    fn a_proxy_that_knows_no_grpc_is_understood() {
        let of = |status| Status::instead(http::StatusCode::from_u16(status).unwrap()).answer(&[]);
        assert!(matches!(of(503), Answer::Later { .. }));
        assert!(matches!(of(404), Answer::Refused { fault: Fault::Request, .. }));
        assert!(matches!(of(413), Answer::Refused { fault: Fault::Records, .. }));
    }

    proptest! {
        #[test]
        fn no_status_is_too_odd(
            code in "\\PC{0,5}|[0-9]{1,12}", message in "[ -~]{0,40}", details in "[ -~]{0,60}",
            body in any::<Vec<u8>>(),
        ) {
            let mut headers = HeaderMap::new();
            for (name, value) in
                [("grpc-status", &code), ("grpc-message", &message), ("grpc-status-details-bin", &details)]
            {
                headers.insert(name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            if let Some(status) = Status::read(&headers) {
                let _ = status.answer(&body);
            }
            let _ = retry_delay(&body);
        }
    }
}
