//! How answers are understood, as fuzzers call it (`tests/fuzz`).

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use vigie_pipeline::clock::Clock;

use super::answer::{self, Answer};
use super::grpc;

/// What is understood of an answer: how many records it says were rejected, if it says that the request was taken.
/// `what` becomes headers where HTTP allows it.
///
/// # Panics
/// If what is to be shown of it is not fit to be shown.
#[must_use]
pub fn over_http(status: u16, what: [&[u8]; 2], body: &[u8]) -> Option<u64> {
    let headers: HeaderMap = [CONTENT_TYPE, RETRY_AFTER]
        .into_iter()
        .zip(what)
        .filter_map(|(name, value)| Some((name, HeaderValue::from_bytes(value).ok()?)))
        .collect();
    let clock = Clock::system();
    rejected(answer::of_http(StatusCode::from_u16(status).ok()?, &headers, body, &clock))
}

/// The same of the end of a call over gRPC: its status, message and details.
///
/// # Panics
/// If what is to be shown of it is not fit to be shown.
#[must_use]
pub fn over_grpc(trailers: [&[u8]; 3], body: &[u8]) -> Option<u64> {
    let names = ["grpc-status", "grpc-message", "grpc-status-details-bin"].map(HeaderName::from_static);
    let trailers: HeaderMap = names
        .into_iter()
        .zip(trailers)
        .filter_map(|(name, value)| Some((name, HeaderValue::from_bytes(value).ok()?)))
        .collect();
    rejected(grpc::answer(&trailers, body)?)
}

fn rejected(answer: Answer) -> Option<u64> {
    let (count, shown) = match answer {
        Answer::Accepted { rejected, message } => (Some(rejected), message),
        Answer::Later { why, .. } | Answer::Refused { why, .. } => (None, why),
    };
    assert!(!shown.chars().any(char::is_control) && shown.chars().count() < 1000, "{shown:?}");
    count
}
