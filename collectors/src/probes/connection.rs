//! One connection, used for one request, and driven by the task that waits for the response: nothing is
//! spawned, so nothing is left behind when a probe is cut off.

mod wire;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use vigie_pipeline::clock::Clock;

use self::wire::Wire;
use super::stream::Stream;

/// The most that the head of a response may take.
const MAX_HEAD: usize = 256 << 10;
/// The most headers that a response may have.
const MAX_HEADERS: usize = 256;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where hyper's HTTP/2 puts what it wants to have run beside the connection.
#[derive(Clone)]
struct Tasks(mpsc::UnboundedSender<Task>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        // An error means that the connection is gone, and its tasks with it.
        let _ = self.0.send(Box::pin(task));
    }
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// See the module.
pub(super) struct Connection {
    sender: Sender,
    /// Moves bytes. `None` when it has nothing more to do.
    driver: Option<Task>,
    first_byte: Arc<OnceLock<Instant>>,
}

impl Connection {
    /// Takes a stream into use, in HTTP/2 or HTTP/1.1.
    pub(super) async fn open(stream: Stream, http2: bool, clock: &Clock) -> hyper::Result<Self> {
        let first_byte = Arc::default();
        let wire = TokioIo::new(Wire::new(stream, &first_byte, clock));
        let (sender, driver): (_, Task) = if http2 {
            let (spawn, spawned) = mpsc::unbounded_channel();
            let (sender, connection) = http2::Builder::new(Tasks(spawn))
                .max_header_list_size(MAX_HEAD as u32)
                .handshake(wire)
                .await?;
            // How it ends is told to who waits for the response.
            let connection = async { drop(connection.await) };
            (Sender::Http2(sender), Box::pin(drive(connection, spawned)))
        } else {
            let (sender, connection) =
                http1::Builder::new().max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS).handshake(wire).await?;
            (Sender::Http1(sender), Box::pin(async { drop(connection.await) }))
        };
        Ok(Self { sender, driver: Some(driver), first_byte })
    }

    /// Whether it speaks HTTP/2, so that requests carry whole URLs.
    pub(super) fn is_http2(&self) -> bool {
        matches!(self.sender, Sender::Http2(_))
    }

    /// Sends the request and waits for the head of the response. `begun` is told when its first byte came, once, as
    /// soon as it is known: the head may never come to its end. In HTTP/2, where other things come before, it is not
    /// known.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        begun: impl FnOnce(Instant),
    ) -> hyper::Result<Response<Incoming>> {
        let driver = &mut self.driver;
        match &mut self.sender {
            Sender::Http1(sender) => {
                let mut sent = pin!(alongside(driver, sender.send_request(request)));
                let mut begun = Some(begun);
                poll_fn(|cx| {
                    let polled = sent.as_mut().poll(cx);
                    if let Some(at) = self.first_byte.get()
                        && let Some(begun) = begun.take()
                    {
                        begun(*at);
                    }
                    polled
                })
                .await
            }
            Sender::Http2(sender) => alongside(driver, sender.send_request(request)).await,
        }
    }

    /// The next piece of the body; `None` at its end.
    pub(super) async fn frame(&mut self, body: &mut Incoming) -> Option<hyper::Result<Frame<Bytes>>> {
        alongside(&mut self.driver, body.frame()).await
    }
}

/// Waits for `wanted` while the driver moves bytes.
async fn alongside<T>(driver: &mut Option<Task>, wanted: impl Future<Output = T>) -> T {
    let mut wanted = pin!(wanted);
    poll_fn(|cx| {
        if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
            *driver = None;
        }
        wanted.as_mut().poll(cx)
    })
    .await
}

/// Runs a connection with the tasks that it hands out.
async fn drive(connection: impl Future<Output = ()>, mut spawned: mpsc::UnboundedReceiver<Task>) {
    let mut connection = pin!(connection);
    let mut tasks = FuturesUnordered::new();
    let mut open = true;
    poll_fn(|cx| {
        loop {
            if open && connection.as_mut().poll(cx).is_ready() {
                open = false;
            }
            let mut came = false;
            while let Poll::Ready(Some(task)) = spawned.poll_recv(cx) {
                tasks.push(task);
                came = true;
            }
            while let Poll::Ready(Some(())) = tasks.poll_next_unpin(cx) {}
            if !came {
                break;
            }
        }
        if open || !tasks.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
}
