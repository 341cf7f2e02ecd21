//! What a destination's answer means, by the OTLP specification.

use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderMap, RETRY_AFTER};
use prost::Message;
use vigie_pipeline::clock::{Clock, unix_nanos};

/// What is to be done with the records of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// They were taken, all but `rejected`; a destination may have something to say even if it took all.
    Accepted { rejected: u64, message: String },
    /// They were not taken now; later they may be.
    Later { after: Option<Duration>, why: String },
    /// They will never be taken as they are.
    Refused { why: String, fault: Fault },
}

/// Where the reason of a refusal may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// In some of the records, or in how many they are: others may be taken.
    Records,
    /// In credentials, in the endpoint, in how it is spoken to: any record would be refused.
    Request,
}

/// No more of an answer is read than this.
pub(super) const MAX_ANSWER: usize = 64 << 10;

/// No more of what a destination says is shown than this many characters.
const MAX_SHOWN: usize = 300;

/// `Export{Logs,Trace,Metrics}ServiceResponse`: the three share their numbers.
#[derive(Clone, PartialEq, prost::Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

/// `Export{Logs,Trace,Metrics}PartialSuccess`: `rejected_log_records`, `rejected_spans` or
/// `rejected_data_points`.
#[derive(Clone, PartialEq, prost::Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// `google.rpc.Status`, the body of a refusal.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Status {
    #[prost(string, tag = "2")]
    message: String,
}

/// The answer of a request that succeeded. A body that cannot be read takes nothing back.
pub(super) fn accepted(body: &[u8]) -> Answer {
    let partial = Response::decode(body).ok().and_then(|response| response.partial_success);
    let partial = partial.unwrap_or_default();
    Answer::Accepted {
        rejected: u64::try_from(partial.rejected).unwrap_or(0),
        message: shown(&partial.error_message),
    }
}

/// The answer to a request over HTTP.
pub(super) fn of_http(status: StatusCode, headers: &HeaderMap, body: &[u8], clock: &Clock) -> Answer {
    if status.is_success() {
        return accepted(body);
    }
    let why = match message(headers, body) {
        message if message.is_empty() => status.to_string(),
        message => format!("{status}: {message}"),
    };
    match status.as_u16() {
        // The specification's list. Neither it nor anything else says that what was answered with a
        // redirection is lost, and nothing follows one: it waits for somebody to correct the endpoint.
        429 | 502 | 503 | 504 | 100..=399 => Answer::Later { after: retry_after(headers, clock), why },
        status => Answer::Refused { why, fault: fault(status) },
    }
}

/// By RFC 9110: these speak of who asks, of the URL, of the method or of the headers. Everything else may be
/// about the content; receivers are known to answer 400, 413, 422 and 500 for one odd record.
fn fault(status: u16) -> Fault {
    match status {
        401..=407 | 410 | 411 | 414 | 415 | 421 | 426 | 431 | 501 | 505 | 511 => Fault::Request,
        _ => Fault::Records,
    }
}

/// `Retry-After`, in seconds or as a date.
fn retry_after(headers: &HeaderMap, clock: &Clock) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let nanos = u64::try_from(date.as_nanosecond()).ok()?;
    Some(Duration::from_nanos(nanos.saturating_sub(unix_nanos(clock.wall()))))
}

/// What the destination says about a refusal: as protobuf where it says so, as text elsewhere.
fn message(headers: &HeaderMap, body: &[u8]) -> String {
    let kind = headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    if kind.contains("protobuf") {
        return shown(&Status::decode(body).unwrap_or_default().message);
    }
    if kind.contains("html") {
        return String::new();
    }
    shown(&String::from_utf8_lossy(body))
}

/// On one line, without control characters, and not for ever.
pub(super) fn shown(text: &str) -> String {
    let clean = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(MAX_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::UNIX_EPOCH;

    use super::*;
    use http::HeaderValue;
    use opentelemetry_proto::tonic::collector::logs::v1::{
        ExportLogsPartialSuccess, ExportLogsServiceResponse,
    };
    use proptest::prelude::*;

    fn of(status: u16, headers: &[(&'static str, &str)], body: &[u8]) -> Answer {
        let (clock, _) = Clock::manual(UNIX_EPOCH + Duration::from_secs(784_111_777));
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        of_http(StatusCode::from_u16(status).unwrap(), &headers, body, &clock)
    }

    #[test]
    fn a_partial_success_says_how_many_were_rejected_and_why() {
        let response = ExportLogsServiceResponse {
            partial_success: Some(ExportLogsPartialSuccess {
                rejected_log_records: 3,
                error_message: "too\nold".into(),
            }),
        };
        let answer = of(200, &[], &response.encode_to_vec());
        assert_eq!(answer, Answer::Accepted { rejected: 3, message: "too old".into() });
    }

    #[test]
    fn a_partial_success_of_less_than_nothing_takes_nothing_back() {
        let partial = ExportLogsPartialSuccess { rejected_log_records: -5, error_message: String::new() };
        let response = ExportLogsServiceResponse { partial_success: Some(partial) };
        let all = Answer::Accepted { rejected: 0, message: String::new() };
        assert_eq!(of(200, &[], &response.encode_to_vec()), all);
    }

    #[test]
    fn an_empty_or_odd_body_of_a_success_takes_nothing_back() {
        let all = Answer::Accepted { rejected: 0, message: String::new() };
        assert_eq!(of(200, &[], b""), all);
        assert_eq!(of(202, &[], b"<html>"), all);
    }

    #[test]
    fn only_what_the_specification_calls_retryable_is_sent_again() {
        for status in 400..600 {
            let later = matches!(of(status, &[], b""), Answer::Later { .. });
            assert_eq!(later, [429, 502, 503, 504].contains(&status), "{status}");
        }
        assert!(matches!(of(301, &[], b""), Answer::Later { .. }));
    }

    #[test]
    fn a_refusal_that_says_nothing_of_the_records_is_told_from_one_that_may() {
        let fault = |status| match of(status, &[], b"") {
            Answer::Refused { fault, .. } => fault,
            other => panic!("{status}: {other:?}"),
        };
        for status in [400, 409, 413, 422, 500] {
            assert_eq!(fault(status), Fault::Records, "{status}");
        }
        for status in [401, 403, 404, 405, 407, 415, 501, 505] {
            assert_eq!(fault(status), Fault::Request, "{status}");
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let after = |value| match of(503, &[("retry-after", value)], b"") {
            Answer::Later { after, .. } => after,
            _ => panic!("503 is retryable"),
        };
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        // 784111777 is 08:49:37.
        assert_eq!(after("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(after("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn a_refusal_is_told_in_the_destinations_words() {
        let status = Status { message: "bad record".into() }.encode_to_vec();
        let answer = of(400, &[("content-type", "application/x-protobuf")], &status);
        assert_eq!(
            answer,
            Answer::Refused { why: "400 Bad Request: bad record".into(), fault: Fault::Records }
        );
        let answer = of(404, &[("content-type", "text/plain")], b"no such\r\npath");
        assert_eq!(
            answer,
            Answer::Refused { why: "404 Not Found: no such  path".into(), fault: Fault::Request }
        );
        let answer = of(413, &[("content-type", "text/html")], b"<html>");
        assert_eq!(answer, Answer::Refused { why: "413 Payload Too Large".into(), fault: Fault::Records });
    }

    proptest! {
        #[test]
        fn no_answer_is_too_odd(status in 100u16..1000, body in any::<Vec<u8>>(), after in "[ -~]{0,40}") {
            let kind = [("content-type", "application/x-protobuf"), ("retry-after", after.as_str())];
            let _ = of(status, &kind, &body);
            let _ = of(status, &kind[1..], &body);
        }
    }
}
