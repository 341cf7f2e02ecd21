//! OTLP over gRPC: a unary call is one HTTP/2 request whose body is a five-byte prefix and the message, and
//! whose answer ends with a status in its trailers.
//!
//! That little is written here, on hyper, and not taken from tonic (which the tests answer with): the chunks
//! of a request go out as they are, without being copied together, compressed within the same memory budget
//! and over the same connections as over HTTP, and a status whose details are not base64 is an odd answer
//! and no panic.
//!
//! One connection carries all calls of a signal. HTTP/2 has things to say between calls (pings, GOAWAY), so
//! hyper drives it in tasks of its own; they end with the connection, which ends with this client.

mod status;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use http::{Method, Request, Response, Uri, Version};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::Mutex;

use super::answer::{Answer, MAX_ANSWER};
use super::body::Chunks;
use super::connect::Connector;
use super::failure::{Failure, Phase};
use super::progress::{ALL_STEPS, Meter, Progress};
use status::Status;

/// Calls one method.
pub(super) struct Client {
    connector: Connector,
    uri: Uri,
    headers: HeaderMap,
    compressed: bool,
    open: Mutex<Option<Link>>,
}

/// An open connection.
#[derive(Clone)]
struct Link {
    calls: SendRequest<Chunks>,
    meter: Arc<Meter>,
}

/// A peer that has been silent for so long is asked whether it is there, and given so long to answer.
const PING_AFTER: Duration = Duration::from_secs(30);
const PING_PATIENCE: Duration = Duration::from_secs(10);

impl Client {
    /// `headers` go with every call; `encoding` is what its messages are compressed with; `timeout` is how
    /// long each step may take.
    pub(super) fn new(
        connector: Connector,
        mut headers: HeaderMap,
        encoding: Option<&'static str>,
        timeout: Duration,
    ) -> Result<Self, http::Error> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        // What all steps together may take, lest the receiver gives up a message that comes slowly. Eight
        // digits at most, and a unit.
        let millis = timeout.saturating_mul(ALL_STEPS).as_millis().clamp(1, 99_999_999);
        headers
            .insert(HeaderName::from_static("grpc-timeout"), HeaderValue::from_str(&format!("{millis}m"))?);
        if let Some(encoding) = encoding {
            headers.insert(HeaderName::from_static("grpc-encoding"), HeaderValue::from_static(encoding));
        }
        let target = connector.target();
        let uri = Uri::builder()
            .scheme(if target.tls { "https" } else { "http" })
            .authority(target.authority.as_str())
            .path_and_query(target.path.as_str())
            .build()?;
        Ok(Self { connector, uri, headers, compressed: encoding.is_some(), open: Mutex::default() })
    }

    /// Makes one call and reads its answer.
    pub(super) async fn send(&self, message: Vec<Bytes>, progress: &Progress) -> Result<Answer, Failure> {
        let mut request = Request::new(Chunks::new(framed(message, self.compressed)));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let mut link = self.link(progress).await?;
        progress.send(&link.meter, request.body().len());
        let answer = link.calls.send_request(request).await;
        let answer = answer.map_err(|error| Failure::exchange(progress.phase(), &error))?;
        progress.enter(Phase::Read);
        read(answer).await
    }

    /// The next call opens a new connection.
    pub(super) async fn forget(&self) {
        *self.open.lock().await = None;
    }

    async fn link(&self, progress: &Progress) -> Result<Link, Failure> {
        // Held while connecting: calls that come together share what comes of it.
        let mut open = self.open.lock().await;
        match &*open {
            // The calls on one that is too old still end there.
            Some(link) if !link.calls.is_closed() && !self.connector.is_old(&link.meter) => Ok(link.clone()),
            _ => Ok(open.insert(self.connect(progress).await?).clone()),
        }
    }

    async fn connect(&self, progress: &Progress) -> Result<Link, Failure> {
        let connection = self.connector.connect(progress).await?;
        let meter = connection.meter();
        let (calls, driver) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_AFTER)
            .keep_alive_timeout(PING_PATIENCE)
            .handshake(TokioIo::new(connection))
            .await
            .map_err(|error| Failure::exchange(Phase::Connect, &error))?;
        tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!("connection ended: {error}");
            }
        });
        Ok(Link { calls, meter })
    }
}

/// The answer of a call that ends with these trailers, if they say how.
#[cfg(any(test, fuzzing))]
pub(super) fn answer(trailers: &HeaderMap, message: &[u8]) -> Option<Answer> {
    Some(Status::read(trailers)?.answer(message))
}

/// The message behind its prefix: whether it is compressed, and its length.
fn framed(message: Vec<Bytes>, compressed: bool) -> Vec<Bytes> {
    let len: usize = message.iter().map(Bytes::len).sum();
    let mut prefix = vec![u8::from(compressed)];
    prefix.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
    std::iter::once(prefix.into()).chain(message).collect()
}

async fn read(response: Response<Incoming>) -> Result<Answer, Failure> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await;
    // An answer without a message has its status among its headers.
    let (message, status) = match body {
        Ok(body) => {
            let status = Status::read(&parts.headers).or_else(|| body.trailers().and_then(Status::read));
            (body.to_bytes(), status)
        }
        Err(error) => match Status::read(&parts.headers) {
            Some(status) => (Bytes::new(), Some(status)),
            None => return Err(Failure::exchange(Phase::Read, &*error)),
        },
    };
    let status = status.unwrap_or_else(|| Status::instead(parts.status));
    Ok(status.answer(&message))
}
