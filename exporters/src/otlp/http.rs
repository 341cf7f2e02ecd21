//! OTLP over HTTP/1.1: one request at a time on each of a few connections that are kept alive.
//!
//! A connection has no task of its own: whoever sends a request on it drives it, and one that lies idle is
//! asked whether it still lives before it is used again.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, PROXY_AUTHORIZATION};
use http::response::Parts;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;
use vigie_pipeline::clock::Clock;

use super::answer::{self, Answer, MAX_ANSWER};
use super::body::Chunks;
use super::connect::Connector;
use super::failure::{Failure, Phase};
use super::progress::{Meter, Progress};

/// Sends requests to one URL.
pub(super) struct Client {
    connector: Connector,
    uri: Uri,
    headers: HeaderMap,
    clock: Clock,
    /// Connections that wait for a request, the last used at the end. As many at most as there are
    /// requests under way at once.
    idle: Mutex<Vec<Link>>,
}

/// Load balancers forget a connection after a minute or more; it is not kept to see whether they did.
const LONGEST_IDLE: Duration = Duration::from_secs(50);

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// An open connection.
struct Link {
    requests: SendRequest<Chunks>,
    /// Moves the bytes; `None` when the connection has ended.
    driver: Option<Driver>,
    meter: Arc<Meter>,
    used: Instant,
}

impl Client {
    /// `headers` go with every request; `encoding` is what its bodies are compressed with.
    pub(super) fn new(
        connector: Connector,
        mut headers: HeaderMap,
        encoding: Option<&'static str>,
        clock: Clock,
    ) -> Result<Self, http::Error> {
        let target = connector.target();
        headers.insert(HOST, HeaderValue::from_str(&target.authority)?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        let uri = match connector.forwarder() {
            None => target.path.parse::<Uri>()?,
            Some(proxy) => {
                if let Some(authorization) = proxy.authorization() {
                    headers.insert(PROXY_AUTHORIZATION, authorization.clone());
                }
                format!("http://{}{}", target.authority, target.path).parse()?
            }
        };
        Ok(Self { connector, uri, headers, clock, idle: Mutex::default() })
    }

    /// Sends one request and reads its answer.
    pub(super) async fn send(&self, body: Chunks, progress: &Progress) -> Result<Answer, Failure> {
        // A destination may have closed an idle connection at the very moment it is used: whatever
        // happens there is not yet the destination's word.
        while let Some(link) = self.idle_link() {
            if let Ok(answer) = self.exchange(link, body.clone(), progress).await {
                return Ok(answer);
            }
        }
        let link = self.open(progress).await?;
        self.exchange(link, body, progress).await
    }

    /// No connection is used again: one did not move, and the others are no better.
    pub(super) fn forget(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    async fn open(&self, progress: &Progress) -> Result<Link, Failure> {
        let connection = self.connector.connect(progress).await?;
        let meter = connection.meter();
        let (requests, driver) = http1::handshake(TokioIo::new(connection))
            .await
            .map_err(|error| Failure::exchange(Phase::Connect, &error))?;
        Ok(Link { requests, driver: Some(Box::pin(driver)), meter, used: Instant::now() })
    }

    async fn exchange(&self, mut link: Link, body: Chunks, progress: &Progress) -> Result<Answer, Failure> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let (parts, body) = link.exchange(request, progress).await?;
        // What is left unread of an answer would be taken for the beginning of the next.
        if body.is_some() && link.driver.is_some() {
            link.used = Instant::now();
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        }
        let body = body.unwrap_or_default();
        Ok(answer::of_http(parts.status, &parts.headers, &body, &self.clock))
    }

    /// The connection that was used last, still lives and is not too old.
    fn idle_link(&self) -> Option<Link> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut link) = idle.pop() {
            let fresh = link.used.elapsed() < LONGEST_IDLE && !self.connector.is_old(&link.meter);
            if fresh && link.lives() {
                return Some(link);
            }
        }
        None
    }
}

impl Link {
    /// Whether the other side has not closed it yet.
    fn lives(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.driver.as_mut().is_some_and(|driver| driver.as_mut().poll(&mut cx).is_pending())
    }

    /// Sends a request and reads the head of its answer, and the body if it is not too long.
    async fn exchange(
        &mut self,
        request: Request<Chunks>,
        progress: &Progress,
    ) -> Result<(Parts, Option<Bytes>), Failure> {
        progress.send(&self.meter, request.body().len());
        let Self { requests, driver, .. } = self;
        let work = async {
            let failed = |error| Failure::exchange(progress.phase(), &error);
            requests.ready().await.map_err(failed)?;
            let (parts, body) = requests.send_request(request).await.map_err(failed)?.into_parts();
            progress.enter(Phase::Read);
            let body = Limited::new(body, MAX_ANSWER).collect().await;
            match body {
                Ok(body) => Ok((parts, Some(body.to_bytes()))),
                // It says enough by its status.
                Err(error) if error.is::<LengthLimitError>() || !parts.status.is_success() => {
                    Ok((parts, None))
                }
                Err(error) => Err(Failure::exchange(Phase::Read, &*error)),
            }
        };
        driven(driver, work).await
    }
}

/// Does `work` and drives the connection that it needs.
async fn driven<F: Future>(driver: &mut Option<Driver>, work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(done);
        }
        if let Some(connection) = driver
            && connection.as_mut().poll(cx).is_ready()
        {
            // The end of the connection is what the work learns next.
            *driver = None;
            return work.as_mut().poll(cx);
        }
        Poll::Pending
    })
    .await
}
