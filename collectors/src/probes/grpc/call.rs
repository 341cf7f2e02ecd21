//! One call, from the request to the trailers.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::Full;

use super::status::{self, Code};
use crate::probes::connection::Connection;
use crate::probes::failure::{Failure, Phase, Reason};

/// Of an answer so much is read.
const MAX_ANSWER: usize = 64 << 10;

/// How a call ended.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: Code,
    /// For people, if the code is not `OK`.
    pub(super) message: Option<String>,
    /// The frames that came.
    pub(super) body: Vec<u8>,
}

/// Sends the request and reads the answer to its end.
pub(super) async fn make(
    connection: &mut Connection,
    request: Request<Full<Bytes>>,
) -> Result<Answer, Failure> {
    let response = connection.send(request, |_| {}).await.map_err(|error| failure(&error))?;
    let (head, mut body) = response.into_parts();
    // An error may come without a body: then what are trailers else are headers.
    let mut ended = status::of(&head.headers);
    if ended.is_none() && !is_grpc(head.status, &head.headers) {
        let message = Some(format!("HTTP status {} and no gRPC", head.status.as_u16()));
        return Ok(Answer { code: Code::of_http(head.status), message, body: Vec::new() });
    }
    let mut read = Vec::new();
    while let Some(frame) = connection.frame(&mut body).await {
        let frame = match frame.map_err(|error| failure(&error))?.into_data() {
            Ok(data) if read.len() + data.len() > MAX_ANSWER => {
                return Err(protocol(format_args!("an answer of more than {MAX_ANSWER} bytes")));
            }
            Ok(data) => {
                read.extend_from_slice(&data);
                continue;
            }
            Err(frame) => frame,
        };
        if let Ok(trailers) = frame.into_trailers() {
            ended = status::of(&trailers).or(ended);
        }
    }
    let (code, message) = ended.ok_or_else(|| protocol("an answer that ends without grpc-status"))?;
    Ok(Answer { code, message, body: read })
}

fn is_grpc(status: StatusCode, headers: &HeaderMap) -> bool {
    let kind = headers.get(http::header::CONTENT_TYPE).map(|value| value.as_bytes());
    status == StatusCode::OK && kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// What breaks the rules of gRPC.
pub(super) fn protocol(what: impl std::fmt::Display) -> Failure {
    Failure::new(Reason::GrpcProtocol, Phase::Check, what)
}

/// The connection failed, or what comes over it is not HTTP/2.
pub(super) fn failure(error: &hyper::Error) -> Failure {
    let failure = Failure::of_hyper(Phase::Check, error);
    match failure.reason {
        Reason::HttpProtocol => Failure { reason: Reason::GrpcProtocol, ..failure },
        Reason::HttpClosed => Failure { reason: Reason::Closed, ..failure },
        _ => failure,
    }
}
